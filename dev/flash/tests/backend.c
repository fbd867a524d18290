/* The image of setup.h, in place of blk/. One request at a time, done by the loop. */
#include "setup.h"

uint64_t blk_size(const struct blk *b)
{
    return b->size;
}

bool blk_readonly(const struct blk *b)
{
    return b->readonly;
}

const char *blk_name(const struct blk *b)
{
    (void)b;
    return "test";
}

int blk_pread(struct blk *b, uint64_t at, void *to, size_t size)
{
    memcpy(to, b->bytes + at, size);
    return 0;
}

int blk_pwrite(struct blk *b, uint64_t at, const void *from, size_t size)
{
    memcpy(b->bytes + at, from, size);
    b->writes++;
    return 0;
}

static void finish(void *arg)
{
    struct blk *b = arg;
    blk_done_fn *done = b->done;

    b->done = NULL;
    done(b->arg, 0);
}

void blk_writev(struct blk *b, uint64_t at, const struct iovec *iov, int niov, unsigned flags,
                blk_done_fn *done, void *arg)
{
    (void)niov;
    (void)flags;
    memcpy(b->bytes + at, iov->iov_base, iov->iov_len);
    b->writes++;
    b->done = done;
    b->arg = arg;
    b->task.fn = finish;
    b->task.arg = b;
    os_loop_post(b->loop, &b->task);
}

void blk_drain(struct blk *b)
{
    while (b->done)
        os_loop_once(b->loop, true);
}
