/* lua_settings.h - what a policy says beside its function: the table that policy.lua may return. */
#ifndef CASTSLICE_LUA_SETTINGS_H
#define CASTSLICE_LUA_SETTINGS_H

#include "json.h"
#include "vm.h"

#include <lua.h>

typedef struct lua_settings {
    const char *resource;   /* the default target, a string of the policy's table; NULL: not set */
    const json *presets;    /* names and their ratios, each from 1 to DECISION_MAX_RATIO; NULL: not set */
} lua_settings;

/* [-1, +1, e] What `entry`, policy.lua, returned becomes the function of one Pod; its settings go to `*out`, the
 * presets into `arena`. Raises, the path first, for anything that is neither a function nor such a table, and for the
 * first setting that is unknown or wrong. */
void lua_settings_read(lua_State *L, const vm_source *entry, json_arena *arena, lua_settings *out);

#endif
