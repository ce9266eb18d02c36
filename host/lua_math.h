/* lua_math.h - math.max and math.min of numbers alone.
 *
 * Lua's own compare strings as well: 250 long ones in one call, with nobody looking at the clock. */
#ifndef CASTSLICE_LUA_MATH_H
#define CASTSLICE_LUA_MATH_H

#include <lua.h>

int lua_math_open(lua_State *L);

#endif
