/* What a policy may return, field by field; the row's value is what lua_decision.c makes of the Lua table. */
#include "test.h"

#include "decision.h"

#include <stdio.h>
#include <string.h>

static const char POD[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":["
                          "{\"name\":\"main\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}},{\"name\":\"side\"}]}}";

static const struct row {
    const char *name, *value;
    const char *error;              /* part of the sentence; NULL: it is valid */
} rows[] = {
    { "nil", "null", NULL },
    { "a ratio", "{\"ratio\":4}", NULL },
    { "a ratio as 4.0", "{\"ratio\":4.0}", NULL },
    { "the largest ratio", "{\"ratio\":1024}", NULL },
    { "a ratio as text", "{\"ratio\":\"4\"}", "ratio: must be an integer from 1 to 1024" },
    { "ratio zero", "{\"ratio\":0}", "ratio:" },
    { "a negative ratio", "{\"ratio\":-1}", "ratio:" },
    { "a fraction", "{\"ratio\":1.5}", "ratio:" },
    { "a ratio above the cap", "{\"ratio\":1025}", "ratio:" },
    { "a huge ratio", "{\"ratio\":1e300}", "ratio:" },
    { "a boolean", "true", "must return a decision" },
    { "a number", "4", "must return a decision" },
    { "a string", "\"deny\"", "must return a decision" },
    { "a list", "[4]", "must return a decision" },
    { "an empty table", "{}", "empty" },
    { "a typo", "{\"ratoi\":4}", "did you mean `ratio`?" },
    { "a field nobody knows", "{\"placement\":{}}", "placement: a decision has no such field" },
    { "a resource", "{\"ratio\":2,\"resource\":\"nvidia.com/gpu.shared\"}", NULL },
    { "a resource alone", "{\"resource\":\"nvidia.com/gpu.shared\"}", "ratio: missing" },
    { "the source as resource", "{\"ratio\":2,\"resource\":\"nvidia.com/gpu\"}", "resource: must be" },
    { "a native resource", "{\"ratio\":2,\"resource\":\"cpu\"}", "resource: must be" },
    { "a kubernetes.io resource", "{\"ratio\":2,\"resource\":\"kubernetes.io/gpu\"}", "resource: must be" },
    { "a resource below kubernetes.io", "{\"ratio\":2,\"resource\":\"node.kubernetes.io/gpu\"}", "resource: must be" },
    { "a quota name", "{\"ratio\":2,\"resource\":\"requests.nvidia.com/gpu-shared\"}", "resource: must be" },
    { "a resource in upper case", "{\"ratio\":2,\"resource\":\"NVIDIA.com/gpu\"}", "resource: must be" },
    { "a resource with an empty label", "{\"ratio\":2,\"resource\":\"nvidia..com/gpu\"}", "resource: must be" },
    { "a resource that ends in a dash", "{\"ratio\":2,\"resource\":\"nvidia.com/gpu-\"}", "resource: must be" },
    { "a resource without a name", "{\"ratio\":2,\"resource\":\"nvidia.com/\"}", "resource: must be" },
    { "a container", "{\"containers\":{\"main\":{\"ratio\":2}}}", NULL },
    { "a container left alone", "{\"ratio\":2,\"containers\":{\"main\":false}}", NULL },
    { "a container nobody has", "{\"ratio\":2,\"containers\":{\"mian\":{\"ratio\":2}}}", "containers.mian: the Pod has no" },
    { "a container nobody has, left alone", "{\"ratio\":2,\"containers\":{\"mian\":false}}", NULL },
    { "a container that is true", "{\"ratio\":2,\"containers\":{\"main\":true}}", "containers.main: must be false" },
    { "a container's typo", "{\"containers\":{\"main\":{\"raito\":2}}}", "containers.main.raito: unknown field" },
    { "a container's bad ratio", "{\"containers\":{\"main\":{\"ratio\":0}}}", "containers.main.ratio: must be" },
    { "a container's bad resource", "{\"containers\":{\"main\":{\"resource\":\"x\"}}}", "containers.main.resource: must be" },
    { "a container without a ratio", "{\"containers\":{\"main\":{\"resource\":\"a.b/c\"}}}", "containers.main.ratio: missing" },
    { "a container that says nothing", "{\"containers\":{\"main\":{}}}", "containers.main.ratio: missing" },
    { "a container with the decision's ratio", "{\"ratio\":2,\"containers\":{\"main\":{\"resource\":\"a.b/c\"}}}", NULL },
    { "a list of containers", "{\"containers\":[\"main\"]}", "containers: must be a table" },
    { "texts", "{\"ratio\":2,\"reason\":\"r\",\"rule\":\"n\"}", NULL },
    { "a reason that is a number", "{\"ratio\":2,\"reason\":3}", "reason: must be a string" },
    { "warnings alone", "{\"warnings\":[\"w\"]}", NULL },
    { "no warnings", "{\"ratio\":2,\"warnings\":{}}", NULL },
    { "six warnings", "{\"warnings\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}", "warnings: at most 5" },
    { "a warning that is a number", "{\"warnings\":[1]}", "warnings: must be a list of strings" },
    { "warnings by name", "{\"warnings\":{\"a\":\"b\"}}", "warnings: must be a list of strings" },
    { "annotations", "{\"ratio\":2,\"annotations\":{\"example.com/a\":\"b\"}}", NULL },
    { "an annotation of Kubernetes", "{\"ratio\":2,\"annotations\":{\"kubernetes.io/a\":\"b\"}}", "not a policy's to set" },
    { "an annotation below k8s.io", "{\"ratio\":2,\"annotations\":{\"x.k8s.io/a\":\"b\"}}", "not a policy's to set" },
    { "a domain that only looks like it", "{\"ratio\":2,\"annotations\":{\"xk8s.io/a\":\"b\"}}", NULL },
    { "one of our inputs", "{\"ratio\":2,\"annotations\":{\"castops.io/slice-ratio\":\"2\"}}", "not a policy's to set" },
    { "an annotation that is a number", "{\"ratio\":2,\"annotations\":{\"a\":1}}", "must be a string" },
    { "an annotation without a name", "{\"ratio\":2,\"annotations\":{\"a/\":\"b\"}}", "not a valid key" },
    { "a label", "{\"ratio\":2,\"labels\":{\"shared\":\"yes\"}}", NULL },
    { "an empty label", "{\"ratio\":2,\"labels\":{\"shared\":\"\"}}", NULL },
    { "a label with a space", "{\"ratio\":2,\"labels\":{\"shared\":\"a b\"}}", "not a valid label value" },
    { "invalid", "{\"invalid\":\"no\"}", NULL },
    { "deny", "{\"deny\":\"no\",\"rule\":\"r\"}", NULL },
    { "both refusals", "{\"deny\":\"no\",\"invalid\":\"no\"}", "not both" },
    { "a refusal without a word", "{\"deny\":\"\"}", "deny: must be a sentence" },
    { "a refusal that is true", "{\"deny\":true}", "deny: must be a string" },
    { "a refusal that rewrites", "{\"deny\":\"no\",\"ratio\":2}", "deny: a refusal has no" },
};

static bool decide(json_arena *arena, const char *value, decision *d, error *err)
{
    static pod p;
    pod_request request = { 0 };
    json *object = json_parse(arena, POD, strlen(POD), err);
    json *tree = json_parse(arena, value, strlen(value), err);
    assert_non_null(object);
    assert_non_null(tree);
    assert_true(pod_read(&p, arena, object, &request, err));
    return decision_read(d, arena, tree, &p, err);
}

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_arena *arena = json_arena_new(1 << 20);
        decision d;
        error err = { 0 };
        bool ok = decide(arena, rows[i].value, &d, &err);
        if (ok != !rows[i].error || (!ok && (!strstr(err.text, rows[i].error) || err.kind != ERR_POLICY)))
            fail_msg("%s: %s, \"%s\"", rows[i].name, ok ? "valid" : "refused", err.text);
        json_arena_free(arena);
    }
}

static void test_sentences_are_escaped_and_cut(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(1 << 20);
    char value[4000] = "{\"deny\":\"a\\nb\\u0000c\\u0085";
    size_t n = strlen(value);
    for (int i = 0; i < 1000; i++)
        n += (size_t)snprintf(value + n, sizeof value - n, "é");
    snprintf(value + n, sizeof value - n, "\"}");
    decision d;
    error err = { 0 };
    assert_true(decide(arena, value, &d, &err));
    assert_int_equal(d.kind, DECISION_DENY);
    assert_memory_equal(d.sentence, "a\\u000ab\\u0000c\\u0085é", 23);
    assert_true(strlen(d.sentence) <= DECISION_MAX_SENTENCE);
    assert_string_equal(d.sentence + strlen(d.sentence) - 5, "é…");
    json_arena_free(arena);
}

static void test_a_container_overrides_the_decision(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(1 << 20);
    decision d;
    error err = { 0 };
    assert_true(decide(arena, "{\"ratio\":2,\"resource\":\"a.b/c\",\"containers\":{\"main\":{\"ratio\":3},\"side\":false}}",
                       &d, &err));
    int64_t ratio;
    const char *resource;
    pod_container main = { .name = "main" }, side = { .name = "side" }, other = { .name = "other" };
    assert_true(decision_for(&d, &main, "x.y/z", &ratio, &resource));
    assert_int_equal(ratio, 3);
    assert_string_equal(resource, "a.b/c");
    assert_false(decision_for(&d, &side, "x.y/z", &ratio, &resource));
    assert_true(decision_for(&d, &other, "x.y/z", &ratio, &resource));
    assert_int_equal(ratio, 2);
    json_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_sentences_are_escaped_and_cut),
        cmocka_unit_test(test_a_container_overrides_the_decision),
    };
    return cmocka_run_group_tests_name("decision", tests, NULL, NULL);
}
