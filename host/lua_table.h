/* lua_table.h - the table library: Lua's names and meanings, with every element charged. */
#ifndef CASTSLICE_LUA_TABLE_H
#define CASTSLICE_LUA_TABLE_H

#include <lua.h>

#define LUA_TABLE_MAX_UNPACK 250

int lua_table_open(lua_State *L);   /* [-0, +1, e] */

#endif
