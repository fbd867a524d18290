/* Regions and their tree, spaces and their listeners.
 *
 * Owns who is placed where and who hears of changes. Knows nothing of how an address finds its
 * region (mem_map.c), of accesses (mem_access.c) or of host memory (mem_ram.c).
 */
#include "core/mem.h"

#include <assert.h>
#include <stdlib.h>

#include "core/mem_int.h"

struct os_mutex mem_tree_lock = OS_MUTEX_STATIC;

struct space_list {
    struct mem_space **data;
    size_t len, cap;
};

struct mem_region *mem_region_make(enum mem_kind kind, const char *name, uint64_t size)
{
    struct mem_region *r = mem_new(struct mem_region);

    r->name = mem_strdup(name);
    r->kind = kind;
    r->size = size;
    r->enabled = r->direct = true;
    list_init(&r->sibling);
    list_init(&r->children);
    list_init(&r->spaces);
    list_init(&r->alias_link);
    list_init(&r->aliases);
    return r;
}

struct mem_region *mem_region_container(const char *name, uint64_t size)
{
    return mem_region_make(MEM_CONTAINER, name, size);
}

struct mem_region *mem_region_io(const char *name, uint64_t size, const struct mem_ops *ops,
                                 void *dev)
{
    struct mem_region *r = mem_region_make(MEM_IO, name, size);

    r->ops = ops;
    r->dev = dev;
    r->min_size = ops->min_size ? ops->min_size : 1;
    r->max_size = ops->max_size ? ops->max_size : 8;
    return r;
}

struct mem_region *mem_region_alias(const char *name, struct mem_region *of, uint64_t offset,
                                    uint64_t size)
{
    struct mem_region *r = mem_region_make(MEM_ALIAS, name, size);

    r->of = of;
    r->of_offset = offset;
    os_mutex_lock(&mem_tree_lock);
    list_append(&of->aliases, &r->alias_link);
    os_mutex_unlock(&mem_tree_lock);
    return r;
}

/* All spaces that may see r: its roots', and those of the aliases of it and of what holds it. */
static void mark_dirty(struct mem_region *r)
{
    for (; r; r = r->parent) {
        list_for_each (struct mem_space, s, root_link, &r->spaces)
            s->dirty = true;
        list_for_each (struct mem_region, alias, alias_link, &r->aliases)
            mark_dirty(alias);
    }
}

static void update_dirty(struct mem_region *r, struct space_list *changed)
{
    for (; r; r = r->parent) {
        list_for_each (struct mem_space, s, root_link, &r->spaces) {
            if (!s->dirty || s->depth)
                continue;
            s->dirty = false;
            if (mem_map_update(s))
                vec_push(changed, s);
        }
        list_for_each (struct mem_region, alias, alias_link, &r->aliases)
            update_dirty(alias, changed);
    }
}

void mem_tell_changed(struct mem_space *s)
{
    struct mem_listener *l = __atomic_load_n(&s->listeners, __ATOMIC_ACQUIRE);

    for (; l; l = __atomic_load_n(&l->next, __ATOMIC_ACQUIRE)) {
        if (l->changed)
            l->changed(l->opaque);
    }
}

static void tell_all(struct space_list *changed)
{
    for (size_t i = 0; i < changed->len; i++)
        mem_tell_changed(changed->data[i]);
    vec_free(changed);
}

/* After a change below or at r, with the lock held: makes maps, unlocks, tells listeners. */
static void finish(struct mem_region *r)
{
    struct space_list changed = {0};

    mark_dirty(r);
    update_dirty(r, &changed);
    os_mutex_unlock(&mem_tree_lock);
    tell_all(&changed);
}

void mem_region_set_owner(struct mem_region *r, const char *owner)
{
    free(r->owner);
    r->owner = mem_strdup(owner);
}

void mem_region_set_lock(struct mem_region *r, struct os_mutex *lock)
{
    assert(!r->parent);
    r->lock = lock;
}

/* Higher priority first; of equals the later placed. */
static void insert_child(struct mem_region *container, struct mem_region *r)
{
    struct list *place = &container->children;

    list_for_each (struct mem_region, other, sibling, &container->children) {
        if (other->priority <= r->priority)
            break;
        place = &other->sibling;
    }
    list_insert_after(place, &r->sibling);
}

void mem_region_add(struct mem_region *container, uint64_t offset, struct mem_region *r,
                    int priority)
{
    assert(container->kind == MEM_CONTAINER);
    os_mutex_lock(&mem_tree_lock);
    assert(!r->parent);
    r->parent = container;
    r->offset = offset;
    r->priority = priority;
    insert_child(container, r);
    finish(r);
}

void mem_region_remove(struct mem_region *r)
{
    struct mem_region *parent;

    os_mutex_lock(&mem_tree_lock);
    parent = r->parent;
    list_remove(&r->sibling);
    r->parent = NULL;
    finish(parent);
}

void mem_region_move(struct mem_region *r, uint64_t offset)
{
    os_mutex_lock(&mem_tree_lock);
    if (r->offset == offset) {
        os_mutex_unlock(&mem_tree_lock);
        return;
    }
    r->offset = offset;
    finish(r);
}

static void set_flag(struct mem_region *r, bool *flag, bool value)
{
    os_mutex_lock(&mem_tree_lock);
    if (*flag == value) {
        os_mutex_unlock(&mem_tree_lock);
        return;
    }
    *flag = value;
    finish(r);
}

void mem_region_set_enabled(struct mem_region *r, bool enabled)
{
    set_flag(r, &r->enabled, enabled);
}

void mem_region_set_direct(struct mem_region *r, bool direct)
{
    assert(r->kind == MEM_ROMD);
    set_flag(r, &r->direct, direct);
}

uint64_t mem_region_size(const struct mem_region *r)
{
    return r->size;
}

const char *mem_region_name(const struct mem_region *r)
{
    return r->name;
}

uint8_t *mem_region_host(const struct mem_region *r)
{
    return r->ram.data;
}

void mem_region_free(struct mem_region *r)
{
    struct space_list changed = {0};

    if (!r)
        return;
    mem_region_remove(r);
    os_mutex_lock(&mem_tree_lock);
    assert(list_empty(&r->spaces));
    mark_dirty(r);
    list_for_each_safe (struct mem_region, child, sibling, &r->children) {
        list_remove(&child->sibling);
        child->parent = NULL;
    }
    /* Aliases of it show nothing from now on. */
    list_for_each (struct mem_region, alias, alias_link, &r->aliases)
        alias->of = NULL;
    update_dirty(r, &changed);
    list_for_each_safe (struct mem_region, alias2, alias_link, &r->aliases)
        list_remove(&alias2->alias_link);
    list_remove(&r->alias_link);
    os_mutex_unlock(&mem_tree_lock);
    tell_all(&changed);
    mem_ram_release(r);
    free(r->name);
    free(r->owner);
    free(r);
}

struct mem_space *mem_space_new(const char *name, struct mem_region *root)
{
    struct mem_space *s = mem_new(struct mem_space);

    s->name = mem_strdup(name);
    s->root = root;
    os_mutex_lock(&mem_tree_lock);
    list_append(&root->spaces, &s->root_link);
    mem_map_update(s);
    os_mutex_unlock(&mem_tree_lock);
    return s;
}

void mem_space_free(struct mem_space *s)
{
    if (!s)
        return;
    os_mutex_lock(&mem_tree_lock);
    list_remove(&s->root_link);
    os_mutex_unlock(&mem_tree_lock);
    mem_map_free(s);
    free(s->name);
    free(s);
}

void mem_space_begin(struct mem_space *s)
{
    os_mutex_lock(&mem_tree_lock);
    s->depth++;
    os_mutex_unlock(&mem_tree_lock);
}

void mem_space_end(struct mem_space *s)
{
    bool tell = false;

    os_mutex_lock(&mem_tree_lock);
    assert(s->depth);
    if (--s->depth == 0 && s->dirty) {
        s->dirty = false;
        tell = mem_map_update(s);
    }
    os_mutex_unlock(&mem_tree_lock);
    if (tell)
        mem_tell_changed(s);
}

void mem_listen(struct mem_space *s, struct mem_listener *l)
{
    os_mutex_lock(&mem_tree_lock);
    l->next = s->listeners;
    __atomic_store_n(&s->listeners, l, __ATOMIC_RELEASE);
    os_mutex_unlock(&mem_tree_lock);
}

void mem_unlisten(struct mem_space *s, struct mem_listener *l)
{
    os_mutex_lock(&mem_tree_lock);
    for (struct mem_listener **at = &s->listeners; *at; at = &(*at)->next) {
        if (*at == l) {
            __atomic_store_n(at, l->next, __ATOMIC_RELEASE);
            break;
        }
    }
    os_mutex_unlock(&mem_tree_lock);
}
