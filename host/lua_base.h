/* lua_base.h - the basic functions that had to be other than Lua's own: next, pairs, tostring, type. */
#ifndef CASTSLICE_LUA_BASE_H
#define CASTSLICE_LUA_BASE_H

#include <lua.h>

int lua_base_open(lua_State *L);    /* [-0, +1, e] the table of them */

#endif
