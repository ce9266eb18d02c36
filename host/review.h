/* review.h - the AdmissionReview: the question as it comes, the answer as it goes.
 *
 * review.c is the only file that knows its field names. A review borrows the JSON
 * tree it was read from. */
#ifndef CASTSLICE_REVIEW_H
#define CASTSLICE_REVIEW_H

#include "admission.h"
#include "buf.h"
#include "json.h"

/* Read the request out of a parsed body. False and `err` (ERR_INPUT, the field
 * first) when it is no AdmissionReview of a version we speak, has no request or no uid. */
bool review_parse(review *r, json *root, error *err);

/* The request the API server would make to create `object` in `namespace`; for a Pod that is only in a file.
 * Its uid is all zeros. Everything is borrowed. */
void review_of_manifest(review *r, json *object, const char *namespace, const pod_assumed *assumed);

/* The answer to a review that was decided: MUTATED, UNCHANGED or DENIED. For FAILED use review_write_status(). */
void review_write_answer(buf *out, const review *r, const verdict *v);

/* A metav1.Status, the body of every HTTP answer that is no AdmissionReview. */
void review_write_status(buf *out, int code, const char *message);

#endif
