#include "lua_quantity.h"

#include "quantity.h"
#include "sandbox.h"

#include <stdbool.h>

#include <lauxlib.h>

static const quantity_nano per_one = 1000000000;

/* [-0, +0, e] A string, or a number as it is written; false when it is no quantity. */
static bool read(lua_State *L, int index, quantity *out)
{
    size_t length;
    const char *s = luaL_checklstring(L, index, &length);
    sandbox_charge(L, length);
    return quantity_parse(s, length, out);
}

/* ---- number ---------------------------------------------------------------- */

/// The value as a number: an integer when it is whole and below 2^63, else the nearest float.
// @function number
// @tparam string|number q
// @treturn number|nil nil when it is no quantity
// @usage quantity.number("1Gi") --> 1073741824
static int f_number(lua_State *L)
{
    quantity q;
    if (!read(L, 1, &q)) {
        lua_pushnil(L);
        return 1;
    }
    quantity_nano whole = q.nano / per_one;
    if (q.nano % per_one == 0 && whole <= INT64_MAX)
        lua_pushinteger(L, q.negative ? -(lua_Integer)whole : (lua_Integer)whole);
    else
        lua_pushnumber(L, (lua_Number)q.nano / (q.negative ? -1e9 : 1e9));
    return 1;
}

/* ---- compare ---------------------------------------------------------------- */

static int order(const quantity *a, const quantity *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int magnitude = (a->nano > b->nano) - (a->nano < b->nano);
    return a->negative ? -magnitude : magnitude;
}

/// Which is larger? Exact, whatever the suffixes.
// @function compare
// @tparam string|number a
// @tparam string|number b
// @treturn integer|nil -1, 0 or 1; nil when one of them is no quantity
// @usage quantity.compare("1Gi", "1000Mi") --> 1
static int f_compare(lua_State *L)
{
    quantity a, b;
    bool ok = read(L, 1, &a) && read(L, 2, &b);
    if (ok)
        lua_pushinteger(L, order(&a, &b));
    else
        lua_pushnil(L);
    return 1;
}

int luaopen_castslice_quantity(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "compare", f_compare },
        { "number", f_number },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    return 1;
}
