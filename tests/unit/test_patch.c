/* The patch we build, and the strictness with which we apply it to our own copy first. */
#include "test.h"

#include "patch.h"

#include <string.h>

static const char *write_json(const json *node, buf *out)
{
    buf_clear(out);
    json_write(out, node);
    return out->data;
}

static json *parse(json_arena *arena, const char *text)
{
    error err = { 0 };
    json *tree = json_parse(arena, text, strlen(text), &err);
    if (!tree)
        fail_msg("%s: %s", text, err.text);
    return tree;
}

/* ---- building ----------------------------------------------------------- */

static const struct build_row {
    const char *name, *pod, *decision, *patch;
} builds[] = {
    { "limits and requests",
      "{\"spec\":{\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"2\"},"
      "\"requests\":{\"nvidia.com/gpu\":\"2\"}}}]}}",
      "{\"ratio\":4}",
      "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu-shared\",\"value\":\"8\"},"
      "{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu-shared\",\"value\":\"8\"}]" },
    { "requests are made where absent",
      "{\"spec\":{\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":1}}}]}}",
      "{\"ratio\":1,\"resource\":\"a.b/c\"}",
      "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/a.b~1c\",\"value\":\"1\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/requests\",\"value\":{}},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/requests/a.b~1c\",\"value\":\"1\"}]" },
    { "annotations and labels only where absent, parents only where absent",
      "{\"metadata\":{\"annotations\":{\"a\":\"old\"}},\"spec\":{\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":"
      "{\"nvidia.com/gpu\":\"1\"},\"requests\":{\"nvidia.com/gpu\":\"1\"}}}]}}",
      "{\"ratio\":1,\"annotations\":{\"a\":\"new\",\"x.y/z\":\"v\"},\"labels\":{\"l\":\"w\"}}",
      "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu-shared\",\"value\":\"1\"},"
      "{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu-shared\",\"value\":\"1\"},"
      "{\"op\":\"add\",\"path\":\"/metadata/annotations/x.y~1z\",\"value\":\"v\"},"
      "{\"op\":\"add\",\"path\":\"/metadata/labels\",\"value\":{}},"
      "{\"op\":\"add\",\"path\":\"/metadata/labels/l\",\"value\":\"w\"}]" },
    { "nothing is added to metadata of a wrong type, least of all over it",
      "{\"metadata\":{\"annotations\":\"x\"},\"spec\":{\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":"
      "{\"nvidia.com/gpu\":\"1\"},\"requests\":{\"nvidia.com/gpu\":\"1\"}}}]}}",
      "{\"ratio\":1,\"annotations\":{\"a\":\"b\"},\"labels\":{\"l\":\"w\"}}",
      "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/limits/nvidia.com~1gpu-shared\",\"value\":\"1\"},"
      "{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/containers/0/resources/requests/nvidia.com~1gpu-shared\",\"value\":\"1\"}]" },
    { "annotations travel only with a rewrite", "{\"spec\":{\"containers\":[{\"name\":\"m\"}]}}",
      "{\"ratio\":1,\"annotations\":{\"a\":\"b\"}}", "[]" },
    { "a container that carries the chosen target is left alone",
      "{\"spec\":{\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\",\"a.b/c\":\"1\"}}}]}}",
      "{\"ratio\":2,\"resource\":\"a.b/c\"}", "[]" },
    { "an init container",
      "{\"spec\":{\"initContainers\":[{},{\"name\":\"i\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"},"
      "\"requests\":{\"nvidia.com/gpu\":\"1\"}}}]}}",
      "{\"containers\":{\"i\":{\"ratio\":3}}}",
      "[{\"op\":\"remove\",\"path\":\"/spec/initContainers/1/resources/limits/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/initContainers/1/resources/limits/nvidia.com~1gpu-shared\",\"value\":\"3\"},"
      "{\"op\":\"remove\",\"path\":\"/spec/initContainers/1/resources/requests/nvidia.com~1gpu\"},"
      "{\"op\":\"add\",\"path\":\"/spec/initContainers/1/resources/requests/nvidia.com~1gpu-shared\",\"value\":\"3\"}]" },
};

static void build(json_arena *arena, const char *object, const char *chosen, pod *p, patch *out)
{
    error err = { 0 };
    decision d;
    pod_request request = { 0 };
    assert_true(pod_read(p, arena, parse(arena, object), &request, &err));
    if (!decision_read(&d, arena, parse(arena, chosen), p, &err))
        fail_msg("%s: %s", chosen, err.text);
    assert_true(patch_build(out, arena, p, &d, POD_DEFAULT_TARGET, &err));
}

static void test_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        json_arena *arena = json_arena_new(1 << 20);
        pod p;
        patch out;
        error err = { 0 };
        buf text;
        buf_init(&text, 1 << 20);
        build(arena, builds[i].pod, builds[i].decision, &p, &out);
        patch_write(&out, "", &text);
        if (strcmp(text.data, builds[i].patch) != 0)
            fail_msg("%s: %s", builds[i].name, text.data);
        if (!patch_apply(&out, arena, p.object, &err) || !patch_check(&out, &err))
            fail_msg("%s: %s", builds[i].name, err.text);
        buf_release(&text);
        json_arena_free(arena);
    }
}

static void test_a_prefix_goes_before_every_path(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(1 << 20);
    pod p;
    patch out;
    buf text;
    buf_init(&text, 1 << 20);
    build(arena, builds[0].pod, builds[0].decision, &p, &out);
    patch_write(&out, "/spec/template", &text);
    assert_non_null(strstr(text.data, "[{\"op\":\"remove\",\"path\":\"/spec/template/spec/containers/0/"));
    buf_release(&text);
    json_arena_free(arena);
}

static void test_the_check_finds_a_wrong_result(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(1 << 20);
    pod p;
    patch out;
    error err = { 0 };
    build(arena, builds[0].pod, builds[0].decision, &p, &out);
    assert_false(patch_check(&out, &err));          /* not applied yet */
    assert_int_equal(err.kind, ERR_INTERNAL);
    out.count = 2;                                  /* requests forgotten */
    assert_true(patch_apply(&out, arena, p.object, &err));
    assert_false(patch_check(&out, &err));
    json_arena_free(arena);
}

/* ---- applying: the API server's semantics (wire-contract section 2.3) ---- */

static const struct apply_row {
    const char *name, *document, *path, *value;     /* value NULL: remove, "{}": an object */
    const char *after;                              /* NULL: must fail */
} applies[] = {
    { "add a key", "{\"a\":{}}", "/a/b", "1", "{\"a\":{\"b\":\"1\"}}" },
    { "add over a key", "{\"a\":{\"b\":0}}", "/a/b", "1", "{\"a\":{\"b\":\"1\"}}" },
    { "add an object", "{\"a\":{}}", "/a/b", "{}", "{\"a\":{\"b\":{}}}" },
    { "add under a missing parent", "{}", "/a/b", "1", NULL },
    { "add under a text", "{\"a\":\"x\"}", "/a/b", "1", NULL },
    { "remove a key", "{\"a\":{\"b\":1,\"c\":2}}", "/a/b", NULL, "{\"a\":{\"c\":2}}" },
    { "remove a missing key", "{\"a\":{}}", "/a/b", NULL, NULL },
    { "remove in another case", "{\"a\":{\"B\":1}}", "/a/b", NULL, NULL },
    { "a slash in a key", "{\"a/b\":{\"c\":1}}", "/a~1b/c", NULL, "{\"a/b\":{}}" },
    { "a tilde in a key", "{\"a~b\":1}", "/a~0b", NULL, "{}" },
    { "~01 is ~1", "{\"~1\":1}", "/~01", NULL, "{}" },
    { "through an array", "{\"a\":[{},{\"b\":1}]}", "/a/1/b", NULL, "{\"a\":[{},{}]}" },
    { "beyond an array", "{\"a\":[{}]}", "/a/1/b", "1", NULL },
    { "an index that is none", "{\"a\":[{}]}", "/a/x/b", "1", NULL },
    { "into an array itself", "{\"a\":[1]}", "/a/0", "1", NULL },
    { "no slash", "{}", "a", "1", NULL },
};

static void test_apply(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof applies / sizeof *applies; i++) {
        const struct apply_row *row = &applies[i];
        json_arena *arena = json_arena_new(1 << 20);
        json *document = parse(arena, row->document);
        json *value = !row->value ? NULL : *row->value == '{' ? json_new_object(arena) : json_new_string(arena, row->value);
        patch_op op = { row->path, value };
        patch p = { .ops = &op, .count = 1 };
        error err = { 0 };
        buf text;
        buf_init(&text, 1 << 20);
        bool ok = patch_apply(&p, arena, document, &err);
        if (ok != (row->after != NULL) || (ok && strcmp(write_json(document, &text), row->after) != 0))
            fail_msg("%s: %s", row->name, ok ? write_json(document, &text) : err.text);
        buf_release(&text);
        json_arena_free(arena);
    }
}

/* A crowd of containers behind a crowd of other members: every path must not be walked from the root. */
static void test_a_crowd_stays_linear(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new((size_t)256 << 20);
    buf text;
    buf_init(&text, (size_t)64 << 20);
    buf_puts(&text, "{\"spec\":{");
    for (int i = 0; i < 200000; i++)
        buf_printf(&text, "\"k%d\":0,", i);
    buf_puts(&text, "\"containers\":[");
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "%s{\"name\":\"c%d\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}", i ? "," : "", i);
    buf_puts(&text, "]}}");
    pod p;
    patch out;
    error err = { 0 };
    build(arena, text.data, "{\"ratio\":2}", &p, &out);
    assert_true(patch_apply(&out, arena, p.object, &err));
    assert_true(patch_check(&out, &err));
    assert_int_equal(out.slice_count, 20000);
    buf_release(&text);
    json_arena_free(arena);
}

static void test_annotations_are_dropped_only_when_they_would_be_too_many(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new((size_t)8 << 20);
    buf text;
    buf_init(&text, (size_t)1 << 20);
    buf_puts(&text, "{\"metadata\":{\"annotations\":{\"a\":\"");
    for (int i = 0; i < 300000; i++)
        buf_putc(&text, 'x');
    buf_puts(&text, "\"}},\"spec\":{\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]}}");
    pod p;
    patch out;
    build(arena, text.data, "{\"ratio\":1}", &p, &out);
    assert_false(out.annotations_dropped);
    build(arena, text.data, "{\"ratio\":1,\"annotations\":{\"a\":\"b\"}}", &p, &out);
    assert_false(out.annotations_dropped);
    build(arena, text.data, "{\"ratio\":1,\"annotations\":{\"new\":\"b\"}}", &p, &out);
    assert_true(out.annotations_dropped);
    buf_release(&text);
    json_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crowd_stays_linear),
        cmocka_unit_test(test_annotations_are_dropped_only_when_they_would_be_too_many),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_a_prefix_goes_before_every_path),
        cmocka_unit_test(test_the_check_finds_a_wrong_result),
        cmocka_unit_test(test_apply),
    };
    return cmocka_run_group_tests_name("patch", tests, NULL, NULL);
}
