#include "lua_library.h"

#include "lua_base.h"
#include "lua_castslice.h"
#include "lua_math.h"
#include "lua_quantity.h"
#include "lua_require.h"
#include "lua_string.h"
#include "lua_table.h"
#include "lua_text.h"
#include "sandbox.h"

#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

/* "arguments": they lie on the stack, whose growth is paid for in memory. A string may stand where a number is
 * expected, and turning it into one takes its length: what takes numbers is charged by length.
 *
 * Not here, and why: pcall, xpcall and coroutines could swallow a spent budget;
 * load and string.dump lead to bytecode; setmetatable and getmetatable to
 * finalizers, weak tables and the string methods of others; patterns, rep and
 * format have no bound; os, io, debug, package and math.random reach outside. */
const lua_library_row lua_library_rows[] = {
    { "", "assert", luaopen_base, AS_IT_IS, "its arguments" },
    { "", "error", luaopen_base, AS_IT_IS, "constant" },
    { "", "ipairs", luaopen_base, AS_IT_IS, "constant for each step" },
    { "", "select", luaopen_base, CHARGED_BY_LENGTH, "its arguments" },
    { "", "tonumber", luaopen_base, CHARGED_BY_LENGTH, "the length of its string, charged" },
    { "", "next", lua_base_open, AS_IT_IS, "the size of the table, charged" },
    { "", "pairs", lua_base_open, AS_IT_IS, "sorting the table's keys, charged" },
    { "", "tostring", lua_base_open, AS_IT_IS, "constant: a number has few digits, a table no contents" },
    { "", "type", lua_base_open, AS_IT_IS, "constant" },
    { "", "require", lua_require_open, AS_IT_IS, "the module's size, compiled in charged pieces; runs once" },

    { "castslice", "data", luaopen_castslice, AS_IT_IS, "the name's length, charged, and 256 files" },
    { "castslice", "freeze", luaopen_castslice, AS_IT_IS, "each element and its bytes, charged" },
    { "castslice", "note", luaopen_castslice, AS_IT_IS, "500 bytes" },

    { "math", "abs", luaopen_math, CHARGED_BY_LENGTH, "constant" },
    { "math", "ceil", luaopen_math, CHARGED_BY_LENGTH, "constant" },
    { "math", "floor", luaopen_math, CHARGED_BY_LENGTH, "constant" },
    { "math", "fmod", luaopen_math, CHARGED_BY_LENGTH, "constant" },
    { "math", "tointeger", luaopen_math, CHARGED_BY_LENGTH, "the length of its string, charged" },
    { "math", "type", luaopen_math, AS_IT_IS, "constant" },
    { "math", "max", lua_math_open, AS_IT_IS, "its arguments, which are numbers" },
    { "math", "min", lua_math_open, AS_IT_IS, "its arguments, which are numbers" },

    { "quantity", "compare", luaopen_castslice_quantity, AS_IT_IS, "the lengths of both strings, charged" },
    { "quantity", "number", luaopen_castslice_quantity, AS_IT_IS, "the length of its string, charged" },

    { "string", "byte", luaopen_string, CHARGED_BY_LENGTH, "the length of its string, charged" },
    { "string", "len", luaopen_string, AS_IT_IS, "constant" },
    { "string", "sub", luaopen_string, CHARGED_BY_LENGTH, "the length of its string, charged" },
    { "string", "char", lua_string_open, AS_IT_IS, "its arguments, which are numbers, charged" },
    { "string", "lower", lua_string_open, AS_IT_IS, "the length of its string, charged" },
    { "string", "upper", lua_string_open, AS_IT_IS, "the length of its string, charged" },

    { "table", "concat", lua_table_open, CHARGED_BY_LENGTH, "each element and its bytes, charged" },
    { "table", "insert", lua_table_open, CHARGED_BY_LENGTH, "the elements it moves, charged" },
    { "table", "remove", lua_table_open, CHARGED_BY_LENGTH, "the elements it moves, charged" },
    { "table", "sort", lua_table_open, AS_IT_IS, "n log n comparisons and their bytes, charged" },
    { "table", "unpack", lua_table_open, CHARGED_BY_LENGTH, "250 results at most" },

    { "text", "contains", luaopen_castslice_text, AS_IT_IS, "the lengths of both strings, charged" },
    { "text", "ends_with", luaopen_castslice_text, AS_IT_IS, "the length of the ending, charged" },
    { "text", "glob", luaopen_castslice_text, AS_IT_IS, "the product of both lengths at worst, charged step by step" },
    { "text", "integer", luaopen_castslice_text, CHARGED_BY_LENGTH, "the length of its string, charged" },
    { "text", "quote", luaopen_castslice_text, AS_IT_IS, "a hundred characters" },
    { "text", "split", luaopen_castslice_text, AS_IT_IS, "the length of its string, charged" },
    { "text", "starts_with", luaopen_castslice_text, AS_IT_IS, "the length of the beginning, charged" },
    { "text", "trim", luaopen_castslice_text, AS_IT_IS, "the length of its string, charged" },
};
const size_t lua_library_count = sizeof lua_library_rows / sizeof *lua_library_rows;

static const struct constant { const char *name; bool integer; lua_Integer i; lua_Number n; } math_constants[] = {
    { "huge", false, 0, (lua_Number)__builtin_inf() },
    { "maxinteger", true, LUA_MAXINTEGER, 0 },
    { "mininteger", true, LUA_MININTEGER, 0 },
};

/* ---- functions ---------------------------------------------------------- */

/* [-n, +m, e] Charge every string among the arguments, then be the function in the upvalue. */
static int charged(lua_State *L)
{
    for (int i = lua_gettop(L); i > 0; i--)
        if (lua_type(L, i) == LUA_TSTRING)
            sandbox_charge(L, lua_rawlen(L, i));
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* [-0, +1, e] The function of a row, out of the library at `index`. */
static void push_function(lua_State *L, const lua_library_row *row, int index)
{
    lua_getfield(L, index, row->name);                  // function
    if (row->how == CHARGED_BY_LENGTH)
        lua_pushcclosure(L, charged, 1);                // charged
}

/* [-0, +1, e] The library that `from` opens, in globals that die with it. */
static void push_source(lua_State *L, lua_CFunction from)
{
    lua_pushcfunction(L, from);
    lua_call(L, 0, 1);                                  // library
}

/* [-0, +1, e] The table of `library` in the globals at `globals`, made when it is not there yet. */
static void push_library(lua_State *L, int globals, const char *library)
{
    if (*library)
        luaL_getsubtable(L, globals, library);          // table
    else
        lua_pushvalue(L, globals);                      // globals
}

/* [-0, +0, e] */
static void add_rows(lua_State *L, int globals)
{
    lua_CFunction open = NULL;
    lua_pushnil(L);                                     // source
    for (const lua_library_row *row = lua_library_rows; row < lua_library_rows + lua_library_count; row++) {
        if (row->from != open) {
            open = row->from;
            lua_pop(L, 1);                              // -
            push_source(L, open);                       // source
        }
        push_library(L, globals, row->library);         // source table
        push_function(L, row, lua_absindex(L, -2));     // source table function
        lua_setfield(L, -2, row->name);                 // source table
        lua_pop(L, 1);                                  // source
    }
    lua_pop(L, 1);                                      // -
}

/* [-0, +0, e] */
static void add_constants(lua_State *L, int globals)
{
    lua_pushliteral(L, LUA_VERSION);                    // version
    lua_setfield(L, globals, "_VERSION");               // -
    push_library(L, globals, "math");                   // math
    for (size_t i = 0; i < sizeof math_constants / sizeof *math_constants; i++) {
        const struct constant *c = &math_constants[i];
        if (c->integer)
            lua_pushinteger(L, c->i);
        else
            lua_pushnumber(L, c->n);                    // math value
        lua_setfield(L, -2, c->name);                   // math
    }
    lua_pop(L, 1);                                      // -
}

/* ---- names that are not there -------------------------------------------- */

/* [-2, +0, e] __index of the globals and the libraries: a misspelt name is never silently nil. */
static int missing(lua_State *L)
{
    const char *library = lua_tostring(L, lua_upvalueindex(1));
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : lua_typename(L, lua_type(L, 2));
    return luaL_error(L, "a policy has no `%s%s%s`", library, *library ? "." : "", name);
}

/* [-0, +0, e] */
static void guard(lua_State *L, int table, const char *library)
{
    lua_createtable(L, 0, 1);                           // meta
    lua_pushstring(L, library);                         // meta library
    lua_pushcclosure(L, missing, 1);                    // meta missing
    lua_setfield(L, -2, "__index");                     // meta
    lua_setmetatable(L, table);                         // -
}

/* [-0, +0, e] */
static void guard_all(lua_State *L, int globals)
{
    static const char *const libraries[] = { "castslice", "math", "quantity", "string", "table", "text" };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        lua_getfield(L, globals, libraries[i]);         // library
        guard(L, lua_absindex(L, -1), libraries[i]);
        lua_pop(L, 1);                                  // -
    }
    guard(L, globals, "");
}

/* [-0, +0, e] `("x"):upper()` works through a metatable of our own: Lua's also does arithmetic on strings. */
static void set_string_methods(lua_State *L, int globals)
{
    lua_pushliteral(L, "");                             // ""
    lua_createtable(L, 0, 1);                           // "" meta
    lua_getfield(L, globals, "string");                 // "" meta string
    lua_setfield(L, -2, "__index");                     // "" meta
    lua_setmetatable(L, -2);                            // ""
    lua_pop(L, 1);                                      // -
}

/* [-0, +0, e] `require` gives the same table as the global. */
static void provide(lua_State *L, int globals, const char *library, const char *module)
{
    lua_getfield(L, globals, library);                  // library
    lua_require_provide(L, module);                     // -
}

void lua_library_open(lua_State *L)
{
    lua_newtable(L);                                    // globals
    int globals = lua_absindex(L, -1);
    add_rows(L, globals);
    add_constants(L, globals);
    set_string_methods(L, globals);
    guard_all(L, globals);
    provide(L, globals, "castslice", "castslice");
    provide(L, globals, "quantity", "castslice.quantity");
    provide(L, globals, "text", "castslice.text");
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); // -
}
