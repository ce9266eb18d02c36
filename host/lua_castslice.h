/* lua_castslice.h - the library `castslice`: what a policy gets from its bundle and tells its reader. */
#ifndef CASTSLICE_LUA_CASTSLICE_H
#define CASTSLICE_LUA_CASTSLICE_H

#include <lua.h>

int luaopen_castslice(lua_State *L);             /* [-0, +1, e] */

#endif
