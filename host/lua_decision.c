#include "lua_decision.h"

#include "lua_view.h"
#include "sandbox.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

enum {
    MAX_DEPTH = 4,          /* { containers = { main = { ratio = 1 } } } is three */
    MAX_NODES = 1000
};

typedef struct reader {
    lua_State *L;
    json_arena *arena;
    error *err;
    size_t nodes;
    char path[200];         /* of the value being read: "containers.main" */
} reader;

/* ---- errors ------------------------------------------------------------- */

static json *wrong(const reader *r, const char *what)
{
    error_set(r->err, ERR_POLICY, "%s: %s", *r->path ? r->path : "the decision", what);
    return NULL;
}

static json *wrong_type(const reader *r, const char *type)
{
    char what[64];
    snprintf(what, sizeof what, "a %s is not allowed here", type);
    return wrong(r, what);
}

static json *full(const reader *r)
{
    error_set(r->err, ERR_TOO_LARGE, "not enough memory to read the decision");
    return NULL;
}

static json *made(const reader *r, json *node)
{
    return node ? node : full(r);
}

/* ---- values ------------------------------------------------------------- */

/* A zero becomes the two bytes that json.h writes for it. */
static char *without_zeros(json_arena *arena, const char *s, size_t length)
{
    char *out = json_arena_alloc(arena, 2 * length + 1), *end = out;
    for (size_t i = 0; out && i < length; i++)
        if (s[i]) {
            *end++ = s[i];
        } else {
            *end++ = '\xC0';
            *end++ = '\x80';
        }
    return out;
}

/* [-0, +0, e] The string at the top, checked; NULL and the error when it cannot be handed on. */
static const char *read_text(const reader *r)
{
    size_t length;
    const char *s = lua_tolstring(r->L, -1, &length);
    sandbox_charge(r->L, length);
    if (!utf8_valid(s, length)) {
        wrong(r, "not valid UTF-8");
        return NULL;
    }
    if (!memchr(s, 0, length))
        return s;
    s = without_zeros(r->arena, s, length);
    if (!s)
        full(r);
    return s;
}

static json *read_string(const reader *r)
{
    const char *text = read_text(r);
    return text ? made(r, json_new_string(r->arena, text)) : NULL;
}

static json *read_number(const reader *r)
{
    double value = lua_tonumber(r->L, -1);
    return isfinite(value) ? made(r, json_new_number(r->arena, value)) : wrong(r, "not a finite number");
}

static json *read_value(reader *r, int depth);

/* ---- tables ------------------------------------------------------------- */

/* `name` joins the path, cut between two characters when it is too long. */
static void enter(reader *r, size_t length, const char *name)
{
    if (length && length < sizeof r->path - 1)
        r->path[length++] = '.';
    size_t n = strnlen(name, sizeof r->path - 1 - length);
    while (n && ((unsigned char)name[n] & 0xC0) == 0x80)
        n--;
    memcpy(r->path + length, name, n);
    r->path[length + n] = '\0';
}

/* [-1, +0, e] The value on top, known as `name` inside the current path. */
static json *read_member(reader *r, const char *name, int depth)
{
    size_t length = strlen(r->path);
    enter(r, length, name);
    json *value = read_value(r, depth + 1);
    if (value)
        r->path[length] = '\0';                         /* kept on an error: it is in the text already */
    lua_pop(r->L, 1);
    return value;
}

/* [-0, +0, e] */
static json *read_array(reader *r, lua_Integer count, int depth)
{
    json *array = made(r, json_new_array(r->arena));
    for (lua_Integer i = 1; array && i <= count; i++) {
        char name[24];
        snprintf(name, sizeof name, "%lld", (long long)i);
        lua_rawgeti(r->L, -1, i);                       // table value
        json *value = read_member(r, name, depth);      // table
        if (!value || !json_append(array, value))
            return NULL;
    }
    return array;
}

typedef struct key { const char *s; size_t length; } key;

static int by_bytes(const void *a, const void *b)
{
    const key *x = a, *y = b;
    int order = memcmp(x->s, y->s, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* [-0, +0, e] The table's keys, sorted; the table keeps them alive. */
static const key *sorted_keys(const reader *r, size_t count)
{
    key *keys = json_arena_alloc(r->arena, (count + 1) * sizeof *keys);
    if (!keys) {
        full(r);
        return NULL;
    }
    size_t n = 0;
    lua_pushnil(r->L);                                  // table key
    while (lua_next(r->L, -2)) {                        // table key value
        lua_pop(r->L, 1);                               // table key
        keys[n].s = lua_tolstring(r->L, -1, &keys[n].length);
        n++;
    }                                                   // table
    qsort(keys, n, sizeof *keys, by_bytes);
    return keys;
}

/* [-0, +0, e] */
static json *read_object(reader *r, size_t count, int depth)
{
    json *object = made(r, json_new_object(r->arena));
    const key *keys = object ? sorted_keys(r, count) : NULL;
    for (size_t i = 0; keys && i < count; i++) {
        lua_pushlstring(r->L, keys[i].s, keys[i].length);       // table key
        const char *name = read_text(r);
        lua_pushvalue(r->L, -1);
        lua_rawget(r->L, -3);                                   // table key value
        json *value = name ? read_member(r, name, depth) : NULL;  // table key
        if (!value)
            return NULL;
        if (!json_add(r->arena, object, name, value))
            return full(r);
        lua_pop(r->L, 1);                                       // table
    }
    return keys ? object : NULL;
}

typedef struct key_count { size_t strings, others; lua_Integer highest; } key_count;

/* [-0, +0, e] */
static bool count_keys(reader *r, key_count *c)
{
    *c = (key_count){ 0 };
    lua_pushnil(r->L);                                  // table key
    while (lua_next(r->L, -2)) {                        // table key value
        lua_pop(r->L, 1);                               // table key
        if (++r->nodes > MAX_NODES)
            return false;
        if (lua_type(r->L, -1) == LUA_TSTRING) {
            c->strings++;
            continue;
        }
        c->others++;
        lua_Integer i = lua_isinteger(r->L, -1) ? lua_tointeger(r->L, -1) : -1;
        c->highest = i < 1 ? LUA_MAXINTEGER : i > c->highest ? i : c->highest;
    }                                                   // table
    return true;
}

/* [-0, +0, e] */
static json *read_table(reader *r, int depth)
{
    key_count c;
    if (depth >= MAX_DEPTH)
        return wrong(r, "nested too deeply for a decision");
    if (!count_keys(r, &c))
        return wrong(r, "too large for a decision");
    if (c.others == 0)
        return read_object(r, c.strings, depth);
    if (c.strings || c.highest != (lua_Integer)c.others)
        return wrong(r, "the keys of a table are all strings, or 1 to n without a gap");
    return read_array(r, c.highest, depth);
}

/* [-0, +0, e] */
static json *read_view(reader *r, int depth)
{
    lua_view_copy(r->L, -1);                             // view table
    json *value = read_table(r, depth);
    lua_pop(r->L, 1);                                   // view
    return value;
}

/* [-0, +0, e] The value on top of the stack. */
static json *read_value(reader *r, int depth)
{
    luaL_checkstack(r->L, 8, NULL);
    switch (lua_type(r->L, -1)) {
    case LUA_TNIL: return made(r, json_new_null(r->arena));
    case LUA_TBOOLEAN: return made(r, json_new_bool(r->arena, lua_toboolean(r->L, -1)));
    case LUA_TNUMBER: return read_number(r);
    case LUA_TSTRING: return read_string(r);
    case LUA_TTABLE: return read_table(r, depth);
    case LUA_TUSERDATA: return read_view(r, depth);
    default: return wrong_type(r, luaL_typename(r->L, -1));
    }
}

json *lua_decision_read(lua_State *L, int index, json_arena *arena, error *err)
{
    reader r = { .L = L, .arena = arena, .err = err };
    int top = lua_gettop(L);
    lua_pushvalue(L, index);
    json *value = read_value(&r, 0);
    lua_settop(L, top);
    return value;
}
