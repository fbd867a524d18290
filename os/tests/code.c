/* code memory: two views of the same bytes, near the text, never writable and executable, forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/code.h"

enum { CODE_SIZE = 8 << 20 };

#if defined(__x86_64__)
/* mov eax, value; ret */
static size_t put_return(uint8_t *at, uint32_t value)
{
    at[0] = 0xb8;
    memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
    return 6;
}
#else
/* movz w0, #value; ret */
static size_t put_return(uint8_t *at, uint32_t value)
{
    uint32_t code[2] = {0x52800000 | value << 5, 0xd65f03c0};

    memcpy(at, code, 8);
    return 8;
}
#endif

static uint32_t call(const struct os_code *code)
{
    uint32_t (*function)(void);

    os_code_flush(code->rx, 16);
    memcpy(&function, &code->rx, sizeof(function));
    return function();
}

static void views(void **state)
{
    struct os_code code;
    struct err e;

    (void)state;
    assert_int_equal(os_code_new(&code, CODE_SIZE - 1, &e), 0);
    assert_int_equal(code.size, CODE_SIZE);
    assert_ptr_equal(os_code_rx(&code, code.rw + 5), code.rx + 5);
    assert_ptr_equal(os_code_rw(&code, code.rx + 5), code.rw + 5);
    assert_true(os_code_holds(&code, (uintptr_t)code.rx + CODE_SIZE - 1));
    assert_false(os_code_holds(&code, (uintptr_t)code.rx + CODE_SIZE));
    if (code.near) {
        intptr_t away = (intptr_t)code.rx - (intptr_t)&os_code_new;

        assert_true(away > INT32_MIN && away + CODE_SIZE < INT32_MAX);
    }
    put_return(code.rw, 41);
    assert_int_equal(call(&code), 41);
    put_return(code.rw, 42);
    assert_int_equal(call(&code), 42);
    os_code_free(&code);
    os_code_free(&code); /* empty: nothing to do */
}

static void never_both(void **state)
{
    struct os_code code;
    struct err e;
    char line[512];
    FILE *maps;

    (void)state;
    assert_int_equal(os_code_new(&code, CODE_SIZE, &e), 0);
    maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        const char *prot = strchr(line, ' ');

        assert_false(prot && strstr(line, "myna-code") && prot[2] == 'w' && prot[3] == 'x');
    }
    fclose(maps);
    os_code_free(&code);
}

static void forks_apart(void **state)
{
    struct os_code code;
    struct err e;
    int status, sync[2];
    char byte = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(os_code_new(&code, CODE_SIZE, &e), 0);
    assert_int_equal(pipe(sync), 0);
    put_return(code.rw, 1);
    assert_int_equal(os_code_fork_prepare(&code, 64, &e), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int good = os_code_fork_child(&code, &e) == 0;

        good &= read(sync[0], &byte, 1) == 1 && call(&code) == 1;
        put_return(code.rw, 3);
        _exit(good && call(&code) == 3 ? 0 : 1);
    }
    os_code_fork_parent(&code);
    put_return(code.rw, 2);
    assert_int_equal(write(sync[1], &byte, 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(call(&code), 2);
    close(sync[0]);
    close(sync[1]);
    os_code_free(&code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views),
        cmocka_unit_test(never_both),
        cmocka_unit_test(forks_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
