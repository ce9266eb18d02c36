#include "lua_table.h"

#include "lua_view.h"
#include "lua_sort.h"
#include "lua_string.h"
#include "sandbox.h"

#include <string.h>

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

/* What is joined: the elements from `first` to `last` of the table at slot 1, and what stands between them. */
typedef struct joint {
    lua_Integer first, last;
    const char *separator;
    size_t separator_length;
} joint;

/* [-0, +1, e] Element `i` as a string. */
static const char *push_piece(lua_State *L, lua_Integer i, size_t *length)
{
    lua_geti(L, 1, i);                                  // … piece
    if (!lua_isstring(L, -1))
        luaL_error(L, "element %I is a %s: only strings and numbers can be joined", (LUAI_UACINT)i,
                   lua_view_is(L, -1) ? "table" : luaL_typename(L, -1));
    return lua_tolstring(L, -1, length);
}

/* [-0, +0, e] How long the result will be; as long as a string may be, at most. */
static size_t measure(lua_State *L, const joint *j)
{
    size_t total = 0, length;
    for (lua_Integer i = j->first; i <= j->last; i++) {
        push_piece(L, i, &length);                      // … piece
        lua_pop(L, 1);                                  // …
        sandbox_charge(L, 1);
        total += length + (i < j->last ? j->separator_length : 0);
        sandbox_check_string(L, total);
        if (i == j->last)                               /* also ends a range up to the largest integer */
            break;
    }
    return total;
}

/* [-0, +0, e] */
static void fill(lua_State *L, const joint *j, char *out)
{
    size_t length;
    for (lua_Integer i = j->first; i <= j->last; i++) {
        const char *piece = push_piece(L, i, &length);  // … piece
        memcpy(out, piece, length);
        out += length;
        lua_pop(L, 1);                                  // …
        sandbox_charge(L, 1);
        if (i == j->last)
            break;
        memcpy(out, j->separator, j->separator_length);
        out += j->separator_length;
    }
}

static int f_concat(lua_State *L)
{
    joint j = { .last = check_readable(L, 1) };
    j.separator = luaL_optlstring(L, 2, "", &j.separator_length);
    j.first = luaL_optinteger(L, 3, 1);
    j.last = luaL_optinteger(L, 4, j.last);
    size_t length = measure(L, &j);
    char *room = lua_string_begin(L, length);           // … room
    fill(L, &j, room);
    lua_string_end(L, room, length);                    // … string
    return 1;
}

/* ---- insert, remove, unpack --------------------------------------------- */

static int f_insert(lua_State *L)
{
    lua_Integer length = check_writable(L, 1), at = length + 1;
    int arguments = lua_gettop(L);
    if (arguments != 2 && arguments != 3)
        return luaL_error(L, "wrong number of arguments to 'insert'");
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
    bool inside = at >= 1 && at <= length + 1;
    luaL_argcheck(L, inside || at == length, 2, "position out of bounds");      /* #t is 0 for an empty table */
    lua_rawgeti(L, 1, at);                              // … removed
    for (; at < length; at++) {
        sandbox_charge(L, 1);
        lua_rawgeti(L, 1, at + 1);                      // … removed value
        lua_rawseti(L, 1, at);                          // … removed
    }
    lua_pushnil(L);                                     // … removed nil
    lua_rawseti(L, 1, at);                              // … removed
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
