/*
 * The telnet protocol (RFC 854) as far as a console needs it: a character at a time, no local echo,
 * eight bits, break. Private to chr/; pure functions on the caller's state.
 */
#ifndef MYNA_CHR_TELNET_H
#define MYNA_CHR_TELNET_H

#include <stddef.h>
#include <stdint.h>

struct telnet {
    uint8_t state; /* zero: at the start of a connection */
};

/* What the server says first. */
extern const uint8_t telnet_hello[12];

/* Takes the commands out of data, in place; returns how much is left. *breaks counts BREAK
 * commands. */
size_t telnet_decode(struct telnet *t, uint8_t *data, size_t size, unsigned *breaks);

#endif
