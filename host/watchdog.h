/* watchdog.h - notices a review that nothing ended.
 *
 * The sandbox ends a policy from inside, wherever it looks at its clocks. A C function that never looks, or a
 * thread that waits for something, is seen only from outside: every review is announced here, and the main
 * thread looks once a second. It cannot stop a thread. It writes a log line, counts, and when the review
 * goes on regardless, /healthz fails and kubelet starts us anew (docs/decisions/0007-watchdog.md). */
#ifndef CASTSLICE_WATCHDOG_H
#define CASTSLICE_WATCHDOG_H

#include "metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct watchdog watchdog;

/* What a review may take. Borrowed until watchdog_leave(). */
typedef struct watchdog_review {
    const char *uid, *namespace;        /* for the log */
    int64_t cpu_ns;                     /* the policy's budget */
    int64_t deadline_ns;                /* as clock_ns() tells the time */
} watchdog_review;

/* `reviews` at once. A review is overdue `slack_ns` beyond its deadline, or beyond twice its CPU budget: the rest of
 * a review needs some too. It is stuck when it is still there five times as long after that was noticed. */
watchdog *watchdog_new(size_t reviews, int64_t slack_ns, metrics *m);
void watchdog_free(watchdog *w);                    /* NULL is fine */

/* On the thread that decides, before and after. The number is watchdog_leave()'s. */
size_t watchdog_enter(watchdog *w, const watchdog_review *r);
void watchdog_leave(watchdog *w, size_t number);

void watchdog_look(watchdog *w);
bool watchdog_busy(watchdog *w);                    /* is there any review? */
bool watchdog_stuck(const watchdog *w);             /* as of the last look; from any thread */

#endif
