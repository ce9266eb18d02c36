#include "lua_require.h"

#include "embedded.h"
#include "sandbox.h"
#include "utf8.h"

#include <string.h>

#include <lauxlib.h>

static const char loaded_key;   /* in the registry: what each module gave */
static char loading;            /* stands for a module that is being loaded */

/* ---- compiling ---------------------------------------------------------- */

enum { PIECE = 1024 };

typedef struct reading { const char *at; size_t left; } reading;

/* lua_Reader. In pieces, because no hook runs while Lua compiles: each is charged. */
static const char *next_piece(lua_State *L, void *data, size_t *size)
{
    reading *r = data;
    const char *piece = r->at;
    *size = r->left < PIECE ? r->left : PIECE;
    r->at += *size;
    r->left -= *size;
    sandbox_charge(L, *size * 4);
    return *size ? piece : NULL;
}

void lua_require_compile(lua_State *L, const vm_source *source)
{
    size_t mark = utf8_mark(source->text, source->length);      /* some editors cannot help it */
    reading r = { source->text + mark, source->length - mark };
    if (r.left && *r.at == LUA_SIGNATURE[0])
        luaL_error(L, "%s: compiled Lua is not accepted; give the source", source->path);
    const char *name = lua_pushfstring(L, "@%s", source->path);     // name
    if (lua_load(L, next_piece, &r, name, "t") != LUA_OK)           // name chunk
        lua_error(L);
    lua_remove(L, -2);                                  // chunk
}

/* ---- finding ------------------------------------------------------------ */

static bool find(lua_State *L, const char *module, vm_source *out)
{
    const sandbox *s = sandbox_of(L);
    for (size_t i = 0; i < s->source_count; i++)
        if (strcmp(s->sources[i].module, module) == 0) {
            *out = s->sources[i];
            return true;
        }
    return strncmp(module, "castslice.", strlen("castslice.")) == 0 && embedded_find(module, out);
}

/* [-0, +0, e] Says what there is instead. */
static void unknown(lua_State *L, const char *module)
{
    const sandbox *s = sandbox_of(L);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < s->source_count; i++) {
        if (strcmp(s->sources[i].module, "policy") == 0)
            continue;
        luaL_addstring(&b, s->sources[i].module);
        luaL_addstring(&b, ", ");
    }
    luaL_addstring(&b, "castslice, castslice.namespaces, castslice.quantity, castslice.rules, castslice.selector, "
                       "castslice.text");
    luaL_pushresult(&b);                                // known
    luaL_error(L, "there is no module `%s`; there is %s", module, lua_tostring(L, -1));
}

/* ---- loading ------------------------------------------------------------ */

/* [-0, +1, e] */
static void push_loaded(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);                                    // loaded
    lua_pushvalue(L, -1);                               // loaded loaded
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);     // loaded
}

void lua_require_provide(lua_State *L, const char *module)
{
    push_loaded(L);                                     // value loaded
    lua_insert(L, -2);                                  // loaded value
    lua_setfield(L, -2, module);                        // loaded
    lua_pop(L, 1);                                      // -
}

bool lua_require_is_loaded(lua_State *L, const char *module)
{
    push_loaded(L);                                     // loaded
    bool is_loaded = lua_getfield(L, -1, module) != LUA_TNIL;       // loaded value
    lua_pop(L, 2);                                      // -
    return is_loaded;
}

static void forget(void *state, const char *module)
{
    lua_State *L = state;
    lua_pushnil(L);
    lua_require_provide(L, module);
}

void lua_require_forget(lua_State *L)
{
    embedded_each_passing(forget, L);
}

/* [-0, +1, e] */
static void load(lua_State *L, const char *module)
{
    vm_source source;
    if (!find(L, module, &source)) {
        unknown(L, module);
        return;
    }
    lua_pushlightuserdata(L, &loading);
    lua_require_provide(L, module);
    lua_require_compile(L, &source);                    // chunk
    lua_pushstring(L, module);                          // chunk module
    lua_call(L, 1, 1);                                  // value
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, true);                       // true
    }
    lua_pushvalue(L, -1);                               // value value
    lua_require_provide(L, module);                     // value
}

void lua_require_module(lua_State *L, const char *module)
{
    luaL_checkstack(L, 8, "modules require one another too deeply");
    push_loaded(L);                                     // loaded
    lua_getfield(L, -1, module);                        // loaded value
    lua_remove(L, -2);                                  // value
    if (lua_touserdata(L, -1) == &loading)
        luaL_error(L, "module `%s` requires itself", module);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);                                      // -
    load(L, module);                                    // value
}

static int f_require(lua_State *L)
{
    lua_require_module(L, luaL_checkstring(L, 1));
    return 1;
}

int lua_require_open(lua_State *L)
{
    static const luaL_Reg functions[] = { { "require", f_require }, { NULL, NULL } };
    luaL_newlib(L, functions);
    return 1;
}
