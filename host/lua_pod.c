#include "lua_pod.h"

#include "lua_string.h"
#include "lua_view.h"
#include "nearest.h"
#include "sandbox.h"

#include <string.h>

#include <lauxlib.h>

/* ---- values ------------------------------------------------------------- */

/* [-0, +1, e] Our stand-in for U+0000 becomes the character again. */
static void push_with_zeros(lua_State *L, const char *text, size_t length)
{
    char *out = lua_string_begin(L, length);            // room
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        out[n] = text[i];
        if (text[i] == '\xC0' && text[i + 1] == '\x80') { /* inside: a '\0' ends the text */
            out[n] = '\0';
            i++;
        }
        n++;
    }
    lua_string_end(L, out, n);                          // string
}

/* [-0, +1, e] */
static void push_text(lua_State *L, const char *text)
{
    size_t length = strlen(text ? text : "");
    sandbox_charge(L, length);
    if (text && strchr(text, 0xC0))
        push_with_zeros(L, text, length);
    else
        lua_pushlstring(L, text ? text : "", length);
}

/* [-0, +1, -] JSON knows no integers; what a double holds exactly becomes one. */
static void push_number(lua_State *L, double value)
{
    const double exact = 9007199254740992.0;
    if (value >= -exact && value <= exact && value == (double)(lua_Integer)value)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushnumber(L, value);
}

static const lua_view_kind node_kind;

/* [-0, +1, e] */
static void push_json(lua_State *L, const json *node)
{
    double number;
    if (json_number(node, &number))
        push_number(L, number);
    else if (json_is_string(node))
        push_text(L, json_string(node));
    else if (json_is_bool(node))
        lua_pushboolean(L, json_is_true(node));
    else if (json_is_object(node) || json_is_array(node))
        lua_view_push(L, &node_kind, node);
    else
        lua_pushnil(L);                                 /* null, or absent */
}

/* ---- JSON --------------------------------------------------------------- */

/* [-0, +0, e] */
static const json *member(lua_State *L, const json *object, const char *key)
{
    for (const json *m = json_first(object); m; m = json_next(m)) {
        sandbox_charge(L, 1);
        if (strcmp(json_key(m), key) == 0)
            return m;
    }
    return NULL;
}

/* [-0, +0, e] */
static const json *element(lua_State *L, lua_view *v, lua_Integer number)
{
    if (number < 1)
        return NULL;
    if (!v->at || v->number > number) {
        v->at = json_first(v->subject);
        v->number = 1;
    }
    const json *e = v->at;
    for (lua_Integer i = v->number; e && i < number; i++) {
        sandbox_charge(L, 1);
        e = json_next(e);
    }
    if (e) {
        v->at = e;
        v->number = number;
    }
    return e;
}

static void node_index(lua_State *L, lua_view *v)
{
    size_t length;
    const json *found = NULL;
    if (lua_type(L, 2) == LUA_TSTRING && json_is_object(v->subject)) {
        const char *key = lua_tolstring(L, 2, &length);
        if (strlen(key) == length)                      /* no key of ours has a zero in it */
            found = member(L, v->subject, key);
    } else if (lua_type(L, 2) == LUA_TNUMBER && json_is_array(v->subject)) {
        found = element(L, v, lua_tointeger(L, 2));
    }
    push_json(L, found);
}

static lua_Integer node_length(lua_State *L, lua_view *v)
{
    lua_Integer n = 0;
    if (json_is_array(v->subject))
        for (const json *e = json_first(v->subject); e; e = json_next(e), n++)
            sandbox_charge(L, 1);
    return n;
}

static void node_copy(lua_State *L, lua_view *v)
{
    lua_Integer i = 0;
    for (const json *n = json_first(v->subject); n; n = json_next(n)) {
        sandbox_charge(L, 1);
        push_json(L, n);                                // table value
        if (json_key(n))
            lua_setfield(L, -2, json_key(n));           // table
        else
            lua_rawseti(L, -2, ++i);                    // table
    }
}

static const lua_view_kind node_kind = { .index = node_index, .length = node_length, .copy = node_copy };

/* ---- records ------------------------------------------------------------ */

typedef struct field {
    const char *name;
    enum { TEXT, INTEGER, BOOLEAN, NODE, OWNER, CONTAINERS } type;
    size_t offset;          /* in the subject */
} field;

static const lua_view_kind owner_kind, containers_kind;

/* [-0, +1, e] */
static void push_field(lua_State *L, const void *subject, const field *f)
{
    const char *at = (const char *)subject + f->offset;
    switch (f->type) {
    case TEXT:
        push_text(L, *(const char *const *)at);
        return;
    case INTEGER:
        lua_pushinteger(L, *(const int64_t *)at);
        return;
    case BOOLEAN:
        lua_pushboolean(L, *(const bool *)at);
        return;
    case NODE:
        lua_view_push(L, &node_kind, *(const json *const *)at);
        return;
    case CONTAINERS:
        lua_view_push(L, &containers_kind, subject);
        return;
    case OWNER:
        if (((const pod *)subject)->owner_kind)
            lua_view_push(L, &owner_kind, subject);
        else
            lua_pushnil(L);
        return;
    }
}

/* [-0, +0, e] A misspelt field is never silently nil. */
static void unknown_field(lua_State *L, const lua_view_kind *kind, const char *name)
{
    const char *names[32];
    for (size_t i = 0; i < kind->field_count; i++)
        names[i] = kind->fields[i].name;
    const char *near = nearest_word(name, names, kind->field_count);
    if (near)
        luaL_error(L, "%s has no field `%s`; did you mean `%s`?", kind->name, name, near);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; i < kind->field_count; i++) {
        luaL_addstring(&b, i ? ", " : "");
        luaL_addstring(&b, names[i]);
    }
    luaL_pushresult(&b);                                // names
    luaL_error(L, "%s has no field `%s`; it has %s", kind->name, name, lua_tostring(L, -1));
}

static void record_index(lua_State *L, lua_view *v)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    const lua_view_kind *k = v->kind;
    for (size_t i = 0; i < k->field_count; i++)
        if (strcmp(k->fields[i].name, name) == 0) {
            push_field(L, v->subject, &k->fields[i]);
            return;
        }
    unknown_field(L, k, name);
}

static lua_Integer record_length(lua_State *L, lua_view *v)
{
    return luaL_error(L, "%s has no length", v->kind->name);
}

static void record_copy(lua_State *L, lua_view *v)
{
    for (size_t i = 0; i < v->kind->field_count; i++) {
        push_field(L, v->subject, &v->kind->fields[i]); // table value
        lua_setfield(L, -2, v->kind->fields[i].name);   // table
    }
}

#define RECORD(title, rows) { record_index, record_length, record_copy, NULL, title, rows, sizeof (rows) / sizeof *(rows) }

/* By name: messages list them in this order. */
static const field pod_fields[] = {
    { "annotations", NODE, offsetof(pod, annotations) },
    { "containers", CONTAINERS, 0 },
    { "dry_run", BOOLEAN, offsetof(pod, dry_run) },
    { "generate_name", TEXT, offsetof(pod, generate_name) },
    { "gpus", INTEGER, offsetof(pod, gpus) },
    { "labels", NODE, offsetof(pod, labels) },
    { "name", TEXT, offsetof(pod, name) },
    { "namespace", TEXT, offsetof(pod, namespace) },
    { "node_selector", NODE, offsetof(pod, node_selector) },
    { "object", NODE, offsetof(pod, object) },
    { "owner", OWNER, 0 },
    { "runtime_class", TEXT, offsetof(pod, runtime_class) },
    { "scheduler_name", TEXT, offsetof(pod, scheduler_name) },
    { "service_account", TEXT, offsetof(pod, service_account) },
    { "user", TEXT, offsetof(pod, user) },
};
static const lua_view_kind pod_kind = RECORD("a pod", pod_fields);

static const field container_fields[] = {
    { "gpus", INTEGER, offsetof(pod_container, gpus) },
    { "image", TEXT, offsetof(pod_container, image) },
    { "init", BOOLEAN, offsetof(pod_container, init) },
    { "name", TEXT, offsetof(pod_container, name) },
    { "privileged", BOOLEAN, offsetof(pod_container, privileged) },
    { "sidecar", BOOLEAN, offsetof(pod_container, sidecar) },
};
static const lua_view_kind container_kind = RECORD("a container", container_fields);

static const field owner_fields[] = {
    { "kind", TEXT, offsetof(pod, owner_kind) },
    { "name", TEXT, offsetof(pod, owner_name) },
};
static const lua_view_kind owner_kind = RECORD("an owner", owner_fields);

/* ---- the list of containers --------------------------------------------- */

static void containers_index(lua_State *L, lua_view *v)
{
    const pod *p = v->subject;
    lua_Integer i = lua_type(L, 2) == LUA_TNUMBER ? lua_tointeger(L, 2) : 0;
    if (i >= 1 && (lua_Unsigned)i <= p->container_count)
        lua_view_push(L, &container_kind, &p->containers[i - 1]);
    else
        lua_pushnil(L);
}

static lua_Integer containers_length(lua_State *L, lua_view *v)
{
    (void)L;
    return (lua_Integer)((const pod *)v->subject)->container_count;
}

static void containers_copy(lua_State *L, lua_view *v)
{
    const pod *p = v->subject;
    for (size_t i = 0; i < p->container_count; i++) {
        sandbox_charge(L, 1);
        lua_view_push(L, &container_kind, &p->containers[i]);       // table container
        lua_rawseti(L, -2, (lua_Integer)i + 1);                 // table
    }
}

static const lua_view_kind containers_kind = {
    .index = containers_index, .length = containers_length, .copy = containers_copy
};

/* ---- the whole ---------------------------------------------------------- */

void lua_pod_push(lua_State *L, const pod *p)
{
    lua_view_push(L, &pod_kind, p);
}
