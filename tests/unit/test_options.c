/* A flag beats its variable, which beats the default; what is wrong is named. */
#include "test.h"

#include "options.h"

#include <stdlib.h>
#include <string.h>

static bool parse(options *o, options_command command, error *err, const char *a, const char *b)
{
    static char first[256], second[256];
    char *argv[] = { first, second, NULL };
    strncpy(first, a ? a : "", sizeof first - 1);
    strncpy(second, b ? b : "", sizeof second - 1);
    return options_parse(o, command, (a != NULL) + (b != NULL), argv, err);
}

static void test_defaults(void **state)
{
    (void)state;
    options o;
    error err = { 0 };
    assert_true(parse(&o, OPTIONS_SERVE, &err, NULL, NULL));
    assert_string_equal(o.listen, ":9443");
    assert_string_equal(o.metrics_listen, ":8080");
    assert_null(o.certificate);
    assert_null(o.policy);
    assert_int_equal(o.max_body, 8 << 20);
    assert_int_equal(o.max_connections, 1024);
    assert_int_equal(o.drain_seconds, 10);
    assert_int_equal(o.policy_cpu_ms, 50);
    assert_int_equal(o.policy_memory, 8 << 20);
    assert_true(o.threads >= 1 && o.threads <= 16);
}

static void test_a_flag_beats_its_variable(void **state)
{
    (void)state;
    options o;
    error err = { 0 };
    setenv("CASTSLICE_MAX_BODY", "64KiB", 1);
    assert_true(parse(&o, OPTIONS_SERVE, &err, NULL, NULL));
    assert_int_equal(o.max_body, 64 << 10);
    assert_true(parse(&o, OPTIONS_SERVE, &err, "--max-body=2048", NULL));
    assert_int_equal(o.max_body, 2048);
    assert_true(parse(&o, OPTIONS_SERVE, &err, "--max-body", "1MiB"));
    assert_int_equal(o.max_body, 1 << 20);
    setenv("CASTSLICE_MAX_BODY", "lots", 1);
    assert_false(parse(&o, OPTIONS_SERVE, &err, NULL, NULL));
    assert_non_null(strstr(err.text, "CASTSLICE_MAX_BODY: must be bytes"));
    unsetenv("CASTSLICE_MAX_BODY");
}

static const struct row {
    const char *name, *a, *b, *error;
    options_command command;
} rows[] = {
    { "a typo", "--treads", "2", "unknown flag --treads, did you mean --threads?", OPTIONS_SERVE },
    { "a typo with a value", "--max-bdy=1", NULL, "did you mean --max-body?", OPTIONS_SERVE },
    { "nothing near", "--frobnicate", NULL, "unknown flag --frobnicate; --help lists them all", OPTIONS_SERVE },
    { "one dash", "-threads", "2", "unknown flag -threads, did you mean --threads?", OPTIONS_SERVE },
    { "another command's flag", "--listen", ":1", "unknown flag --listen", OPTIONS_REVIEW },
    { "no value", "--threads", NULL, "--threads needs a value", OPTIONS_SERVE },
    { "a bad number", "--threads", "0", "--threads: must be a number from 1 to 64, not \"0\"", OPTIONS_SERVE },
    { "a number with a tail", "--drain-seconds", "5s", "--drain-seconds: must be seconds", OPTIONS_SERVE },
    { "a size that overflows", "--max-body", "99999999999999999999", "--max-body: must be bytes", OPTIONS_SERVE },
    { "a bad level", "--log-level", "loud", "--log-level: must be error, warn, info or debug", OPTIONS_SERVE },
    { "a certificate without its key", "--certificate", "c.pem", "--key is missing", OPTIONS_SERVE },
    { "an operand", "now", NULL, "what is \"now\"?", OPTIONS_SERVE },
    { "a bad form", "-o", "xml", "--output: must be text, json", OPTIONS_REVIEW },
    { "a short flag nobody knows", "-x", NULL, "unknown flag -x", OPTIONS_REVIEW },
    { "a value for a switch", "--help=yes", NULL, "--help takes no value", OPTIONS_SERVE },
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        options o;
        error err = { 0 };
        if (parse(&o, rows[i].command, &err, rows[i].a, rows[i].b) || !strstr(err.text, rows[i].error))
            fail_msg("%s: \"%s\"", rows[i].name, err.text);
    }
}

static void test_operands_and_flags_mix(void **state)
{
    (void)state;
    options o;
    error err = { 0 };
    assert_true(parse(&o, OPTIONS_REVIEW, &err, "pod.yaml", "-ojson"));
    assert_int_equal(o.output, OUTPUT_JSON);
    assert_true(parse(&o, OPTIONS_REVIEW, &err, "pod.yaml", "--output=json"));
    assert_int_equal(o.operand_count, 1);
    assert_string_equal(o.operands[0], "pod.yaml");
    assert_int_equal(o.output, OUTPUT_JSON);
    assert_true(parse(&o, OPTIONS_REVIEW, &err, "-", NULL));
    assert_string_equal(o.operands[0], "-");
    assert_true(parse(&o, OPTIONS_REVIEW, &err, "--", "--help"));
    assert_false(o.help);
    assert_string_equal(o.operands[0], "--help");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_flag_beats_its_variable),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_operands_and_flags_mix),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
