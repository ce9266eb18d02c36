#include "test.h"

#include "data.h"
#include "mem.h"

static const char text[] = "{\n  \"b\": [1, 2.5,\n    null, {\"c/d\": \"x\\u0000y\"}],\n  \"a~\": true,\n  \"\": 9007199254740993\n}\n";

static bool add(data_set *set, const char *content, error *err)
{
    return data_add(set, "policy", mem_strdup("dir/policy.json"), mem_strdup(content), strlen(content), err);
}

static const frozen *at(const frozen *map, const char *key)
{
    return frozen_get(map, key, strlen(key));
}

static void a_file_becomes_values(void **state)
{
    (void)state;
    data_set set;
    error err;
    data_init(&set, 1 << 20);
    assert_true(add(&set, text, &err));
    const data_file *f = data_find(&set, "policy", 6);
    assert_non_null(f);
    assert_null(data_find(&set, "polic", 5));
    assert_null(data_find(NULL, "policy", 6));
    const frozen *list = at(&f->value, "b");
    assert_int_equal(list->type, FROZEN_LIST);
    assert_int_equal(list->count, 4);
    assert_int_equal(list->as.items[0].as.integer, 1);
    assert_true(list->as.items[1].type == FROZEN_NUMBER && list->as.items[1].as.number == 2.5);
    assert_int_equal(list->as.items[2].type, FROZEN_NIL);
    const frozen *inner = at(&list->as.items[3], "c/d");
    assert_int_equal(inner->count, 3);
    assert_memory_equal(inner->as.text, "x\0y", 4);
    assert_int_equal(at(&f->value, "a~")->type, FROZEN_TRUE);
    assert_int_equal(at(&f->value, "")->type, FROZEN_INTEGER);
    assert_null(at(&f->value, "c"));
    assert_null(at(list, "c"));
    data_release(&set);
}

static void a_pointer_has_a_line(void **state)
{
    (void)state;
    static const struct { const char *pointer; int line; } rows[] = {
        { "", 1 }, { "/b", 2 }, { "/b/0", 2 }, { "/b/2", 3 }, { "/b/3/c~1d", 3 }, { "/a~0", 4 }, { "/", 5 },
        { "/b/7", 2 }, { "/nothing/at/all", 1 }, { "/b/x", 2 },
    };
    data_set set;
    error err;
    data_init(&set, 1 << 20);
    assert_true(add(&set, text, &err));
    for (size_t i = 0; i < COUNT(rows); i++)
        check_row(rows[i].pointer, data_line(set.files, rows[i].pointer, strlen(rows[i].pointer)) == rows[i].line);
    data_release(&set);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    data_set set;
    error err;
    data_init(&set, 1000);
    assert_false(add(&set, "{\n\"a\": 1,\n\"a\": 2}", &err));
    assert_memory_equal(err.text, "dir/policy.json:3: ", 19);
    assert_int_equal(err.kind, ERR_POLICY);
    buf many;
    buf_init(&many, 5000);
    buf_puts(&many, "[1");
    for (int i = 0; i < 2000; i++)
        buf_puts(&many, ",1");
    buf_puts(&many, "]");
    assert_false(add(&set, many.data, &err));
    buf_release(&many);
    assert_string_equal(err.text, "dir/policy.json: needs more than the policy's memory (--policy-memory)");
    assert_int_equal(err.kind, ERR_POLICY_MEMORY);
    data_release(&set);
}

/* A map of any size is searched right. */
static void every_key_is_found(void **state)
{
    (void)state;
    frozen_pair pairs[33];
    char names[33][4];
    for (size_t n = 0; n <= 33; n++) {
        for (size_t i = 0; i < n; i++) {
            snprintf(names[i], sizeof names[i], "%zu", i * 7 % 33);
            pairs[i] = (frozen_pair){ { .type = FROZEN_STRING, .count = (uint32_t)strlen(names[i]), .as.text = names[i] },
                                      { .type = FROZEN_INTEGER, .as.integer = (int64_t)(i * 7 % 33) } };
        }
        frozen_sort(pairs, n);
        frozen map = { .type = FROZEN_MAP, .count = (uint32_t)n, .as.pairs = pairs };
        for (size_t i = 0; i < 33; i++) {
            char key[4];
            snprintf(key, sizeof key, "%zu", i * 7 % 33);
            const frozen *found = at(&map, key);
            check_row(key, i < n ? found && found->as.integer == (int64_t)(i * 7 % 33) : !found);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_values),
        cmocka_unit_test(a_pointer_has_a_line),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(every_key_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
