/* Fuzz target: what clients of monitors and the GDB server send, to a machine of cardboard. The
 * first byte chooses whose client: of QMP, of the monitor for people, of GDB raw, of GDB in packets
 * (one a line). */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/ctl_int.h"
#include "ctl/tests/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QMP, HMP, GDB, GDB_PACKETS };

static void pump(struct os_loop *loop, int fd)
{
    char buf[4096];

    for (int i = 0; i < 3; i++)
        os_loop_once(loop, false);
    while (read(fd, buf, sizeof(buf)) > 0)
        os_loop_once(loop, false);
}

static void put(struct os_loop *loop, int fd, const void *data, size_t size)
{
    unsigned refused = 0;
    const char *p = data;

    while (size) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            p += n;
            size -= (size_t)n;
        } else if (++refused > 100000) {
            abort(); /* it hangs */
        }
        pump(loop, fd);
    }
}

static void packet(struct os_loop *loop, int fd, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t sum = 0;
    char end[3];

    for (size_t i = 0; i < size; i++)
        sum += data[i];
    end[0] = '#';
    end[1] = digits[sum >> 4];
    end[2] = digits[sum & 15];
    put(loop, fd, "$", 1);
    put(loop, fd, data, size);
    put(loop, fd, end, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct os_loop *loop;
    struct machine *m;
    struct ctl *c;
    char conf[128];
    int pair[2], kind, rc;
    struct err e;

    if (!size)
        return 0;
    kind = *data++ & 3;
    size--;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0 || os_loop_new(&loop, &e) < 0)
        abort();
    snprintf(conf, sizeof(conf), "{\"chr\":[{\"id\":\"x\",\"backend\":\"socket\",\"fd\":\"%d\"}]}",
             pair[0]);
    m = fake_new(loop, conf);
    if (ctl_new(&c, m, "1.0.0", &e) < 0)
        abort();
    if (kind == QMP || kind == HMP) {
        json_t *o =
            json_pack("{s:s,s:s}", "chardev", "x", "mode", kind == QMP ? "control" : "readline");

        rc = ctl_monitor(c, o, &e);
        json_decref(o);
    } else {
        rc = ctl_gdb(c, "chardev:x", &e);
    }
    if (rc < 0)
        abort();
    if (kind == QMP)
        put(loop, pair[1], "{\"execute\":\"qmp_capabilities\"}", 30);
    while (kind == GDB_PACKETS && size) {
        const uint8_t *nl = memchr(data, '\n', size);
        size_t n = nl ? (size_t)(nl - data) : size;

        packet(loop, pair[1], data, n);
        n += nl != NULL;
        data += n;
        size -= n;
    }
    put(loop, pair[1], data, size);
    pump(loop, pair[1]);
    close(pair[1]);
    pump(loop, -1);
    ctl_free(c);
    fake_free(m);
    os_loop_free(loop);
    return 0;
}
