/* lua_require.h - `require`: the bundle's own modules, and `castslice.*` from the program.
 *
 * It looks among the sandbox's sources, then in embedded.h. A module is loaded once, usually while the bundle loads, and is then part of
 * the image; one that is first required during a run is loaded within its budget. */
#ifndef CASTSLICE_LUA_REQUIRE_H
#define CASTSLICE_LUA_REQUIRE_H

#include "vm.h"

#include <stdbool.h>

#include <lua.h>

int lua_require_open(lua_State *L);                          /* [-0, +1, e] the table with `require` in it */

void lua_require_provide(lua_State *L, const char *module);  /* [-1, +0, e] the value on top is what `module` gives */
void lua_require_module(lua_State *L, const char *module);   /* [-0, +1, e] what `require "module"` gives */
void lua_require_forget(lua_State *L);                       /* [-0, +0, e] the modules that only loading needs; they load again when required again */
bool lua_require_is_loaded(lua_State *L, const char *module);/* [-0, +0, m] */

/* [-0, +1, e] Compile a source; raises its first syntax error, and for anything that is not text. */
void lua_require_compile(lua_State *L, const vm_source *source);

#endif
