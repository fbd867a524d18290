/* The backends that a configuration names: made before the devices, found by id. Owns their list; knows nothing
 * of what uses them. */
#include <errno.h>
#include <string.h>

#include "blk/image.h"
#include "chr/chr.h"
#include "machine/machine_int.h"
#include "net/net.h"

static const char *text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));

    return s ? s : "";
}

/* A node with "temporary" loses its writes at the end. */
static int add_blk(struct machine *m, const json_t *conf, struct err *e)
{
    struct machine_blk b = {NULL, NULL, NULL};
    const char *id = text(conf, "node-name");
    json_t *node = json_copy((json_t *)conf);
    struct blk_open how = {.conf = node, .loop = m->loop,
                           .flags = json_is_true(json_object_get(conf, "temporary")) ? BLK_SNAPSHOT : 0};
    int rc;

    json_object_del(node, "temporary");
    rc = blk_open_as(&b.blk, &how, e);
    json_decref(node);
    if (rc)
        return rc;
    b.id = mem_strdup(*id ? id : blk_name(b.blk));
    vec_push(&m->blks, b);
    return 0;
}

static int add_net(struct machine *m, const json_t *conf, struct err *e)
{
    struct net_port *p;
    int rc = net_backend_new(&p, m->loop, conf, e);

    if (!rc)
        vec_push(&m->nets, p);
    return rc;
}

static int add_chr(struct machine *m, const json_t *conf, struct err *e)
{
    struct chr *c;
    int rc = chr_new(&c, m->loop, conf, e);

    if (!rc)
        vec_push(&m->chrs, c);
    return rc;
}

static int each(struct machine *m, const json_t *list, int (*add)(struct machine *, const json_t *, struct err *),
                struct err *e)
{
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item) {
        int rc = add(m, item, e);

        if (rc)
            return rc;
    }
    return 0;
}

static struct blk *find_blk(struct machine *m, const char *id)
{
    vec_for_each(struct machine_blk, b, &m->blks)
        if (!strcmp(b->id, id))
            return b->blk;
    return NULL;
}

static struct net_port *find_net(struct machine *m, const char *id)
{
    for (size_t i = 0; i < m->nets.len; i++)
        if (!strcmp(net_port_id(m->nets.data[i]), id))
            return m->nets.data[i];
    return NULL;
}

static struct chr *find_chr(struct machine *m, const char *id)
{
    for (size_t i = 0; i < m->chrs.len; i++)
        if (!strcmp(chr_id(m->chrs.data[i]), id))
            return m->chrs.data[i];
    return NULL;
}

int machine_backends_new(struct machine *m, struct err *e)
{
    int rc;

    m->env.find_blk = find_blk;
    m->env.find_net = find_net;
    m->env.find_chr = find_chr;
    rc = each(m, m->c.chr, add_chr, e);
    if (!rc)
        rc = each(m, m->c.blk, add_blk, e);
    return rc ? rc : each(m, m->c.net, add_net, e);
}

void machine_backends_free(struct machine *m)
{
    for (size_t i = 0; i < m->nets.len; i++)
        net_port_free(m->nets.data[i]);
    vec_for_each(struct machine_blk, b, &m->blks) {
        blk_close(b->blk);
        free(b->id);
    }
    for (size_t i = 0; i < m->chrs.len; i++)
        chr_free(m->chrs.data[i]);
    vec_free(&m->nets);
    vec_free(&m->blks);
    vec_free(&m->chrs);
}

struct blk *machine_blk(struct machine *m, const char *id) { return find_blk(m, id); }
struct chr *machine_chr(struct machine *m, const char *id) { return find_chr(m, id); }
struct net_port *machine_net(struct machine *m, const char *id) { return find_net(m, id); }

void machine_each_blk(struct machine *m, void (*fn)(void *arg, const char *id, struct blk *b, struct dev *user),
                      void *arg)
{
    vec_for_each(struct machine_blk, b, &m->blks)
        fn(arg, b->id, b->blk, b->user);
}
