/* lua_decision.h - what a policy returned, as a JSON tree that outlives the run. */
#ifndef CASTSLICE_LUA_DECISION_H
#define CASTSLICE_LUA_DECISION_H

#include "error.h"
#include "json.h"

#include <lua.h>

/* [-0, +0, e] The value at `index` as a tree in `arena`, members sorted by key; decision.h judges what it means.
 * NULL and `err` (ERR_POLICY, the field first; ERR_TOO_LARGE for a full arena) for what JSON cannot
 * hold, strings that are not UTF-8, keys that are no strings, and tables too deep or too large to be a decision. */
json *lua_decision_read(lua_State *L, int index, json_arena *arena, error *err);

#endif
