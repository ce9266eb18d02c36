/* clock.h - the monotonic clock, in the two units we use, and the CPU time of a thread. */
#ifndef CASTSLICE_CLOCK_H
#define CASTSLICE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Exact: for durations. */
static inline int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* What the calling thread has used of a CPU. */
static inline int64_t clock_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A few milliseconds late and four times cheaper: for deadlines. */
static inline int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

#endif
