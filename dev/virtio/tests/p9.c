/* The 9P server over a directory that the test makes: sessions, files, names, attributes, and every
 * way out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "dev/virtio/p9_int.h"

struct client {
    struct p9_server s;
    char top[64], share[80], outside[80];
    uint8_t request[65536], reply[65536];
    size_t size;       /* of the request being made */
    const uint8_t *at; /* in the reply */
    uint64_t length;
};

enum {
    MSG_STATFS = 8,
    MSG_LOPEN = 12,
    MSG_LCREATE = 14,
    MSG_SYMLINK = 16,
    MSG_MKNOD = 18,
    MSG_RENAME = 20,
    MSG_READLINK = 22,
    MSG_GETATTR = 24,
    MSG_SETATTR = 26,
    MSG_XATTRWALK = 30,
    MSG_XATTRCREATE = 32,
    MSG_READDIR = 40,
    MSG_FSYNC = 50,
    MSG_LOCK = 52,
    MSG_LINK = 70,
    MSG_MKDIR = 72,
    MSG_RENAMEAT = 74,
    MSG_UNLINKAT = 76,
    MSG_VERSION = 100,
    MSG_ATTACH = 104,
    MSG_FLUSH = 108,
    MSG_WALK = 110,
    MSG_READ = 116,
    MSG_WRITE = 118,
    MSG_CLUNK = 120,
    MSG_REMOVE = 122
};

/* Arguments by letters: b, h, w, q: 8 to 64 bits; s: string. */
static int ask(struct client *c, unsigned type, const char *form, ...)
{
    struct iovec out[3], in[2];
    uint8_t *to = c->request + P9_HEADER;
    va_list ap;
    size_t n;

    va_start(ap, form);
    for (; *form; form++) {
        uint64_t v = 0;
        unsigned size = *form == 'b' ? 1 : *form == 'h' ? 2 : *form == 'w' ? 4 : 8;

        if (*form == 's') {
            const char *text = va_arg(ap, const char *);

            mem_st16le(to, (uint16_t)strlen(text));
            memcpy(to + 2, text, strlen(text));
            to += 2 + strlen(text);
            continue;
        }
        v = size == 8 ? va_arg(ap, uint64_t) : va_arg(ap, unsigned);
        memcpy(to, &v, size);
        to += size;
    }
    va_end(ap);
    n = (size_t)(to - c->request);
    mem_st32le(c->request, (uint32_t)n);
    c->request[4] = (uint8_t)type;
    mem_st16le(c->request + 5, 0x1234);
    /* In awkward pieces. */
    out[0] = (struct iovec){c->request, 5};
    out[1] = (struct iovec){c->request + 5, n > 9 ? 4 : n - 5};
    out[2] = (struct iovec){c->request + 9, n > 9 ? n - 9 : 0};
    in[0] = (struct iovec){c->reply, 13};
    in[1] = (struct iovec){c->reply + 13, sizeof(c->reply) - 13};
    c->length = p9_serve(&c->s, out, 3, n, in, 2, sizeof(c->reply));
    if (!c->length)
        return -EPROTO;
    assert_int_equal(mem_ld32le(c->reply), c->length);
    assert_int_equal(mem_ld16le(c->reply + 5), 0x1234);
    c->at = c->reply + P9_HEADER;
    if (c->reply[4] == 7)
        return -(int)mem_ld32le(c->at);
    assert_int_equal(c->reply[4], type + 1);
    return 0;
}

static void path_of(const struct client *c, char *to, const char *name)
{
    snprintf(to, 160, "%s/%s", c->share, name);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct client *start_in(enum p9_model model, bool readonly)
{
    struct client *c = calloc(1, sizeof(*c));
    char path[160];
    struct err e = {0};

    strcpy(c->top, "/tmp/myna-9p-XXXXXX");
    assert_non_null(mkdtemp(c->top));
    snprintf(c->share, sizeof(c->share), "%s/share", c->top);
    snprintf(c->outside, sizeof(c->outside), "%s/secret", c->top);
    assert_int_equal(mkdir(c->share, 0755), 0);
    put_file(c->outside, "secret");
    path_of(c, path, "hello");
    put_file(path, "hello, world");
    path_of(c, path, "dir");
    assert_int_equal(mkdir(path, 0755), 0);
    path_of(c, path, "dir/inner");
    put_file(path, "inner");
    path_of(c, path, "out");
    assert_int_equal(symlink("..", path), 0);
    path_of(c, path, "abs");
    assert_int_equal(symlink(c->outside, path), 0);
    assert_int_equal(p9_server_init(&c->s, c->share, model, readonly, &e), 0);
    assert_int_equal(ask(c, MSG_VERSION, "ws", 60000u, "9P2000.L"), 0);
    assert_int_equal(mem_ld32le(c->at), 60000);
    assert_int_equal(ask(c, MSG_ATTACH, "wwssw", 0u, ~0u, "user", "", 1000u), 0);
    assert_int_equal(*c->at, 0x80);
    return c;
}

static struct client *start(void)
{
    return start_in(P9_NONE, false);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void stop(struct client *c)
{
    p9_server_done(&c->s);
    nftw(c->top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(c);
}

static int walk1(struct client *c, unsigned to, const char *name)
{
    return ask(c, MSG_WALK, "wwhs", 0u, to, 1u, name);
}

static void test_read(void **state)
{
    struct client *c = start();

    (void)state;
    assert_int_equal(walk1(c, 1, "hello"), 0);
    assert_int_equal(ask(c, MSG_GETATTR, "wq", 1u, (uint64_t)0x7ff), 0);
    assert_int_equal(mem_ld64le(c->at + 8 + 13 + 4 + 4 + 4 + 8 + 8), 12);
    assert_int_equal(ask(c, MSG_READ, "wqw", 1u, (uint64_t)0, 100u), -EBADF);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 1u, 0u), 0);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 1u, 0u), -EBADF);
    assert_int_equal(ask(c, MSG_READ, "wqw", 1u, (uint64_t)7, 100u), 0);
    assert_int_equal(mem_ld32le(c->at), 5);
    assert_memory_equal(c->at + 4, "world", 5);
    assert_int_equal(ask(c, MSG_READ, "wqw", 1u, (uint64_t)0, 3u), 0);
    assert_int_equal(mem_ld32le(c->at), 3);
    assert_int_equal(ask(c, MSG_READ, "wqw", 1u, (uint64_t)500, 3u), 0);
    assert_int_equal(mem_ld32le(c->at), 0);
    assert_int_equal(ask(c, MSG_READ, "wqw", 1u, UINT64_MAX, 3u), -EINVAL);
    assert_int_equal(ask(c, MSG_WRITE, "wqwb", 1u, (uint64_t)0, 1u, 'x'),
                     -EBADF); /* opened to read */
    assert_int_equal(ask(c, MSG_CLUNK, "w", 1u), 0);
    assert_int_equal(ask(c, MSG_CLUNK, "w", 1u), -EBADF);
    stop(c);
}

static void test_write(void **state)
{
    struct client *c = start();
    char path[160], text[32] = {0};
    FILE *f;

    (void)state;
    assert_int_equal(ask(c, MSG_WALK, "wwh", 0u, 1u, 0u), 0);
    assert_int_equal(ask(c, MSG_LCREATE, "wswww", 1u, "new", 2u | 0100, 0640u, 1000u), 0);
    assert_int_equal(ask(c, MSG_WRITE, "wqwbbb", 1u, (uint64_t)2, 3u, 'a', 'b', 'c'), 0);
    assert_int_equal(mem_ld32le(c->at), 3);
    assert_int_equal(ask(c, MSG_WRITE, "wqwb", 1u, (uint64_t)0, 2u, 'a'),
                     -EINVAL); /* less data than said */
    assert_int_equal(ask(c, MSG_FSYNC, "ww", 1u, 0u), 0);
    path_of(c, path, "new");
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof(text), f), 5);
    assert_memory_equal(text, "\0\0abc", 5);
    fclose(f);
    assert_int_equal(ask(c, MSG_SETATTR, "wwwwwqqqqq", 1u, 8u, 0u, 0u, 0u, (uint64_t)1, (uint64_t)0,
                         (uint64_t)0, (uint64_t)0, (uint64_t)0),
                     0);
    assert_int_equal(ask(c, MSG_SETATTR, "wwwwwqqqqq", 1u, 1u, 0600u, 0u, 0u, (uint64_t)1,
                         (uint64_t)0, (uint64_t)0, (uint64_t)0, (uint64_t)0),
                     0);
    {
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, 1);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    stop(c);
}

static void test_names(void **state)
{
    struct client *c = start();
    char path[160];

    (void)state;
    assert_int_equal(ask(c, MSG_MKDIR, "wsww", 0u, "made", 0755u, 0u), 0);
    assert_int_equal(walk1(c, 1, "dir"), 0);
    assert_int_equal(ask(c, MSG_WALK, "wwhs", 1u, 2u, 1u, "inner"), 0);
    /* A handle below a renamed directory still finds its object. */
    assert_int_equal(ask(c, MSG_RENAMEAT, "wsws", 0u, "dir", 0u, "moved"), 0);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 2u, 0u), 0);
    path_of(c, path, "moved/inner");
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(ask(c, MSG_LINK, "wws", 0u, 2u, "linked"), 0);
    assert_int_equal(ask(c, MSG_SYMLINK, "wssw", 0u, "sym", "moved/inner", 0u), 0);
    assert_int_equal(walk1(c, 3, "sym"), 0);
    assert_int_equal(ask(c, MSG_READLINK, "w", 3u), 0);
    assert_int_equal(mem_ld16le(c->at), 11);
    assert_int_equal(ask(c, MSG_UNLINKAT, "wsw", 0u, "made", 0u), -EISDIR);
    assert_int_equal(ask(c, MSG_UNLINKAT, "wsw", 0u, "made", 0x200u), 0);
    assert_int_equal(ask(c, MSG_REMOVE, "w", 3u), 0);
    assert_int_equal(ask(c, MSG_READLINK, "w", 3u), -EBADF);
    assert_int_equal(ask(c, MSG_RENAME, "wws", 0u, 0u, "root"), -EBUSY);
    assert_int_equal(ask(c, MSG_REMOVE, "w", 0u), -EBUSY);
    stop(c);
}

static void test_readdir(void **state)
{
    struct client *c = start();
    unsigned seen = 0;
    uint64_t at = 0;

    (void)state;
    assert_int_equal(ask(c, MSG_WALK, "wwh", 0u, 1u, 0u), 0);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 1u, 0200000u), 0);
    for (;;) {
        const uint8_t *p, *end;

        assert_int_equal(ask(c, MSG_READDIR, "wqw", 1u, at, 60u), 0);
        p = c->at + 4;
        end = p + mem_ld32le(c->at);
        assert_true(end - p <= 60);
        if (p == end)
            break;
        while (p < end) {
            at = mem_ld64le(p + 13);
            p += 24 + mem_ld16le(p + 22);
            seen++;
        }
        assert_ptr_equal(p, end);
    }
    assert_int_equal(seen, 6); /* hello dir out abs . .. */
    assert_int_equal(ask(c, MSG_READDIR, "wqw", 1u, (uint64_t)0, 4000u), 0);
    assert_true(mem_ld32le(c->at) > 60);
    stop(c);
}

/* No name leads out of the directory, and links of the host are not followed. */
static void test_prison(void **state)
{
    static const char *const bad[] = {"../secret", "/etc/passwd",    ".",         "",
                                      "dir/inner", "a/../../secret", "out/secret"};
    struct client *c = start();
    struct stat st;

    (void)state;
    for (unsigned i = 0; i < array_size(bad); i++) {
        assert_true(walk1(c, 9, bad[i]) < 0);
        assert_true(ask(c, MSG_MKDIR, "wsww", 0u, bad[i], 0755u, 0u) < 0);
        assert_true(ask(c, MSG_UNLINKAT, "wsw", 0u, bad[i], 0u) < 0);
        assert_true(ask(c, MSG_RENAMEAT, "wsws", 0u, "hello", 0u, bad[i]) < 0);
        assert_true(ask(c, MSG_RENAMEAT, "wsws", 0u, bad[i], 0u, "mine") < 0);
        assert_true(ask(c, MSG_SYMLINK, "wssw", 0u, bad[i], "x", 0u) < 0);
        assert_true(ask(c, MSG_MKNOD, "wswwww", 0u, bad[i], 0100644u, 0u, 0u, 0u) < 0);
    }
    assert_true(ask(c, MSG_UNLINKAT, "wsw", 0u, "..", 0x200u) < 0);
    assert_true(ask(c, MSG_MKDIR, "wsww", 0u, "..", 0755u, 0u) < 0);
    /* ".." of the root is the root. */
    assert_int_equal(ask(c, MSG_WALK, "wwhsss", 0u, 1u, 3u, "..", "..", "hello"), 0);
    assert_int_equal(mem_ld16le(c->at), 3);
    assert_int_equal(ask(c, MSG_WALK, "wwhss", 0u, 2u, 2u, "..", "secret"), 0);
    assert_int_equal(mem_ld16le(c->at), 1); /* stopped there: no handle */
    assert_int_equal(ask(c, MSG_CLUNK, "w", 2u), -EBADF);
    /* Through links. */
    assert_int_equal(ask(c, MSG_WALK, "wwhss", 0u, 3u, 2u, "out", "secret"), 0);
    assert_int_equal(mem_ld16le(c->at), 1);
    assert_int_equal(walk1(c, 4, "abs"), 0);
    assert_true(ask(c, MSG_LOPEN, "ww", 4u, 0u) < 0);
    assert_true(ask(c, MSG_LOPEN, "ww", 4u, 01001u) < 0);
    assert_true(ask(c, MSG_SETATTR, "wwwwwqqqqq", 4u, 8u, 0u, 0u, 0u, (uint64_t)0, (uint64_t)0,
                    (uint64_t)0, (uint64_t)0, (uint64_t)0) < 0);
    assert_true(ask(c, MSG_SETATTR, "wwwwwqqqqq", 4u, 1u, 0777u, 0u, 0u, (uint64_t)0, (uint64_t)0,
                    (uint64_t)0, (uint64_t)0, (uint64_t)0) < 0);
    assert_int_equal(walk1(c, 5, "out"), 0);
    assert_true(ask(c, MSG_LCREATE, "wswww", 5u, "evil", 0101u, 0644u, 0u) < 0);
    assert_true(ask(c, MSG_MKDIR, "wsww", 5u, "evil", 0755u, 0u) < 0);
    /* Swapped under an open walk: the handle's directory becomes a link. */
    assert_int_equal(ask(c, MSG_WALK, "wwhs", 0u, 6u, 1u, "dir"), 0);
    assert_int_equal(ask(c, MSG_RENAMEAT, "wsws", 0u, "out", 0u, "was"), 0);
    {
        char dir[160], aside[160];

        path_of(c, dir, "dir");
        path_of(c, aside, "aside");
        assert_int_equal(rename(dir, aside), 0);
        assert_int_equal(symlink("..", dir), 0);
    }
    assert_true(ask(c, MSG_LCREATE, "wswww", 6u, "evil", 0101u, 0644u, 0u) < 0);
    assert_int_equal(stat(c->outside, &st), 0);
    assert_int_equal(st.st_size, 6);
    assert_int_equal(st.st_mode & 0777, 0644 & st.st_mode);
    assert_int_equal(chdir(c->top), 0);
    assert_int_not_equal(access("evil", F_OK), 0);
    assert_int_equal(chdir("/"), 0);
    stop(c);
}

static void test_mapped(void **state)
{
    struct client *c = start_in(P9_MAPPED, false);
    char path[160];
    struct stat st;
    int rc;

    (void)state;
    rc = ask(c, MSG_MKDIR, "wsww", 0u, "owned", 01777u, 55u);
    if (rc == -EOPNOTSUPP) { /* a file system without attributes of users */
        stop(c);
        skip();
    }
    assert_int_equal(rc, 0);
    assert_int_equal(walk1(c, 1, "owned"), 0);
    assert_int_equal(ask(c, MSG_GETATTR, "wq", 1u, (uint64_t)0x7ff), 0);
    assert_int_equal(mem_ld32le(c->at + 21), S_IFDIR | 01777);
    assert_int_equal(mem_ld32le(c->at + 25), 1000); /* who attached */
    assert_int_equal(mem_ld32le(c->at + 29), 55);
    path_of(c, path, "owned");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    /* A device is a file on the host. */
    assert_int_equal(ask(c, MSG_MKNOD, "wswwww", 0u, "null", 020666u, 1u, 3u, 0u), 0);
    path_of(c, path, "null");
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(walk1(c, 2, "null"), 0);
    assert_int_equal(ask(c, MSG_GETATTR, "wq", 2u, (uint64_t)0x7ff), 0);
    assert_int_equal(mem_ld32le(c->at + 21), S_IFCHR | 0666);
    /* And so is a link. */
    assert_int_equal(ask(c, MSG_SYMLINK, "wssw", 0u, "sym", "/etc/passwd", 0u), 0);
    path_of(c, path, "sym");
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(walk1(c, 3, "sym"), 0);
    assert_int_equal(ask(c, MSG_READLINK, "w", 3u), 0);
    assert_memory_equal(c->at + 2, "/etc/passwd", 11);
    /* The attributes that this is kept in are not the guest's. */
    assert_int_equal(ask(c, MSG_XATTRWALK, "wws", 1u, 4u, ""), 0);
    assert_int_equal(mem_ld64le(c->at), 0);
    assert_int_equal(ask(c, MSG_XATTRWALK, "wws", 1u, 5u, "user.virtfs.uid"), -ENODATA);
    assert_int_equal(ask(c, MSG_WALK, "wwh", 1u, 6u, 0u), 0);
    assert_int_equal(ask(c, MSG_XATTRCREATE, "wsqw", 6u, "user.virtfs.uid", (uint64_t)4, 0u), 0);
    assert_int_equal(ask(c, MSG_WRITE, "wqww", 6u, (uint64_t)0, 4u, 0u), 0);
    assert_int_equal(ask(c, MSG_CLUNK, "w", 6u), -EPERM);
    /* Others are. */
    assert_int_equal(ask(c, MSG_WALK, "wwh", 1u, 6u, 0u), 0);
    assert_int_equal(ask(c, MSG_XATTRCREATE, "wsqw", 6u, "user.mine", (uint64_t)4, 0u), 0);
    assert_int_equal(ask(c, MSG_WRITE, "wqww", 6u, (uint64_t)0, 4u, 0x64636261u), 0);
    assert_int_equal(ask(c, MSG_CLUNK, "w", 6u), 0);
    assert_int_equal(ask(c, MSG_XATTRWALK, "wws", 1u, 7u, "user.mine"), 0);
    assert_int_equal(ask(c, MSG_READ, "wqw", 7u, (uint64_t)1, 100u), 0);
    assert_int_equal(mem_ld32le(c->at), 3);
    assert_memory_equal(c->at + 4, "bcd", 3);
    stop(c);
}

static void test_readonly(void **state)
{
    struct client *c = start_in(P9_NONE, true);

    (void)state;
    assert_int_equal(walk1(c, 1, "hello"), 0);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 1u, 1u), -EROFS);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 1u, 01000u), -EROFS);
    assert_int_equal(ask(c, MSG_MKDIR, "wsww", 0u, "d", 0755u, 0u), -EROFS);
    assert_int_equal(ask(c, MSG_UNLINKAT, "wsw", 0u, "hello", 0u), -EROFS);
    assert_int_equal(ask(c, MSG_RENAMEAT, "wsws", 0u, "hello", 0u, "x"), -EROFS);
    assert_int_equal(ask(c, MSG_LINK, "wws", 0u, 1u, "x"), -EROFS);
    assert_int_equal(ask(c, MSG_XATTRCREATE, "wsqw", 1u, "user.x", (uint64_t)1, 0u), -EROFS);
    assert_int_equal(ask(c, MSG_SETATTR, "wwwwwqqqqq", 1u, 1u, 0u, 0u, 0u, (uint64_t)0, (uint64_t)0,
                         (uint64_t)0, (uint64_t)0, (uint64_t)0),
                     -EROFS);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", 1u, 0u), 0);
    stop(c);
}

static void test_malformed(void **state)
{
    struct client *c = start();

    (void)state;
    assert_int_equal(ask(c, MSG_WALK, "ww", 0u, 1u), -EPROTO);       /* cut off */
    assert_int_equal(ask(c, MSG_WALK, "wwh", 0u, 1u, 17u), -EPROTO); /* too many names */
    assert_int_equal(ask(c, MSG_WALK, "wwhh", 0u, 1u, 1u, 500u),
                     -EPROTO); /* a name beyond the end */
    assert_int_equal(ask(c, MSG_WALK, "wwhhb", 0u, 1u, 1u, 1u, 0u), -EPROTO); /* a NUL */
    assert_int_equal(ask(c, MSG_WALK, "wwh", 77u, 1u, 0u), -EBADF);
    assert_int_equal(ask(c, MSG_ATTACH, "wwssw", 0u, ~0u, "", "", 0u), -EINVAL); /* in use */
    assert_int_equal(ask(c, 3, ""), -EOPNOTSUPP);
    assert_int_equal(ask(c, 200, ""), -EOPNOTSUPP);
    assert_int_equal(ask(c, MSG_VERSION, "ws", 100u, "9P2000.L"), -EPROTO);
    assert_int_equal(ask(c, MSG_VERSION, "ws", 8192u, "9P2000"), 0);
    assert_memory_equal(c->at + 6, "unknown", 7);
    assert_int_equal(ask(c, MSG_WALK, "wwh", 0u, 1u, 0u), -EBADF); /* a new session */
    stop(c);
}

/* A client that opens without end gets errors, and others still have descriptors. */
static void test_limits(void **state)
{
    struct client *c = start();
    unsigned i;
    int rc = 0;

    (void)state;
    c->s.open_max = 20;
    for (i = 1; i < 100 && !rc; i++) {
        assert_int_equal(walk1(c, i, "hello"), 0);
        rc = ask(c, MSG_LOPEN, "ww", i, 0u);
    }
    assert_int_equal(rc, -EMFILE);
    assert_int_equal(i, 22);
    assert_int_equal(ask(c, MSG_CLUNK, "w", 1u), 0);
    assert_int_equal(ask(c, MSG_LOPEN, "ww", i - 1, 0u), 0);
    for (rc = 0, i = 100; !rc && i < 100000; i++)
        rc = ask(c, MSG_WALK, "wwh", 0u, i, 0u);
    assert_int_equal(rc, -ENFILE);
    stop(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),     cmocka_unit_test(test_write),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_readdir),
        cmocka_unit_test(test_prison),   cmocka_unit_test(test_mapped),
        cmocka_unit_test(test_readonly), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
