#include "lua_castslice.h"

#include "data.h"
#include "lua_frozen.h"
#include "sandbox.h"
#include "utf8.h"

#include <string.h>

#include <lauxlib.h>

enum { MAX_NOTES = 2000, MAX_NOTE = 500 };      /* lines, and the bytes of one */

/// The bundle's `name.json`: a read-only table, or whatever its value is. A null in it is nil.
// @function data
// @tparam string name the file's name without `.json`
// @return nil when the bundle has no such file
// @usage castslice.data("teams")["team-a"]
static int f_data(lua_State *L)
{
    size_t length;
    const char *name = luaL_checklstring(L, 1, &length);
    sandbox_charge(L, length);
    size_t legal = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    luaL_argcheck(L, length > 0 && legal == length, 1, "a name is made of a to z, 0 to 9 and _, without .json");
    const data_file *file = data_find(sandbox_of(L)->data, name, length);
    lua_frozen_push(L, file ? &file->value : NULL);
    return 1;
}

/// A read-only copy of a table that lies outside the Lua heap: however large, it costs a review only what it reads.
// Works only while the bundle loads.
// @function freeze
// @param value nil, a boolean, number or string, or a table of them with string keys or with 1 to n
// @return its copy
static int f_freeze(lua_State *L)
{
    json_arena *arena = sandbox_of(L)->frozen;
    luaL_checkany(L, 1);
    if (!arena)
        return luaL_error(L, "castslice.freeze works only while the bundle loads");
    frozen *value = json_arena_alloc(arena, sizeof *value);
    if (!value)
        return luaL_error(L, "what is frozen needs more than the policy's memory");
    lua_frozen_read(L, 1, arena, value);
    lua_frozen_push(L, value);
    return 1;
}

static void add_note(sandbox *s, const char *line, size_t length)
{
    char text[MAX_NOTE + 1];
    if (s->note_count++ >= MAX_NOTES)
        return;
    const char *copy = json_arena_encode(s->arena, text, utf8_copy(text, sizeof text, line, length));
    if (copy)
        json_append(s->notes, json_new_string(s->arena, copy));
}

/// Tell who runs `castslice review` how the policy got to its decision. In the server nobody listens.
// @function note
// @tparam[opt] string line cut after 500 bytes
// @treturn boolean does anybody listen?
// @usage if castslice.note() then castslice.note("gpus: " .. pod.gpus) end
static int f_note(lua_State *L)
{
    size_t length = 0;
    const char *line = luaL_optlstring(L, 1, NULL, &length);
    sandbox *s = sandbox_of(L);
    if (line && s->notes)
        add_note(s, line, length);
    lua_pushboolean(L, s->notes != NULL);
    return 1;
}

int luaopen_castslice(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "data", f_data },
        { "freeze", f_freeze },
        { "note", f_note },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    return 1;
}
