/* lua_text.h - `text`: what a policy needs to read strings, without Lua's patterns, which have no bound.
 *
 * Also built alone, as castslice/text.so, so that specs run policies and the
 * library in a plain Lua interpreter (then with CASTSLICE_LUA_MODULE defined). */
#ifndef CASTSLICE_LUA_TEXT_H
#define CASTSLICE_LUA_TEXT_H

#include <lua.h>

#define LUA_TEXT_MAX_QUOTE 100      /* characters text.quote shows */

int luaopen_castslice_text(lua_State *L);   /* [-0, +1, e] */

#endif
