/* lua_frozen.h - frozen values (frozen.h) as a policy sees them: read-only tables outside the Lua heap. */
#ifndef CASTSLICE_LUA_FROZEN_H
#define CASTSLICE_LUA_FROZEN_H

#include "frozen.h"

#include <lua.h>

void lua_frozen_push(lua_State *L, const frozen *value);                 /* [-0, +1, e] NULL is nil */

/* [-0, +0, e] A copy of the value at `index`: nil, booleans, numbers, strings, tables with string keys
 * or with 1 to n, what is frozen already. Raises for anything else and when the arena is full. */
void lua_frozen_read(lua_State *L, int index, json_arena *arena, frozen *out);

#endif
