#include "test.h"

#include "limit_range.h"

static const char record[] = "LimitRanger plugin set: cpu, nvidia.com/gpu request for container main; "
                             "nvidia.com/gpu-shared limit for container main; cpu request for container b; "
                             "nvidia.com/gpu limit for init container prepare";

static const struct {
    const char *container, *resource;
    bool init, wrote;
} rows[] = {
    { "main", "nvidia.com/gpu", false, true },
    { "main", "nvidia.com/gpu-shared", false, true },
    { "main", "memory", false, false },
    { "main", "nvidia.com", false, false },
    { "none", "nvidia.com/gpu", false, false },
    { "b", "cpu", false, true },
    { "b", "nvidia.com/gpu", false, false },
    { "prepare", "nvidia.com/gpu", true, true },
    { "main", "nvidia.com/gpu", true, false },
};

static void one_walk_finds_every_containers_note(void **state)
{
    (void)state;
    static const struct { const char *name; bool init; } pod[] = {
        { "none", false }, { "main", false }, { "b", false }, { "ain", false }, { "main", true }, { "prepare", true },
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const char *at = limit_range_begin(record);
        for (size_t i = 0; i < sizeof pod / sizeof *pod; i++) {
            limit_range_note note = limit_range_next(&at, pod[i].name, pod[i].init);
            if (strcmp(pod[i].name, rows[r].container) != 0 || pod[i].init != rows[r].init)
                continue;
            if (limit_range_wrote(&note, rows[r].resource) != rows[r].wrote)
                fail_msg("%s, %s", rows[r].container, rows[r].resource);
        }
        assert_null(at);
    }
}

static void what_is_no_record_says_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = { NULL, "", "nvidia.com/gpu limit for container main", "LimitRanger plugin set:" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *at = limit_range_begin(texts[i]);
        limit_range_note note = limit_range_next(&at, "main", false);
        assert_false(limit_range_wrote(&note, "nvidia.com/gpu"));
    }
    const char *at = limit_range_begin("LimitRanger plugin set: ");
    assert_int_equal(limit_range_next(&at, "main", false).length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_walk_finds_every_containers_note),
        cmocka_unit_test(what_is_no_record_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
