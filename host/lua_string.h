/* lua_string.h - the functions of `string` whose result can be long: char, lower, upper.
 *
 * Lua's own build it in a luaL_Buffer, which takes the allocator's first refusal as final although
 * garbage is left to collect. Here a result has its whole length at once, in a block that Lua allocates. */
#ifndef CASTSLICE_LUA_STRING_H
#define CASTSLICE_LUA_STRING_H

#include <stddef.h>

#include <lua.h>

int lua_string_open(lua_State *L);

/* [-0, +1, e] Room for a text of up to `length` bytes, charged; raises when no string can be as long. */
char *lua_string_begin(lua_State *L, size_t length);

/* [-1, +1, e] The room on top becomes the string of its first `length` bytes. */
void lua_string_end(lua_State *L, const char *room, size_t length);

#endif
