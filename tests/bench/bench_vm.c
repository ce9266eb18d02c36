/* What one run of a policy costs, beside an empty Lua function in a state that is
 * kept: the same call, clock and hook, but nothing restored. Prints medians. */
#include "bundle.h"
#include "json.h"
#include "pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

enum { ROUNDS = 20001, BATCH = 10 };

static const vm_limits limits = { .memory = (size_t)8 << 20, .cpu_ns = INT64_C(50000000) };

static const char *const pods[][2] = {
    { "slice-ratio", "{\"metadata\":{\"annotations\":{\"castops.io/optimize\":\"true\",\"castops.io/slice-ratio\":\"3\"}}}" },
    { "workload-type", "{\"metadata\":{\"annotations\":{\"castops.io/optimize\":\"true\",\"castops.io/workload-type\":\"dev\"}}}" },
    { "refused", "{\"metadata\":{\"annotations\":{\"castops.io/optimize\":\"true\",\"castops.io/workload-type\":\"dew\"}}}" },
    { "not opted in", "{\"metadata\":{}}" },
};

static double now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(void (*work)(void *), void *context)
{
    static double taken[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_us(CLOCK_MONOTONIC);
        for (int j = 0; j < BATCH; j++)
            work(context);
        taken[i] = (now_us(CLOCK_MONOTONIC) - start) / BATCH;
    }
    qsort(taken, ROUNDS, sizeof *taken, by_value);
    return taken[ROUNDS / 2];
}

/* ---- an empty function --------------------------------------------------- */

static void nothing(lua_State *L, lua_Debug *ar)
{
    (void)L, (void)ar;
}

static void call_empty(void *context)
{
    lua_State *L = context;
    now_us(CLOCK_THREAD_CPUTIME_ID);
    lua_pushvalue(L, 1);
    lua_pcall(L, 0, 0, 0);
    now_us(CLOCK_THREAD_CPUTIME_ID);
}

static double empty_function(void)
{
    lua_State *L = luaL_newstate();
    if (!L || luaL_loadstring(L, "return function() end") != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        exit(2);
    lua_sethook(L, nothing, LUA_MASKCOUNT, 100);
    double us = median(call_empty, L);
    lua_close(L);
    return us;
}

/* ---- a policy ------------------------------------------------------------ */

typedef struct job {
    vm *v;
    pod p;
    json_arena *answers;
} job;

static void run_policy(void *context)
{
    job *j = context;
    vm_usage usage;
    error err;
    if (json_arena_used(j->answers) > 1 << 15) {        /* the arena's own cost belongs to the review */
        json_arena_free(j->answers);
        j->answers = json_arena_new(1 << 20);
    }
    vm_run(j->v, &j->p, limits.cpu_ns, j->answers, &usage, &err);
}

static double run_pod(vm *v, const char *namespace, const char *object)
{
    error err;
    json_arena *arena = json_arena_new(1 << 20);
    job j = { .v = v, .answers = json_arena_new(1 << 20) };
    json *tree = json_parse(arena, object, strlen(object), &err);
    if (!tree || !pod_read(&j.p, arena, tree, &(pod_request){ .namespace = namespace }, &err))
        exit(2);
    double us = median(run_policy, &j);
    json_arena_free(j.answers);
    json_arena_free(arena);
    return us;
}

static double run_source(const char *text, const char *object)
{
    error err;
    vm_source source = { "policy", "policy.lua", text, strlen(text) };
    vm *v = vm_new(&source, 1, NULL, limits, &err);
    if (!v)
        exit(2);
    double us = run_pod(v, "default", object);
    vm_free(v);
    return us;
}

/* ---- rules --------------------------------------------------------------- */

static void write_rules(const char *path, int count)
{
    FILE *f = fopen(path, "w");
    if (!f)
        exit(2);
    fprintf(f, "{\"rules\": [");
    for (int i = 0; i < count; i++)
        fprintf(f, "%s\n{ \"name\": \"team %d\", \"namespaces\": [\"team-%d\"], \"labelSelector\": { \"app\": \"llm\" },"
                " \"workloadType\": \"training\" }", i ? "," : "", i, i);
    fprintf(f, "]}\n");
    fclose(f);
}

/* A policy.json of `count` rules, the last of which matches. */
static double run_rules(int count, size_t *image)
{
    char folder[] = "/tmp/castslice-bench-XXXXXX", path[64], namespace[32];
    error err;
    if (!mkdtemp(folder))
        exit(2);
    snprintf(path, sizeof path, "%s/policy.json", folder);
    snprintf(namespace, sizeof namespace, "team-%d", count - 1);
    write_rules(path, count);
    double start = now_us(CLOCK_MONOTONIC);
    bundle *b = bundle_load(folder, 1, limits, &err);
    if (!b)
        exit(2);
    printf("%4d rules, loading                %6.2f ms\n", count, (now_us(CLOCK_MONOTONIC) - start) / 1e3);
    vm *v = bundle_borrow(b);
    double us = run_pod(v, namespace, "{\"metadata\":{\"labels\":{\"app\":\"llm\"}}}");
    *image = vm_image(v);
    bundle_return(b, v);
    bundle_unref(b);
    unlink(path);
    rmdir(folder);
    return us;
}

static void compare_rules(void)
{
    size_t small, large;
    double ten = run_rules(10, &small), thousand = run_rules(1000, &large);
    printf("  10 rules, the last matches      %6.2f us, image %zu bytes\n", ten, small);
    printf("1000 rules, the last matches      %6.2f us, image %zu bytes  %.2f times ten rules\n", thousand, large,
           thousand / ten);
}

int main(void)
{
    error err;
    double empty = empty_function();
    printf("empty function, state kept        %6.2f us\n", empty);
    printf("empty policy, heap restored       %6.2f us\n", run_source("return function() end", pods[0][1]));
    bundle *b = bundle_load(NULL, 1, limits, &err);
    if (!b)
        return 2;
    vm *v = bundle_borrow(b);
    for (size_t i = 0; i < sizeof pods / sizeof *pods; i++) {
        double us = run_pod(v, "default", pods[i][1]);
        printf("default policy, %-17s %6.2f us  %.1f times the empty function\n", pods[i][0], us, us / empty);
    }
    printf("image                             %6zu bytes\n", vm_image(v));
    bundle_return(b, v);
    bundle_unref(b);
    compare_rules();
    return 0;
}
