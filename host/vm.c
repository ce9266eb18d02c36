#include "vm.h"

#include "lua_decision.h"
#include "lua_failure.h"
#include "lua_library.h"
#include "lua_pod.h"
#include "lua_require.h"
#include "lua_settings.h"
#include "lua_view.h"
#include "mem.h"
#include "sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>


struct vm {
    sandbox box;
    const vm_source *entry;
    vm_limits limits;
    json_arena *frozen;         /* what the policy froze, and its presets; it does not change after loading */
    lua_settings settings;      /* strings in the image, trees in `frozen` */
    int64_t deadline_ns;        /* of the next runs; 0: none */
    size_t heaviest;            /* as the sandbox knew it when the image was taken */
};

/* What one run works on; reached from inside through a light userdata. */
typedef struct run {
    const pod *pod;
    json_arena *arena;
    error *err;
    json *answer;
} run;

/* The stack of the image. */
enum { HANDLER = 1, RUN, DECIDE };

static lua_failure failure(const vm *v, bool loading)
{
    return (lua_failure){ &v->box, v->entry, v->limits.memory, loading };
}

/* The error value, read without any call that could raise or convert. */
static const char *message_of(lua_State *L)
{
    return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

/* ---- inside the protected call ------------------------------------------- */

/* decide run → - */
static int run_policy(lua_State *L)
{
    run *r = lua_touserdata(L, 2);
    lua_settop(L, 1);                                   // decide
    lua_pod_push(L, r->pod);                            // decide pod
    lua_call(L, 1, 1);                                  // decision
    r->answer = lua_decision_read(L, 1, r->arena, r->err);
    return 0;
}

/* [-0, +0, e] A module nobody has required yet must at least be Lua, or the first review to need it would fail. */
static void compile_others(lua_State *L, const vm *v)
{
    for (size_t i = 0; i < v->box.source_count; i++) {
        if (lua_require_is_loaded(L, v->box.sources[i].module))
            continue;
        lua_require_compile(L, &v->box.sources[i]);     // chunk
        lua_pop(L, 1);                                  // -
    }
}

/* vm → run_policy decide */
static int load_policy(lua_State *L)
{
    vm *v = lua_touserdata(L, 1);
    lua_settop(L, 0);                                   // -
    lua_library_open(L);
    lua_view_open(L);
    lua_gc(L, LUA_GCCOLLECT);
    lua_pushcfunction(L, run_policy);                   // run
    lua_require_module(L, v->entry->module);            // run policy
    lua_settings_read(L, v->entry, v->frozen, &v->settings);  // run decide
    compile_others(L, v);
    lua_require_forget(L);
    lua_gc(L, LUA_GCCOLLECT);
    return 2;
}

/* ---- life --------------------------------------------------------------- */

static int panic(lua_State *L)
{
    const char *message = message_of(L);
    fprintf(stderr, "castslice: Lua error outside a protected call: %s\n", message ? message : "?");
    return 0;                                           /* Lua aborts */
}

static const vm_source *find_entry(const vm_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(sources[i].module, "policy") == 0)
            return &sources[i];
    return NULL;
}

/* Everything but the making of an empty state happens inside one protected call. */
static bool load(vm *v, error *err)
{
    int status = LUA_ERRMEM;
    sandbox_start(&v->box, v->limits.cpu_ns * VM_LOAD_BUDGETS, 0);
    lua_State *L = sandbox_new_state(&v->box);
    if (L) {
        lua_atpanic(L, panic);
        lua_pushcfunction(L, lua_failure_handler);      // handler
        lua_pushcfunction(L, load_policy);              // handler load
        lua_pushlightuserdata(L, v);                    // handler load vm
        status = lua_pcall(L, 1, 2, HANDLER);           // handler run decide
    }
    if (status == LUA_OK && !v->box.trip)
        return true;
    lua_failure f = failure(v, true);
    return lua_failure_explain(&f, status, L ? message_of(L) : NULL, err);
}

vm *vm_new(const vm_source *sources, size_t count, const data_set *data, vm_limits limits, error *err)
{
    vm *v = mem_zalloc(sizeof *v);
    *v = (vm){ .entry = find_entry(sources, count), .limits = limits };
    v->frozen = json_arena_new(limits.memory);
    v->box = (sandbox){ .heap = heap_new(limits.memory), .sources = sources, .source_count = count, .data = data,
                        .frozen = v->frozen };
    if (limits.observer) {
        v->box.coverage = limits.observer->coverage;
        vm_listen(v, limits.observer->notes, limits.observer->arena);
    }
    bool ok = v->entry && v->box.heap;
    if (!ok)
        error_set(err, ERR_SYSTEM, v->entry ? "cannot reserve memory for the policy" : "there is no policy.lua");
    if (!ok || !load(v, err)) {
        vm_free(v);
        return NULL;
    }
    v->heaviest = v->box.heaviest;
    v->box.frozen = NULL;
    vm_listen(v, NULL, NULL);
    heap_snapshot(v->box.heap);
    return v;
}

/* No lua_close: what a state owns lies in its heap, and its finalizers never run. */
void vm_free(vm *v)
{
    if (!v)
        return;
    heap_free(v->box.heap);
    json_arena_free(v->frozen);
    free(v);
}

const char *vm_resource(const vm *v)
{
    return v->settings.resource;
}

const json *vm_presets(const vm *v)
{
    return v->settings.presets;
}

size_t vm_image(const vm *v)
{
    return heap_image(v->box.heap);
}

const char *vm_trace(const vm *v)
{
    return v->box.trace;
}

/* ---- a run -------------------------------------------------------------- */

/* The answer, or the error that `run_policy` or Lua left behind. */
static json *result(vm *v, const run *r, int status)
{
    if (status != LUA_OK || v->box.trip) {
        lua_failure f = failure(v, false);
        lua_failure_explain(&f, status, message_of(v->box.L), r->err);
        return NULL;
    }
    if (!r->answer && r->err->kind == ERR_POLICY)
        error_set(r->err, ERR_POLICY, "%s: %s", v->entry->path, r->err->text);
    return r->answer;
}

json *vm_run(vm *v, const pod *p, int64_t cpu_ns, json_arena *arena, vm_usage *usage, error *err)
{
    run r = { p, arena, err, NULL };
    sandbox_start(&v->box, cpu_ns < v->limits.cpu_ns ? cpu_ns : v->limits.cpu_ns, v->deadline_ns);
    v->box.heaviest = v->heaviest;
    lua_pushlightuserdata(v->box.L, &r);                // handler run decide r
    int status = lua_pcall(v->box.L, 2, 0, HANDLER);    // handler
    *usage = (vm_usage){ sandbox_finish(&v->box), heap_peak(v->box.heap) };     /* too short for the hook, yet too long? */
    json *answer = result(v, &r, status);
    heap_restore(v->box.heap);                          // handler run decide
    return answer;
}

void vm_set_deadline(vm *v, int64_t deadline_ns)
{
    v->deadline_ns = deadline_ns;
}

void vm_listen(vm *v, json *notes, json_arena *arena)
{
    v->box.notes = notes;
    v->box.arena = arena;
    v->box.note_count = 0;
}

const char *vm_library(void)
{
    return LUA_RELEASE;
}
