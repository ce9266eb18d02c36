#include "lua_table.h"

#include "lua_view.h"
#include "lua_sort.h"
#include "sandbox.h"

#include <lauxlib.h>

/* [-0, +0, e] A table, or a view of the Pod when it is only read. */
static lua_Integer check_readable(lua_State *L, int index)
{
    if (!lua_view_is(L, index))
        luaL_checktype(L, index, LUA_TTABLE);
    return luaL_len(L, index);
}

/* [-0, +0, e] */
static lua_Integer check_writable(lua_State *L, int index)
{
    if (lua_view_is(L, index))
        lua_view_refuse(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, index);
}

/* ---- concat ------------------------------------------------------------- */

/* [-0, +0, e] */
static void add_piece(lua_State *L, luaL_Buffer *b, lua_Integer i)
{
    lua_geti(L, 1, i);                                  // … piece
    if (!lua_isstring(L, -1))
        luaL_error(L, "element %I is a %s: only strings and numbers can be joined", (LUAI_UACINT)i,
                   luaL_typename(L, -1));
    sandbox_charge(L, 1 + lua_rawlen(L, -1));
    luaL_addvalue(b);                                   // …
}

static int f_concat(lua_State *L)
{
    lua_Integer last = check_readable(L, 1);
    size_t length;
    const char *separator = luaL_optlstring(L, 2, "", &length);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (; i <= last; i++) {
        add_piece(L, &b, i);
        if (i == last)                                  /* also ends a range up to the largest integer */
            break;
        sandbox_charge(L, length);
        luaL_addlstring(&b, separator, length);
    }
    luaL_pushresult(&b);
    return 1;
}

/* ---- insert, remove, unpack --------------------------------------------- */

static int f_insert(lua_State *L)
{
    lua_Integer length = check_writable(L, 1), at = length + 1;
    int arguments = lua_gettop(L);
    luaL_argcheck(L, arguments == 2 || arguments == 3, arguments, "a table, a position and a value, please");
    if (arguments == 3)
        at = luaL_checkinteger(L, 2);
    luaL_argcheck(L, at >= 1 && at <= length + 1, 2, "position out of bounds");
    for (lua_Integer i = length; i >= at; i--) {
        sandbox_charge(L, 1);
        lua_rawgeti(L, 1, i);                           // … value
        lua_rawseti(L, 1, i + 1);                       // …
    }
    lua_settop(L, arguments);                           // … value
    lua_rawseti(L, 1, at);
    return 0;
}

static int f_remove(lua_State *L)
{
    lua_Integer length = check_writable(L, 1), at = luaL_optinteger(L, 2, length);
    if (length + 1 == at || (length == 0 && at == 0)) {
        lua_rawgeti(L, 1, at);                          // nil, or what lies just behind
        return 1;
    }
    luaL_argcheck(L, at >= 1 && at <= length, 2, "position out of bounds");
    lua_rawgeti(L, 1, at);                              // … removed
    for (lua_Integer i = at; i < length; i++) {
        sandbox_charge(L, 1);
        lua_rawgeti(L, 1, i + 1);                       // … removed value
        lua_rawseti(L, 1, i);                           // … removed
    }
    lua_pushnil(L);                                     // … removed nil
    lua_rawseti(L, 1, length);                          // … removed
    return 1;
}

static int f_unpack(lua_State *L)
{
    lua_Integer last = check_readable(L, 1), first = luaL_optinteger(L, 2, 1);
    last = luaL_optinteger(L, 3, last);
    if (first > last)
        return 0;
    lua_Unsigned count = (lua_Unsigned)last - (lua_Unsigned)first + 1;
    if (count == 0 || count > LUA_TABLE_MAX_UNPACK)
        return luaL_error(L, "too many results to unpack (at most %d)", LUA_TABLE_MAX_UNPACK);
    luaL_checkstack(L, (int)count, NULL);
    for (lua_Unsigned i = 0; i < count; i++)
        lua_geti(L, 1, first + (lua_Integer)i);         // … values
    return (int)count;
}

/* ---- sort --------------------------------------------------------------- */

enum { SORTED = 1, LESS, COPY };    /* stack slots: the table, its comparator or nil, what is sorted */

static size_t bytes(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? lua_rawlen(L, index) : 0;
}

/* [-0, +0, e] */
static bool is_less(void *context, uint32_t a, uint32_t b)
{
    lua_State *L = context;
    bool own = !lua_isnil(L, LESS);
    if (own)
        lua_pushvalue(L, LESS);                         // … less
    lua_rawgeti(L, COPY, a + 1);
    lua_rawgeti(L, COPY, b + 1);                        // … less a b
    sandbox_charge(L, 1 + bytes(L, -1) + bytes(L, -2));
    if (own)
        lua_call(L, 2, 1);                              // … answer
    bool less = own ? lua_toboolean(L, -1) : lua_compare(L, -2, -1, LUA_OPLT);
    lua_settop(L, COPY + 1);
    return less;
}

/* [-0, +1, e] The first `length` elements of the table, so that a comparator that raises or writes changes nothing. */
static void push_copy(lua_State *L, lua_Integer length)
{
    lua_newtable(L);                                    // … copy
    for (lua_Integer i = 1; i <= length; i++) {
        sandbox_charge(L, 1);
        lua_rawgeti(L, SORTED, i);                      // … copy value
        lua_rawseti(L, -2, i);                          // … copy
    }
}

static int f_sort(lua_State *L)
{
    lua_Integer length = check_writable(L, SORTED);
    if (!lua_isnoneornil(L, LESS))
        luaL_checktype(L, LESS, LUA_TFUNCTION);
    lua_settop(L, LESS);                                // table less
    push_copy(L, length);                               // table less copy
    uint32_t count = (uint32_t)length;
    uint32_t *order = lua_newuserdatauv(L, 2 * (size_t)count * sizeof *order, 0);   // table less copy order
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    lua_sort(order, order + count, count, is_less, L);
    for (uint32_t i = 0; i < count; i++) {
        sandbox_charge(L, 1);
        lua_rawgeti(L, COPY, order[i] + 1);             // table less copy order value
        lua_rawseti(L, SORTED, i + 1);                  // table less copy order
    }
    return 0;
}

int lua_table_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "concat", f_concat },
        { "insert", f_insert },
        { "remove", f_remove },
        { "sort", f_sort },
        { "unpack", f_unpack },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    return 1;
}
