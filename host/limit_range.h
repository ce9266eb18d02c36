/* limit_range.h - what the LimitRanger plugin says it wrote into a Pod.
 *
 * It keeps its record in one annotation: a segment for each container and kind, in the Pod's order,
 * "LimitRanger plugin set: cpu, nvidia.com/gpu request for container main; …; cpu limit for init container prepare"
 * (k/k plugin/pkg/admission/limitranger mergePodResourceRequirements). So one walk along the containers reads it. */
#ifndef CASTSLICE_LIMIT_RANGE_H
#define CASTSLICE_LIMIT_RANGE_H

#include <stdbool.h>
#include <stddef.h>

#define LIMIT_RANGE_ANNOTATION "kubernetes.io/limit-ranger"

/* The segments about one container, borrowed from the annotation; length 0 when there is none. */
typedef struct limit_range_note {
    const char *text;
    size_t length;
} limit_range_note;

/* Where a walk along the annotation starts; NULL when it is not LimitRanger's record. */
const char *limit_range_begin(const char *annotation);

/* The note about the container `name`, `*at` moved behind it. `*at` may be NULL. */
limit_range_note limit_range_next(const char **at, const char *name, bool init);

/* Does the note say that `resource` was written? */
bool limit_range_wrote(const limit_range_note *note, const char *resource);

#endif
