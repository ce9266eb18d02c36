#include "reload.h"

#include "cases.h"
#include "certificate_make.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "watch.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum {
    QUIET_MS = 50,          /* a change is over when nothing followed for so long: editors and cp write in steps */
    RESTLESS_MS = 250,      /* but it is looked at after so long in any case */
    NICE = 10,              /* what a large bundle takes to compile, the reviews beside it do not feel */
    READS = 5               /* of what changes while it is read */
};

/* What was found last, so that finding it again is no reload. */
typedef struct attempt {
    char digest[DIGEST_TEXT];       /* "" when it could not be read, or may go better next time */
    error error;
} attempt;

struct reload {
    const options *options;
    standing *standing;
    watch *watch;
    current *policy;
    bundle *retired;                /* the one before: freed at the next turn, not by the last review that used it */
    tls *tls;
    char served_policy[DIGEST_TEXT], served_chain[DIGEST_TEXT];
    attempt tried_policy, tried_certificate;
    pthread_t thread;
    bool started, told;             /* told: that there are no watches */
    atomic_bool forced, stopping;
};

static void copy_digest(char to[static DIGEST_TEXT], const char *from)
{
    snprintf(to, DIGEST_TEXT, "%s", from);
}

static void remember(attempt *a, const char *digest)
{
    copy_digest(a->digest, digest);
    a->error.text[0] = '\0';
}

/* False when it failed in the same way before: once is enough to say it. What the system refuses
 * may be granted next time, so it is tried again; what the content lacks is not. */
static bool remember_failure(attempt *a, const char *digest, const error *err)
{
    bool same = strcmp(a->error.text, err->text) == 0;
    copy_digest(a->digest, err->kind == ERR_SYSTEM ? "" : digest);
    a->error = *err;
    return !same;
}

/* ---- one version --------------------------------------------------------- */

/* Which file a name leads to. */
typedef struct identity {
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec changed;
} identity;

static identity identify(const char *file)
{
    struct stat st;
    if (stat(file, &st) != 0)
        return (identity){ 0 };
    return (identity){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool is_same(identity a, identity b)
{
    return a.device == b.device && a.number == b.number && a.size == b.size &&
           a.changed.tv_sec == b.changed.tv_sec && a.changed.tv_nsec == b.changed.tv_nsec;
}

/* ---- the policy ---------------------------------------------------------- */

/* The bundle of one version: kubelet removes the one before as soon as there is a new one, also
 * from under whoever is reading it. */
static bundle *read_bundle(const options *o, error *err)
{
    char data[PATH_MAX];
    snprintf(data, sizeof data, "%s/..data", o->policy ? o->policy : "");
    for (int i = 1;; i++) {
        identity version = identify(data);
        bundle *b = bundle_read(o->policy, o->threads, o->policy_memory, err);
        if (i == READS || is_same(version, identify(data)))
            return b;
        bundle_unref(b);
    }
}

/* Compiled, and its own cases pass on the bundle as it would serve. */
static bool make(const options *o, bundle *b, error *err)
{
    return bundle_compile(b, options_limits(o), err) && cases_prove(b, options_limits(o).cpu_ns, err);
}

/* Served all the same, but nobody can say what it promises. */
static void tell_of_cases(const options *o, const bundle *b)
{
    if (o->policy && !bundle_cases(b))
        log_info("policy without cases", LOG_S("policy", o->policy),
                 LOG_S("detail", "it has no cases.yaml, so nothing was tried before it was taken"));
}

static void serve_policy(reload *r, bundle *b, bool fallback)
{
    copy_digest(r->served_policy, fallback ? "" : bundle_digest(b));
    standing_loaded(r->standing, STANDING_POLICY,
                  &(standing_served){ .source = fallback || !r->options->policy ? "embedded default" : r->options->policy,
                                    .digest = bundle_digest(b), .fallback = fallback }, r->policy);
    if (!r->policy) {
        r->policy = current_new(b);
        return;
    }
    bundle_unref(r->retired);
    r->retired = current_swap(r->policy, b);
}

static void take_policy(reload *r, bundle *b)
{
    char digest[STANDING_SHORT_DIGEST + 1];
    snprintf(digest, sizeof digest, "%s", bundle_digest(b));
    remember(&r->tried_policy, bundle_digest(b));
    serve_policy(r, b, false);
    tell_of_cases(r->options, b);
    log_info("policy reloaded", LOG_S("policy", r->options->policy), LOG_S("digest", digest));
}

/* What was broken is again what is served. */
static void restore_policy(reload *r, bundle *b)
{
    remember(&r->tried_policy, bundle_digest(b));
    bundle_unref(b);
    standing_restored(r->standing, STANDING_POLICY);
    log_info("policy restored", LOG_S("policy", r->options->policy),
             LOG_S("detail", "it is again the one that is being served"));
}

static void refuse_policy(reload *r, bundle *b, const error *err, bool forced)
{
    bool news = remember_failure(&r->tried_policy, b ? bundle_digest(b) : "", err);
    bundle_unref(b);
    if (!news && !forced)
        return;
    standing_failed(r->standing, STANDING_POLICY, err->text, true);
    log_error("policy not reloaded", LOG_S("error", err->text),
              LOG_S("serving", *r->served_policy ? "the last good one" : "the embedded default"));
}

static void look_at_policy(reload *r, bool forced)
{
    error err = { .kind = ERR_NONE };
    bundle *b = read_bundle(r->options, &err);
    if (b && !forced && strcmp(bundle_digest(b), r->tried_policy.digest) == 0)
        bundle_unref(b);
    else if (b && !forced && strcmp(bundle_digest(b), r->served_policy) == 0)
        restore_policy(r, b);
    else if (b && make(r->options, b, &err))
        take_policy(r, b);
    else
        refuse_policy(r, b, &err, forced);
}

/* The embedded default in place of a bundle that is broken from the start. */
static bool fall_back(reload *r, const error *why, error *err)
{
    bundle *b = bundle_load(NULL, r->options->threads, options_limits(r->options), err);
    if (!b)
        return false;
    serve_policy(r, b, true);
    standing_failed(r->standing, STANDING_POLICY, why->text, false);
    log_error("policy not loaded", LOG_S("error", why->text),
              LOG_S("serving", "the embedded default (--policy-fallback=embedded), until the bundle is mended"));
    return true;
}

static bool first_policy(reload *r, error *err)
{
    const options *o = r->options;
    bundle *b = read_bundle(o, err);
    if (b && make(o, b, err)) {
        remember(&r->tried_policy, bundle_digest(b));
        serve_policy(r, b, false);
        tell_of_cases(o, b);
        return true;
    }
    remember_failure(&r->tried_policy, b ? bundle_digest(b) : "", err);
    bundle_unref(b);
    return o->policy && o->policy_fallback && fall_back(r, &r->tried_policy.error, err);
}

/* ---- the certificate ----------------------------------------------------- */

/* Both files from one version: kubelet replaces them together, and that may happen between the two. */
static bool read_pair(const options *o, certificate *c, error *err)
{
    char host[OPTIONS_HOST];
    bool named = options_host(o, host);
    for (int i = 1;; i++) {
        identity chain = identify(o->certificate), key = identify(o->key);
        bool ok = certificate_read(c, o->certificate, o->key, named ? host : NULL, err);
        if (i == READS || (is_same(chain, identify(o->certificate)) && is_same(key, identify(o->key))))
            return ok;
        certificate_release(c);
    }
}

static bool serve_certificate(reload *r, const certificate *c, error *err)
{
    const char *source = r->options->certificate;
    bool reloaded = r->tls;
    if (!(reloaded ? tls_swap(r->tls, c, err) : (r->tls = tls_new(c, err)) != NULL))
        return false;
    digest_text(c->chain_pem, strlen(c->chain_pem), r->served_chain);
    remember(&r->tried_certificate, r->served_chain);
    standing_loaded(r->standing, STANDING_CERTIFICATE,
                  &(standing_served){ .source = source ? source : "self-made", .digest = r->served_chain,
                                    .expiry = c->not_after }, reloaded);
    char end[16];
    certificate_end(c, end);
    log_info(reloaded ? "certificate reloaded" : "certificate", LOG_S("file", source ? source : "none"),
             LOG_S("valid_until", end));
    return true;
}

static void restore_certificate(reload *r)
{
    remember(&r->tried_certificate, r->served_chain);
    standing_restored(r->standing, STANDING_CERTIFICATE);
    log_info("certificate restored", LOG_S("file", r->options->certificate),
             LOG_S("detail", "it is again the one that is being served"));
}

static void refuse_certificate(reload *r, const error *err, bool forced)
{
    if (!remember_failure(&r->tried_certificate, "", err) && !forced)
        return;
    standing_failed(r->standing, STANDING_CERTIFICATE, err->text, true);
    log_error("certificate not reloaded", LOG_S("error", err->text), LOG_S("serving", "the last good one"));
}

static void look_at_certificate(reload *r, bool forced)
{
    certificate c;
    error err = { .kind = ERR_NONE };
    char digest[DIGEST_TEXT] = "";
    bool ok = read_pair(r->options, &c, &err);
    if (ok)
        digest_text(c.chain_pem, strlen(c.chain_pem), digest);
    bool known = ok && !forced && strcmp(digest, r->served_chain) == 0;
    if (known && !*r->tried_certificate.digest)
        restore_certificate(r);
    else if (!known && !(ok && serve_certificate(r, &c, &err)))
        refuse_certificate(r, &err, forced);
    certificate_release(&c);
}

static bool first_certificate(reload *r, error *err)
{
    certificate c = { 0 };
    bool made = !r->options->certificate;
    if (made)
        log_warn("self-made certificate",
                 LOG_S("detail", "no API server will trust it: it is good for trying out; "
                                 "give --certificate and --key for a cluster"));
    bool ok = (made ? certificate_self_made(&c, err) : read_pair(r->options, &c, err)) && serve_certificate(r, &c, err);
    certificate_release(&c);
    return ok;
}

/* ---- life ---------------------------------------------------------------- */

/* The folder a file lies in, "." for a bare name. */
static void watch_folder_of(watch *w, const char *file)
{
    const char *slash = strrchr(file, '/');
    char *folder = mem_strndup(slash ? file : ".", slash > file ? (size_t)(slash - file) : 1);
    watch_folder(w, folder);
    free(folder);
}

/* Before the files are read: what changes meanwhile wakes the next wait. */
static void arm(reload *r)
{
    if (watch_arm(r->watch) || r->told)
        return;
    log_warn("no inotify", LOG_S("detail", "the system has no more watches (fs.inotify.max_user_instances, "
                                           "max_user_watches): changes are seen by the poll only"),
             LOG_N("seconds", r->options->reload_poll_seconds));
    r->told = true;
}

reload *reload_new(const options *o, standing *s, error *err)
{
    reload *r = mem_zalloc(sizeof *r);
    r->options = o;
    r->standing = s;
    r->watch = watch_new();
    if (o->policy)
        watch_folder(r->watch, o->policy);
    if (o->certificate)
        watch_folder_of(r->watch, o->certificate);
    if (o->key)
        watch_folder_of(r->watch, o->key);
    arm(r);
    if (first_policy(r, err) && first_certificate(r, err))
        return r;
    reload_free(r);
    return NULL;
}

void reload_free(reload *r)
{
    if (!r)
        return;
    atomic_store(&r->stopping, true);
    watch_wake(r->watch);
    if (r->started)
        pthread_join(r->thread, NULL);
    watch_free(r->watch);
    bundle_unref(r->retired);
    current_free(r->policy);
    tls_free(r->tls);
    free(r);
}

current *reload_policy(reload *r)
{
    return r->policy;
}

tls *reload_tls(reload *r)
{
    return r->tls;
}

/* ---- the thread ---------------------------------------------------------- */

void reload_look(reload *r, bool forced)
{
    bundle_unref(r->retired);
    r->retired = NULL;
    if (r->options->policy)
        look_at_policy(r, forced);
    if (r->options->certificate)
        look_at_certificate(r, forced);
}

static void wait_for_change(reload *r)
{
    if (!watch_wait(r->watch, r->options->reload_poll_seconds * 1000))
        return;
    int64_t end = clock_ns() + RESTLESS_MS * INT64_C(1000000);
    while (!atomic_load(&r->stopping) && clock_ns() < end && watch_wait(r->watch, QUIET_MS))
        ;
}

static void *watch_and_reload(void *data)
{
    reload *r = data;
    setpriority(PRIO_PROCESS, 0, NICE);         /* on Linux: of this thread only */
    for (wait_for_change(r); !atomic_load(&r->stopping); wait_for_change(r)) {
        arm(r);
        reload_look(r, atomic_exchange(&r->forced, false));
    }
    return NULL;
}

bool reload_start(reload *r, error *err)
{
    if (!r->options->policy && !r->options->certificate)
        return true;
    int status = pthread_create(&r->thread, NULL, watch_and_reload, r);
    r->started = status == 0;
    return r->started || error_set(err, ERR_SYSTEM, "the thread that watches for changes cannot be started: %s",
                                   strerror(status));
}

void reload_now(reload *r)
{
    atomic_store(&r->forced, true);
    watch_wake(r->watch);
}
