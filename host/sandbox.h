/* sandbox.h - the limits of one run: CPU time, a deadline, memory, the length of a string, the keys of a table.
 *
 * A policy has nothing that catches an error, so the first limit that trips ends
 * the run; `trip` still says so if something should swallow it one day. The
 * sandbox is the user data of the state's allocator, so every C function reaches
 * it through its lua_State.
 *
 * What one VM instruction can cost depends on the largest thing it can touch: a
 * comparison walks a string, a rehash walks a table. So the count hook looks at
 * the clock every 100 instructions, and more often once something large exists.
 *
 * A table grows in one instruction, which fills the new hash part from the old
 * one. Keys can be chosen to lie in one chain of the new part (j * (2^k - 1) do),
 * and then this takes the square of their number. So what a hash part may hold
 * depends on the budget. */
#ifndef CASTSLICE_SANDBOX_H
#define CASTSLICE_SANDBOX_H

#include "heap.h"
#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#define SANDBOX_MAX_STRING ((size_t)1 << 20)             /* bytes in one Lua string */
#define SANDBOX_CHAINED ((size_t)64)                    /* work of one lua_next or lua_rawget: its key may lie deep in a chain */
#define SANDBOX_MAX_DEPTH 1000                           /* calls: a policy deeper than this at its memory cap recursed for ever */

typedef enum sandbox_trip { TRIP_NONE, TRIP_CPU, TRIP_DEADLINE, TRIP_MEMORY, TRIP_STRING, TRIP_DEPTH,
                            TRIP_TABLE } sandbox_trip;

/* Where in the policy something happened. */
typedef struct sandbox_place {
    char path[256];         /* "" when unknown */
    int line;               /* 0 when unknown */
} sandbox_place;

typedef struct sandbox {
    heap *heap;
    lua_State *L;           /* NULL until the state exists; it lies in the heap */
    const struct vm_source *sources;    /* what `require` finds, and whose paths messages begin with; borrowed */
    size_t source_count;
    const struct data_set *data;        /* the bundle's JSON; borrowed, may be NULL */
    json_arena *frozen;     /* where what a policy freezes lies; NULL but while it loads */
    json *notes;            /* what the policy says of this run, an array of strings; NULL when nobody listens */
    json_arena *arena;      /* of the notes */
    size_t note_count;
    struct coverage *coverage;  /* of the lines that run; NULL: nobody counts them */
    int64_t cpu_ns;         /* what this run may use */
    int64_t cpu_start;      /* the thread's CPU clock when it began */
    int64_t wall_start;     /* clock_ns() when it began, */
    int64_t deadline_ns;    /* and after which nobody waits for it */
    int64_t look_at;        /* clock_ns() before which neither can have passed */
    size_t work;            /* bytes and elements since the last look at the clock */
    size_t heaviest;        /* weight of the largest block ever allocated */
    bool refused;           /* the last growth; Lua collects its garbage and asks once more */
    bool only_strings;      /* are the keys of the table in the making: where those lie, nobody can choose */
    sandbox_trip trip;
    sandbox_place place;    /* of the trip, or of the error that ended the run */
    char trace[512];        /* the calls it happened in, innermost first; "" when Lua knew none */
} sandbox;

lua_State *sandbox_new_state(sandbox *s);                /* NULL when not even an empty state fits */
void sandbox_start(sandbox *s, int64_t cpu_ns, int64_t deadline_ns);  /* a run begins now, on this thread; 0: no deadline */
int64_t sandbox_finish(sandbox *s);                      /* it ends: the CPU time it took; trips when that, or the deadline, has run out */

sandbox *sandbox_of(lua_State *L);
void sandbox_place_of(lua_State *L, sandbox_place *place); /* the innermost Lua function; allocates nothing */

size_t sandbox_max_keys(const sandbox *s);                /* a table may have, those of its list not counted */

/* [-0, +1, e] A table with room for `count` keys, all strings, of any number. The policy must not get it. */
void sandbox_new_map(lua_State *L, size_t count);

/* [-0, +0, e] Raises when a string of `length` bytes is longer than any may be, before room is made for it. */
void sandbox_check_string(lua_State *L, size_t length);

/* [-0, +0, e] Account for `n` bytes or elements of work, before doing it; raises when the budget is spent. */
#ifdef CASTSLICE_LUA_MODULE
static inline void sandbox_charge(lua_State *L, size_t n)   /* built for a plain Lua interpreter, which has no budget */
{
    (void)L, (void)n;
}
#else
void sandbox_charge(lua_State *L, size_t n);
#endif

#endif
