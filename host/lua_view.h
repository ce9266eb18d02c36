/* lua_view.h - read-only tables that lie outside the Lua heap, so that reading costs only what is read.
 *
 * A view is a userdata that points to its subject: a Pod and its JSON (lua_pod.h), which live in
 * the review's arena, or frozen values (lua_frozen.h), which live as long as the bundle. It cannot
 * outlive what it points to: the heap it lies in is restored before the arena is released. Views
 * are the only userdata a policy ever holds; to a policy their type is "table". */
#ifndef CASTSLICE_LUA_VIEW_H
#define CASTSLICE_LUA_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

typedef struct lua_view lua_view;

/* What a view can be. */
typedef struct lua_view_kind {
    void (*index)(lua_State *L, lua_view *v);           /* [-0, +1, e] the key is at stack slot 2 */
    lua_Integer (*length)(lua_State *L, lua_view *v);   /* [-0, +0, e] */
    void (*copy)(lua_State *L, lua_view *v);            /* [-0, +0, e] into the table on top */
    const char *whole;                                  /* what it is a part of, for messages; NULL: the pod */
    const char *name;                                   /* of a record, for messages */
    const struct field *fields;
    size_t field_count;
} lua_view_kind;

struct lua_view {
    const lua_view_kind *kind;
    const void *subject;
    const void *at;         /* an array's element of the last look-up, and its index from 1, */
    lua_Integer number;     /* so that reading in order is linear; NULL before the first */
};

void lua_view_open(lua_State *L);                   /* [-0, +0, e] once, before the image is taken */
void lua_view_push(lua_State *L, const lua_view_kind *kind, const void *subject);    /* [-0, +1, e] */

int lua_view_refuse(lua_State *L, int index);       /* raises: the view at `index` is read-only */
bool lua_view_is(lua_State *L, int index);
void lua_view_copy(lua_State *L, int index);        /* [-0, +1, e] a plain table with what is in the view, one level deep */

#endif
