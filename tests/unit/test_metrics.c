#include "test.h"

#include "metrics.h"

static buf page;

static bool says(const metrics *m, const char *line)
{
    buf_clear(&page);
    metrics_write(m, &page);
    return !page.toobig && strstr(page.data, line);
}

static void count(metrics *m, verdict_kind kind, error_kind why, double seconds)
{
    verdict v = { .kind = kind, .error.kind = why };
    metrics_review_begin(m);
    metrics_review_end(m, &v, seconds);
}

static void everything_is_there_at_zero(void **state)
{
    static const char *const lines[] = {
        "\ncastslice_requests_total 0\n", "\ncastslice_mutations_total 0\n", "\ncastslice_noop_total 0\n",
        "\ncastslice_errors_total 0\n", "\ncastslice_malformed_requests_total 0\n",
        "\ncastslice_overload_responses_total 0\n", "\ncastslice_policy_failures_total{reason=\"cpu\"} 0\n",
        "\ncastslice_policy_failures_total{reason=\"memory\"} 0\n", "\ncastslice_reviews_in_flight 0\n",
        "\ncastslice_connections 0\n", "_bucket{le=\"0.0001\"} 0\n", "_bucket{le=\"+Inf\"} 0\n", "_count 0\n",
    };
    metrics *m = metrics_new();
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        check_row(lines[i], says(m, lines[i]));
    metrics_free(m);
}

static void each_review_counts_once(void **state)
{
    metrics *m = metrics_new();
    (void)state;
    count(m, VERDICT_MUTATED, ERR_NONE, 0.00009);
    count(m, VERDICT_MUTATED, ERR_NONE, 0.0001);
    count(m, VERDICT_UNCHANGED, ERR_NONE, 0.0002);
    count(m, VERDICT_DENIED, ERR_NONE, 2);
    count(m, VERDICT_FAILED, ERR_POLICY, 0.5);
    count(m, VERDICT_FAILED, ERR_POLICY_CPU, 0.5);
    count(m, VERDICT_FAILED, ERR_POLICY_TIME, 0.5);
    count(m, VERDICT_FAILED, ERR_POLICY_MEMORY, 0.5);
    count(m, VERDICT_FAILED, ERR_INTERNAL, 0.5);
    assert_true(says(m, "\ncastslice_requests_total 9\n"));
    assert_true(says(m, "\ncastslice_mutations_total 2\n"));
    assert_true(says(m, "\ncastslice_noop_total 1\n"));
    assert_true(says(m, "\ncastslice_errors_total 6\n"));
    assert_true(says(m, "{reason=\"error\"} 1\n"));
    assert_true(says(m, "{reason=\"cpu\"} 1\n"));
    assert_true(says(m, "{reason=\"deadline\"} 1\n"));
    assert_true(says(m, "{reason=\"memory\"} 1\n"));
    assert_true(says(m, "{reason=\"internal\"} 1\n"));
    assert_true(says(m, "_bucket{le=\"0.0001\"} 2\n"));       /* a bound is part of its bucket */
    assert_true(says(m, "_bucket{le=\"0.00025\"} 3\n"));
    assert_true(says(m, "_bucket{le=\"0.5\"} 8\n"));
    assert_true(says(m, "_bucket{le=\"1\"} 8\n"));
    assert_true(says(m, "_bucket{le=\"+Inf\"} 9\n"));
    assert_true(says(m, "_seconds_sum 4.500390000\n"));
    assert_true(says(m, "_seconds_count 9\n"));
    metrics_free(m);
}

static void what_is_no_review_counts_elsewhere(void **state)
{
    metrics *m = metrics_new();
    (void)state;
    metrics_malformed(m);
    metrics_overloaded(m);
    metrics_connections(m, 3);
    metrics_connections(m, -1);
    metrics_review_begin(m);
    assert_true(says(m, "\ncastslice_requests_total 0\n"));
    assert_true(says(m, "\ncastslice_malformed_requests_total 1\n"));
    assert_true(says(m, "\ncastslice_overload_responses_total 1\n"));
    assert_true(says(m, "\ncastslice_connections 2\n"));
    assert_true(says(m, "\ncastslice_reviews_in_flight 1\n"));
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_there_at_zero),
        cmocka_unit_test(each_review_counts_once),
        cmocka_unit_test(what_is_no_review_counts_elsewhere),
    };
    buf_init(&page, 65536);
    int failed = cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
    buf_release(&page);
    return failed;
}
