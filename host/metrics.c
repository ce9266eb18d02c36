#include "metrics.h"

#include "mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Upper bounds of the duration histogram, as Prometheus shows them; seconds. */
static const struct { double seconds; const char *text; } bounds[] = {
    { 0.0001, "0.0001" }, { 0.00025, "0.00025" }, { 0.0005, "0.0005" }, { 0.001, "0.001" }, { 0.0025, "0.0025" },
    { 0.005, "0.005" },   { 0.01, "0.01" },       { 0.025, "0.025" },   { 0.05, "0.05" },   { 0.1, "0.1" },
    { 0.25, "0.25" },     { 0.5, "0.5" },         { 1, "1" },
};

enum { BOUNDS = sizeof bounds / sizeof *bounds };

typedef enum reason { REASON_ERROR, REASON_CPU, REASON_DEADLINE, REASON_MEMORY, REASON_INTERNAL, REASONS } reason;

static const char *const reason_names[REASONS] = { "error", "cpu", "deadline", "memory", "internal" };

typedef _Atomic uint64_t counter;

struct metrics {
    counter mutations, noop, errors;
    counter enforced;                   /* of the mutations, those no annotation asked for */
    counter malformed, overloaded, watchdog;
    counter failures[REASONS];
    counter durations[BOUNDS + 1];      /* each its own bucket, not cumulative; the last is above them all */
    counter nanoseconds;                /* sum of the durations */
    _Atomic int64_t in_flight, connections;
};

metrics *metrics_new(void)
{
    return mem_zalloc(sizeof(metrics));
}

void metrics_free(metrics *m)
{
    free(m);
}

/* ---- counting ----------------------------------------------------------- */

static void count(counter *c)
{
    atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

/* What is too large is nobody's failure but the sender's. */
static void count_failure(metrics *m, error_kind kind)
{
    switch (kind) {
    case ERR_TOO_LARGE: break;
    case ERR_POLICY: count(&m->failures[REASON_ERROR]); break;
    case ERR_POLICY_CPU: count(&m->failures[REASON_CPU]); break;
    case ERR_POLICY_TIME: count(&m->failures[REASON_DEADLINE]); break;
    case ERR_POLICY_MEMORY: count(&m->failures[REASON_MEMORY]); break;
    default: count(&m->failures[REASON_INTERNAL]);
    }
}

static void count_outcome(metrics *m, const verdict *v)
{
    switch (v->kind) {
    case VERDICT_UNCHANGED: count(&m->noop); break;
    case VERDICT_MUTATED:
        count(&m->mutations);
        if (v->pod.opt != POD_OPT_IN)
            count(&m->enforced);
        break;
    case VERDICT_DENIED: count(&m->errors); break;
    case VERDICT_FAILED:
        count(&m->errors);
        count_failure(m, v->error.kind);
        break;
    }
}

static void count_duration(metrics *m, double seconds)
{
    size_t i = 0;
    while (i < BOUNDS && seconds > bounds[i].seconds)
        i++;
    count(&m->durations[i]);
    atomic_fetch_add_explicit(&m->nanoseconds, (uint64_t)(seconds * 1e9), memory_order_relaxed);
}

void metrics_review_begin(metrics *m)
{
    atomic_fetch_add_explicit(&m->in_flight, 1, memory_order_relaxed);
}

void metrics_review_end(metrics *m, const verdict *v, double seconds)
{
    count_outcome(m, v);
    count_duration(m, seconds);
    atomic_fetch_sub_explicit(&m->in_flight, 1, memory_order_relaxed);
}

void metrics_malformed(metrics *m)
{
    count(&m->malformed);
}

void metrics_overloaded(metrics *m)
{
    count(&m->overloaded);
}

void metrics_watchdog(metrics *m)
{
    count(&m->watchdog);
}

void metrics_connections(metrics *m, int delta)
{
    atomic_fetch_add_explicit(&m->connections, delta, memory_order_relaxed);
}

/* ---- writing ------------------------------------------------------------ */

static uint64_t load(const counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void head(buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(buf *out, const char *name, const char *type, const char *help, int64_t value)
{
    head(out, name, type, help);
    buf_printf(out, "%s %lld\n", name, (long long)value);
}

static void total(buf *out, const char *name, const char *help, uint64_t value)
{
    number(out, name, "counter", help, (int64_t)value);
}

static void write_outcomes(const metrics *m, buf *out)
{
    uint64_t mutations = load(&m->mutations), noop = load(&m->noop), errors = load(&m->errors);
    total(out, "castslice_requests_total", "Reviews processed, dry runs included: mutations + noop + errors.",
          mutations + noop + errors);
    total(out, "castslice_mutations_total", "Reviews whose Pod was changed.", mutations);
    total(out, "castslice_policy_enforced_total", "Reviews whose Pod was changed because a rule or the policy chose "
          "it, not an annotation of its own.", load(&m->enforced));
    total(out, "castslice_noop_total", "Reviews allowed without a change.", noop);
    total(out, "castslice_errors_total", "Reviews denied, or not decided because something failed.", errors);
}

static void write_failures(const metrics *m, buf *out)
{
    head(out, "castslice_policy_failures_total", "counter",
         "Reviews answered 500: the policy raised an error, spent its CPU, time or memory, or a check of ours failed.");
    for (int i = 0; i < REASONS; i++)
        buf_printf(out, "castslice_policy_failures_total{reason=\"%s\"} %llu\n", reason_names[i],
                   (unsigned long long)load(&m->failures[i]));
}

static void write_durations(const metrics *m, buf *out)
{
    static const char name[] = "castslice_review_duration_seconds";
    uint64_t sum = 0;
    head(out, name, "histogram", "From the whole body received to the answer built.");
    for (size_t i = 0; i <= BOUNDS; i++) {
        sum += load(&m->durations[i]);
        buf_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, i < BOUNDS ? bounds[i].text : "+Inf",
                   (unsigned long long)sum);
    }
    buf_printf(out, "%s_sum %.9f\n%s_count %llu\n", name, (double)load(&m->nanoseconds) / 1e9, name,
               (unsigned long long)sum);
}

void metrics_write(const metrics *m, buf *out)
{
    write_outcomes(m, out);
    total(out, "castslice_malformed_requests_total", "Bodies that were no review: answered 400, 413 or 415.",
          load(&m->malformed));
    total(out, "castslice_overload_responses_total",
          "Requests answered 503: too many connections, or too many large bodies at once.", load(&m->overloaded));
    write_failures(m, out);
    total(out, "castslice_policy_watchdog_total",
          "Reviews that went on beyond their deadline or twice their CPU budget: the sandbox did not end them.",
          load(&m->watchdog));
    number(out, "castslice_reviews_in_flight", "gauge", "Reviews being decided now.", atomic_load(&m->in_flight));
    number(out, "castslice_connections", "gauge", "Open connections on the webhook port.",
           atomic_load(&m->connections));
    write_durations(m, out);
    head(out, "castslice_build_info", "gauge", "Always 1; the version is the label.");
    buf_printf(out, "castslice_build_info{version=\"%s\"} 1\n", CASTSLICE_VERSION);
}
