#include "lua_base.h"

#include "lua_view.h"
#include "lua_sort.h"
#include "sandbox.h"

#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>

/* Traversal has one order everywhere and always, or two replicas would write two
 * different reasons: numbers ascending, then strings by their bytes, then booleans. */
typedef struct key {
    enum { KEY_NUMBER, KEY_STRING, KEY_BOOLEAN } rank;
    bool integer;
    lua_Integer i;          /* integers and booleans */
    lua_Number n;           /* every number */
    const char *s;          /* strings; held by the table being traversed */
    size_t length;
} key;

/* [-0, +0, e] */
static key key_at(lua_State *L, int index)
{
    key k = { .rank = KEY_NUMBER, .integer = lua_isinteger(L, index) };
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        k.n = lua_tonumber(L, index);
        k.i = k.integer ? lua_tointeger(L, index) : 0;
        return k;
    case LUA_TSTRING:
        k.rank = KEY_STRING;
        k.s = lua_tolstring(L, index, &k.length);
        return k;
    case LUA_TBOOLEAN:
        k.rank = KEY_BOOLEAN;
        k.i = lua_toboolean(L, index);
        return k;
    default:
        luaL_error(L, "a table with a %s as a key has no order to traverse it in", luaL_typename(L, index));
        return k;
    }
}

static bool is_less_text(const key *a, const key *b)
{
    int order = memcmp(a->s, b->s, a->length < b->length ? a->length : b->length);
    return order < 0 || (order == 0 && a->length < b->length);
}

/* A float that is a key is no integer: 2^63 is the only one that the largest integers round to. */
static bool is_less(const key *a, const key *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->rank == KEY_STRING)
        return is_less_text(a, b);
    if (a->rank == KEY_BOOLEAN || (a->integer && b->integer))
        return a->i < b->i;
    return a->n < b->n || (a->n == b->n && a->integer && !b->integer);
}

static size_t work_of(const key *a, const key *b)
{
    return 1 + (a->length < b->length ? a->length : b->length);
}

/* [-0, +0, e] `index` becomes a plain table: a view of the Pod is copied into one. */
static void as_table(lua_State *L, int index)
{
    if (lua_view_is(L, index)) {
        lua_view_copy(L, index);
        lua_replace(L, index);
    }
    luaL_checktype(L, index, LUA_TTABLE);
}

/* ---- next --------------------------------------------------------------- */

/* next(table, key): the smallest key above `key`, found by looking at all of them. */
static int f_next(lua_State *L)
{
    lua_settop(L, 2);
    as_table(L, 1);                                     // table after
    bool first = lua_isnil(L, 2), found = false;
    key after = { 0 }, best = { 0 };
    if (!first)
        after = key_at(L, 2);
    lua_pushnil(L);                                     // table after best
    lua_pushnil(L);                                     // table after best key
    while (lua_next(L, 1)) {                            // table after best key value
        lua_pop(L, 1);                                  // table after best key
        key k = key_at(L, -1);
        sandbox_charge(L, SANDBOX_CHAINED + work_of(&k, &after) + work_of(&k, &best));
        if ((!first && !is_less(&after, &k)) || (found && !is_less(&k, &best)))
            continue;
        found = true;
        best = k;
        lua_copy(L, -1, 3);
    }                                                   // table after best
    if (!found)
        return 1;
    lua_pushvalue(L, 3);                                // table after best best
    lua_rawget(L, 1);                                   // table after best value
    return 2;
}

/* ---- pairs -------------------------------------------------------------- */

/* A traversal: the keys lie in a Lua table, which holds on to them, in the order
 * they were found; `order` says which comes when. */
typedef struct walk {
    uint32_t count, at;
    uint32_t order[];       /* indices from 0 */
} walk;

enum { TABLE = 1, KEYS, WALK };     /* upvalues of the iterator */

static int step(lua_State *L)
{
    walk *w = lua_touserdata(L, lua_upvalueindex(WALK));
    while (w->at < w->count) {
        lua_rawgeti(L, lua_upvalueindex(KEYS), w->order[w->at++] + 1);  // key
        lua_pushvalue(L, -1);                           // key key
        if (lua_rawget(L, lua_upvalueindex(TABLE)) != LUA_TNIL)
            return 2;                                   // key value
        lua_pop(L, 2);                                  // -
        sandbox_charge(L, SANDBOX_CHAINED);             /* removed since the walk began, and so may be all of them */
    }
    lua_pushnil(L);
    return 1;
}

/* [-0, +1, e] */
static uint32_t push_keys(lua_State *L, int table)
{
    lua_Integer count = 0;
    lua_newtable(L);                                    // keys
    lua_pushnil(L);                                     // keys key
    while (lua_next(L, table)) {                        // keys key value
        sandbox_charge(L, SANDBOX_CHAINED);
        lua_pop(L, 1);                                  // keys key
        lua_pushvalue(L, -1);                           // keys key key
        lua_rawseti(L, -3, ++count);                    // keys key
    }                                                   // keys
    return (uint32_t)count;
}

typedef struct context {
    lua_State *L;
    const key *keys;
} context;

static bool comes_before(void *data, uint32_t a, uint32_t b)
{
    context *c = data;
    sandbox_charge(c->L, work_of(&c->keys[a], &c->keys[b]));
    return is_less(&c->keys[a], &c->keys[b]);
}

/* [-0, +1, e] The walk through the `count` keys in the table at `index`. */
static void push_walk(lua_State *L, int index, uint32_t count)
{
    walk *w = lua_newuserdatauv(L, sizeof *w + count * sizeof w->order[0], 0);              // walk
    key *keys = lua_newuserdatauv(L, count * (sizeof *keys + sizeof(uint32_t)) + 1, 0);     // walk keys
    *w = (walk){ .count = count };
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);                   // walk keys key
        keys[i] = key_at(L, -1);
        lua_pop(L, 1);                                  // walk keys
        w->order[i] = i;
    }
    context c = { L, keys };
    lua_sort(w->order, (uint32_t *)(keys + count), count, comes_before, &c);
    lua_pop(L, 1);                                      // walk
}

static int f_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    as_table(L, 1);                                     // table
    uint32_t count = push_keys(L, 1);                   // table keys
    push_walk(L, 2, count);                             // table keys walk
    lua_pushcclosure(L, step, 3);                       // step
    return 1;
}

/* ---- the rest ----------------------------------------------------------- */

/* Addresses differ between two replicas, so a table is just "table". */
static int f_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    switch (lua_type(L, 1)) {
    case LUA_TNUMBER:
    case LUA_TSTRING:
        lua_tolstring(L, 1, NULL);
        lua_settop(L, 1);
        return 1;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, 1) ? "true" : "false");
        return 1;
    default:
        lua_pushstring(L, lua_view_is(L, 1) ? "table" : luaL_typename(L, 1));
        return 1;
    }
}

static int f_type(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, lua_view_is(L, 1) ? "table" : luaL_typename(L, 1));
    return 1;
}

int lua_base_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        { "next", f_next },
        { "pairs", f_pairs },
        { "tostring", f_tostring },
        { "type", f_type },
        { NULL, NULL },
    };
    luaL_newlib(L, functions);
    return 1;
}
