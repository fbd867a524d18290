/* Disassembly for logs, by capstone; without it the bytes are shown. */
#ifndef MYNA_ACCEL_DBT_DISAS_H
#define MYNA_ACCEL_DBT_DISAS_H
#include <stddef.h>
#include <stdint.h>
struct accel;
struct dbt_code;
void disas_host(const uint8_t *code, uint64_t rx, size_t size);
void disas_guest(struct accel *a, const struct dbt_code *from, uint64_t pc, size_t size);
#endif
