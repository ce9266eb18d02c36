/* pod.h - what a Pod says about itself, read once.
 *
 * pod.c is the only file that knows the Pod's field names. A `pod` borrows the
 * JSON tree it was read from and lives in the same arena; nothing is freed. */
#ifndef CASTSLICE_POD_H
#define CASTSLICE_POD_H

#include "buf.h"
#include "json.h"
#include "limit_range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POD_SOURCE_RESOURCE "nvidia.com/gpu"              /* what is rewritten */
#define POD_DEFAULT_TARGET "nvidia.com/gpu-shared"        /* what it becomes unless the policy says otherwise */
#define POD_ANNOTATION_OPTIMIZE "castops.io/optimize"
#define POD_ANNOTATION_RATIO "castops.io/slice-ratio"
#define POD_ANNOTATION_TYPE "castops.io/workload-type"

/* JSON Pointers into a Pod. */
#define POD_PATH_METADATA "/metadata"
#define POD_PATH_ANNOTATIONS "/metadata/annotations"
#define POD_PATH_LABELS "/metadata/labels"

/* What a container asks of the source resource. */
typedef enum pod_gpu_state {
    POD_GPU_NONE,       /* the source is in neither limits nor requests */
    POD_GPU_WHOLE,      /* a positive whole quantity in limits, the same or nothing in requests */
    POD_GPU_OTHER       /* zero, not a quantity, not whole, only in requests, or two that differ: never touched */
} pod_gpu_state;

typedef struct pod_container {
    const char *name;           /* "" when absent */
    const char *image;          /* "" when absent */
    bool init;                  /* listed in initContainers; true for sidecars too */
    bool sidecar;               /* an init container with restartPolicy Always */
    bool privileged;
    size_t index;               /* in its own list */
    pod_gpu_state state;
    int64_t gpus;               /* with POD_GPU_WHOLE, else 0 */
    const json *resources;      /* NULL when absent or no object, like the next two */
    const json *limits;
    const json *requests;
    limit_range_note defaulted; /* what a LimitRange wrote into it */
} pod_container;

typedef enum pod_opt { POD_OPT_UNSET, POD_OPT_IN, POD_OPT_OUT } pod_opt;

typedef struct pod {
    json *object;               /* the whole Pod */
    const char *name;           /* "" when absent: the API server has not made it up yet */
    const char *generate_name;  /* "" when absent */
    const char *namespace;      /* of the request; the object's own may be empty */
    const char *user;           /* who asks; "" when unknown */
    bool dry_run;
    const char *owner_kind;     /* of the controller reference; NULL when there is none */
    const char *owner_name;
    const char *service_account, *scheduler_name, *runtime_class;   /* "" when absent */
    const char *node_name;      /* "" when absent */
    bool mirror;                /* kubelet's shadow of a static Pod */
    const json *labels, *annotations, *node_selector;               /* NULL when absent or no object */
    bool odd_metadata;          /* metadata, its labels or annotations are of a wrong type: nothing can be added */
    pod_opt opt;                /* castops.io/optimize: absent, "true", anything else */
    pod_container *containers;  /* containers first, then init containers */
    size_t container_count;
    int64_t gpus;               /* what the Pod needs at once: the larger of what runs at start and afterwards */
} pod;

/* What a controller would have written into the Pod of a manifest. Borrowed strings;
 * NULL: as the object says. */
typedef struct pod_assumed {
    const char *name, *generate_name, *owner_kind, *owner_name;
} pod_assumed;

/* What the Pod itself does not say. Borrowed strings; NULL means "". */
typedef struct pod_request {
    const char *namespace;
    const char *user;
    bool dry_run;
    const pod_assumed *assumed;     /* NULL for a real review */
} pod_request;

/* Read `object`. False and `err` (ERR_TOO_LARGE) only when the arena is full: a
 * field of a wrong type reads as absent, the API server explains that better. */
bool pod_read(pod *p, json_arena *arena, json *object, const pod_request *request, error *err);

/* A copy of a manifest's `object` as the API server would send it: in every container, limits copied into
 * missing requests (k/k pkg/apis/core/v1 SetDefaults_Pod). NULL and `err` when the arena is full. */
json *pod_defaulted(json_arena *arena, const json *object, error *err);

/* True when limits or requests name `resource`, whatever the quantity, and not because a LimitRange wrote it there. */
bool pod_container_carries(const pod_container *c, const char *resource);

/* True when it is shared already, but a LimitRange put whole GPUs back beside the slices. */
bool pod_container_put_back(const pod_container *c, const char *target);

/* Where the container's resources stand in the Pod, as a JSON Pointer: "/spec/initContainers/3/resources". */
void pod_resources_path(const pod_container *c, buf *out);

/* The container of that name, or NULL. Names are unique in a valid Pod; the first wins. */
const pod_container *pod_find_container(const pod *p, const char *name);

#endif
