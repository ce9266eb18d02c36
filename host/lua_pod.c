#include "lua_pod.h"

#include "nearest.h"
#include "sandbox.h"

#include <string.h>

#include <lauxlib.h>

typedef struct view view;

/* What a view can be. `subject` is a pod, a pod_container, or a JSON object or
 * array, NULL standing for an empty one. */
typedef struct view_kind {
    void (*index)(lua_State *L, view *v);               /* [-0, +1, e] the key is at stack slot 2 */
    lua_Integer (*length)(lua_State *L, view *v);       /* [-0, +0, e] */
    void (*copy)(lua_State *L, view *v);                /* [-0, +0, e] into the table on top */
    const char *name;                                   /* of a record, for messages */
    const struct field *fields;
    size_t field_count;
} view_kind;

struct view {
    const view_kind *kind;
    const void *subject;
    const json *at;         /* an array's element of the last look-up, and its index from 1, */
    lua_Integer number;     /* so that reading in order is linear; NULL before the first */
};

static const char meta_key;     /* the views' metatable in the registry */

/* ---- values ------------------------------------------------------------- */

/* [-0, +1, e] */
static void push_view(lua_State *L, const view_kind *kind, const void *subject)
{
    view *v = lua_newuserdatauv(L, sizeof *v, 0);       // view
    *v = (view){ .kind = kind, .subject = subject };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key);       // view meta
    lua_setmetatable(L, -2);                            // view
}

/* [-0, +1, e] Our stand-in for U+0000 becomes the character again; shorter, so in place of a second pass. */
static void push_with_zeros(lua_State *L, const char *text, size_t length)
{
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, length);
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        out[n] = text[i];
        if (text[i] == '\xC0' && text[i + 1] == '\x80') { /* inside: a '\0' ends the text */
            out[n] = '\0';
            i++;
        }
        n++;
    }
    luaL_pushresultsize(&b, n);
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

static const view_kind node_kind;

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
        push_view(L, &node_kind, node);
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
static const json *element(lua_State *L, view *v, lua_Integer number)
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

static void node_index(lua_State *L, view *v)
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

static lua_Integer node_length(lua_State *L, view *v)
{
    lua_Integer n = 0;
    if (json_is_array(v->subject))
        for (const json *e = json_first(v->subject); e; e = json_next(e), n++)
            sandbox_charge(L, 1);
    return n;
}

static void node_copy(lua_State *L, view *v)
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

static const view_kind node_kind = { .index = node_index, .length = node_length, .copy = node_copy };

/* ---- records ------------------------------------------------------------ */

typedef struct field {
    const char *name;
    enum { TEXT, INTEGER, BOOLEAN, NODE, OWNER, CONTAINERS } type;
    size_t offset;          /* in the subject */
} field;

static const view_kind owner_kind, containers_kind;

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
        push_view(L, &node_kind, *(const json *const *)at);
        return;
    case CONTAINERS:
        push_view(L, &containers_kind, subject);
        return;
    case OWNER:
        if (((const pod *)subject)->owner_kind)
            push_view(L, &owner_kind, subject);
        else
            lua_pushnil(L);
        return;
    }
}

/* [-0, +0, e] A misspelt field is never silently nil. */
static void unknown_field(lua_State *L, const view_kind *kind, const char *name)
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

static void record_index(lua_State *L, view *v)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    const view_kind *k = v->kind;
    for (size_t i = 0; i < k->field_count; i++)
        if (strcmp(k->fields[i].name, name) == 0) {
            push_field(L, v->subject, &k->fields[i]);
            return;
        }
    unknown_field(L, k, name);
}

static lua_Integer record_length(lua_State *L, view *v)
{
    return luaL_error(L, "%s has no length", v->kind->name);
}

static void record_copy(lua_State *L, view *v)
{
    for (size_t i = 0; i < v->kind->field_count; i++) {
        push_field(L, v->subject, &v->kind->fields[i]); // table value
        lua_setfield(L, -2, v->kind->fields[i].name);   // table
    }
}

#define RECORD(title, rows) { record_index, record_length, record_copy, title, rows, sizeof (rows) / sizeof *(rows) }

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
static const view_kind pod_kind = RECORD("a pod", pod_fields);

static const field container_fields[] = {
    { "gpus", INTEGER, offsetof(pod_container, gpus) },
    { "image", TEXT, offsetof(pod_container, image) },
    { "init", BOOLEAN, offsetof(pod_container, init) },
    { "name", TEXT, offsetof(pod_container, name) },
    { "privileged", BOOLEAN, offsetof(pod_container, privileged) },
    { "sidecar", BOOLEAN, offsetof(pod_container, sidecar) },
};
static const view_kind container_kind = RECORD("a container", container_fields);

static const field owner_fields[] = {
    { "kind", TEXT, offsetof(pod, owner_kind) },
    { "name", TEXT, offsetof(pod, owner_name) },
};
static const view_kind owner_kind = RECORD("an owner", owner_fields);

/* ---- the list of containers --------------------------------------------- */

static void containers_index(lua_State *L, view *v)
{
    const pod *p = v->subject;
    lua_Integer i = lua_type(L, 2) == LUA_TNUMBER ? lua_tointeger(L, 2) : 0;
    if (i >= 1 && (lua_Unsigned)i <= p->container_count)
        push_view(L, &container_kind, &p->containers[i - 1]);
    else
        lua_pushnil(L);
}

static lua_Integer containers_length(lua_State *L, view *v)
{
    (void)L;
    return (lua_Integer)((const pod *)v->subject)->container_count;
}

static void containers_copy(lua_State *L, view *v)
{
    const pod *p = v->subject;
    for (size_t i = 0; i < p->container_count; i++) {
        sandbox_charge(L, 1);
        push_view(L, &container_kind, &p->containers[i]);       // table container
        lua_rawseti(L, -2, (lua_Integer)i + 1);                 // table
    }
}

static const view_kind containers_kind = {
    .index = containers_index, .length = containers_length, .copy = containers_copy
};

/* ---- the metatable ------------------------------------------------------ */

static int meta_index(lua_State *L)
{
    view *v = lua_touserdata(L, 1);
    v->kind->index(L, v);
    return 1;
}

static int meta_length(lua_State *L)
{
    view *v = lua_touserdata(L, 1);
    lua_pushinteger(L, v->kind->length(L, v));
    return 1;
}

static int meta_newindex(lua_State *L)
{
    return luaL_error(L, LUA_POD_READ_ONLY);
}

/* Every look-up makes a new view; two of the same thing are equal. */
static int meta_equal(lua_State *L)
{
    const view *a = lua_touserdata(L, 1), *b = lua_touserdata(L, 2);
    lua_pushboolean(L, a->kind == b->kind && a->subject == b->subject);
    return 1;
}

void lua_pod_open(lua_State *L)
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

void lua_pod_push(lua_State *L, const pod *p)
{
    push_view(L, &pod_kind, p);
}

bool lua_pod_is_view(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TUSERDATA;
}

void lua_pod_copy(lua_State *L, int index)
{
    view *v = lua_touserdata(L, index);
    lua_newtable(L);                                    // table
    v->kind->copy(L, v);
}
