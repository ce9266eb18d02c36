#include "webhook.h"

#include "admission.h"
#include "clock.h"
#include "json.h"
#include "review.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECOND INT64_C(1000000000)
#define LONGEST_TIMEOUT (30 * SECOND)   /* the most that a webhook configuration can ask for */

enum {
    ANSWER_MAX = 64 << 20,          /* a patch is bounded by the arena; this is above what that allows */
    ARENA_FACTOR = 8,               /* a tree takes a few times the text it was read from */
    ARENA_MIN = 8 << 20,
    LARGE_BODIES = 8,               /* of the largest size, being received at once */
};

/* ---- answers that are no AdmissionReview --------------------------------- */

/* Fill `a` with a Status and return false, so that a check can say `return refuse(…)`. */
static bool refuse(http_answer *a, unsigned status, const char *sentence)
{
    a->status = status;
    a->content_type = "application/json";
    buf_init(&a->body, ANSWER_MAX);
    review_write_status(&a->body, (int)status, sentence);
    return false;
}

static bool refuse_malformed(server *s, http_answer *a, unsigned status, const char *sentence)
{
    metrics_malformed(s->metrics);
    return refuse(a, status, sentence);
}

static void refuse_error(server *s, http_answer *a, const error *err)
{
    refuse_malformed(s, a, err->kind == ERR_TOO_LARGE ? 413 : 400, err->text);
}

/* ---- the header ---------------------------------------------------------- */

static bool refuse_length(server *s, http_answer *a)
{
    char text[160];
    snprintf(text, sizeof text, "the body is larger than %zu bytes, the most this webhook reads (--max-body)",
             s->options.max_body);
    return refuse_malformed(s, a, 413, text);
}

static bool refuse_load(server *s, http_answer *a, const char *sentence)
{
    metrics_overloaded(s->metrics);
    a->retry = true;
    return refuse(a, 503, sentence);
}

static void cut_off(void *data, unsigned status, http_answer *a)
{
    if (status == 413)
        refuse_length(data, a);
    else
        refuse_load(data, a, "too many large bodies at once; come back in a second");
}

/* "application/json", with or without parameters. */
static bool is_json(const char *type)
{
    static const char wanted[] = "application/json";
    size_t n = sizeof wanted - 1;
    return type && strncasecmp(type, wanted, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

/* libmicrohttpd has made sure that it is a number. */
static bool is_above(const char *content_length, size_t max)
{
    return content_length && strtoull(content_length, NULL, 10) > max;
}

static bool check_body(server *s, const http_request *r, http_answer *a)
{
    if (!is_json(r->content_type))
        return refuse_malformed(s, a, 415, "the content type must be application/json");
    if (r->content_encoding && strcasecmp(r->content_encoding, "identity") != 0)
        return refuse_malformed(s, a, 415, "the body must not be compressed (Content-Encoding)");
    if (r->transfer_encoding && strcasecmp(r->transfer_encoding, "chunked") != 0)
        return refuse_malformed(s, a, 400, "the only transfer encoding understood is chunked");
    if (r->transfer_encoding && r->content_length)
        return refuse_malformed(s, a, 400, "Content-Length and Transfer-Encoding exclude one another");
    if (!r->transfer_encoding && is_above(r->content_length, s->options.max_body))
        return refuse_length(s, a);
    return true;
}

static bool check(void *data, const http_request *r, http_answer *a)
{
    server *s = data;
    if (r->over)
        return refuse_load(s, a, "too many connections (--max-connections); come back in a second");
    if (strcmp(r->path, "/mutate") != 0)
        return refuse(a, 404, "there is nothing here; reviews go to POST /mutate");
    if (strcmp(r->method, "POST") != 0) {
        a->allow = "POST";
        return refuse(a, 405, "reviews are sent with POST");
    }
    return check_body(s, r, a);
}

/* ---- how long it may take ------------------------------------------------ */

static int64_t unit_ns(const char *text, size_t *length)
{
    static const struct { const char *name; int64_t ns; } units[] = {
        { "ns", 1 }, { "us", 1000 }, { "µs", 1000 }, { "μs", 1000 }, { "ms", 1000000 },
        { "s", SECOND }, { "m", 60 * SECOND }, { "h", 3600 * SECOND },
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        *length = strlen(units[i].name);
        if (strncmp(text, units[i].name, *length) == 0)
            return units[i].ns;
    }
    return 0;
}

/* One part of a duration, "1.5h" of "1.5h30m"; false when it is none. */
static bool take_part(const char **text, double *ns)
{
    size_t digits = strspn(*text, "0123456789."), unit;
    char number[32], *end;
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, *text, digits);
    number[digits] = '\0';
    double value = strtod(number, &end);
    int64_t factor = unit_ns(*text + digits, &unit);
    if (*end || strcmp(number, ".") == 0 || factor == 0)
        return false;
    *ns += value * (double)factor;
    *text += digits + unit;
    return true;
}

int64_t webhook_duration(const char *text)
{
    double ns = 0;
    if (!text || !*text)
        return 0;
    while (*text)
        if (!take_part(&text, &ns))
            return 0;
    return ns < 1e18 ? (int64_t)ns : (int64_t)1e18;
}

/* When the policy must be done: a tenth of the API server's patience is kept for the way back. */
static int64_t deadline_of(const http_request *r)
{
    int64_t timeout = webhook_duration(r->timeout);
    if (timeout == 0)
        timeout = LONGEST_TIMEOUT;
    return r->began_ns + timeout - timeout / 10;
}

/* ---- the review ---------------------------------------------------------- */

static void log_review(server *s, const review *q, const verdict *v, int64_t ns)
{
    static const char *const outcomes[] = {
        [VERDICT_UNCHANGED] = "unchanged", [VERDICT_MUTATED] = "mutated",
        [VERDICT_DENIED] = "denied", [VERDICT_FAILED] = "failed",
    };
    if (v->kind == VERDICT_DENIED)
        log_info("denied", LOG_S("namespace", q->namespace), LOG_S("name", verdict_name(v)), LOG_S("message", v->message));
    if (v->kind == VERDICT_FAILED && log_limiter_pass(&s->failures))
        log_error("failed", LOG_S("namespace", q->namespace), LOG_S("name", verdict_name(v)),
                  LOG_S("error", v->error.text), *v->trace ? LOG_S("trace", v->trace) : LOG_END);
    if (log_enabled(LOG_DEBUG))
        log_debug("reviewed", LOG_S("uid", q->uid), LOG_S("namespace", q->namespace), LOG_S("name", verdict_name(v)),
                  LOG_S("outcome", outcomes[v->kind]), LOG_S("why", v->why), LOG_S("reason", v->reason),
                  LOG_S("rule", v->rule), LOG_N("microseconds", ns / 1000),
                  LOG_N("policy_microseconds", v->usage.cpu_ns / 1000));
}

static int64_t policy_budget(const server *s)
{
    return s->options.policy_cpu_ms * 1000000;
}

static void decide(const server *s, bundle *b, const http_request *r, review *q, json_arena *arena, verdict *v)
{
    if (clock_ns() < q->deadline_ns) {
        admission_review(b, q, arena, policy_budget(s), v);
        return;
    }
    *v = (verdict){ .kind = VERDICT_FAILED, .message = "", .why = "out of time", .reason = "", .rule = "",
                      .trace = "" };
    error_set(&v->error, ERR_INTERNAL, "the API server's time-out (%s) was over before the policy could run",
              webhook_duration(r->timeout) ? r->timeout : "30s");
}

static void write_review(http_answer *a, const review *q, verdict *v)
{
    a->status = 200;
    a->content_type = "application/json";
    buf_init(&a->body, ANSWER_MAX);
    review_write_answer(&a->body, q, v);
    if (!a->body.toobig)
        return;
    buf_release(&a->body);
    v->kind = VERDICT_FAILED;
    error_set(&v->error, ERR_TOO_LARGE, "the answer would be larger than any API server takes");
}

/* Changes the verdict when its answer cannot be written. */
static void write_answer(http_answer *a, const review *q, verdict *v)
{
    if (v->kind != VERDICT_FAILED)
        write_review(a, q, v);
    if (v->kind == VERDICT_FAILED)
        refuse(a, v->error.kind == ERR_TOO_LARGE ? 413 : 500, v->error.text);
}

/* From here on the review counts, once, whatever becomes of it. */
static void review_and_count(server *s, const http_request *r, review *q, json_arena *arena, int64_t began,
                             http_answer *a)
{
    verdict v;
    bundle *b = current_ref(s->policy);         /* the verdict borrows from it */
    q->deadline_ns = deadline_of(r);
    watchdog_review watched = { q->uid, q->namespace, policy_budget(s), q->deadline_ns };
    size_t number = watchdog_enter(s->watchdog, &watched);
    metrics_review_begin(s->metrics);
    decide(s, b, r, q, arena, &v);
    write_answer(a, q, &v);
    watchdog_leave(s->watchdog, number);
    int64_t ns = clock_ns() - began;
    metrics_review_end(s->metrics, &v, (double)ns / 1e9);
    log_review(s, q, &v, ns);
    bundle_unref(b);
}

static size_t arena_size(const server *s)
{
    size_t size = s->options.max_body * ARENA_FACTOR;
    return size < ARENA_MIN ? ARENA_MIN : size;
}

static void answer(void *data, const http_request *r, http_answer *a)
{
    server *s = data;
    int64_t began = clock_ns();
    error err;
    review q;
    if (r->length == 0) {
        refuse_malformed(s, a, 400, "the body is empty; an AdmissionReview was expected");
        return;
    }
    json_arena *arena = json_arena_new(arena_size(s));
    json *root = json_parse(arena, r->body, r->length, &err);
    if (root && review_parse(&q, root, &err))
        review_and_count(s, r, &q, arena, began, a);
    else
        refuse_error(s, a, &err);
    json_arena_free(arena);
}

http_site webhook_site(server *s)
{
    return (http_site){
        .data = s,
        .max_body = s->options.max_body,
        .max_held = s->options.max_body * LARGE_BODIES,
        .check = check,
        .answer = answer,
        .cut_off = cut_off,
    };
}
