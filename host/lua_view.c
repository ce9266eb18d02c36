#include "lua_view.h"

#include <lauxlib.h>

static const char meta_key;     /* the views' metatable in the registry */

void lua_view_push(lua_State *L, const lua_view_kind *kind, const void *subject)
{
    lua_view *v = lua_newuserdatauv(L, sizeof *v, 0);   // view
    *v = (lua_view){ .kind = kind, .subject = subject };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);       // view meta
    lua_setmetatable(L, -2);                            // view
}

static int meta_index(lua_State *L)
{
    lua_view *v = lua_touserdata(L, 1);
    v->kind->index(L, v);
    return 1;
}

static int meta_length(lua_State *L)
{
    lua_view *v = lua_touserdata(L, 1);
    lua_pushinteger(L, v->kind->length(L, v));
    return 1;
}

int lua_view_refuse(lua_State *L, int index)
{
    const lua_view *v = lua_touserdata(L, index);
    return luaL_error(L, "%s is read-only", v->kind->whole ? v->kind->whole : "the pod");
}

static int meta_newindex(lua_State *L)
{
    return lua_view_refuse(L, 1);
}

/* Every look-up makes a new view; two of the same thing are equal. */
static int meta_equal(lua_State *L)
{
    const lua_view *a = lua_touserdata(L, 1), *b = lua_touserdata(L, 2);
    lua_pushboolean(L, a->kind == b->kind && a->subject == b->subject);
    return 1;
}

void lua_view_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "__index", meta_index },
        { "__newindex", meta_newindex },
        { "__len", meta_length },
        { "__eq", meta_equal },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);                          // meta
    lua_pushliteral(L, "pod");                          // meta name
    lua_setfield(L, -2, "__name");                      // meta
    lua_pushboolean(L, false);                          // meta false
    lua_setfield(L, -2, "__metatable");                 // meta
    lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);       // -
}

bool lua_view_is(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TUSERDATA;
}

void lua_view_copy(lua_State *L, int index)
{
    lua_view *v = lua_touserdata(L, index);
    lua_newtable(L);                                    // table
    v->kind->copy(L, v);
}
