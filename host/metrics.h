/* metrics.h - what Prometheus scrapes.
 *
 * Counters are atomic and shared by all threads. castslice_requests_total is not
 * counted but added up from the three outcomes, so the sum holds at every scrape.
 * No label takes a value from a request. */
#ifndef CASTSLICE_METRICS_H
#define CASTSLICE_METRICS_H

#include "admission.h"
#include "buf.h"

typedef struct metrics metrics;

metrics *metrics_new(void);
void metrics_free(metrics *m);

/* A review is being decided; tell when it ends. `seconds`: from the whole body received to the answer built. */
void metrics_review_begin(metrics *m);
void metrics_review_end(metrics *m, const verdict *v, double seconds);

void metrics_malformed(metrics *m);             /* a body that is no review */
void metrics_overloaded(metrics *m);            /* answered 503 */
void metrics_watchdog(metrics *m);              /* a review is overdue */
void metrics_connections(metrics *m, int delta);/* open connections on the webhook port */

void metrics_write(const metrics *m, buf *out); /* text format 0.0.4 */

#endif
