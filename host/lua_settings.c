#include "lua_settings.h"

#include "decision.h"
#include "lua_decision.h"
#include "preset_line.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

/* What the settings are read for, and into. */
typedef struct reader {
    const vm_source *entry;
    json_arena *arena;
    lua_settings *out;
} reader;

/* [-0, +0, e] The value on top. */
static void read_resource(lua_State *L, const reader *r)
{
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (!decision_valid_resource(name))
        luaL_error(L, "%s: resource: must be an extended resource such as \"%s\"", r->entry->path, POD_DEFAULT_TARGET);
    r->out->resource = name;
}

static void refuse_ratio(lua_State *L, const reader *r, const char *name)
{
    char place[16] = "";
    int line = preset_line(r->entry->text, r->entry->length, name);
    if (line)
        snprintf(place, sizeof place, ":%d", line);
    luaL_error(L, "%s%s: presets.%s: must be a whole number from 1 to %d", r->entry->path, place, name, DECISION_MAX_RATIO);
}

/* [-0, +0, e] The value on top. A wrong number is found now, not by the first Pod that names the preset. */
static void read_presets(lua_State *L, const reader *r)
{
    error err;
    int64_t ratio;
    const json *presets = lua_decision_read(L, -1, r->arena, &err);
    if (!presets)
        luaL_error(L, "%s: presets: %s", r->entry->path, err.text);
    if (!json_is_object(presets))
        luaL_error(L, "%s: presets: must be a table of names and numbers, { training = 4 }", r->entry->path);
    for (const json *p = json_first(presets); p; p = json_next(p))
        if (!decision_valid_ratio(p, &ratio))
            refuse_ratio(L, r, json_key(p));
    r->out->presets = presets;
}

/* [-0, +0, e] One setting: its value is on top, its key below. */
static void read_setting(lua_State *L, const reader *r)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
    if (strcmp(name, "resource") == 0)
        read_resource(L, r);
    else if (strcmp(name, "presets") == 0)
        read_presets(L, r);
    else if (strcmp(name, "decide") != 0)
        luaL_error(L, "%s: unknown setting `%s`; a policy has `decide`, `presets` and `resource`", r->entry->path, name);
}

void lua_settings_read(lua_State *L, const vm_source *entry, json_arena *arena, lua_settings *out)
{
    reader r = { entry, arena, out };
    *out = (lua_settings){ .resource = NULL };
    if (lua_type(L, -1) == LUA_TTABLE) {                // table
        lua_pushnil(L);                                 // table key
        while (lua_next(L, -2)) {                       // table key value
            read_setting(L, &r);
            lua_pop(L, 1);                              // table key
        }
        lua_getfield(L, -1, "decide");                  // table decide
        lua_remove(L, -2);                              // decide
    }
    if (lua_type(L, -1) != LUA_TFUNCTION)
        luaL_error(L, "%s: must return a function of one Pod, or a table with such a function as `decide`", entry->path);
}
