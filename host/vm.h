/* vm.h - one run of a policy in the sandbox.
 *
 * A vm is a Lua state whose heap is one fixed block of memory. When the policy is
 * loaded the used part of the heap is copied aside (the image); after every run it
 * is copied back, allocator state included. So no run can see another, not even
 * one that ended in out of memory, and no state is ever closed.
 * One thread at a time; bundle.h hands vms out. */
#ifndef CASTSLICE_VM_H
#define CASTSLICE_VM_H

#include "data.h"
#include "error.h"
#include "json.h"
#include "pod.h"

#include <stddef.h>
#include <stdint.h>

typedef struct vm vm;

/* One Lua source file of a bundle. Borrowed: must outlive the vm. */
typedef struct vm_source {
    const char *module;     /* what `require` calls it; "policy" is the entry */
    const char *path;       /* for messages: "policies/default/policy.lua" */
    const char *text;
    size_t length;
} vm_source;

enum { VM_LOAD_BUDGETS = 20 };  /* loading may use this many times the CPU of a run */

typedef struct vm_limits {
    size_t memory;          /* bytes of Lua heap, everything included */
    int64_t cpu_ns;         /* CPU time of the thread for one run */
    const struct vm_observer *observer; /* NULL in the server; borrowed as long as the vm lives */
} vm_limits;

/* What who tests a bundle wants to know of it. */
typedef struct vm_observer {
    struct coverage *coverage;          /* the lines that run; NULL: not asked */
    json *notes;                        /* what the policy says while it loads, an array; NULL: nobody listens */
    json_arena *arena;                  /* of the notes */
} vm_observer;

/* What a run cost; measured also when it failed. */
typedef struct vm_usage {
    int64_t cpu_ns;
    size_t peak_bytes;      /* highest heap use */
} vm_usage;

/* Compile `sources`, run the entry once and keep what it returned: a function of
 * one Pod, or a table with `decide` and settings. NULL and `err` on the first mistake: ERR_POLICY*,
 * file and line first, or ERR_SYSTEM without an entry or without memory to reserve. Loading has VM_LOAD_BUDGETS times the CPU of a run.
 * `data` is what castslice.data reads: borrowed, must outlive the vm, NULL for none. */
vm *vm_new(const vm_source *sources, size_t count, const data_set *data, vm_limits limits, error *err);
void vm_free(vm *v);                        /* NULL is fine */

/* The policy's setting `resource`, or NULL. Lives as long as the vm. */
const char *vm_resource(const vm *v);

/* Its setting `presets`, an object of names and ratios, or NULL. Lives as long as the vm. */
const json *vm_presets(const vm *v);

/* Bytes copied back after every run. */
size_t vm_image(const vm *v);

/* Where the last run failed, innermost call first, for the log: "rules.lua:12 < policy.lua:30".
 * "" when it did not, or Lua knew no place. */
const char *vm_trace(const vm *v);

/* Ask the policy about `p`. The answer is a tree in `arena`: JSON null for nil,
 * otherwise what the policy returned. `cpu_ns` may lower the budget of the limits, not raise it.
 * NULL and `err` (ERR_POLICY, _CPU, _TIME, _MEMORY; the policy's file always, the line where Lua
 * knows one; ERR_TOO_LARGE for a full arena). Every run starts from the image. */
json *vm_run(vm *v, const pod *p, int64_t cpu_ns, json_arena *arena, vm_usage *usage, error *err);

/* When runs must be over from now on, as clock_ns() tells the time; 0: their CPU budget alone ends them. */
void vm_set_deadline(vm *v, int64_t deadline_ns);

/* From now on runs append what the policy notes (castslice.note) to `notes`, an array in `arena`. NULL: nobody listens. */
void vm_listen(vm *v, json *notes, json_arena *arena);

const char *vm_library(void);                /* "Lua 5.4.4" */

#endif
