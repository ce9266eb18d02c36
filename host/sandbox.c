#include "sandbox.h"

#include "clock.h"
#include "coverage.h"

#include <stdio.h>
#include <string.h>

enum {
    HOOK_EVERY = 100,           /* instructions */
    WORK_PER_LOOK = 4096,       /* elements; a few hundredths of a millisecond */
    BYTES_PER_WORK = 64,        /* so the allocator looks at the clock every 256 KiB */
    FEW_KEYS = 1024,            /* filled in 1 ms at worst: always allowed */
    LUA_NODE = 24,              /* bytes of an entry in the hash part of a table */
    STRING_WEIGHT = 64          /* comparing strings is the slowest thing an instruction does, byte for byte */
};
#define HEAVY ((size_t)8 << 20) /* weight of something one instruction should not touch twice without a look */

/* ---- places ------------------------------------------------------------- */

void sandbox_place_of(lua_State *L, sandbox_place *place)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline <= 0)
            continue;
        snprintf(place->path, sizeof place->path, "%s", ar.source + 1);
        place->line = ar.currentline;
        return;
    }
}

/* ---- the clock ---------------------------------------------------------- */

static int64_t cpu_used(const sandbox *s)
{
    return clock_cpu_ns() - s->cpu_start;
}

static void on_event(lua_State *L, lua_Debug *ar);

static void set_hook(const sandbox *s, int every)
{
    lua_sethook(s->L, on_event, LUA_MASKCOUNT | (s->coverage ? LUA_MASKLINE : 0), every);
}

/* A limit is reached: the next instruction raises, and so does every one after it. */
static void trip(sandbox *s, sandbox_trip kind)
{
    if (s->trip)
        return;
    s->trip = kind;
    if (!s->L)
        return;
    sandbox_place_of(s->L, &s->place);
    set_hook(s, 1);
}

/* CPU time cannot run ahead of the wall clock, and the wall clock costs no system call: the thread's
 * own clock is asked only once the budget could be spent. On a throttled CPU the budget lasts for ever,
 * and the deadline ends the run. */
static void look(sandbox *s)
{
    s->work = 0;
    int64_t wall = clock_ns();
    if (wall < s->look_at)
        return;
    int64_t left = s->cpu_ns - cpu_used(s);
    if (left <= 0)
        trip(s, TRIP_CPU);
    else if (wall >= s->deadline_ns)
        trip(s, TRIP_DEADLINE);
    else
        s->look_at = left < s->deadline_ns - wall ? wall + left : s->deadline_ns;
}

/* Nil as the error value: a text would have to be allocated, and vm.c knows the sentence. */
static void stop_if_tripped(lua_State *L, const sandbox *s)
{
    if (!s->trip)
        return;
    lua_pushnil(L);
    lua_error(L);
}

static void mark_line(lua_State *L, const sandbox *s, lua_Debug *ar)
{
    lua_getinfo(L, "S", ar);
    coverage_mark(s->coverage, ar->source + (*ar->source == '@'), ar->currentline);
}

static void on_event(lua_State *L, lua_Debug *ar)
{
    sandbox *s = sandbox_of(L);
    if (ar->event == LUA_HOOKLINE) {
        mark_line(L, s, ar);
        return;
    }
    look(s);
    stop_if_tripped(L, s);
}

void sandbox_charge(lua_State *L, size_t n)
{
    sandbox *s = sandbox_of(L);
    s->work += n;
    if (s->work < WORK_PER_LOOK)
        return;
    look(s);
    stop_if_tripped(L, s);
}

void sandbox_check_string(lua_State *L, size_t length)
{
    sandbox *s = sandbox_of(L);
    if (length >= SANDBOX_MAX_STRING)
        trip(s, TRIP_STRING);
    stop_if_tripped(L, s);
}

/* ---- the allocator ------------------------------------------------------ */

static int hook_interval(const sandbox *s)
{
    size_t instructions = HEAVY / (s->heaviest + 1);
    return instructions < 1 ? 1 : instructions > HOOK_EVERY ? HOOK_EVERY : (int)instructions;
}

static void weigh(sandbox *s, size_t weight)
{
    if (weight <= s->heaviest)
        return;
    s->heaviest = weight;
    if (weight > HEAVY / HOOK_EVERY && s->L && !s->trip)
        set_hook(s, hook_interval(s));
}

static bool is_deep(lua_State *L)
{
    lua_Debug ar;
    return L && lua_getstack(L, SANDBOX_MAX_DEPTH, &ar);
}

/* To fill n entries from half as many takes n * n / 8 steps along a chain, of up to 6 ns: less than half the budget. */
size_t sandbox_max_keys(const sandbox *s)
{
    size_t n = FEW_KEYS;
    while ((int64_t)(4 * n * n) <= s->cpu_ns)
        n *= 2;
    return n;
}

/* Is a hash part about to be made that the budget could not fill? One has a power of two entries. */
static bool is_too_many_keys(sandbox *s, size_t size)
{
    size_t n = size / LUA_NODE;
    if (s->only_strings || n <= FEW_KEYS || size % LUA_NODE || n & (n - 1))
        return false;
    look(s);
    return n > sandbox_max_keys(s);
}

/* Lua answers the first refusal with a full collection, which no hook interrupts: hence the look at
 * the clock. Refused twice in a row, the memory is really spent. A luaL_Buffer gives up at the first,
 * so nothing long may be built in one: see lua_string.h. */
static void *refuse(sandbox *s)
{
    look(s);
    if (s->refused)
        trip(s, is_deep(s->L) ? TRIP_DEPTH : TRIP_MEMORY);
    s->refused = true;
    return NULL;
}

static void *grow(sandbox *s, void *old, size_t size, bool string)
{
    if (string && size > SANDBOX_MAX_STRING) {
        trip(s, TRIP_STRING);
        return NULL;
    }
    void *block = heap_resize(s->heap, old, size);
    if (!block)
        return refuse(s);
    s->refused = false;
    weigh(s, string ? size * STRING_WEIGHT : size);
    s->work += size / BYTES_PER_WORK;
    if (s->work >= WORK_PER_LOOK)
        look(s);
    return block;
}

/* lua_Alloc. For a new block, `old_size` is the kind of object it is for. */
static void *allocate(void *ud, void *old, size_t old_size, size_t size)
{
    sandbox *s = ud;
    if (size == 0) {
        heap_release(s->heap, old);
        return NULL;
    }
    if (old && size <= old_size)
        return heap_resize(s->heap, old, size);
    if (!old && old_size == 0 && is_too_many_keys(s, size)) {
        trip(s, TRIP_TABLE);
        return NULL;
    }
    return grow(s, old, size, !old && old_size == LUA_TSTRING);
}

void sandbox_new_map(lua_State *L, size_t count)
{
    sandbox *s = sandbox_of(L);
    s->only_strings = true;
    lua_createtable(L, 0, (int)count);                  // map
    s->only_strings = false;
}

/* ---- the state ---------------------------------------------------------- */

sandbox *sandbox_of(lua_State *L)
{
    void *ud;
    lua_getallocf(L, &ud);
    return ud;
}

lua_State *sandbox_new_state(sandbox *s)
{
    s->L = lua_newstate(allocate, s);
    if (s->L)
        set_hook(s, HOOK_EVERY);
    return s->L;
}

void sandbox_start(sandbox *s, int64_t cpu_ns, int64_t deadline_ns)
{
    s->cpu_ns = cpu_ns;
    s->cpu_start = clock_cpu_ns();
    s->wall_start = clock_ns();
    s->deadline_ns = deadline_ns ? deadline_ns : INT64_MAX;
    s->look_at = s->wall_start + cpu_ns < s->deadline_ns ? s->wall_start + cpu_ns : s->deadline_ns;
    s->work = 0;
    s->refused = s->only_strings = false;
    s->trip = TRIP_NONE;
    s->place.path[0] = s->trace[0] = '\0';
    s->place.line = 0;
}

int64_t sandbox_finish(sandbox *s)
{
    int64_t cpu = cpu_used(s);
    if (cpu >= s->cpu_ns)
        trip(s, TRIP_CPU);
    else if (clock_ms() >= s->deadline_ns / 1000000)
        trip(s, TRIP_DEADLINE);
    return cpu;
}
