/* admission.h - one review in, one verdict out.
 *
 * The only place where Pod, policy, decision and patch meet. Knows neither HTTP
 * nor the wire form of a review. */
#ifndef CASTSLICE_ADMISSION_H
#define CASTSLICE_ADMISSION_H

#include "bundle.h"
#include "decision.h"
#include "error.h"
#include "json.h"
#include "patch.h"
#include "pod.h"
#include "vm.h"

/* What the API server asks. Borrowed strings, "" when absent. */
typedef struct review {
    const char *api_version;    /* admission.k8s.io/v1 or …/v1beta1, as asked */
    const char *uid;
    const char *group, *kind;   /* of the object */
    const char *operation;      /* CREATE, UPDATE, DELETE, CONNECT */
    const char *subresource;
    const char *namespace;
    const char *user;
    bool dry_run;
    json *object;               /* NULL when absent or null */
    const pod_assumed *assumed; /* for the Pod of a manifest; NULL for a real review */
    int64_t deadline_ns;        /* clock_ns() after which the policy's answer is too late; 0: never */
    bool explain;               /* somebody wants to read how the policy got there */
} review;

typedef enum verdict_kind {
    VERDICT_UNCHANGED,          /* allowed, no patch */
    VERDICT_MUTATED,            /* allowed, with a patch */
    VERDICT_DENIED,             /* the Pod's author is at fault, or policy forbids it */
    VERDICT_FAILED              /* we or the policy's author are at fault; `error` says how */
} verdict_kind;

#define VERDICT_MAX_WARNINGS (DECISION_MAX_WARNINGS + 2)

/* Lives in the arena it was made with. */
typedef struct verdict {
    verdict_kind kind;
    int code;                   /* for DENIED: 400 or 403 */
    const char *message;        /* for DENIED: the sentence for the user; otherwise "" */
    const char *why;            /* one clause for people: "no container asks for whole GPUs" */
    const char *reason, *rule;  /* the policy's own, "" when it gave none or did not run */
    const char *warnings[VERDICT_MAX_WARNINGS];
    size_t warning_count;
    const json *notes;          /* what the policy says of its way, strings; NULL unless the review explains */
    pod pod;                    /* valid when `pod_known` */
    bool pod_known;
    patch patch;
    vm_usage usage;             /* zeros when the policy did not run */
    const char *trace;          /* where the policy failed, innermost call first; "" when it did not, or nobody knows */
    error error;
} verdict;

/* The Pod's name, or what it will begin with when it has none yet; "" when no Pod was read. */
const char *verdict_name(const verdict *v);

/* Decide. `cpu_ns` is the policy's budget for this review (never more than the bundle's limit).
 * Changes r->object: on MUTATED it is the patched Pod afterwards. */
void admission_review(bundle *b, review *r, json_arena *arena, int64_t cpu_ns, verdict *v);

#endif
