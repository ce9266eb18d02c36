#include "commands.h"

#include "clock.h"
#include "listener.h"
#include "log.h"
#include "probes.h"
#include "reload.h"
#include "server.h"
#include "webhook.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    PROBE_CONNECTIONS = 128,        /* kubelet, Prometheus, and room for people */
    OTHER_DESCRIPTORS = 64,         /* stderr, libraries, files read at start */
    FINISH_MS = 5000,               /* how long what is in flight may take after the drain */
    POLL_MS = 20,
    WAIT_MS = 3600000,              /* for the first signal, again and again */
    LOOK_NS = 1000000000,           /* how late an overdue review or a suppressed log line may be told of */
};

#define WATCHDOG_SLACK_NS INT64_C(1000000000)

/* The parts in the order they are started; stop() takes them down in the other. */
typedef struct running {
    server server;
    reload *reload;
    listener *webhook, *probes;
} running;

/* ---- --help -------------------------------------------------------------- */

static void help(void)
{
    puts("Usage: castslice serve [FLAGS]\n\n"
         "The webhook. Kubernetes sends every new Pod here as an AdmissionReview (POST /mutate, HTTPS);\n"
         "the policy says how many slices it gets, and the answer carries the patch. A second port, plain\n"
         "HTTP, has /metrics for Prometheus, /healthz and /readyz for kubelet, /status for people. The log goes\n"
         "to stderr, one JSON object a line; `ready` is the line to wait for. A changed policy or certificate\n"
         "is taken over without a restart; a broken one is refused, and the last good one goes on.\n\n"
         "Flags, each also as a variable of the environment; the flag wins:");
    options_help(stdout, OPTIONS_SERVE);
    puts("\nExamples:\n"
         "  castslice serve                                   try it: a self-made certificate, the default policy\n"
         "  castslice serve --certificate tls.crt --key tls.key --policy ./policies/default\n"
         "  CASTSLICE_LOG_LEVEL=debug castslice serve --listen 127.0.0.1:0\n\n"
         "Signals: SIGTERM or SIGINT drains and ends; a second one ends at once. SIGHUP reloads now.\n"
         "Exit status: 0 drained and ended, 1 ended at once, 2 could not start.");
}

/* ---- descriptors --------------------------------------------------------- */

static size_t descriptors_for(const options *o, size_t max_connections)
{
    return listener_descriptors(max_connections, o->threads) + listener_descriptors(PROBE_CONNECTIONS, 1) +
           OTHER_DESCRIPTORS;
}

/* The largest --max-connections that `limit` descriptors allow. */
static size_t connections_within(const options *o, size_t limit)
{
    size_t fixed = descriptors_for(o, 0), each = descriptors_for(o, 1) - fixed;
    return limit > fixed ? (limit - fixed) / each : 0;
}

/* Out of descriptors nothing works any more, so make sure now that it cannot happen. */
static bool raise_descriptors(const options *o, error *err)
{
    struct rlimit limit;
    size_t need = descriptors_for(o, o->max_connections);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= need)
        return true;
    size_t fits = connections_within(o, limit.rlim_max);
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    if (limit.rlim_max >= need && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    if (fits > 0)
        return error_set(err, ERR_SYSTEM,
                         "--max-connections: %zu needs %zu file descriptors and the limit is %zu (ulimit -Hn); "
                         "at most %zu would fit", o->max_connections, need, (size_t)limit.rlim_max, fits);
    return error_set(err, ERR_SYSTEM,
                     "--max-connections: even 1 needs %zu file descriptors and the limit is %zu (ulimit -Hn); raise it",
                     descriptors_for(o, 1), (size_t)limit.rlim_max);
}

/* ---- start --------------------------------------------------------------- */

static bool start_listeners(running *r, error *err)
{
    server *s = &r->server;
    listener_config webhook = {
        .flag = "--listen", .address = s->options.listen, .threads = s->options.threads,
        .max_connections = s->options.max_connections, .tls = reload_tls(r->reload), .metrics = s->metrics,
        .site = webhook_site(s),
    };
    listener_config probes = {
        .flag = "--metrics-listen", .address = s->options.metrics_listen, .threads = 1,
        .max_connections = PROBE_CONNECTIONS, .site = probes_site(s),
    };
    r->webhook = listener_start(&webhook, err);
    r->probes = r->webhook ? listener_start(&probes, err) : NULL;
    return r->probes;
}

static bool start(running *r, error *err)
{
    server *s = &r->server;
    s->metrics = metrics_new();
    s->standing = standing_new();
    log_limiter_init(&s->failures, "failed");
    s->watchdog = watchdog_new(s->options.threads, WATCHDOG_SLACK_NS, s->metrics);
    if (!raise_descriptors(&s->options, err))
        return false;
    r->reload = reload_new(&s->options, s->standing, err);
    if (!r->reload)
        return false;
    s->policy = reload_policy(r->reload);
    return start_listeners(r, err) && reload_start(r->reload, err);
}

static void stop(running *r)
{
    listener_stop(r->webhook);
    listener_stop(r->probes);
    reload_free(r->reload);
    standing_free(r->server.standing);
    watchdog_free(r->server.watchdog);
    log_limiter_release(&r->server.failures);
    metrics_free(r->server.metrics);
}

static void say_ready(const running *r)
{
    const server *s = &r->server;
    bundle *b = current_ref(s->policy);
    log_info("ready", LOG_S("webhook", listener_url(r->webhook)), LOG_S("metrics", listener_url(r->probes)),
             LOG_S("policy", bundle_name(b)), LOG_S("version", CASTSLICE_VERSION),
             LOG_N("threads", s->options.threads));
    bundle_unref(b);
}

/* ---- signals ------------------------------------------------------------- */

/* Every thread inherits the mask, so only wait_for_signal() sees them. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* SIGTERM or SIGINT, or 0 after `ms`, however often SIGHUP comes in. The main thread has a few things to look after. */
static int wait_for_signal(running *r, const sigset_t *set, int64_t ms)
{
    int64_t end = clock_ns() + ms * 1000000;
    for (int64_t left = ms * 1000000; left > 0; left = end - clock_ns()) {
        int64_t ns = left < LOOK_NS ? left : LOOK_NS;
        int got = sigtimedwait(set, NULL, &(struct timespec){ ns / 1000000000, ns % 1000000000 });
        if (got == SIGHUP) {
            log_info("reload requested", LOG_S("signal", "SIGHUP"));
            reload_now(r->reload);
        } else if (got > 0) {
            return got;
        }
        log_limiter_report(&r->server.failures);
        watchdog_look(r->server.watchdog);
    }
    return 0;
}

/* ---- the end ------------------------------------------------------------- */

/* Nobody is cut off: clients are told to go elsewhere, then what is in flight is finished.
 * False when a second signal wants it to end at once. */
static bool drain(running *r, const sigset_t *signals)
{
    const options *o = &r->server.options;
    atomic_store(&r->server.draining, true);
    listener_drain(r->webhook);
    log_info("draining", LOG_N("seconds", o->drain_seconds));
    if (wait_for_signal(r, signals, o->drain_seconds * 1000))
        return false;
    listener_close(r->webhook);
    for (int64_t waited = 0; listener_is_busy(r->webhook) && waited < FINISH_MS; waited += POLL_MS)
        if (wait_for_signal(r, signals, POLL_MS))
            return false;
    return true;
}

static _Noreturn void end_at_once(const char *why)
{
    log_warn("ended at once", LOG_S("why", why));
    _Exit(EXIT_NO);
}

static int run(running *r, const sigset_t *signals)
{
    say_ready(r);
    while (!wait_for_signal(r, signals, WAIT_MS))
        ;
    if (!drain(r, signals))
        end_at_once("a second signal");
    if (watchdog_busy(r->server.watchdog))
        end_at_once("a review did not end");    /* its thread could not be joined */
    stop(r);
    log_info("stopped", LOG_N("status", EXIT_DONE));
    return EXIT_DONE;
}

int cmd_serve(int argc, char **argv)
{
    running r = { 0 };
    error err;
    sigset_t signals;
    if (!options_parse(&r.server.options, OPTIONS_SERVE, argc, argv, &err)) {
        fprintf(stderr, "castslice serve: %s\n", err.text);
        return EXIT_CANNOT;
    }
    if (r.server.options.help) {
        help();
        return EXIT_DONE;
    }
    log_set_level(r.server.options.log_level);
    block_signals(&signals);
    if (start(&r, &err))
        return run(&r, &signals);
    log_error("cannot start", LOG_S("error", err.text));
    stop(&r);
    return EXIT_CANNOT;
}
