/* patch.h - a decision as RFC 6902 operations, and the check of them on a copy.
 *
 * Only `remove` and `add`, one key each, built from the object we were sent.
 * Paths are JSON Pointers relative to the Pod. Everything lives in an arena. */
#ifndef CASTSLICE_PATCH_H
#define CASTSLICE_PATCH_H

#include "buf.h"
#include "decision.h"
#include "json.h"
#include "pod.h"

typedef struct patch_op {
    const char *path;
    const json *value;      /* NULL: remove; otherwise add: a string, or an empty object for a missing parent */
} patch_op;

/* What one container got. */
typedef struct patch_slice {
    const pod_container *container;
    const char *resource;
    int64_t slices;
} patch_slice;

typedef struct patch {
    patch_op *ops;
    size_t count, cap;
    patch_slice *slices;
    size_t slice_count;
    bool overflow, annotations_dropped;
} patch;

/* The operations that turn the decision into fact; none when nothing is left to rewrite.
 * A container whose product passes 2^53 is left alone (`overflow`); annotations that would take the
 * Pod over the API server's 256 KiB of them are not added (`annotations_dropped`).
 * False and `err` (ERR_TOO_LARGE) when the arena is full. */
bool patch_build(patch *out, json_arena *arena, const pod *p, const decision *d,
                 const char *default_resource, error *err);

/* Apply to `document` in place, as strictly as the API server's library does: `remove` of what is
 * not there and `add` under a missing parent fail. ERR_INTERNAL, or ERR_TOO_LARGE for a full arena. */
bool patch_apply(const patch *p, json_arena *arena, json *document, error *err);

/* Does the Pod the slices were read from, patched in place, hold what they promise: the source gone, the
 * target in limits and requests, whole and equal (wire-contract V1 to V3)? So a second pass finds nothing
 * to do. ERR_INTERNAL when not. */
bool patch_check(const patch *p, error *err);

/* As a JSON array; `prefix` goes before every path ("" for a Pod, "/spec/template" for a Deployment). */
void patch_write(const patch *p, const char *prefix, buf *out);

#endif
