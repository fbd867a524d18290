/* virtio-9p: a directory of the host, shared by 9P2000.L (VIRTIO's device id 9). Owns the queue and
 * the worker thread; what a request means is p9_server.c's. A slow host file system stops the
 * share, not the machine.
 */
#include "dev/virtio/class.h"

#include "base/log.h"
#include "base/trace.h"
#include "dev/virtio/p9_int.h"
#include "dev/virtio/trace.def"

struct virtio_9p {
    struct virtio v; /* first */
    char *fsdev, *tag, *path;
    int model;
    bool readonly, worker;
    int multidevs;
    char *fmode, *dmode;
    /* ---- ---- */
    struct p9_server server; /* the worker's */
    bool alive;              /* the server is made */
    struct os_thread thread; /* with `worker` */
    struct os_mutex lock;    /* of what follows; leaf */
    struct os_cond wake, idle;
    struct virtio_chain *todo, **todo_tail, *done;
    bool quit, reset, busy;
    struct os_task task;
    bool session; /* locked by the device: something was asked since reset */
};

struct p9_request {
    struct virtio_chain c; /* first */
    uint64_t written;
};

#define F_MOUNT_TAG VIRTIO_BIT(0)
enum { TAG_MAX = VIRTIO_CONFIG_MAX - 2, QUEUE = 128 };

static struct virtio_9p *p9_of(struct virtio *v)
{
    return container_of(v, struct virtio_9p, v);
}

/* ---- the worker ---- */

static void serve(struct virtio_9p *n, struct p9_request *r)
{
    struct virtio_chain *c = &r->c;

    r->written =
        p9_serve(&n->server, c->iov, c->nout, c->out_size, c->iov + c->nout, c->nin, c->in_size);
    if (trace_on(virtio_9p_request)) {
        uint8_t head[7] = {0};

        virtio_iov_get(c->iov, c->nout, 0, head, sizeof(head));
        trace_dev(virtio_9p_request, &n->v.pci.dev, "type %u, tag %u, %u bytes, answer %llu",
                  head[4], mem_ld16le(head + 5), mem_ld32le(head), (unsigned long long)r->written);
    }
}

static void *work(void *arg)
{
    struct virtio_9p *n = arg;

    os_mutex_lock(&n->lock);
    for (;;) {
        struct virtio_chain *c = n->todo;

        if (!c && n->reset) {
            n->reset = false;
            p9_server_reset(&n->server);
        }
        if (!c && n->quit)
            break;
        if (!c) {
            n->busy = false;
            os_cond_broadcast(&n->idle);
            os_cond_wait(&n->wake, &n->lock);
            continue;
        }
        n->busy = true;
        n->todo = c->next;
        if (!n->todo)
            n->todo_tail = &n->todo;
        os_mutex_unlock(&n->lock);
        serve(n, container_of(c, struct p9_request, c));
        os_mutex_lock(&n->lock);
        c->next = n->done;
        n->done = c;
        if (n->v.pci.dev.env->loop)
            os_loop_post(n->v.pci.dev.env->loop, &n->task);
    }
    os_mutex_unlock(&n->lock);
    return NULL;
}

/* On the loop: returns what the worker has done. */
static void finish(void *arg)
{
    struct virtio_9p *n = arg;
    struct virtio_chain *c;

    os_mutex_lock(&n->lock);
    c = n->done;
    n->done = NULL;
    os_mutex_unlock(&n->lock);
    os_mutex_lock(&n->v.pci.dev.lock);
    while (c) {
        struct virtio_chain *next = c->next;
        struct p9_request *r = container_of(c, struct p9_request, c);

        if (!r->written && c->epoch == c->q->epoch)
            virtio_broken(&n->v, "a request without form, or without room for its answer");
        virtio_put(c, r->written);
        c = next;
    }
    virtio_publish(&n->v.queues[0]);
    os_mutex_unlock(&n->v.pci.dev.lock);
}

/* Without a worker: served where they are taken. */
static void serve_here(struct virtio_9p *n, struct virtio_chain *c)
{
    bool reset;

    os_mutex_lock(&n->lock);
    reset = n->reset;
    n->reset = false;
    os_mutex_unlock(&n->lock);
    if (reset)
        p9_server_reset(&n->server);
    while (c) {
        struct virtio_chain *next = c->next;

        serve(n, container_of(c, struct p9_request, c));
        c->next = n->done;
        n->done = c;
        c = next;
    }
    finish(n);
}

static void p9_kick(struct virtio *v, struct virtio_queue *q)
{
    struct virtio_9p *n = p9_of(v);
    struct virtio_chain *first = NULL, **tail = &first;

    os_mutex_lock(&v->pci.dev.lock);
    do {
        virtio_kicks(q, false);
        while ((*tail = virtio_pop(q)))
            tail = &(*tail)->next;
    } while (virtio_kicks(q, true));
    n->session |= first != NULL;
    os_mutex_unlock(&v->pci.dev.lock);
    if (!first)
        return;
    if (!n->worker) {
        serve_here(n, first);
        return;
    }
    os_mutex_lock(&n->lock);
    *n->todo_tail = first;
    n->todo_tail = tail;
    os_cond_signal(&n->wake);
    os_mutex_unlock(&n->lock);
}

/* ---- life ---- */

static void p9_drain(struct virtio *v)
{
    struct virtio_9p *n = p9_of(v);

    if (!n->alive || !n->worker)
        return;
    os_mutex_lock(&n->lock);
    while (n->busy || n->todo)
        os_cond_wait(&n->idle, &n->lock);
    os_mutex_unlock(&n->lock);
    finish(n);
}

static void p9_reset(struct virtio *v)
{
    struct virtio_9p *n = p9_of(v);

    n->session = false;
    if (!n->alive)
        return;
    os_mutex_lock(&n->lock);
    n->reset = true; /* after the requests before it */
    os_cond_signal(&n->wake);
    os_mutex_unlock(&n->lock);
}

static int p9_realize(struct virtio *v, struct err *e)
{
    struct virtio_9p *n = p9_of(v);
    const char *name = v->pci.dev.cls->name;
    size_t tag;
    int rc;

    if (!n->tag || !*n->tag)
        return err_text(e, EINVAL, "%s needs mount_tag=NAME, which the guest mounts", name);
    if (!n->path)
        return err_text(e, EINVAL, "%s needs path=DIRECTORY, or fsdev=ID of an -fsdev", name);
    tag = strlen(n->tag);
    if (tag > TAG_MAX)
        return err_text(e, EINVAL, "%s: mount_tag is longer than %d", name, TAG_MAX);
    rc = p9_server_init(&n->server, n->path, n->model == 3 ? P9_MAPPED : (enum p9_model)n->model,
                        n->readonly, e);
    if (rc)
        return rc;
    os_mutex_init(&n->lock);
    os_cond_init(&n->wake);
    os_cond_init(&n->idle);
    n->todo_tail = &n->todo;
    n->task = (struct os_task){.fn = finish, .arg = n};
    if (n->worker) {
        n->busy = true; /* until the worker says that it is not */
        rc = os_thread_start(&n->thread, "9p", 0, work, n, e);
        if (rc) {
            p9_server_done(&n->server);
            return rc;
        }
    }
    n->alive = true;
    v->offered |= F_MOUNT_TAG;
    virtio_queues_set(v, 1, QUEUE);
    mem_st16le(v->config, (uint16_t)tag);
    memcpy(v->config + 2, n->tag, tag);
    v->config_size = (uint32_t)tag + 2;
    return 0;
}

static void p9_destroy(struct virtio *v)
{
    struct virtio_9p *n = p9_of(v);

    if (!n->alive)
        return;
    if (n->worker) {
        os_mutex_lock(&n->lock);
        n->quit = true;
        os_cond_signal(&n->wake);
        os_mutex_unlock(&n->lock);
        os_thread_join(&n->thread);
    }
    if (v->pci.dev.env->loop)
        os_task_cancel(v->pci.dev.env->loop, &n->task);
    finish(n);
    n->alive = false;
    p9_server_done(&n->server);
    os_cond_destroy(&n->wake);
    os_cond_destroy(&n->idle);
    os_mutex_destroy(&n->lock);
}

static int p9_loaded(struct virtio *v, struct err *e)
{
    (void)e;
    if (p9_of(v)->session)
        log_warn(
            "virtio-9p %s: the guest has to mount it again, open files do not survive a snapshot",
            p9_of(v)->tag);
    return 0;
}

static const struct virtio_type p9_type = {
    .name = "virtio-9p",
    .id = 9,
    .legacy_pci_id = 0x1009,
    .class_code = 0x000200,
    .request_size = sizeof(struct p9_request),
    .realize = p9_realize,
    .destroy = p9_destroy,
    .kick = p9_kick,
    .reset = p9_reset,
    .drain = p9_drain,
    .loaded = p9_loaded,
};

static const char *const models[] = {"mapped-xattr", "passthrough", "none", "mapped", NULL};
static const char *const device_choices[] = {"remap", "forbid", "warn", NULL};

#define P(member) .offset = offsetof(struct virtio_9p, member)
#define P9_PROPS                                                                                 \
    {.name = "mount_tag", .type = PROP_STR, P(tag), .help = "by which the guest mounts it"},     \
        {.name = "fsdev",                                                                        \
         .type = PROP_STR,                                                                       \
         P(fsdev),                                                                               \
         .help = "id of the -fsdev that says the rest"},                                         \
        {.name = "path", .type = PROP_STR, P(path), .help = "directory to share"},               \
        {.name = "security_model",                                                               \
         .type = PROP_ENUM,                                                                      \
         P(model),                                                                               \
         .values = models,                                                                       \
         .help =                                                                                 \
             "how owners and modes are kept: in attributes, as they are (root), or as allowed"}, \
        {.name = "readonly", .type = PROP_BOOL, P(readonly), .help = "the guest may not write"}, \
        {.name = "worker",                                                                       \
         .type = PROP_BOOL,                                                                      \
         P(worker),                                                                              \
         .def = 1,                                                                               \
         .help = "off: serve in the main loop"},                                                 \
        {.name = "multidevs",                                                                    \
         .type = PROP_ENUM,                                                                      \
         P(multidevs),                                                                           \
         .values = device_choices,                                                               \
         .help = "accepted: file systems below the directory are told apart"},                   \
        {.name = "fmode",                                                                        \
         .type = PROP_STR,                                                                       \
         P(fmode),                                                                               \
         .help = "accepted: new files are private with mapped-xattr"},                           \
    {                                                                                            \
        .name = "dmode", .type = PROP_STR, P(dmode),                                             \
        .help = "accepted: new directories are private with mapped-xattr"                        \
    }
static const struct prop device_props[] = {P9_PROPS, VIRTIO_PROPS, VIRTIO_DEVICE_PROPS, {0}};
static const struct prop pci_props[] = {P9_PROPS, PCI_PROPS, VIRTIO_PROPS, VIRTIO_PCI_PROPS, {0}};

#define P9_STATE STATE_FIELD(STATE_BOOL, struct virtio_9p, session)
static const struct state_field device_state[] = {STATE_NESTED(struct virtio_9p, v, virtio_state),
                                                  P9_STATE, STATE_END};
static const struct state_field pci_state[] = {STATE_NESTED(struct virtio_9p, v, virtio_pci_state),
                                               P9_STATE, STATE_END};

VIRTIO_REALIZE(p9_type)

const struct dev_class dev_class_virtio_9p_device = {
    .name = "virtio-9p-device",
    .bus = "virtio",
    .help = "virtio share of a host directory in a virtio-mmio slot",
    VIRTIO_CLASS(struct virtio_9p, device_props, device_state, device_realize),
};

static const char *const pci_aliases[] = {"virtio-9p", "virtio-9p-pci-non-transitional", NULL};

const struct dev_class dev_class_virtio_9p_pci = {
    .name = "virtio-9p-pci",
    .aliases = pci_aliases,
    .bus = "pci",
    .help = "virtio share of a host directory on PCI",
    VIRTIO_CLASS(struct virtio_9p, pci_props, pci_state, pci_realize),
};
