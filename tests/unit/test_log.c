#include "test.h"

#include "log.h"

#include <fcntl.h>
#include <unistd.h>

/* Run with stderr in a pipe; what was written comes back, terminated. */
static int saved, ends[2];

static void capture(void)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
}

static char *captured(char text[static 65536])
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], text, 65535);
    close(ends[0]);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static char text[65536];

static void a_line_is_one_object(void **state)
{
    (void)state;
    capture();
    log_info("ready", LOG_S("webhook", "https://[::]:9443"), LOG_N("threads", 2), LOG_N("least", INT64_MIN));
    captured(text);
    assert_non_null(strstr(text, "Z\",\"level\":\"info\",\"msg\":\"ready\",\"webhook\":\"https://[::]:9443\","
                                 "\"threads\":2,\"least\":-9223372036854775808}\n"));
    assert_int_equal(strncmp(text, "{\"time\":\"20", 11), 0);
    assert_int_equal(strlen("2026-11-23T04:30:00.123Z"), strcspn(text + 9, "\""));
}

static void what_breaks_a_line_is_escaped(void **state)
{
    static const struct { const char *name, *text, *written; } rows[] = {
        { "quotes and newlines", "a\"b\\c\nd", "\"a\\\"b\\\\c\\nd\"" },
        { "UTF-8 stays", "M\xC3\xBCller", "\"M\xC3\xBCller\"" },
        { "a lone byte", "a\xFFz", "\"a?z\"" },
        { "a cut character", "a\xE2\x82", "\"a??\"" },
        { "an overlong slash", "\xC0\xAF", "\"??\"" },
        { "a surrogate", "\xED\xA0\x80", "\"???\"" },
        { "no text at all", NULL, "\"\"" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        capture();
        log_info("m", LOG_S("t", rows[i].text));
        check_row(rows[i].name, strstr(captured(text), rows[i].written));
    }
}

static void a_field_too_long_is_left_out_whole(void **state)
{
    char *large = malloc(20001);
    memset(large, 'x', 20000);
    large[20000] = '\0';
    (void)state;
    capture();
    log_info("m", LOG_S("a", "1"), LOG_S("large", large), LOG_S("b", "2"));
    assert_non_null(strstr(captured(text), "\"msg\":\"m\",\"a\":\"1\",\"b\":\"2\"}\n"));
    free(large);
}

static void levels(void **state)
{
    log_level level;
    (void)state;
    assert_true(log_level_parse("debug", &level) && level == LOG_DEBUG);
    assert_true(log_level_parse("error", &level) && level == LOG_ERROR);
    assert_false(log_level_parse("Error", &level) || log_level_parse("", &level));
    log_set_level(LOG_WARN);
    capture();
    log_info("no", LOG_END);
    log_warn("yes", LOG_END);
    captured(text);
    assert_null(strstr(text, "no"));
    assert_non_null(strstr(text, "yes"));
    log_set_level(LOG_INFO);
}

static void the_gate_lets_ten_through_and_counts_the_rest(void **state)
{
    log_limiter limiter;
    int passed = 0;
    (void)state;
    log_limiter_init(&limiter, "noise");
    for (int i = 0; i < 1000; i++)
        passed += log_limiter_pass(&limiter);
    assert_int_equal(passed, 10);
    capture();
    log_limiter_report(&limiter);
    assert_string_equal(captured(text), "");                /* the ten seconds are not over */
    limiter.window_ms -= 10001;
    capture();
    log_limiter_report(&limiter);
    assert_non_null(strstr(captured(text), "\"msg\":\"suppressed\",\"what\":\"noise\",\"lines\":990}"));
    assert_true(log_limiter_pass(&limiter));
    log_limiter_release(&limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_object),
        cmocka_unit_test(what_breaks_a_line_is_escaped),
        cmocka_unit_test(a_field_too_long_is_left_out_whole),
        cmocka_unit_test(levels),
        cmocka_unit_test(the_gate_lets_ten_through_and_counts_the_rest),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
