/*
 * Doubly linked lists whose links live in the elements. Nothing is allocated; the owner locks.
 *
 * A head is a link of its own; list_init() makes it empty. An element is in one list per link.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>

#include "base/attr.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_after(struct list *place, struct list *link)
{
    link->prev = place;
    link->next = place->next;
    place->next->prev = link;
    place->next = link;
}

static inline void list_append(struct list *head, struct list *link)
{
    list_insert_after(head->prev, link);
}

static inline void list_prepend(struct list *head, struct list *link)
{
    list_insert_after(head, link);
}

/* The link becomes an empty list of its own, so that removing it again is harmless. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* `item` is each element in turn; the loop may not remove it. */
#define list_for_each(type, item, member, head)                                          \
    for (type *item = container_of((head)->next, type, member); &item->member != (head); \
         item = container_of(item->member.next, type, member))

/* The same, and the loop may remove `item`. */
#define list_for_each_safe(type, item, member, head)                        \
    for (type *item = container_of((head)->next, type, member),             \
              *item##_next = container_of(item->member.next, type, member); \
         &item->member != (head);                                           \
         item = item##_next, item##_next = container_of(item->member.next, type, member))

#endif
