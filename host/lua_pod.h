/* lua_pod.h - the Pod as a policy sees it: views into the review's arena (lua_view.h). */
#ifndef CASTSLICE_LUA_POD_H
#define CASTSLICE_LUA_POD_H

#include "pod.h"

#include <lua.h>

void lua_pod_push(lua_State *L, const pod *p);      /* [-0, +1, e] */

#endif
