#include "test.h"

#include "json.h"

#include <math.h>
#include <time.h>

#define CAP ((size_t)256 << 20)

static char *written(const json *node)
{
    buf out;
    buf_init(&out, CAP);
    json_write(&out, node);
    assert_false(out.toobig);
    return buf_take(&out, NULL);
}

static json *parse(json_arena *arena, const char *text)
{
    error err = { 0 };
    json *root = json_parse(arena, text, strlen(text), &err);
    if (!root)
        fail_msg("%s: %s", text, err.text);
    return root;
}

/* ---- what is JSON, and how it is written again --------------------------- */

typedef struct legal_row {
    const char *name, *text;
    const char *again;          /* NULL: the same */
} legal_row;

static const legal_row legal[] = {
    { "null", "null", NULL },
    { "true", "true", NULL },
    { "false", "false", NULL },
    { "zero", "0", NULL },
    { "minus zero", "-0", NULL },
    { "integer", "123", NULL },
    { "fraction", "0.5", NULL },
    { "fraction no double holds", "0.1", NULL },
    { "exponent", "1e3", "1000" },
    { "exponent in upper case with plus", "1E+3", "1000" },
    { "exponent with minus", "25e-1", "2.5" },
    { "exponent with leading zeros", "1e003", "1000" },
    { "two to the 53", "9007199254740992", NULL },
    { "beyond two to the 53", "12345678901234567890", "1.2345678901234567e+19" },
    { "large", "1e300", "1e+300" },
    { "tiny", "5e-324", "4.94065645841247e-324" },
    { "beyond every double", "1e999", "null" },
    { "63 digits", "100000000000000000000000000000000000000000000000000000000000000", "1e+62" },
    { "64 digits", "1000000000000000000000000000000000000000000000000000000000000000", "1e+63" },
    { "70 digits in an array", "[1234567890123456789012345678901234567890123456789012345678901234567890,2]",
      "[1.2345678901234567e+69,2]" },
    { "long fraction", "[0.33333333333333333333333333333333333333333333333333333333333333333333333333333333333333,1]",
      "[0.3333333333333333,1]" },
    { "long exponent", "[1e0000000000000000000000000000000000000000000000000000000000000000000000000003,1]", "[1000,1]" },
    { "long and beyond every double",
      "[-1e9999999999999999999999999999999999999999999999999999999999999999999999999999,1]", "[null,1]" },
    { "empty string", "\"\"", NULL },
    { "string", "\"abc\"", NULL },
    { "simple escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
    { "unicode escape", "\"\\u0041\\u00e9\\u20AC\"", "\"A\xC3\xA9\xE2\x82\xAC\"" },
    { "surrogate pair", "\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"" },
    { "control character escaped", "\"\\u001f\\u007f\"", "\"\\u001f\x7F\"" },
    { "delete is no control character to JSON", "\"\x7F\"", NULL },
    { "first of two bytes", "\"\xC2\x80\"", NULL },
    { "last of two bytes", "\"\xDF\xBF\"", NULL },
    { "first of three bytes", "\"\xE0\xA0\x80\"", NULL },
    { "last before the surrogates", "\"\xED\x9F\xBF\"", NULL },
    { "first after the surrogates", "\"\xEE\x80\x80\"", NULL },
    { "byte order mark inside", "\"\xEF\xBB\xBF\"", NULL },
    { "last of three bytes", "\"\xEF\xBF\xBF\"", NULL },
    { "first of four bytes", "\"\xF0\x90\x80\x80\"", NULL },
    { "the last character", "\"\xF4\x8F\xBF\xBF\"", NULL },
    { "NUL", "\"\\u0000\"", NULL },
    { "NUL between others", "\"true\\u0000x\"", NULL },
    { "NUL behind an escaped backslash", "\"\\\\\\u0000\"", NULL },
    { "no NUL: the backslash is escaped", "\"\\\\u0000\"", NULL },
    { "NUL and a quote", "[\"\\u0000\\\"\",\"\\\\\"]", NULL },
    { "NUL and a long number", "{\"a\":\"\\u0000\",\"b\":1000000000000000000000000000000000000000000000000000000000000000}",
      "{\"a\":\"\\u0000\",\"b\":1e+63}" },
    { "long string", "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"", NULL },
    { "specials at every place of a word", "\"\\na\\nab\\nabc\\nabcd\\nabcde\\nabcdef\\nabcdefg\\nabcdefgh\\n\"", NULL },
    { "empty array", "[]", NULL },
    { "empty object", "{}", NULL },
    { "array", "[1,\"a\",null,true,[],{}]", NULL },
    { "object", "{\"a\":1,\"b\":{\"c\":[2]}}", NULL },
    { "empty key", "{\"\":1}", NULL },
    { "key in another object again", "[{\"a\":1},{\"a\":2},{\"b\":{\"a\":3},\"a\":4}]", NULL },
    { "keys that differ in case", "{\"a\":1,\"A\":2}", NULL },
    { "escaped key", "{\"\\u0061b\":1}", "{\"ab\":1}" },
    { "space everywhere", " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", "{\"a\":[1,2],\"b\":{}}" },
};

static void legal_json_is_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(legal); i++) {
        json_arena *arena = json_arena_new(CAP);
        error err = { 0 };
        json *root = json_parse(arena, legal[i].text, strlen(legal[i].text), &err);
        if (!root)
            fail_msg("%s: %s", legal[i].name, err.text);
        char *text = written(root);
        if (strcmp(text, legal[i].again ? legal[i].again : legal[i].text) != 0)
            fail_msg("%s: became %s", legal[i].name, text);
        free(text);
        json_arena_free(arena);
    }
}

/* ---- what is not --------------------------------------------------------- */

typedef struct bad_row {
    const char *name, *text;
    const char *says;           /* part of the message */
    int line;
} bad_row;

static const bad_row bad[] = {
    { "nothing", "", "too early", 1 },
    { "space", " \n ", "too early", 2 },
    { "byte order mark", "\xEF\xBB\xBF{}", "byte order mark", 1 },
    { "two values", "1 2", "something follows", 1 },
    { "two objects", "{}\n{}", "something follows", 2 },
    { "comma behind", "1,", "something follows", 1 },
    { "word", "nul", "value was expected", 1 },
    { "word in upper case", "True", "value was expected", 1 },
    { "NaN", "NaN", "value was expected", 1 },
    { "infinity", "Infinity", "value was expected", 1 },
    { "minus infinity", "-Infinity", "digit was expected", 1 },
    { "comment", "[1, // one\n2]", "value was expected", 1 },
    { "single quotes", "['a']", "value was expected", 1 },
    { "leading zero", "[01]", "begins with 0", 1 },
    { "minus and leading zero", "[-01]", "begins with 0", 1 },
    { "minus alone", "[-]", "digit was expected", 1 },
    { "plus", "[+1]", "value was expected", 1 },
    { "point at the end", "[1.]", "digit was expected", 1 },
    { "point at the beginning", "[.5]", "value was expected", 1 },
    { "exponent without digits", "[1e]", "digit was expected", 1 },
    { "exponent with a sign only", "[1e+]", "digit was expected", 1 },
    { "hexadecimal", "[0x1]", "',' or ']'", 1 },
    { "comma at the end of an array", "[1,]", "value was expected", 1 },
    { "comma alone", "[,]", "value was expected", 1 },
    { "no comma in an array", "[1 2]", "',' or ']'", 1 },
    { "open array", "[1", "too early", 1 },
    { "open array after a comma", "[1,", "too early", 1 },
    { "wrong bracket", "[1}", "',' or ']'", 1 },
    { "comma at the end of an object", "{\"a\":1,}", "key in double quotes", 1 },
    { "no comma in an object", "{\"a\":1\n\"b\":2}", "',' or '}'", 2 },
    { "key without quotes", "{a:1}", "key in double quotes", 1 },
    { "key that is a number", "{1:1}", "key in double quotes", 1 },
    { "no colon", "{\"a\" 1}", "':' was expected", 1 },
    { "no value", "{\"a\":}", "value was expected", 1 },
    { "open object", "{\"a\":1", "too early", 1 },
    { "open key", "{\"a", "too early", 1 },
    { "open string", "\"abc", "too early", 1 },
    { "string that ends in a backslash", "\"abc\\", "escape JSON does not have", 1 },
    { "newline in a string", "[\n\"a\nb\"]", "control character", 2 },
    { "tab in a string", "\"a\tb\"", "control character", 1 },
    { "unit separator in a string", "\"\x1F\"", "control character", 1 },
    { "unknown escape", "\"\\x41\"", "escape JSON does not have", 1 },
    { "escaped quote of the wrong kind", "\"\\'\"", "escape JSON does not have", 1 },
    { "short unicode escape", "\"\\u12\"", "four hexadecimal digits", 1 },
    { "unicode escape with a sign", "\"\\u+123\"", "four hexadecimal digits", 1 },
    { "unicode escape in upper case", "\"\\U0041\"", "escape JSON does not have", 1 },
    { "high surrogate alone", "\"\\ud83d\"", "surrogate", 1 },
    { "high surrogate and a letter", "\"\\ud83dx\"", "surrogate", 1 },
    { "high surrogate twice", "\"\\ud83d\\ud83d\"", "surrogate", 1 },
    { "low surrogate alone", "\"\\ude00\"", "surrogate", 1 },
    { "surrogates the wrong way round", "\"\\ude00\\ud83d\"", "surrogate", 1 },
    { "NUL in a key", "{\"a\\u0000b\":1}", "\\u0000 in a key", 1 },
    { "continuation alone", "\"\x80\"", "invalid UTF-8", 1 },
    { "sequence cut short", "\"\xC3\"", "invalid UTF-8", 1 },
    { "sequence cut short at the end", "\"\xE2\x82", "invalid UTF-8", 1 },
    { "overlong NUL", "\"\xC0\x80\"", "invalid UTF-8", 1 },
    { "overlong slash", "\"\xC0\xAF\"", "invalid UTF-8", 1 },
    { "overlong in two bytes", "\"\xC1\xBF\"", "invalid UTF-8", 1 },
    { "overlong in three bytes", "\"\xE0\x9F\xBF\"", "invalid UTF-8", 1 },
    { "overlong in four bytes", "\"\xF0\x8F\xBF\xBF\"", "invalid UTF-8", 1 },
    { "surrogate in UTF-8", "\"\xED\xA0\x80\"", "invalid UTF-8", 1 },
    { "beyond the last character", "\"\xF4\x90\x80\x80\"", "invalid UTF-8", 1 },
    { "five bytes", "\"\xF8\x88\x80\x80\x80\"", "invalid UTF-8", 1 },
    { "invalid UTF-8 in a key", "{\"\xFF\":1}", "invalid UTF-8", 1 },
    { "Latin-1", "\"caf\xE9\"", "invalid UTF-8", 1 },
    { "UTF-8 outside a string", "[\xC3\xA9]", "value was expected", 1 },
    { "no-break space", "[\xC2\xA0]", "value was expected", 1 },
    { "form feed between values", "[\f1]", "value was expected", 1 },
    { "key twice", "{\"a\":1,\n\"b\":2,\n\"a\":3}", "\"a\" occurs twice", 3 },
    { "key twice, once escaped", "{\"ab\":1,\n\"\\u0061b\":3}", "\"ab\" occurs twice", 2 },
    { "empty key twice", "{\"\":1,\"\":3}", "\"\" occurs twice", 1 },
    { "key twice deep down", "{\"x\":[{\"y\":{}},\n{\"a\":1,\"z\":{\"a\":1},\n\"a\":3}]}", "\"a\" occurs twice", 3 },
    { "key three times", "{\"a\":1,\n\"a\":2,\n\"a\":3}", "\"a\" occurs twice", 2 },
    { "long key twice",
      "{\"0123456789012345678901234567890123456789012345678901234567890123456789\":1,"
      "\"0123456789012345678901234567890123456789012345678901234567890123456789\":1}",
      "\"0123456789012345678901234567890123456789012345678901234567890123…\" occurs twice", 1 },
    { "key twice among many",
      "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\n"
      "\"n\":1,\"f\":1}",
      "\"f\" occurs twice", 2 },
};

static void bad_json_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        json_arena *arena = json_arena_new(CAP);
        error err = { 0 };
        check_row(bad[i].name, !json_parse(arena, bad[i].text, strlen(bad[i].text), &err));
        check_row(bad[i].name, err.kind == ERR_INPUT);
        if (!strstr(err.text, bad[i].says) || err.line != bad[i].line)
            fail_msg("%s: line %d: %s", bad[i].name, err.line, err.text);
        json_arena_free(arena);
    }
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    static const struct { const char *name, *text; size_t length; } rows[] = {
        { "between values", "[1,\0 2]", 7 },  { "in a string", "\"a\0b\"", 5 },     { "behind the value", "1\0", 2 },
        { "in an escape", "\"\\\0\"", 4 },    { "in a key", "{\"a\0\":1}", 8 },     { "alone", "\0", 1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_arena *arena = json_arena_new(CAP);
        error err = { 0 };
        check_row(rows[i].name, !json_parse(arena, rows[i].text, rows[i].length, &err));
        check_row(rows[i].name, err.kind == ERR_INPUT);
        json_arena_free(arena);
    }
}

/* Every beginning of a document, in memory of exactly that size so that a sanitizer sees the byte too far. */
static void cut_documents_are_refused(void **state)
{
    (void)state;
    const char text[] = "{\"a\":[1.5e+3,true,\"\\ud83d\\ude00\\u0000\xE2\x82\xAC\",null,-0],\"b\":{\"c\":false,\"d\":\"\\n\"}}";
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        char *part = malloc(cut + (cut == 0));
        memcpy(part, text, cut);
        json_arena *arena = json_arena_new(CAP);
        assert_int_equal(json_parse(arena, part, cut, NULL) != NULL, cut == length);
        json_arena_free(arena);
        free(part);
    }
}

/* A number at the very end of the text has no byte behind it. */
static void numbers_may_end_the_text(void **state)
{
    (void)state;
    static const size_t digits[] = { 1, 62, 63, 64, 65, 400 };
    for (size_t i = 0; i < COUNT(digits); i++) {
        char *text = malloc(digits[i]);
        memset(text, '1', digits[i]);
        json_arena *arena = json_arena_new(CAP);
        json *root = json_parse(arena, text, digits[i], NULL);
        double value = 0;
        assert_true(json_number(root, &value));
        assert_true(digits[i] == 400 ? isinf(value) : isfinite(value));
        json_arena_free(arena);
        free(text);
    }
}

/* ---- limits -------------------------------------------------------------- */

static char *repeated(const char *head, const char *item, size_t times, const char *tail, size_t *length)
{
    buf out;
    buf_init(&out, CAP);
    buf_puts(&out, head);
    for (size_t i = 0; i < times; i++)
        buf_puts(&out, item);
    buf_puts(&out, tail);
    return buf_take(&out, length);
}

static error_kind kind_of(const char *text, size_t length, size_t cap)
{
    json_arena *arena = json_arena_new(cap);
    error err = { 0 };
    json *root = json_parse(arena, text, length, &err);
    assert_true(root ? err.kind == ERR_NONE : err.text[0] != '\0');
    assert_true(json_arena_used(arena) <= cap);
    json_arena_free(arena);
    return err.kind;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const struct { const char *open, *close; size_t depth; error_kind kind; } rows[] = {
        { "[", "]", JSON_MAX_DEPTH, ERR_NONE },
        { "[", "]", JSON_MAX_DEPTH + 1, ERR_INPUT },
        { "[", "]", 4000000, ERR_INPUT },
        { "{\"a\":", "}", JSON_MAX_DEPTH + 1, ERR_INPUT },
        { "[{\"a\":", "}]", JSON_MAX_DEPTH, ERR_INPUT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t length;
        char *open = repeated("", rows[i].open, rows[i].depth, "1", &length);
        char *text = repeated(open, rows[i].close, rows[i].depth, "", &length);
        assert_int_equal(kind_of(text, length, CAP), rows[i].kind);
        free(open);
        free(text);
    }
}

static void node_count_is_bounded(void **state)
{
    (void)state;
    size_t length;
    char *text = repeated("[0", ",1", JSON_MAX_NODES - 2, "]", &length);
    assert_int_equal(kind_of(text, length, CAP), ERR_NONE);
    free(text);
    text = repeated("[0", ",1", JSON_MAX_NODES - 1, "]", &length);
    assert_int_equal(kind_of(text, length, CAP), ERR_TOO_LARGE);
    free(text);
}

/* Whatever the ceiling, a parse ends in the tree or in "too large". */
static void the_arena_has_a_ceiling(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1,2,3,\"\\u0000\"],\"b\":{\"c\":null},\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,"
                       "\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,\"13\":1,\"14\":1,\"15\":1,\"16\":1}";
    size_t length = strlen(text), cap = 0;
    while (kind_of(text, length, cap) == ERR_TOO_LARGE)
        cap += 16;
    assert_true(cap > 2000 && cap < 10000);
    for (size_t more = cap; more < cap + 1000; more += 100)
        assert_int_equal(kind_of(text, length, more), ERR_NONE);
}

static void the_arena_hands_out_zeroed_aligned_memory(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(1 << 20);
    size_t total = 0;
    for (size_t size = 0; size < 5000; size += 7) {
        unsigned char *block = json_arena_alloc(arena, size);
        if (!block)
            break;
        assert_int_equal((uintptr_t)block % 16, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(block[i], 0);
        if (size > 0)
            memset(block, 0xAA, size);
        total += size;
    }
    assert_true(total > 900000);
    assert_true(json_arena_used(arena) >= total && json_arena_used(arena) <= 1 << 20);
    assert_null(json_arena_alloc(arena, 1 << 20));
    assert_null(json_arena_alloc(arena, SIZE_MAX));
    assert_null(json_arena_alloc(arena, SIZE_MAX - 14));
    json_arena_free(arena);
    json_arena_free(NULL);
}

/* Keys a stranger chooses must not cost the square of their number, nor must they collide. */
static void many_keys_are_checked_quickly(void **state)
{
    (void)state;
    buf out;
    buf_init(&out, CAP);
    for (int i = 0; i < 300000; i++)
        buf_printf(&out, "%s\"aaaaaaaaaaaaaa%d\":1", i ? ",\n" : "{", i);
    size_t unique = out.len;
    buf_puts(&out, "}");
    clock_t start = clock();
    assert_int_equal(kind_of(out.data, out.len, CAP), ERR_NONE);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (seconds > 5)            /* 0.15 s without sanitizers */
        fail_msg("300,000 keys took %.2f s", seconds);
    out.len = unique;
    buf_puts(&out, ",\n\"aaaaaaaaaaaaaa150000\":2}");
    json_arena *arena = json_arena_new(CAP);
    error err = { 0 };
    assert_null(json_parse(arena, out.data, out.len, &err));
    assert_int_equal(err.line, 300001);
    assert_non_null(strstr(err.text, "\"aaaaaaaaaaaaaa150000\" occurs twice"));
    json_arena_free(arena);
    buf_release(&out);
}

static void an_arena_serves_again_after_it_was_full(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(4096);
    assert_null(json_arena_alloc(arena, 8192));
    assert_non_null(json_parse(arena, "{\"a\":{\"b\":1}}", 13, NULL));
    assert_null(json_parse(arena, "{\"a\":{\"b\":1,\"b\":1}}", 19, NULL));
    json_arena_free(arena);
}

/* ---- reading a tree ------------------------------------------------------ */

static void strings_with_nul_equal_no_shorter_one(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(CAP);
    json *root = parse(arena, "{\"a\":\"true\\u0000x\",\"b\":\"true\\u0000\",\"c\":\"\\u0000\"}");
    assert_string_equal(json_string(json_get(root, "a")), "true\xC0\x80x");
    assert_string_equal(json_string(json_get(root, "b")), "true\xC0\x80");
    assert_string_equal(json_string(json_get(root, "c")), "\xC0\x80");
    json_arena_free(arena);
}

static void look_ups_are_exact(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(CAP);
    json *root = parse(arena, "{\"Ab\":1,\"ab\":null,\"c\":[10,20,30],\"d\":{},\"\":false,\"s\":\"x\",\"t\":true}");
    double value = 0;
    assert_true(json_number(json_get(root, "Ab"), &value) && value == 1);
    assert_true(json_is_null(json_get(root, "ab")));
    assert_null(json_get(root, "AB"));
    assert_null(json_get(root, "a"));
    assert_true(json_is_bool(json_get(root, "")) && !json_is_true(json_get(root, "")));
    assert_true(json_is_true(json_get(root, "t")));
    const json *c = json_get(root, "c");
    assert_int_equal(json_size(c), 3);
    assert_true(json_number(json_next(json_next(json_first(c))), &value) && value == 30);
    assert_null(json_first(json_get(root, "d")));
    assert_null(json_get(c, "0"));
    assert_int_equal(json_size(root), 7);
    assert_string_equal(json_key(json_first(root)), "Ab");
    assert_string_equal(json_key(json_next(json_first(root))), "ab");
    assert_null(json_key(json_first(c)));
    assert_true(json_is_string(json_get(root, "s")) && json_is_array(c) && json_is_object(root));
    json_arena_free(arena);
}

static void null_is_nothing_everywhere(void **state)
{
    (void)state;
    double value;
    assert_null(json_get(NULL, "a"));
    assert_null(json_first(NULL));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_key(NULL));
    assert_null(json_string(NULL));
    assert_int_equal(json_size(NULL), 0);
    assert_false(json_number(NULL, &value));
    assert_false(json_is_true(NULL) || json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL) ||
                 json_is_number(NULL) || json_is_bool(NULL) || json_is_null(NULL));
    assert_false(json_append(NULL, NULL) || json_remove(NULL, "a"));
}

static void numbers_beyond_a_double_are_no_crash(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(CAP);
    double value = 0;
    assert_true(json_number(parse(arena, "1e999"), &value) && isinf(value));
    assert_true(json_number(parse(arena, "-1e999"), &value) && isinf(value) && value < 0);
    assert_true(json_number(parse(arena, "9007199254740993"), &value) && value == 9007199254740992.0);
    json_arena_free(arena);
}

/* ---- building ------------------------------------------------------------ */

static void trees_are_built_and_changed(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(CAP);
    json *root = json_new_object(arena), *list = json_new_array(arena);
    assert_true(json_add(arena, root, "first", json_new_string(arena, "a\"b")));
    assert_true(json_add(arena, root, "list", list));
    assert_true(json_add(arena, root, "last", json_new_null(arena)));
    assert_true(json_append(list, json_new_number(arena, 1.5)));
    assert_true(json_append(list, json_new_bool(arena, true)));
    assert_true(json_append(list, json_new_bool(arena, false)));
    assert_false(json_add(arena, root, "nothing", NULL));
    assert_false(json_append(list, NULL));
    char *text = written(root);
    assert_string_equal(text, "{\"first\":\"a\\\"b\",\"list\":[1.5,true,false],\"last\":null}");
    free(text);
    assert_true(json_remove(root, "first"));
    assert_false(json_remove(root, "first"));
    assert_false(json_remove(list, "first"));
    assert_true(json_remove(root, "last"));
    assert_true(json_add(arena, root, "new", json_new_object(arena)));
    text = written(root);
    assert_string_equal(text, "{\"list\":[1.5,true,false],\"new\":{}}");
    free(text);
    assert_true(json_remove(root, "list") && json_remove(root, "new"));
    assert_true(json_add(arena, root, "again", json_new_null(arena)));
    text = written(root);
    assert_string_equal(text, "{\"again\":null}");
    free(text);
    json_arena_free(arena);
}

static void building_stops_at_the_ceiling(void **state)
{
    (void)state;
    json_arena *arena = json_arena_new(160);
    json *root = json_new_object(arena);
    assert_non_null(root);
    assert_non_null(json_new_null(arena));
    assert_null(json_new_string(arena, "more than what is left of the arena"));
    assert_null(json_new_object(arena));
    assert_false(json_add(arena, root, "key that is longer than what is left", root));
    json_arena_free(arena);
}

/* ---- writing ------------------------------------------------------------- */

static void numbers_are_written_short(void **state)
{
    (void)state;
    static const struct { double value; const char *text; } rows[] = {
        { 0, "0" },
        { 4, "4" },
        { -4, "-4" },
        { 0.1, "0.1" },
        { 1.0 / 3, "0.3333333333333333" },
        { 9007199254740992.0, "9007199254740992" },
        { -9007199254740992.0, "-9007199254740992" },
        { 1e21, "1e+21" },
        { 123456.789, "123456.789" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { (double)INFINITY, "null" },
        { (double)-INFINITY, "null" },
        { (double)NAN, "null" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[JSON_NUMBER_TEXT];
        json_format_number(text, rows[i].value);
        assert_string_equal(text, rows[i].text);
    }
}

static void strings_are_written_escaped(void **state)
{
    (void)state;
    static const struct { const char *text, *json; } rows[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "\"", "\"\\\"\"" },
        { "a\\b", "\"a\\\\b\"" },
        { "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
        { "\x01\x1F\x7F", "\"\\u0001\\u001f\x7F\"" },
        { "\xC0\x80", "\"\\u0000\"" },
        { "a\xC0\x80z\xC0\x80", "\"a\\u0000z\\u0000\"" },
        { "\xC0", "\"\xC0\"" },
        { "</script>\xE2\x80\xA8", "\"</script>\xE2\x80\xA8\"" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf out;
        buf_init(&out, 1000);
        json_write_string(&out, rows[i].text);
        assert_string_equal(out.data, rows[i].json);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legal_json_is_read_and_written),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(cut_documents_are_refused),
        cmocka_unit_test(numbers_may_end_the_text),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(node_count_is_bounded),
        cmocka_unit_test(the_arena_has_a_ceiling),
        cmocka_unit_test(the_arena_hands_out_zeroed_aligned_memory),
        cmocka_unit_test(many_keys_are_checked_quickly),
        cmocka_unit_test(an_arena_serves_again_after_it_was_full),
        cmocka_unit_test(strings_with_nul_equal_no_shorter_one),
        cmocka_unit_test(look_ups_are_exact),
        cmocka_unit_test(null_is_nothing_everywhere),
        cmocka_unit_test(numbers_beyond_a_double_are_no_crash),
        cmocka_unit_test(trees_are_built_and_changed),
        cmocka_unit_test(building_stops_at_the_ceiling),
        cmocka_unit_test(numbers_are_written_short),
        cmocka_unit_test(strings_are_written_escaped),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
