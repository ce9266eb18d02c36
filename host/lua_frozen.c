#include "lua_frozen.h"

#include "lua_view.h"
#include "sandbox.h"

#include <lauxlib.h>

enum { MAX_DEPTH = 100 };

/* ---- reading a view --------------------------------------------------------- */

/* [-0, +0, e] */
static const frozen *find(lua_State *L, const frozen *subject)
{
    size_t length;
    lua_Integer i;
    switch (lua_type(L, 2)) {
    case LUA_TSTRING: {
        const char *key = lua_tolstring(L, 2, &length);
        sandbox_charge(L, length);
        return frozen_get(subject, key, length);
    }
    case LUA_TNUMBER:
        i = lua_tointeger(L, 2);
        return subject->type == FROZEN_LIST && i >= 1 && i <= subject->count ? &subject->as.items[i - 1] : NULL;
    default:
        return NULL;
    }
}

static void frozen_index(lua_State *L, lua_view *v)
{
    lua_frozen_push(L, find(L, v->subject));
}

static lua_Integer frozen_length(lua_State *L, lua_view *v)
{
    (void)L;
    const frozen *f = v->subject;
    return f->type == FROZEN_LIST ? f->count : 0;
}

static void frozen_copy(lua_State *L, lua_view *v)
{
    const frozen *f = v->subject;
    if (f->type == FROZEN_MAP) {
        lua_pop(L, 1);                                  // -
        sandbox_new_map(L, f->count);                   // table
    }
    for (uint32_t i = 0; i < f->count; i++) {
        sandbox_charge(L, 1);
        if (f->type == FROZEN_LIST) {
            lua_frozen_push(L, &f->as.items[i]);        // table value
            lua_rawseti(L, -2, i + 1);                  // table
        } else {
            lua_frozen_push(L, &f->as.pairs[i].key);    // table key
            lua_frozen_push(L, &f->as.pairs[i].value);  // table key value
            lua_rawset(L, -3);                          // table
        }
    }
}

static const lua_view_kind frozen_kind = {
    .index = frozen_index, .length = frozen_length, .copy = frozen_copy, .whole = "the bundle's data"
};

void lua_frozen_push(lua_State *L, const frozen *value)
{
    switch (value ? value->type : FROZEN_NIL) {
    case FROZEN_NIL: lua_pushnil(L); return;
    case FROZEN_FALSE: lua_pushboolean(L, false); return;
    case FROZEN_TRUE: lua_pushboolean(L, true); return;
    case FROZEN_INTEGER: lua_pushinteger(L, value->as.integer); return;
    case FROZEN_NUMBER: lua_pushnumber(L, value->as.number); return;
    case FROZEN_STRING:
        sandbox_charge(L, value->count);
        lua_pushlstring(L, value->as.text, value->count);
        return;
    case FROZEN_LIST:
    case FROZEN_MAP: lua_view_push(L, &frozen_kind, value); return;
    }
}

/* ---- freezing ----------------------------------------------------------------- */

/* [-0, +0, e] */
static void *allocate(lua_State *L, json_arena *arena, size_t size)
{
    void *block = json_arena_alloc(arena, size);
    if (!block)
        luaL_error(L, "what is frozen needs more than the policy's memory");
    return block;
}

/* [-0, +0, e] */
static void read_text(lua_State *L, int index, json_arena *arena, frozen *out)
{
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    sandbox_charge(L, length);
    if (!frozen_text(arena, text, length, out))
        luaL_error(L, "what is frozen needs more than the policy's memory");
}

static void read_value(lua_State *L, int index, json_arena *arena, frozen *out, int depth);

/* [-0, +0, e] The table at `index`, with the keys 1 to `count`. */
static void read_list(lua_State *L, int index, json_arena *arena, frozen *out, lua_Unsigned count, int depth)
{
    frozen *items = allocate(L, arena, count * sizeof *items);
    for (lua_Unsigned i = 0; i < count; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) == LUA_TNIL)      // value
            luaL_error(L, "a list with a gap cannot be frozen");
        read_value(L, lua_absindex(L, -1), arena, &items[i], depth);
        lua_pop(L, 1);                                  // -
    }
    *out = (frozen){ .type = FROZEN_LIST, .count = (uint32_t)count, .as.items = items };
}

/* [-0, +0, e] The table at `index`, with `count` keys. */
static void read_map(lua_State *L, int index, json_arena *arena, frozen *out, uint32_t count, int depth)
{
    frozen_pair *pairs = allocate(L, arena, (count + 1) * sizeof *pairs);
    uint32_t n = 0;
    lua_pushnil(L);                                     // key
    while (lua_next(L, index)) {                        // key value
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "the keys of a frozen table are all strings, or 1 to n without a gap");
        read_text(L, -2, arena, &pairs[n].key);
        read_value(L, lua_absindex(L, -1), arena, &pairs[n++].value, depth);
        lua_pop(L, 1);                                  // key
    }                                                   // -
    frozen_sort(pairs, n);
    *out = (frozen){ .type = FROZEN_MAP, .count = n, .as.pairs = pairs };
}

/* [-0, +0, e] */
static void read_table(lua_State *L, int index, json_arena *arena, frozen *out, int depth)
{
    uint32_t count = 0;
    if (depth > MAX_DEPTH)
        luaL_error(L, "nested too deeply to be frozen");
    luaL_checkstack(L, 8, NULL);
    lua_pushnil(L);                                     // key
    while (lua_next(L, index)) {                        // key value
        sandbox_charge(L, SANDBOX_CHAINED);
        lua_pop(L, 1);                                  // key
        count++;
    }                                                   // -
    if (count && lua_rawlen(L, index) == count)
        read_list(L, index, arena, out, count, depth);
    else
        read_map(L, index, arena, out, count, depth);
}

/* [-0, +0, e] */
static void read_number(lua_State *L, int index, frozen *out)
{
    if (lua_isinteger(L, index))
        *out = (frozen){ .type = FROZEN_INTEGER, .as.integer = lua_tointeger(L, index) };
    else
        *out = (frozen){ .type = FROZEN_NUMBER, .as.number = lua_tonumber(L, index) };
}

/* [-0, +0, e] What is frozen already is shared; the Pod is not, it ends with its review. */
static void read_view(lua_State *L, int index, frozen *out)
{
    const lua_view *v = lua_touserdata(L, index);
    if (v->kind != &frozen_kind)
        luaL_error(L, "the pod cannot be frozen");
    *out = *(const frozen *)v->subject;
}

/* [-0, +0, e] `index` is absolute. */
static void read_value(lua_State *L, int index, json_arena *arena, frozen *out, int depth)
{
    sandbox_charge(L, 1);
    switch (lua_type(L, index)) {
    case LUA_TNIL: *out = (frozen){ .type = FROZEN_NIL }; return;
    case LUA_TBOOLEAN: *out = (frozen){ .type = lua_toboolean(L, index) ? FROZEN_TRUE : FROZEN_FALSE }; return;
    case LUA_TNUMBER: read_number(L, index, out); return;
    case LUA_TSTRING: read_text(L, index, arena, out); return;
    case LUA_TTABLE: read_table(L, index, arena, out, depth + 1); return;
    case LUA_TUSERDATA: read_view(L, index, out); return;
    default: luaL_error(L, "a %s cannot be frozen", luaL_typename(L, index));
    }
}

void lua_frozen_read(lua_State *L, int index, json_arena *arena, frozen *out)
{
    read_value(L, lua_absindex(L, index), arena, out, 0);
}
