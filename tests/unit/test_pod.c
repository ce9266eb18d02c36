/* What a Pod needs at once, by the API server's own rule, and how its fields are read. */
#include "test.h"

#include "pod.h"

#include <stdio.h>
#include <string.h>

/* Containers in short: "m1" a container with 1 GPU, "i2" an init container, "s1" a sidecar. */
static const struct row {
    const char *name, *containers;
    int gpus;
} rows[] = {
    { "nothing", "", 0 },
    { "one container", "m1", 1 },
    { "containers run together", "m1 m2", 3 },
    { "init containers run one after another", "i2 i3 m1", 3 },
    { "init below main", "i1 m4", 4 },
    { "a sidecar runs beside the containers", "s1 m2", 3 },
    { "an init container runs beside the sidecars before it", "s1 i2 m1", 3 },
    { "and not beside the sidecars after it", "i2 s1 m1", 2 },
};

static json *build(json_arena *arena, const char *containers)
{
    buf text;
    buf_init(&text, 1 << 16);
    for (int init = 0; init < 2; init++) {
        buf_printf(&text, init ? "],\"initContainers\":[" : "{\"spec\":{\"containers\":[");
        const char *comma = "";
        for (const char *c = containers; *c; c += c[2] ? 3 : 2) {
            if ((*c != 'm') != init)
                continue;
            buf_printf(&text, "%s{\"name\":\"c\"%s,\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"%c\"}}}", comma,
                       *c == 's' ? ",\"restartPolicy\":\"Always\"" : "", c[1]);
            comma = ",";
        }
    }
    buf_puts(&text, "]}}");
    error err = { 0 };
    json *tree = json_parse(arena, text.data, text.len, &err);
    if (!tree)
        fail_msg("%s: %s", text.data, err.text);
    buf_release(&text);
    return tree;
}

static void test_gpus_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_arena *arena = json_arena_new(1 << 20);
        pod p;
        error err = { 0 };
        pod_request request = { 0 };
        assert_true(pod_read(&p, arena, build(arena, rows[i].containers), &request, &err));
        if (p.gpus != rows[i].gpus)
            fail_msg("%s: %d", rows[i].name, (int)p.gpus);
        json_arena_free(arena);
    }
}

static void test_fields(void **state)
{
    (void)state;
    static const char text[] =
        "{\"metadata\":{\"generateName\":\"g-\",\"namespace\":\"theirs\",\"ownerReferences\":[{\"kind\":\"Other\"},"
        "{\"kind\":\"ReplicaSet\",\"name\":\"r\",\"controller\":true}],\"annotations\":{\"castops.io/optimize\":\"true\"}},"
        "\"spec\":{\"serviceAccountName\":\"s\",\"containers\":[{\"name\":\"m\",\"securityContext\":{\"privileged\":true}}]}}";
    json_arena *arena = json_arena_new(1 << 20);
    error err = { 0 };
    pod p;
    pod_request request = { .namespace = "ours", .user = "u" };
    assert_true(pod_read(&p, arena, json_parse(arena, text, strlen(text), &err), &request, &err));
    assert_string_equal(p.name, "");
    assert_string_equal(p.generate_name, "g-");
    assert_string_equal(p.namespace, "ours");
    assert_string_equal(p.owner_kind, "ReplicaSet");
    assert_string_equal(p.owner_name, "r");
    assert_string_equal(p.service_account, "s");
    assert_int_equal(p.opt, POD_OPT_IN);
    assert_true(p.containers[0].privileged);
    assert_null(p.labels);
    json_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpus_at_once),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests_name("pod", tests, NULL, NULL);
}
