/* lua_pod.h - the Pod as a policy sees it: read-only views, so that reading costs only what is read.
 *
 * A view is a userdata that points into the review's arena. It cannot outlive the
 * run: the heap it lies in is restored before the arena is released. Views are
 * the only userdata a policy ever holds. */
#ifndef CASTSLICE_LUA_POD_H
#define CASTSLICE_LUA_POD_H

#include "pod.h"

#include <stdbool.h>

#include <lua.h>

#define LUA_POD_READ_ONLY "the pod is read-only"

void lua_pod_open(lua_State *L);                    /* [-0, +0, e] once, before the image is taken */
void lua_pod_push(lua_State *L, const pod *p);      /* [-0, +1, e] */

bool lua_pod_is_view(lua_State *L, int index);
void lua_pod_copy(lua_State *L, int index);         /* [-0, +1, e] a plain table with what is in the view, one level deep */

#endif
