#include "lua_math.h"

#include <stdbool.h>

#include <lauxlib.h>

/* [-0, +1, e] The argument that no other one comes before, or behind. */
static int extreme(lua_State *L, bool largest)
{
    int best = 1;
    luaL_checktype(L, 1, LUA_TNUMBER);
    for (int i = 2; i <= lua_gettop(L); i++) {
        luaL_checktype(L, i, LUA_TNUMBER);
        if (lua_compare(L, largest ? best : i, largest ? i : best, LUA_OPLT))
            best = i;
    }
    lua_pushvalue(L, best);
    return 1;
}

static int f_max(lua_State *L)
{
    return extreme(L, true);
}

static int f_min(lua_State *L)
{
    return extreme(L, false);
}

int lua_math_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "max", f_max }, { "min", f_min }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
