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

/* [-0, +0, e] The string at `index`, checked; NULL and the error when it cannot be handed on. */
static const char *read_text(const reader *r, int index)
{
    size_t length;
    const char *s = lua_tolstring(r->L, index, &length);
    sandbox_charge(r->L, length);
    if (!utf8_valid(s, length)) {
        wrong(r, "not valid UTF-8");
        return NULL;
    }
    if (!memchr(s, 0, length))
        return s;
    s = json_arena_encode(r->arena, s, length);
    if (!s)
        full(r);
    return s;
}

static json *read_string(const reader *r)
{
    const char *text = read_text(r, -1);
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
    int top = lua_gettop(r->L);
    size_t length = strlen(r->path);
    enter(r, length, name);
    json *value = read_value(r, depth + 1);
    if (value)
        r->path[length] = '\0';                         /* kept on an error: it is in the text already */
    lua_settop(r->L, top - 1);
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

/* A string among the keys of a table; the stack keeps it, and its value behind it. */
typedef struct key { const char *s; size_t length; int place; } key;

typedef struct members {
    key *keys;
    size_t strings, room;       /* keys that are strings, and how many there is room for */
    size_t others;              /* keys that are not */
    lua_Integer highest;        /* of those; LUA_MAXINTEGER when one is no index */
} members;

static int by_bytes(const void *a, const void *b)
{
    const key *x = a, *y = b;
    int order = memcmp(x->s, y->s, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* [-0, +0, -] The key at `place`. */
static bool add_string(const reader *r, members *m, int place)
{
    if (m->strings == m->room) {
        m->room = m->room ? 2 * m->room : 8;
        key *more = json_arena_alloc(r->arena, m->room * sizeof *more);
        if (!more) {
            full(r);
            return false;
        }
        if (m->strings)
            memcpy(more, m->keys, m->strings * sizeof *more);
        m->keys = more;
    }
    key *k = &m->keys[m->strings++];
    k->s = lua_tolstring(r->L, place, &k->length);
    k->place = place;
    return true;
}

/* [-0, +0, -] The key at `place` is no string. */
static void add_other(const reader *r, members *m, int place)
{
    lua_Integer i = lua_isinteger(r->L, place) ? lua_tointeger(r->L, place) : -1;
    m->others++;
    m->highest = i < 1 ? LUA_MAXINTEGER : i > m->highest ? i : m->highest;
}

/* [-0, +n, e] What is in the table on top; it is all left on the stack. */
static bool collect(reader *r, members *m)
{
    int table = lua_gettop(r->L);
    *m = (members){ 0 };
    lua_pushnil(r->L);                                  // table … key
    while (lua_next(r->L, table)) {                     // table … key value
        if (++r->nodes > MAX_NODES) {
            wrong(r, "too large for a decision");
            return false;
        }
        int place = lua_absindex(r->L, -2);
        if (lua_type(r->L, place) != LUA_TSTRING)
            add_other(r, m, place);
        else if (!add_string(r, m, place))
            return false;
        luaL_checkstack(r->L, 8, NULL);
        lua_pushvalue(r->L, place);                     // table … key value key
    }
    return true;
}

/* [-0, +0, e] In the order of the keys, so that the same decision always reads the same. */
static json *read_object(reader *r, const members *m, int depth)
{
    json *object = made(r, json_new_object(r->arena));
    if (m->strings > 1)
        qsort(m->keys, m->strings, sizeof *m->keys, by_bytes);
    for (size_t i = 0; object && i < m->strings; i++) {
        const char *name = read_text(r, m->keys[i].place);
        if (!name)
            return NULL;
        lua_pushvalue(r->L, m->keys[i].place + 1);      // value
        json *value = read_member(r, name, depth);      // -
        if (!value)
            return NULL;
        if (!json_add(r->arena, object, name, value))
            return full(r);
    }
    return object;
}

/* [-0, +n, e] */
static json *read_table(reader *r, int depth)
{
    members m;
    int table = lua_gettop(r->L);
    if (depth >= MAX_DEPTH)
        return wrong(r, "nested too deeply for a decision");
    if (!collect(r, &m))
        return NULL;
    if (m.others == 0)
        return read_object(r, &m, depth);
    if (m.strings || m.highest != (lua_Integer)m.others)
        return wrong(r, "the keys of a table are all strings, or 1 to n without a gap");
    lua_settop(r->L, table);                            // table
    return read_array(r, m.highest, depth);
}

/* [-0, +n, e] */
static json *read_view(reader *r, int depth)
{
    lua_view_copy(r->L, -1);                            // table
    return read_table(r, depth);
}

/* [-0, +n, e] The value on top of the stack. */
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
