/* lua_library.h - what a policy can call: the allow-list.
 *
 * A name that is not a row here does not exist for a policy, and a row says what
 * bounds the function's work. */
#ifndef CASTSLICE_LUA_LIBRARY_H
#define CASTSLICE_LUA_LIBRARY_H

#include <stddef.h>

#include <lua.h>

typedef struct lua_library_row {
    const char *library;    /* "" for a global */
    const char *name;
    lua_CFunction from;     /* opens the library the function is taken from: Lua's own or ours */
    enum { AS_IT_IS, CHARGED_BY_LENGTH } how;   /* charged: the bytes of its strings, before it runs */
    const char *bound;
} lua_library_row;

extern const lua_library_row lua_library_rows[];
extern const size_t lua_library_count;

/* [-0, +0, e] Replace the globals by the rows, the few constants and the strings' methods. */
void lua_library_open(lua_State *L);

#endif
