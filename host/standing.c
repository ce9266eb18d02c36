#include "standing.h"

#include "error.h"
#include "json.h"
#include "mem.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[STANDING_SUBJECTS] = { "policy", "certificate" };

typedef struct subject {
    const char *source;
    char digest[DIGEST_TEXT];
    bool fallback;
    time_t expiry;
    uint64_t successes, failures;
    struct timespec attempt, success;           /* when it was last tried, and when that last went well */
    char error[sizeof ((error *)0)->text];      /* of the last attempt; "" when it went well */
} subject;

struct standing {
    pthread_mutex_t lock;       /* a scrape and a reload, never a review */
    subject subjects[STANDING_SUBJECTS];
};

standing *standing_new(void)
{
    standing *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void standing_free(standing *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- telling ------------------------------------------------------------ */

static void went_well(subject *it, bool reload)
{
    clock_gettime(CLOCK_REALTIME, &it->attempt);
    it->success = it->attempt;
    it->successes += reload;
    it->error[0] = '\0';
}

void standing_loaded(standing *s, standing_subject which, const standing_served *served, bool reload)
{
    subject *it = &s->subjects[which];
    pthread_mutex_lock(&s->lock);
    it->source = served->source;
    it->fallback = served->fallback;
    it->expiry = served->expiry;
    snprintf(it->digest, sizeof it->digest, "%s", served->digest);
    went_well(it, reload);
    pthread_mutex_unlock(&s->lock);
}

void standing_restored(standing *s, standing_subject which)
{
    pthread_mutex_lock(&s->lock);
    went_well(&s->subjects[which], true);
    pthread_mutex_unlock(&s->lock);
}

void standing_failed(standing *s, standing_subject which, const char *sentence, bool reload)
{
    subject *it = &s->subjects[which];
    pthread_mutex_lock(&s->lock);
    clock_gettime(CLOCK_REALTIME, &it->attempt);
    it->failures += reload;
    snprintf(it->error, sizeof it->error, "%s", sentence);
    pthread_mutex_unlock(&s->lock);
}

/* ---- metrics ------------------------------------------------------------ */

static void head(buf *out, const char *of, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP castslice_%s_%s %s\n# TYPE castslice_%s_%s %s\n", of, name, help, of, name, type);
}

static double seconds(struct timespec t)
{
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void write_reloads(const subject *it, const char *name, buf *out)
{
    head(out, name, "reloads_total", "counter", "Changes found and taken over, or refused: the one before goes on.");
    buf_printf(out, "castslice_%s_reloads_total{result=\"success\"} %llu\n", name, (unsigned long long)it->successes);
    buf_printf(out, "castslice_%s_reloads_total{result=\"failure\"} %llu\n", name, (unsigned long long)it->failures);
    head(out, name, "last_reload_successful", "gauge", "1, or 0 while what is mounted is not what is served.");
    buf_printf(out, "castslice_%s_last_reload_successful %d\n", name, !it->error[0]);
    head(out, name, "last_reload_success_timestamp_seconds", "gauge", "When it was last loaded, at start or later.");
    buf_printf(out, "castslice_%s_last_reload_success_timestamp_seconds %.3f\n", name, seconds(it->success));
}

void standing_write_metrics(standing *s, buf *out)
{
    pthread_mutex_lock(&s->lock);
    const subject *policy = &s->subjects[STANDING_POLICY], *certificate = &s->subjects[STANDING_CERTIFICATE];
    for (int i = 0; i < STANDING_SUBJECTS; i++)
        write_reloads(&s->subjects[i], names[i], out);
    head(out, "policy", "info", "gauge", "Always 1; the digest of the bundle in force is the label.");
    buf_printf(out, "castslice_policy_info{digest=\"%.*s\"} 1\n", STANDING_SHORT_DIGEST, policy->digest);
    head(out, "policy", "fallback", "gauge", "1 while the embedded default stands in for a bundle that is broken.");
    buf_printf(out, "castslice_policy_fallback %d\n", policy->fallback);
    head(out, "certificate", "expiry_timestamp_seconds", "gauge", "When the certificate that is served ends.");
    buf_printf(out, "castslice_certificate_expiry_timestamp_seconds %lld\n", (long long)certificate->expiry);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the page ----------------------------------------------------------- */

static void member(buf *out, const char *key, const char *text)
{
    buf_printf(out, "\"%s\":", key);
    json_write_string(out, text ? text : "");
    buf_putc(out, ',');
}

static void member_time(buf *out, const char *key, time_t when)
{
    char text[32];
    struct tm utc;
    gmtime_r(&when, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    member(out, key, text);
}

static void write_subject(const subject *it, standing_subject which, buf *out)
{
    buf_printf(out, "\"%s\":{", names[which]);
    member(out, "source", it->source);
    member(out, "digest", it->digest);
    if (which == STANDING_POLICY)
        buf_printf(out, "\"fallback\":%s,", it->fallback ? "true" : "false");
    else
        member_time(out, "valid_until", it->expiry);
    member_time(out, "loaded", it->success.tv_sec);
    buf_printf(out, "\"reloads\":{\"success\":%llu,\"failure\":%llu},\"last_attempt\":{", (unsigned long long)it->successes,
               (unsigned long long)it->failures);
    member_time(out, "time", it->attempt.tv_sec);
    if (it->error[0])
        member(out, "error", it->error);
    buf_printf(out, "\"result\":\"%s\"}}", it->error[0] ? "failure" : "success");
}

void standing_write_page(standing *s, buf *out)
{
    buf_putc(out, '{');
    member(out, "version", CASTSLICE_VERSION);
    pthread_mutex_lock(&s->lock);
    write_subject(&s->subjects[STANDING_POLICY], STANDING_POLICY, out);
    buf_putc(out, ',');
    write_subject(&s->subjects[STANDING_CERTIFICATE], STANDING_CERTIFICATE, out);
    pthread_mutex_unlock(&s->lock);
    buf_puts(out, "}\n");
}
