#include "watchdog.h"

#include "clock.h"
#include "log.h"
#include "mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { PATIENCE = 5 };              /* slacks between overdue and stuck */

typedef struct place {
    bool taken, stuck;
    watchdog_review review;
    clockid_t clock;                /* the CPU time of its thread */
    int64_t began_ns, cpu_began_ns;
    int64_t noticed_ns;             /* that it is overdue; 0: it is not */
} place;

struct watchdog {
    pthread_mutex_t lock;           /* of the places */
    int64_t slack_ns;
    metrics *metrics;
    atomic_bool stuck;
    size_t count;
    place places[];
};

watchdog *watchdog_new(size_t reviews, int64_t slack_ns, metrics *m)
{
    watchdog *w = mem_zalloc(sizeof *w + reviews * sizeof *w->places);
    pthread_mutex_init(&w->lock, NULL);
    w->slack_ns = slack_ns;
    w->metrics = m;
    w->count = reviews;
    return w;
}

void watchdog_free(watchdog *w)
{
    if (!w)
        return;
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* ---- the reviews' threads ------------------------------------------------ */

size_t watchdog_enter(watchdog *w, const watchdog_review *r)
{
    place mine = { .taken = true, .review = *r, .began_ns = clock_ns(), .cpu_began_ns = clock_cpu_ns() };
    pthread_getcpuclockid(pthread_self(), &mine.clock);
    size_t number = 0;
    pthread_mutex_lock(&w->lock);
    while (number < w->count && w->places[number].taken)
        number++;
    if (number < w->count)
        w->places[number] = mine;
    pthread_mutex_unlock(&w->lock);
    return number;                  /* `count` when more are deciding than were announced: that one is not watched */
}

static int64_t milliseconds(int64_t ns)
{
    return ns / 1000000;
}

void watchdog_leave(watchdog *w, size_t number)
{
    if (number == w->count)
        return;
    pthread_mutex_lock(&w->lock);
    place was = w->places[number];
    w->places[number] = (place){ .taken = false };
    pthread_mutex_unlock(&w->lock);
    if (was.noticed_ns)
        log_warn("an overdue review ended", LOG_S("uid", was.review.uid), LOG_S("namespace", was.review.namespace),
                 LOG_N("milliseconds", milliseconds(clock_ns() - was.began_ns)));
}

/* ---- the look ------------------------------------------------------------ */

static int64_t cpu_of(const place *p)
{
    struct timespec used;
    clock_gettime(p->clock, &used);
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec - p->cpu_began_ns;
}

static bool is_overdue(const watchdog *w, const place *p, int64_t now)
{
    return now > p->review.deadline_ns + w->slack_ns || cpu_of(p) > 2 * p->review.cpu_ns + w->slack_ns;
}

static void say(const char *what, const place *p, int64_t now)
{
    log_error(what, LOG_S("uid", p->review.uid), LOG_S("namespace", p->review.namespace),
              LOG_N("milliseconds", milliseconds(now - p->began_ns)),
              LOG_N("cpu_milliseconds", milliseconds(cpu_of(p))));
}

static void look_at(watchdog *w, place *p, int64_t now)
{
    if (!p->noticed_ns && is_overdue(w, p, now)) {
        p->noticed_ns = now;
        metrics_watchdog(w->metrics);
        say("a review is overdue", p, now);
    } else if (p->noticed_ns && !p->stuck && now > p->noticed_ns + PATIENCE * w->slack_ns) {
        p->stuck = true;
        say("a review is stuck: /healthz fails until it ends or this process does", p, now);
    }
}

/* Under the lock no thread can leave, so its clock exists. */
void watchdog_look(watchdog *w)
{
    int64_t now = clock_ns();
    bool stuck = false;
    pthread_mutex_lock(&w->lock);
    for (place *p = w->places; p < w->places + w->count; p++) {
        if (p->taken)
            look_at(w, p, now);
        stuck = stuck || p->stuck;
    }
    pthread_mutex_unlock(&w->lock);
    atomic_store(&w->stuck, stuck);
}

bool watchdog_busy(watchdog *w)
{
    bool busy = false;
    pthread_mutex_lock(&w->lock);
    for (const place *p = w->places; p < w->places + w->count; p++)
        busy = busy || p->taken;
    pthread_mutex_unlock(&w->lock);
    return busy;
}

bool watchdog_stuck(const watchdog *w)
{
    return atomic_load(&w->stuck);
}
