/* A patch applied to the text: what changes, changes in the style around it, and nothing else moves. */
#include "test.h"

#include "diff.h"
#include "manifest.h"
#include "patch.h"
#include "splice.h"
#include "yaml.h"

#define GPU "nvidia.com~1gpu"
#define SHARED "nvidia.com~1gpu-shared"

/* Operations as words: "- PATH" removes, "+ PATH VALUE" adds a string, "+ PATH {}" an object. */
static const struct row { const char *name, *before, *patch, *after; } rows[] = {
    /* swapping */
    { "a key in a block", "r:\n  nvidia.com/gpu: 1   # one\n  cpu: 2\n",
      "- /r/" GPU "\n+ /r/" SHARED " 2", "r:\n  nvidia.com/gpu-shared: \"2\"   # one\n  cpu: 2\n" },
    { "double quotes stay", "r: {\"nvidia.com/gpu\": \"1\"}\n", "- /r/" GPU "\n+ /r/" SHARED " 2",
      "r: {\"nvidia.com/gpu-shared\": \"2\"}\n" },
    { "single quotes stay", "r:\n  'nvidia.com/gpu':   '1'\n", "- /r/" GPU "\n+ /r/" SHARED " 2",
      "r:\n  'nvidia.com/gpu-shared':   \"2\"\n" },
    { "compact JSON", "{\"r\":{\"nvidia.com/gpu\":\"1\",\"x\":1}}", "- /r/" GPU "\n+ /r/" SHARED " 2",
      "{\"r\":{\"nvidia.com/gpu-shared\":\"2\",\"x\":1}}" },
    { "an escaped key", "{\"r\":{\"nvidia.com\\/gpu\" : 1e0 }}", "- /r/" GPU "\n+ /r/" SHARED " 2",
      "{\"r\":{\"nvidia.com/gpu-shared\" : \"2\" }}" },
    { "a value in a block scalar", "r:\n  nvidia.com/gpu: |-\n    1\n  cpu: 2\n", "- /r/" GPU "\n+ /r/" SHARED " 2",
      "r:\n  nvidia.com/gpu-shared: \"2\"\n  cpu: 2\n" },
    { "a key that must be quoted", "r:\n  a: 1\n", "- /r/a\n+ /r/yes v", "r:\n  \"yes\": \"v\"\n" },
    { "an explicit key", "r:\n  ? a\n  : 1\n", "- /r/a\n+ /r/b v", "r:\n  ? b\n  : \"v\"\n" },
    { "numbers elsewhere keep their digits", "{\"n\": 12345678901234567890.10, \"a\": 1}", "- /a\n+ /b v",
      "{\"n\": 12345678901234567890.10, \"b\": \"v\"}" },
    { "in a list", "l:\n- a: 1\n- a: 2\n", "- /l/1/a\n+ /l/1/b v", "l:\n- a: 1\n- b: \"v\"\n" },
    /* adding in a block */
    { "a parent beside its sibling", "r:\n  limits:\n    a: 1\n", "+ /r/requests {}\n+ /r/requests/b v",
      "r:\n  limits:\n    a: 1\n  requests:\n    b: \"v\"\n" },
    { "the indentation of the neighbour", "r:\n limits:\n      a: 1\n", "+ /r/requests {}\n+ /r/requests/b v",
      "r:\n limits:\n      a: 1\n requests:\n      b: \"v\"\n" },
    { "behind a comment at the end of the line", "r:\n  a: 1 # c\n# d\ns: 1\n", "+ /r/b v", "r:\n  a: 1 # c\n  b: \"v\"\n# d\ns: 1\n" },
    { "in an element of a list", "l:\n  - a: 1\n    c: 2\n  - a: 3\n", "+ /l/0/b v", "l:\n  - a: 1\n    c: 2\n    b: \"v\"\n  - a: 3\n" },
    { "in an element of one key", "l:\n- a: 1\n", "+ /l/0/b v", "l:\n- a: 1\n  b: \"v\"\n" },
    { "without a line break at the end", "r:\n  a: 1", "+ /r/b v", "r:\n  a: 1\n  b: \"v\"" },
    { "with CRLF", "r:\r\n  a: 1\r\n", "+ /r/b {}\n+ /r/b/c v", "r:\r\n  a: 1\r\n  b:\r\n    c: \"v\"\r\n" },
    { "behind a block scalar", "r:\n  a: |\n    x\n\n    y\ns: 1\n", "+ /r/b v", "r:\n  a: |\n    x\n\n    y\n  b: \"v\"\ns: 1\n" },
    { "behind an empty value", "r:\n  a:\ns: 1\n", "+ /r/b v", "r:\n  a:\n  b: \"v\"\ns: 1\n" },
    { "behind a quoted text of two lines", "r:\n  a: \"x\n    y\"\n", "+ /r/b v", "r:\n  a: \"x\n    y\"\n  b: \"v\"\n" },
    { "quotes like the neighbour's", "r:\n  \"a\": 1\n", "+ /r/b v", "r:\n  \"a\": 1\n  \"b\": \"v\"\n" },
    { "three deep", "a: 1\n", "+ /m {}\n+ /m/x {}\n+ /m/x/k v", "a: 1\nm:\n  x:\n    k: \"v\"\n" },
    { "two keys", "m:\n  x: 1\n", "+ /m/b v\n+ /m/c w", "m:\n  x: 1\n  b: \"v\"\n  c: \"w\"\n" },
    { "the inner before the outer when both end at one place", "m:\n  l:\n    x: y\n", "+ /m/a {}\n+ /m/a/k v\n+ /m/l/z w",
      "m:\n  l:\n    x: y\n    z: \"w\"\n  a:\n    k: \"v\"\n" },
    { "what nobody prints is escaped", "a: 1\n", "+ /b x\xE2\x80\xA8\x7F\xC2\x85y", "a: 1\nb: \"x\\u2028\\u007f\\u0085y\"\n" },
    { "a document with a marker behind it", "a: 1\n...\n", "+ /b v", "a: 1\nb: \"v\"\n...\n" },
    /* adding in braces */
    { "on one line", "r: {a: 1}\n", "+ /r/b v", "r: {a: 1, b: \"v\"}\n" },
    { "on one line, with room", "r: { a: 1 }\n", "+ /r/b {}\n+ /r/b/c v", "r: { a: 1, b: {c: \"v\"} }\n" },
    { "on one line, a comma behind", "r: {a: 1,}\n", "+ /r/b v", "r: {a: 1, b: \"v\"}\n" },
    { "compact", "{\"r\":{\"a\":1}}", "+ /r/b {}\n+ /r/b/c v", "{\"r\":{\"a\":1,\"b\":{\"c\":\"v\"}}}" },
    { "on lines", "{\n  \"r\": {\n    \"a\": 1\n  }\n}\n", "+ /r/b {}\n+ /r/b/c v",
      "{\n  \"r\": {\n    \"a\": 1,\n    \"b\": {\n      \"c\": \"v\"\n    }\n  }\n}\n" },
    { "on lines with tabs and CRLF", "{\r\n\t\"r\" : {\r\n\t\t\"a\" : 1\r\n\t}\r\n}", "+ /r/b v",
      "{\r\n\t\"r\" : {\r\n\t\t\"a\" : 1,\r\n\t\t\"b\" : \"v\"\r\n\t}\r\n}" },
    { "on lines, a comma behind", "{\n  r: {\n    a: \"1\", # c\n  },\n}\n", "+ /r/b {}\n+ /r/b/c v",
      "{\n  r: {\n    a: \"1\", # c\n    b: {\n      c: \"v\",\n    },\n  },\n}\n" },
    { "on lines, a comment behind", "r: {\n  a: 1 # c\n}\n", "+ /r/b v", "r: {\n  a: 1, # c\n  b: \"v\"\n}\n" },
    { "empty braces", "r: {}\ns: 1\n", "+ /r/b v", "r: {b: \"v\"}\ns: 1\n" },
    { "empty braces among lines", "{\n  \"r\": {},\n  \"s\": 1\n}", "+ /r/b v", "{\n  \"r\": {\n    \"b\": \"v\"\n  },\n  \"s\": 1\n}" },
    { "empty braces in compact JSON", "{\"r\":{},\"s\":1}", "+ /r/b v", "{\"r\":{\"b\":\"v\"},\"s\":1}" },
    { "an alias at the end of braces", "x: &x 1\nr: {a: *x }\n", "+ /r/b v", "x: &x 1\nr: {a: *x, b: \"v\" }\n" },
    /* setting what is null */
    { "null in a block", "r:\n  a: null # c\n", "+ /r/a {}\n+ /r/a/b v", "r:\n  a: {b: \"v\"} # c\n" },
    { "nothing in a block", "r:\n  a: # c\n  d: 1\n", "+ /r/a {}\n+ /r/a/b v", "r:\n  a: {b: \"v\"} # c\n  d: 1\n" },
    { "null in JSON", "{\"a\":null}", "+ /a {}\n+ /a/b v", "{\"a\":{\"b\":\"v\"}}" },
    /* shared places */
    { "an anchor and its alias change together", "l: &g\n  x: 1\nr: *g\n", "- /l/x\n+ /l/k 2\n- /r/x\n+ /r/k 2",
      "l: &g\n  k: \"2\"\nr: *g\n" },
    { "an alias as a value is replaced", "n: &n 1\nl:\n  x: *n\n", "- /l/x\n+ /l/k 2", "n: &n 1\nl:\n  k: \"2\"\n" },
};

static source_text whole(const char *text)
{
    return (source_text){ text, 0, strlen(text), 1, NULL };
}

static void read_patch(json_arena *arena, const char *words, patch *p)
{
    char line[256];
    *p = (patch){ .ops = json_arena_alloc(arena, 16 * sizeof *p->ops) };
    for (; *words; words += *words == '\n') {
        size_t length = strcspn(words, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length - 2, words + 2);
        char *value = strchr(line, ' ');
        if (value)
            *value++ = '\0';
        p->ops[p->count++] = (patch_op){
            json_arena_strdup(arena, line, strlen(line)),
            !value ? NULL : strcmp(value, "{}") == 0 ? json_new_object(arena) : json_new_string(arena, value),
        };
        words += length;
    }
}

/* JSON as JSON, everything else as YAML. */
static bool read_document(json_arena *arena, const source_text *in, manifest_document *d, error *err)
{
    *d = (manifest_document){ .in = *in, .is_json = in->text[in->start] == '{' };
    d->root = d->is_json ? json_parse(arena, in->text, strlen(in->text), NULL) : NULL;
    d->is_json = d->root != NULL;
    if (d->is_json)
        d->source = source_of_json(arena, in, d->root);
    return d->is_json || yaml_parse(arena, in, &d->root, &d->source, err);
}

/* err->line is where a shared place stands, 0 when there is none. */
static bool splice_row(json_arena *arena, const char *before, const char *words, buf *out, error *err)
{
    source_text in = whole(before);
    manifest_document d;
    patch p;
    splice s;
    read_patch(arena, words, &p);
    if (!read_document(arena, &in, &d, err))
        return false;
    splice_init(&s, &in, d.source, arena);
    if (!splice_patch(&s, d.source, &p, 0, err) || !splice_finish(&s, err) || !patch_apply(&p, arena, d.root, err))
        return false;
    splice_write(&s, out);
    int line = s.shared ? s.shared->line : 0;
    return manifest_matches(&d, out->data, out->len) || error_set_line(err, ERR_INTERNAL, line, "reads otherwise: %s", out->data);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_arena *arena = json_arena_new(1 << 20);
        buf out;
        error err;
        buf_init(&out, 1 << 16);
        if (!splice_row(arena, rows[i].before, rows[i].patch, &out, &err))
            fail_msg("%s: %s", rows[i].name, err.text);
        if (strcmp(out.data, rows[i].after) != 0)
            fail_msg("%s:\n%s", rows[i].name, out.data);
        buf_release(&out);
        json_arena_free(arena);
    }
}

/* A change that would be seen elsewhere too is found when the result is read again. */
static const struct shared_row { const char *name, *before, *patch; int line; } shared[] = {
    { "an anchor whose alias must stay", "l: &g\n  x: 1\nr: *g\n", "- /l/x\n+ /l/y 2", 1 },
    { "an alias whose anchor must stay", "l: &g\n  x: 1\nr: *g\n", "- /r/x\n+ /r/y 2", 1 },
    { "a merge", "l: &g\n  x: 1\nr:\n  <<: *g\n  z: 1\n", "- /r/x\n+ /r/y 2", 4 },
    { "an anchored value", "l:\n  x: &n 1\nr: *n\n", "- /l/x\n+ /l/y 2", 2 },
};

static void test_shared_places_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shared); i++) {
        json_arena *arena = json_arena_new(1 << 20);
        buf out;
        error err;
        buf_init(&out, 1 << 16);
        check_row(shared[i].name, !splice_row(arena, shared[i].before, shared[i].patch, &out, &err));
        check_row(shared[i].name, strncmp(err.text, "reads otherwise", 15) == 0 && err.line == shared[i].line);
        buf_release(&out);
        json_arena_free(arena);
    }
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct { const char *before, *patch; error_kind kind; } misfits[] = {
        { "a: 1\n", "- /b\n+ /c v", ERR_INTERNAL },
        { "a: 1\n", "- /a", ERR_INTERNAL },
        { "a: 1\nm: {}\n", "- /a\n+ /m/c v", ERR_INTERNAL },
        { "a: 1\n", "+ /a/b v", ERR_INTERNAL },
        { "a: 1\n", "+ /x/b v", ERR_INTERNAL },
        { "l: [1]\n", "+ /l/5/b v", ERR_INTERNAL },
        { "l: &g {x: 1}\nr: *g\n", "- /l/x\n+ /l/y 2\n- /r/x\n+ /r/y 3", ERR_INPUT },
        { "l: &g {x: 1}\nr: *g\n", "+ /l/y 2\n+ /r/y 3", ERR_INPUT },
    };
    for (size_t i = 0; i < COUNT(misfits); i++) {
        json_arena *arena = json_arena_new(1 << 20);
        buf out;
        error err = { 0 };
        buf_init(&out, 1 << 16);
        check_row(misfits[i].patch, !splice_row(arena, misfits[i].before, misfits[i].patch, &out, &err));
        check_row(misfits[i].patch, err.kind == misfits[i].kind);
        buf_release(&out);
        json_arena_free(arena);
    }
}

static void test_a_full_arena(void **state)
{
    (void)state;
    const struct row *r = &rows[0];
    bool done = false;
    for (size_t cap = 2048; !done && cap < 65536; cap += 16) {
        json_arena *arena = json_arena_new((size_t)1 << 20), *small = json_arena_new(cap);
        source_text in = whole(r->before);
        manifest_document d;
        patch p;
        splice s;
        error err = { 0 };
        read_patch(arena, r->patch, &p);
        assert_true(read_document(arena, &in, &d, &err));
        json_arena_alloc(small, 2000);
        splice_init(&s, &in, d.source, small);
        done = splice_patch(&s, d.source, &p, 0, &err) && splice_finish(&s, &err);
        assert_true(done || err.kind == ERR_TOO_LARGE);
        json_arena_free(small);
        json_arena_free(arena);
    }
    assert_true(done);
}

/* ---- the diff ----------------------------------------------------------- */

static const struct diff_row { const char *name, *before, *patch, *diff; } diffs[] = {
    { "a swap", "r:\n  a: 1 # c\n  z: 1\n", "- /r/a\n+ /r/b v", "    2 -   a: 1 # c\n      +   b: \"v\" # c\n" },
    { "new lines are shown below an old one", "r:\n  a: 1\ns: 1\n", "+ /r/b v", "    2     a: 1\n      +   b: \"v\"\n" },
    { "new lines below a swap", "r:\n  a: 1\n", "- /r/a\n+ /r/b v\n+ /r/c w", "    2 -   a: 1\n      +   b: \"v\"\n      +   c: \"w\"\n" },
    { "two places", "a: 1\nx: 1\nb: 1\n", "- /a\n+ /c v\n- /b\n+ /d v",
      "    1 - a: 1\n      + c: \"v\"\n    3 - b: 1\n      + d: \"v\"\n" },
    { "without a line break at the end", "a: 1\nb: 1", "+ /c v", "    2   b: 1\n      + c: \"v\"\n" },
    { "CRLF", "a: 1\r\n", "- /a\n+ /b v", "    1 - a: 1\n      + b: \"v\"\n" },
    { "a comma more", "{\n \"a\": 1\n}", "+ /b v", "    2 -  \"a\": 1\n      +  \"a\": 1,\n      +  \"b\": \"v\"\n" },
};

static void test_diffs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(diffs); i++) {
        json_arena *arena = json_arena_new(1 << 20);
        source_text in = whole(diffs[i].before);
        manifest_document d;
        patch p;
        splice s;
        error err;
        buf out;
        buf_init(&out, 1 << 16);
        read_patch(arena, diffs[i].patch, &p);
        check_row(diffs[i].name, read_document(arena, &in, &d, &err));
        splice_init(&s, &in, d.source, arena);
        check_row(diffs[i].name, splice_patch(&s, d.source, &p, 7, &err) && splice_finish(&s, &err));
        check_row(diffs[i].name, !diff_write(&s, 8, 0, &out) && out.len == 0);
        check_row(diffs[i].name, diff_write(&s, 7, 0, &out));
        if (strcmp(out.data, diffs[i].diff) != 0)
            fail_msg("%s:\n%s", diffs[i].name, out.data);
        buf_release(&out);
        json_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_shared_places_are_found),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_a_full_arena),
        cmocka_unit_test(test_diffs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
