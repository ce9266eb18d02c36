/* bundle.h - the policy in force, as one immutable value.
 *
 * A bundle never changes after it is compiled. A reload builds another and swaps.
 * It holds one vm per worker thread, so that borrowing one never waits.
 * Shared by reference count; everything it returns lives as long as the bundle. */
#ifndef CASTSLICE_BUNDLE_H
#define CASTSLICE_BUNDLE_H

#include "error.h"
#include "vm.h"

typedef struct bundle bundle;

/* Read policy.lua with the modules and the JSON beside it from `dir` (NULL: the embedded default), compile
 * and check them. A folder with a policy.json alone gets the embedded policy.lua. NULL and `err` on the
 * first bad file: ERR_SYSTEM when it cannot be read, ERR_POLICY* otherwise. `workers` is how many threads may borrow a vm at once. */
bundle *bundle_load(const char *dir, size_t workers, vm_limits limits, error *err);

/* The same in two steps, for whoever wants to know what is new before working on it: only
 * bundle_digest() and bundle_unref() are allowed between them. `memory`: of the limits, in bytes. */
bundle *bundle_read(const char *dir, size_t workers, size_t memory, error *err);
bool bundle_compile(bundle *b, vm_limits limits, error *err);

bundle *bundle_ref(bundle *b);
void bundle_unref(bundle *b);                            /* NULL is fine */

const char *bundle_name(const bundle *b);                /* the folder, or "embedded default" */
const char *bundle_digest(const bundle *b);              /* of its files, as digest.h has it; 64 hex digits */
const char *bundle_entry(const bundle *b);               /* the path of its policy.lua, for messages */
const char *bundle_resource(const bundle *b);            /* the default target resource, never NULL */

/* The policy's setting `presets`, names and ratios; NULL when it has none. Lives as long as the bundle. */
const json *bundle_presets(const bundle *b);

/* One of its files, as text. Lives as long as the bundle. */
typedef struct bundle_file {
    const char *path, *text;
    size_t length;
} bundle_file;

/* Its own Lua files, not the library: one of `index` from 0, or NULL behind the last. */
const vm_source *bundle_source(const bundle *b, size_t index);

/* What castslice.data reads: its JSON files, and policy.json among them; NULL when it has none. */
const struct data_set *bundle_data(const bundle *b);
const struct data_file *bundle_rules(const bundle *b);

const bundle_file *bundle_cases(const bundle *b);        /* cases.yaml; NULL when it has none */

/* A vm for one run; give it back. Never NULL as long as no more than `workers` are out. */
vm *bundle_borrow(bundle *b);
void bundle_return(bundle *b, vm *v);

#endif
