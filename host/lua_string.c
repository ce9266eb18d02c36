#include "lua_string.h"

#include "sandbox.h"

#include <lauxlib.h>

char *lua_string_begin(lua_State *L, size_t length)
{
    sandbox_check_string(L, length);
    sandbox_charge(L, length);
    return lua_newuserdatauv(L, length + 1, 0);         // room
}

void lua_string_end(lua_State *L, const char *room, size_t length)
{
    lua_pushlstring(L, room, length);                   // room string
    lua_remove(L, -2);                                  // string
}

/* ---- the functions ------------------------------------------------------ */

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c | 0x20);
    return c;
}

static char upper(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c & ~0x20);
    return c;
}

static int map(lua_State *L, char (*each)(char c))
{
    size_t length;
    const char *s = luaL_checklstring(L, 1, &length);
    char *room = lua_string_begin(L, length);           // … room
    for (size_t i = 0; i < length; i++)
        room[i] = each(s[i]);
    lua_string_end(L, room, length);                    // … string
    return 1;
}

static int f_lower(lua_State *L)
{
    return map(L, lower);
}

static int f_upper(lua_State *L)
{
    return map(L, upper);
}

static int f_char(lua_State *L)
{
    int count = lua_gettop(L);
    char *room = lua_string_begin(L, (size_t)count);    // … room
    for (int i = 1; i <= count; i++) {
        luaL_checktype(L, i, LUA_TNUMBER);              /* turning a string into one takes its length */
        lua_Unsigned code = (lua_Unsigned)luaL_checkinteger(L, i);
        luaL_argcheck(L, code <= 255, i, "value out of range");
        room[i - 1] = (char)code;
    }
    lua_string_end(L, room, (size_t)count);             // … string
    return 1;
}

int lua_string_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "char", f_char },
        { "lower", f_lower },
        { "upper", f_upper },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    return 1;
}
