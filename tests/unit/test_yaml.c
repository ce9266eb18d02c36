/* YAML becomes the tree kubectl would send, and every value knows where it stands. */
#include "test.h"

#include "yaml.h"
#include "yaml_plain.h"

static source_text whole(const char *text)
{
    return (source_text){ text, 0, strlen(text), 1, NULL };
}

/* The document as compact JSON, "LINE: sentence" when it is refused, "" when there is none. */
static void read_as_json(const char *text, buf *out)
{
    json_arena *arena = json_arena_new((size_t)1 << 30);
    source_text in = whole(text);
    json *root;
    error err;
    buf_clear(out);
    if (!yaml_parse(arena, &in, &root, NULL, &err))
        buf_printf(out, "%d: %s", err.line, err.text);
    else if (root)
        json_write(out, root);
    else
        buf_puts(out, "");
    json_arena_free(arena);
}

static const struct row { const char *name, *yaml, *expected; } rows[] = {
    { "a mapping", "a: 1\nb: x\n", "{\"a\":1,\"b\":\"x\"}" },
    { "a list", "- 1\n- [x, {k: z}]\n", "[1,[\"x\",{\"k\":\"z\"}]]" },
    { "nothing", "", "" },
    { "only a comment", "# nothing\n", "" },
    { "only markers", "---\n...\n", "null" },
    { "directives", "%YAML 1.1\n---\na: 1\n", "{\"a\":1}" },
    { "CRLF", "a: 1\r\nb:\r\n  - x\r\n", "{\"a\":1,\"b\":[\"x\"]}" },
    { "comments", "# c\na: 1 # d\n# e\n", "{\"a\":1}" },
    /* plain scalars */
    { "true", "[y, Y, yes, Yes, YES, on, On, ON, true, True, TRUE]",
      "[true,true,true,true,true,true,true,true,true,true,true]" },
    { "false", "[n, N, no, No, NO, off, Off, OFF, false, False, FALSE]",
      "[false,false,false,false,false,false,false,false,false,false,false]" },
    { "not quite booleans", "[yEs, oN, tRUE, yes!, y es, ye]", "[\"yEs\",\"oN\",\"tRUE\",\"yes!\",\"y es\",\"ye\"]" },
    { "null", "[null, Null, NULL, ~, nul]", "[null,null,null,null,\"nul\"]" },
    { "nothing is null", "a:\nb: \nc: [1, ]\n", "{\"a\":null,\"b\":null,\"c\":[1]}" },
    { "integers", "[0, 1, -1, +1, 1_000, 12345678901]", "[0,1,-1,1,1000,12345678901]" },
    { "bases", "[0x1F, 0X1f, -0x10, 0o17, 017, 0b101, -0b11, 00]", "[31,31,-16,15,15,5,-3,0]" },
    { "not an octal, but a float", "[08, 0189]", "[8,189]" },
    { "floats", "[1.5, .5, 1., -.5, 1e3, 1E-2, +2.5e+1]", "[1.5,0.5,1,-0.5,1000,0.01,25]" },
    { "beyond 2^53", "[9007199254740993, 18446744073709551615]", "[9007199254740992,1.8446744073709552e+19]" },
    { "strings that look like numbers", "[1k, 1Ki, 1000m, 0x, 0xg, 0b2, 0o8, '1', \"1\", 1:30, 1e, ., -, +, 1.2.3, 1e999, -a]",
      "[\"1k\",\"1Ki\",\"1000m\",\"0x\",\"0xg\",\"0b2\",\"0o8\",\"1\",\"1\",\"1:30\",\"1e\",\".\",\"-\",\"+\",\"1.2.3\",\"1e999\",\"-a\"]" },
    { "a date is a string", "a: 2026-11-23\nb: 2026-11-23T04:30:00Z\n", "{\"a\":\"2026-11-23\",\"b\":\"2026-11-23T04:30:00Z\"}" },
    { "quoted is a string", "[\"true\", 'null', \"1\", '~', \"\"]", "[\"true\",\"null\",\"1\",\"~\",\"\"]" },
    { "a block is a string", "a: |\n  true\nb: >-\n  1\n  2\n", "{\"a\":\"true\\n\",\"b\":\"1 2\"}" },
    { "tags", "[!!str 1, !!int 1, !!float 2, !!bool yes, !!null ~, !mine 3, ! 4, !!str true]",
      "[\"1\",1,2,true,null,\"3\",\"4\",\"true\"]" },
    { "escapes", "\"\\u00e9\\t\\\"\\x41\"", "\"é\\t\\\"A\"" },
    { "a NUL is not the end", "\"a\\0b\"", "\"a\\u0000b\"" },
    { "characters of four bytes", "a: 🙂 # 測試\nb: größe\n", "{\"a\":\"🙂\",\"b\":\"größe\"}" },
    /* keys */
    { "keys become strings", "{yes: 1, 0x10: 2, 1.5: 3, 'no': 4, true : 5}", "1: bad YAML: the key \"true\" occurs twice in one mapping" },
    { "keys of every type", "{on: 1, 0x10: 2, 1.5: 3, 'no': 4, off: 5}", "{\"true\":1,\"16\":2,\"1.5\":3,\"no\":4,\"false\":5}" },
    { "a key twice", "a: 1\nb: 2\na: 3\n", "3: bad YAML: the key \"a\" occurs twice in one mapping" },
    { "a key twice, deep inside", "x:\n  - y: {a: 1,\n        a: 2}\n", "3: bad YAML: the key \"a\" occurs twice in one mapping" },
    { "the same key in two mappings", "a: {a: {a: 1}}\n", "{\"a\":{\"a\":{\"a\":1}}}" },
    { "a null key", "~: 1\n", "1: bad YAML: a key that is null" },
    { "a list as a key", "[a]: 1\n", "1: bad YAML: a key that is no text; a template must be rendered first" },
    { "a template", "a: {{ .Values.x }}\n", "1: bad YAML: a key that is no text; a template must be rendered first" },
    { "an explicit key", "? a\n: 1\n", "{\"a\":1}" },
    /* anchors and merges */
    { "an alias", "a: &x [1, {b: 2}]\nc: *x\n", "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}]}" },
    { "an alias of a scalar", "a: &x 1\nb: *x\nc: *x\n", "{\"a\":1,\"b\":1,\"c\":1}" },
    { "an anchor given twice", "[&x 1, *x, &x 2, *x]", "[1,1,2,2]" },
    { "an alias of nothing", "a: 1\nb: *x\n", "2: bad YAML: an alias of an anchor that is not there" },
    { "an alias inside its anchor", "a: &x\n  b: *x\n", "2: bad YAML: an alias inside its own anchor" },
    { "a merge", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":1,\"c\":3}}" },
    { "a merge that comes later wins, as with kubectl", "d: {c: 3, <<: {c: 2, b: 1}}\n", "{\"d\":{\"c\":2,\"b\":1}}" },
    { "of merged mappings the first wins", "{<<: [{a: 1}, {a: 2, b: 2}], c: 3}", "{\"b\":2,\"a\":1,\"c\":3}" },
    { "a merge does not excuse a key twice", "<<: {a: 1}\na: 2\na: 3\n", "3: bad YAML: the key \"a\" occurs twice in one mapping" },
    { "a quoted << is a key", "{'<<': {a: 1}}", "{\"<<\":{\"a\":1}}" },
    { "a merge of no mapping", "a: 1\n<<: 2\n", "2: bad YAML: << takes a mapping, or a list of mappings" },
    /* bad text */
    { "a tab", "a:\n\tb: 1\n", "2: bad YAML: a tab where only spaces may indent" },
    { "an open bracket", "a: [1,\nb: 2\n", NULL },
    { "an open quote", "a: \"x\nb: 1\n", NULL },
    { "an indentation that fits nothing", "a:\n    b: 1\n  c: 2\n", NULL },
    { "infinity", "a: .inf\n", "1: bad YAML: a number that is infinite or none at all cannot be said in JSON" },
    { "binary", "a: !!binary aGk=\n", "1: bad YAML: !!binary has no place here" },
    { "a tag that lies", "a: 1\nb: !!int x\n", "2: bad YAML: the value is not what its tag says" },
    { "bytes that are no UTF-8", "a: 1\nb: \xff\n", "2: bad YAML: invalid leading UTF-8 octet" },
    { "a control character", "a: 1\nb: \x01\n", "2: bad YAML: control characters are not allowed" },
    { "half a surrogate pair", "a: \"\\ud83d\"\n", NULL },
    { "two documents where one is wanted", "a: 1\n---\nb: 2\n", "2: bad YAML: a second document without --- before it" },
};

static void test_rows(void **state)
{
    (void)state;
    buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < COUNT(rows); i++) {
        read_as_json(rows[i].yaml, &out);
        if (rows[i].expected && strcmp(out.data, rows[i].expected) != 0)
            fail_msg("%s: %s", rows[i].name, out.data);
        if (!rows[i].expected && !strstr(out.data, ": bad YAML: "))
            fail_msg("%s: not refused: %s", rows[i].name, out.data);
    }
    buf_release(&out);
}

/* ---- bounds ------------------------------------------------------------- */

static void test_aliases_are_bounded(void **state)
{
    (void)state;
    buf text, out;
    buf_init(&text, 1 << 20);
    buf_init(&out, 1 << 20);
    buf_puts(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++)
        buf_printf(&text, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    read_as_json(text.data, &out);
    assert_non_null(strstr(out.data, "more than 1000000 values, what aliases stand for included"));
    buf_release(&text);
    buf_release(&out);
}

/* Merges inside merges stay small as values, but a look-up would have gone through all of them. */
static void test_merges_are_bounded(void **state)
{
    (void)state;
    buf text, out;
    buf_init(&text, 1 << 20);
    buf_init(&out, 1 << 20);
    buf_puts(&text, "x0: &x0 {a: b}\n");
    for (int i = 1; i < 8; i++)
        buf_printf(&text, "x%d: &x%d {<<: [*x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d, *x%d]}\n", i, i, i - 1, i - 1,
                   i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    read_as_json(text.data, &out);
    assert_string_equal(out.data, "5: bad YAML: << that leads to more than 10000 keys, merges inside merges included");
    buf_release(&text);
    buf_release(&out);
}

/* Aliases inside aliases: each is shallow, together they are deep. */
static void test_depth_counts_through_aliases(void **state)
{
    (void)state;
    buf text, out;
    buf_init(&text, 1 << 20);
    buf_init(&out, 1 << 20);
    buf_puts(&text, "a0: &a0 {x: 1}\n");
    for (int i = 1; i < 200; i++)
        buf_printf(&text, "a%d: &a%d {x: *a%d}\n", i, i, i - 1);
    read_as_json(text.data, &out);
    assert_non_null(strstr(out.data, "bad YAML: nested too deep"));
    buf_release(&text);
    buf_release(&out);
}

static void test_deep_text_is_refused(void **state)
{
    (void)state;
    static char text[100001];
    buf out;
    buf_init(&out, 1 << 20);
    memset(text, '[', sizeof text - 1);
    read_as_json(text, &out);
    assert_string_equal(out.data, "1: bad YAML: nested too deep");
    buf_release(&out);
}

static void test_a_full_arena(void **state)
{
    (void)state;
    const char *text = "a: [1, 2, {b: c}]\nd: &x {e: f}\ng: {<<: *x, h: *x}\n";
    source_text in = whole(text);
    bool done = false;
    for (size_t cap = 0; !done && cap < 65536; cap += 16) {
        json_arena *arena = json_arena_new(cap);
        json *root;
        error err = { 0 };
        done = yaml_parse(arena, &in, &root, NULL, &err);
        assert_true(done || err.kind == ERR_TOO_LARGE);
        json_arena_free(arena);
    }
    assert_true(done);
}

/* ---- places ------------------------------------------------------------- */

/* "KEY=VALUE" as the text has them, and the line. */
static const struct place_row { const char *name, *yaml, *path; const char *expected; int line; } places[] = {
    { "a member", "a: 1\nbc:  23 # x\n", "bc", "bc=23", 2 },
    { "quoted", "'a': \"x y\"\n", "a", "'a'=\"x y\"", 1 },
    { "an empty value", "a:\nb: 1\n", "a", "a=", 1 },
    { "behind characters of several bytes", "é: 測試🙂\nb: größe # ü\nc: x\n", "c", "c=x", 3 },
    { "with CRLF", "a: 1\r\nb: 2\r\n", "b", "b=2", 2 },
    { "in braces", "a: {b: 1, c : [2]}\n", "a/c", "c=[2]", 1 },
    { "braces", "a: { b: 1 }\n", "a", "a={ b: 1 }", 1 },
    { "an element", "a:\n  - x\n  - y: 1\n    z: 2\n", "a/1/z", "z=2", 4 },
    { "through an alias", "a: &x {b: 1}\nc: *x\n", "c/b", "b=1", 1 },
    { "through a merge", "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", "c/b", "b=1", 1 },
    { "beside a merge", "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", "c/b", "b=2", 4 },
    { "before a merge", "a: &x {b: 1}\nc:\n  b: 2\n  <<: *x\n", "c/b", "b=1", 1 },
    { "a key that is no string", "a: {yes: 1}\n", "a/true", "yes=1", 1 },
    { "an anchored value", "a: &x 1\n", "a", "a=&x 1", 1 },
    { "a block scalar", "a: |\n  x\nb: 1\n", "b", "b=1", 3 },
};

static source_node *find(source_node *node, const char *path)
{
    char tokens[64], *rest = NULL;
    const source_node *shared = NULL;
    snprintf(tokens, sizeof tokens, "%s", path);
    for (char *t = strtok_r(tokens, "/", &rest); t; t = strtok_r(NULL, "/", &rest))
        node = source_child(node, t, &shared);
    return node;
}

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        const struct place_row *r = &places[i];
        json_arena *arena = json_arena_new(1 << 20);
        source_text in = whole(r->yaml);
        source_node *root;
        json *tree;
        error err;
        check_row(r->name, yaml_parse(arena, &in, &tree, &root, &err));
        const source_node *n = find(root, r->path);
        check_row(r->name, n != NULL);
        char found[64];
        snprintf(found, sizeof found, "%.*s=%.*s", (int)(n->key_end - n->key_start), r->yaml + n->key_start,
                 (int)(n->end - n->start), r->yaml + n->start);
        if (strcmp(found, r->expected) != 0 || n->line != r->line)
            fail_msg("%s: %s in line %d", r->name, found, n->line);
        json_arena_free(arena);
    }
}

/* A part of a text: places and lines are those of the whole. */
static void test_places_in_a_part(void **state)
{
    (void)state;
    const char *text = "é: 1\n---\na: ü\nb: [x\n";
    json_arena *arena = json_arena_new(1 << 20);
    source_text in = { text, 6, strlen(text) - 6, 2, NULL };
    source_node *root;
    json *tree;
    error err;
    assert_true(yaml_parse(arena, &in, &tree, &root, &err));
    assert_int_equal(find(root, "a")->line, 3);
    assert_int_equal(find(root, "a")->key_start, 10);
    in.end = strlen(text);
    assert_false(yaml_parse(arena, &in, &tree, &root, &err));
    assert_int_equal(err.line, 5);
    json_arena_free(arena);
}

/* ---- streams ------------------------------------------------------------ */

static const struct stream_row { const char *name, *text, *documents; } streams[] = {
    { "one", "a: 1\n", "a: 1\n|" },
    { "two", "a: 1\n---\nb: 2\n", "a: 1\n|---\nb: 2\n|" },
    { "a marker first", "---\na: 1\n---\nb: 2\n", "---\na: 1\n|---\nb: 2\n|" },
    { "comments go with what follows them", "# x\n---\n# y\na: 1\n", "# x\n---\n# y\na: 1\n|" },
    { "directives", "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n", "%YAML 1.1\n---\na: 1\n...\n|%YAML 1.1\n---\nb: 2\n|" },
    { "an end marker", "a: 1\n...\nb: 2\n", "a: 1\n...\n|b: 2\n|" },
    { "content behind the marker", "--- {a: 1}\n--- # c\nb: 2\n", "--- {a: 1}\n|--- # c\nb: 2\n|" },
    { "not a marker", "a: x\n---b: 2\n ---\n", "a: x\n---b: 2\n ---\n|" },
    { "no line break at the end", "a: 1\n---", "a: 1\n|---|" },
    { "CRLF", "a: 1\r\n---\r\nb: 2\r\n", "a: 1\r\n|---\r\nb: 2\r\n|" },
    { "empty ones", "---\n---\n", "---\n|---\n|" },
};

static void test_streams(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        source_text in = whole(streams[i].text);
        buf out;
        buf_init(&out, 1024);
        while (in.start < in.end) {
            yaml_extent extent = yaml_first_document(&in);
            check_row(streams[i].name, extent.end > in.start && extent.content <= extent.end);
            buf_add(&out, in.text + in.start, extent.end - in.start);
            buf_putc(&out, '|');
            in.start = extent.end;
        }
        if (strcmp(out.data, streams[i].documents) != 0)
            fail_msg("%s: %s", streams[i].name, out.data);
        buf_release(&out);
    }
}

static void test_content_starts_behind_marker_and_comments(void **state)
{
    (void)state;
    source_text in = whole("# x\n--- # y\n\n  # z\n  {\"a\": 1}\n");
    assert_int_equal(in.text[yaml_first_document(&in).content], '{');
    in = whole("# only\n");
    assert_int_equal(yaml_first_document(&in).content, in.end);
}

static void test_plain(void **state)
{
    (void)state;
    static const char *const plain[] = { "a", "nvidia.com/gpu", "a-b_c.d/e0", "nul" };
    static const char *const not_plain[] = { "", "1", "yes", "null", "~", "a b", "a:", "-a", "é", "#", "a#", "y", "/a", "*a", "NO" };
    for (size_t i = 0; i < COUNT(plain); i++)
        check_row(plain[i], yaml_plain_is(plain[i]));
    for (size_t i = 0; i < COUNT(not_plain); i++)
        check_row(not_plain[i], !yaml_plain_is(not_plain[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_aliases_are_bounded),
        cmocka_unit_test(test_merges_are_bounded),
        cmocka_unit_test(test_depth_counts_through_aliases),
        cmocka_unit_test(test_deep_text_is_refused),
        cmocka_unit_test(test_a_full_arena),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_in_a_part),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_content_starts_behind_marker_and_comments),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
