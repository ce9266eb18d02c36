/* decision.h - what the policy decided for one Pod, validated field by field.
 *
 * Everything a decision points to lives in the arena it was read with. */
#ifndef CASTSLICE_DECISION_H
#define CASTSLICE_DECISION_H

#include "json.h"
#include "pod.h"

#define DECISION_MAX_RATIO 1024          /* also the cap of castops.io/slice-ratio */
#define DECISION_MAX_WARNINGS 5
#define DECISION_MAX_WARNING 120         /* characters; what the API server recommends */
#define DECISION_MAX_SENTENCE 500        /* bytes of a denial; longer ones are cut */
#define DECISION_MAX_SHORT 200           /* bytes of reason and rule */

typedef enum decision_kind {
    DECISION_LEAVE,      /* the policy returned nil: nothing happens */
    DECISION_REWRITE,    /* may still name no ratio: then it only warns */
    DECISION_INVALID,    /* refuse with 400: a value nobody understands */
    DECISION_DENY        /* refuse with 403: policy forbids it */
} decision_kind;

typedef struct decision_container {
    const char *name;
    bool leave;                  /* `false` in the policy */
    int64_t ratio;               /* 0: the decision's */
    const char *resource;        /* NULL: the decision's */
} decision_container;

typedef struct decision_pair { const char *key, *value; } decision_pair;

typedef struct decision {
    decision_kind kind;
    int64_t ratio;               /* 1 to DECISION_MAX_RATIO; 0: only containers with a ratio of their own */
    const char *resource;        /* NULL: the bundle's default target */
    decision_container *containers;
    size_t container_count;
    const char *reason, *rule;   /* "" when the policy gave none */
    const char *sentence;        /* for INVALID and DENY: escaped, at most DECISION_MAX_SENTENCE bytes */
    const char *warnings[DECISION_MAX_WARNINGS];
    size_t warning_count;
    decision_pair *annotations, *labels;     /* sorted by key */
    size_t annotation_count, label_count;
} decision;

/* Validate what the policy returned (DESIGN section 5): JSON null is "leave it", an object a decision.
 * False and `err` (ERR_POLICY, the field first) for anything else, an unknown field included. */
bool decision_read(decision *d, json_arena *arena, const json *value, const pod *p, error *err);

/* Is it a whole number from 1 to DECISION_MAX_RATIO? 4.0 is one, "4" is not. */
bool decision_valid_ratio(const json *value, int64_t *ratio);

/* Is `name` an extended resource a container may ask for: domain/name, not kubernetes.io,
 * no `requests.` prefix, not the source? */
bool decision_valid_resource(const char *name);

/* What the decision says for one container: false when it is left alone. */
bool decision_for(const decision *d, const pod_container *c, const char *default_resource,
                  int64_t *ratio, const char **resource);

#endif
