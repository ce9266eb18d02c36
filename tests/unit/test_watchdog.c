/* The watchdog, over the production engine: a review whose C function does not come back. The function is
 * quantity.number, whose parser the linker replaces by ours (Makefile, --wrap). */
#include "test.h"

#include "clock.h"
#include "probes.h"
#include "quantity.h"
#include "webhook.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define SLACK_NS INT64_C(20000000)

/* ---- a C function that stalls --------------------------------------------- */

typedef enum stall { NO_STALL, SLEEP, SPIN } stall;

static _Atomic stall mode;
static atomic_bool inside, released;

bool __real_quantity_parse(const char *text, size_t length, quantity *out);
bool __wrap_quantity_parse(const char *text, size_t length, quantity *out);

bool __wrap_quantity_parse(const char *text, size_t length, quantity *out)
{
    if (mode != NO_STALL && length == 5 && memcmp(text, "stall", 5) == 0) {
        inside = true;
        while (!released)
            if (mode == SLEEP)
                usleep(1000);
        return false;
    }
    return __real_quantity_parse(text, length, out);
}

/* ---- a server without a network -------------------------------------------- */

static const char policy[] = "return function(pod) quantity.number('stall') return { ratio = 2 } end";
static const char body[] =
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\",\"kind\":"
    "{\"version\":\"v1\",\"kind\":\"Pod\"},\"operation\":\"CREATE\",\"object\":{\"metadata\":{\"name\":\"x\"},\"spec\":"
    "{\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]}}}}";

static server site;
static char folder[] = "/tmp/castslice-watchdog-XXXXXX", file[64];

static int start(void **state)
{
    (void)state;
    error err;
    site.options = (options){ .policy_cpu_ms = 50, .max_body = (size_t)8 << 20, .threads = 1 };
    site.metrics = metrics_new();
    site.watchdog = watchdog_new(1, SLACK_NS, site.metrics);
    log_limiter_init(&site.failures, "failed");
    log_set_level(LOG_ERROR);
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/policy.lua", folder);
    FILE *f = fopen(file, "w");
    fputs(policy, f);
    fclose(f);
    bundle *b = bundle_load(folder, 1, (vm_limits){ .memory = (size_t)8 << 20, .cpu_ns = INT64_C(50000000) }, &err);
    site.policy = b ? current_new(b) : NULL;
    return b ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    current_free(site.policy);
    watchdog_free(site.watchdog);
    metrics_free(site.metrics);
    log_limiter_release(&site.failures);
    unlink(file);
    return rmdir(folder);
}

static http_answer answer_of(http_site s, const http_request *r)
{
    http_answer a = { .status = 0 };
    s.answer(s.data, r, &a);
    return a;
}

static unsigned page(const char *path)
{
    http_answer a = answer_of(probes_site(&site), &(http_request){ .method = "GET", .path = path, .body = "" });
    buf_release(&a.body);
    return a.status;
}

static bool counted(const char *line)
{
    buf out;
    buf_init(&out, 100000);
    metrics_write(site.metrics, &out);
    bool found = strstr(out.data, line) != NULL;
    buf_release(&out);
    return found;
}

/* One review, perhaps on its own thread; `data` points to what `?timeout=` says, or to NULL. */
static void *send_review(void *data)
{
    const char *const *timeout = data;
    static http_answer a;
    a = answer_of(webhook_site(&site), &(http_request){
        .method = "POST", .path = "/mutate", .timeout = *timeout, .began_ns = clock_ns(), .body = body,
        .length = sizeof body - 1 });
    return &a;
}

static void look_until(bool (*condition)(void))
{
    while (!condition()) {
        watchdog_look(site.watchdog);
        sched_yield();
    }
}

static bool is_inside(void) { return inside; }
static bool is_stuck(void) { return watchdog_stuck(site.watchdog); }

static http_answer stall_until_stuck(stall how, const char *timeout, const char *overdue)
{
    pthread_t thread;
    void *a;
    mode = how;
    inside = released = false;
    assert_int_equal(pthread_create(&thread, NULL, send_review, &timeout), 0);
    look_until(is_inside);
    assert_int_equal(page("/healthz"), 200);
    assert_true(watchdog_busy(site.watchdog));
    look_until(is_stuck);
    assert_int_equal(page("/healthz"), 503);
    assert_int_equal(page("/readyz"), 503);
    assert_true(counted(overdue));
    released = true;
    pthread_join(thread, &a);
    return *(http_answer *)a;
}

static void check_recovered(void)
{
    watchdog_look(site.watchdog);
    assert_false(watchdog_busy(site.watchdog));
    assert_int_equal(page("/healthz"), 200);
    assert_int_equal(page("/readyz"), 200);
    mode = NO_STALL;
    const char *none = NULL;
    http_answer *good = send_review(&none);
    assert_int_equal(good->status, 200);
    buf_release(&good->body);
}

/* It uses no CPU time: only the API server's deadline tells. Awake again, the run ends at once. */
static void a_review_that_waits_is_noticed_at_its_deadline(void **state)
{
    (void)state;
    http_answer a = stall_until_stuck(SLEEP, "20ms", "castslice_policy_watchdog_total 1\n");
    assert_int_equal(a.status, 500);
    assert_non_null(strstr(a.body.data, "were left of the API server's time-out"));
    buf_release(&a.body);
    check_recovered();
}

static void a_review_that_spins_is_noticed_by_its_cpu_time(void **state)
{
    (void)state;
    http_answer a = stall_until_stuck(SPIN, "30s", "castslice_policy_watchdog_total 2\n");
    assert_int_equal(a.status, 500);
    assert_non_null(strstr(a.body.data, "50 ms of CPU time"));
    buf_release(&a.body);
    check_recovered();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_review_that_waits_is_noticed_at_its_deadline),
        cmocka_unit_test(a_review_that_spins_is_noticed_by_its_cpu_time),
    };
    return cmocka_run_group_tests_name("watchdog", tests, start, stop);
}
