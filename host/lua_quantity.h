/* lua_quantity.h - the library `quantity`: Kubernetes quantities (quantity.h) for policies.
 *
 * Built into the program, and with CASTSLICE_LUA_MODULE as a module for a plain Lua interpreter. */
#ifndef CASTSLICE_LUA_QUANTITY_H
#define CASTSLICE_LUA_QUANTITY_H

#include <lua.h>

int luaopen_castslice_quantity(lua_State *L);    /* [-0, +1, e] */

#endif
