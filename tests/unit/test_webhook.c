#include "test.h"

#include "webhook.h"

#define S INT64_C(1000000000)

static void durations_as_go_writes_them(void **state)
{
    static const struct { const char *text; int64_t ns; } rows[] = {
        { "10s", 10 * S }, { "1m30s", 90 * S }, { "500ms", S / 2 }, { "1.5s", 3 * S / 2 }, { "1h", 3600 * S },
        { "100us", 100000 }, { "100\xC2\xB5s", 100000 }, { "100\xCE\xBCs", 100000 }, { "7ns", 7 }, { ".5s", S / 2 },
        { "1.s", S }, { "1h0m0.25s", 3600 * S + S / 4 },
        { "", 0 }, { "0s", 0 }, { "0", 0 }, { "10", 0 }, { "s", 0 }, { "-1s", 0 }, { "+1s", 0 }, { " 1s", 0 },
        { "1s ", 0 },
        { "1 s", 0 }, { "1e3s", 0 }, { "0x1s", 0 }, { ".s", 0 }, { "1..5s", 0 }, { "1d", 0 }, { "nans", 0 },
        { "infs", 0 },
        { "99999999999999999999999999999999s", 0 }, { "9999999999999h", INT64_C(1000000000) * S },
    };
    (void)state;
    assert_int_equal(webhook_duration(NULL), 0);
    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(rows[i].text, webhook_duration(rows[i].text) == rows[i].ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(durations_as_go_writes_them) };
    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
