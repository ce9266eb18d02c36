#include "test.h"

#include "buf.h"
#include "error.h"
#include "mem.h"

/* ---- buf ----------------------------------------------------------------- */

static void additions_are_always_terminated(void **state)
{
    (void)state;
    buf b;
    buf_init(&b, 1000);
    assert_null(b.data);
    buf_puts(&b, "");
    assert_string_equal(b.data, "");
    buf_putc(&b, 'a');
    assert_string_equal(b.data, "a");
    buf_add(&b, "bcd", 2);
    assert_string_equal(b.data, "abc");
    buf_printf(&b, "%d-%s", 42, "x");
    assert_string_equal(b.data, "abc42-x");
    assert_int_equal(b.len, 7);
    buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 7);
    buf_release(&b);
}

static void it_grows_to_its_ceiling_and_no_further(void **state)
{
    (void)state;
    for (size_t max = 0; max < 600; max++) {
        buf b;
        buf_init(&b, max);
        for (size_t i = 0; i < max; i++)
            buf_putc(&b, (char)('a' + i % 26));
        assert_false(b.toobig);
        assert_int_equal(b.len, max);
        buf_putc(&b, '!');
        assert_true(b.toobig);
        assert_int_equal(b.len, max);
        buf_release(&b);
    }
}

static void what_does_not_fit_adds_nothing_and_stops_the_rest(void **state)
{
    (void)state;
    buf b;
    buf_init(&b, 4);
    buf_puts(&b, "abc");
    buf_puts(&b, "de");
    assert_true(b.toobig);
    buf_putc(&b, 'd');
    assert_string_equal(b.data, "abc");
    buf_clear(&b);
    assert_false(b.toobig);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    buf_printf(&b, "%s", "five5");
    assert_true(b.toobig);
    assert_string_equal(b.data, "");
    buf_clear(&b);
    buf_base64(&b, "abcd", 4);
    assert_true(b.toobig);
    buf_clear(&b);
    buf_base64(&b, "abc", 3);
    assert_string_equal(b.data, "YWJj");
    buf_release(&b);
}

static void an_absurd_length_is_too_big(void **state)
{
    (void)state;
    buf b;
    buf_init(&b, 1 << 20);
    buf_puts(&b, "abc");
    buf_add(&b, "", SIZE_MAX);
    assert_true(b.toobig);
    buf_release(&b);
}

static void a_zeroed_one_may_be_released(void **state)
{
    (void)state;
    buf b = { 0 };
    buf_release(&b);
    buf_clear(&b);
    assert_null(b.data);
}

static void its_text_can_be_taken(void **state)
{
    (void)state;
    buf b;
    buf_init(&b, 1000);
    size_t length = 99;
    char *empty = buf_take(&b, &length);
    assert_string_equal(empty, "");
    assert_int_equal(length, 0);
    buf_puts(&b, "text");
    char *text = buf_take(&b, &length);
    assert_string_equal(text, "text");
    assert_int_equal(length, 4);
    assert_null(b.data);
    assert_int_equal(b.max, 1000);
    buf_puts(&b, "more");
    assert_string_equal(b.data, "more");
    free(empty);
    free(text);
    buf_release(&b);
}

static void base64_has_the_standard_alphabet_and_padding(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t length; const char *text; } rows[] = {
        { "", 0, "" },
        { "f", 1, "Zg==" },
        { "fo", 2, "Zm8=" },
        { "foo", 3, "Zm9v" },
        { "foob", 4, "Zm9vYg==" },
        { "fooba", 5, "Zm9vYmE=" },
        { "foobar", 6, "Zm9vYmFy" },
        { "\0\0\0", 3, "AAAA" },
        { "\xFB\xEF\xFF", 3, "++//" },
        { "\xFF", 1, "/w==" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf b;
        buf_init(&b, 1000);
        buf_puts(&b, "[");
        buf_base64(&b, rows[i].bytes, rows[i].length);
        assert_string_equal(b.data + 1, rows[i].text);
        assert_int_equal(b.len, 1 + strlen(rows[i].text));
        buf_release(&b);
    }
}

/* ---- error --------------------------------------------------------------- */

static void an_error_has_kind_text_and_line(void **state)
{
    (void)state;
    error err = { 0 };
    assert_false(error_set(&err, ERR_INPUT, "%s: %d", "a.json", 7));
    assert_string_equal(err.text, "a.json: 7");
    assert_int_equal(err.kind, ERR_INPUT);
    assert_int_equal(err.line, 0);
    assert_false(error_set_line(&err, ERR_POLICY, 12, "second"));
    assert_string_equal(err.text, "second");
    assert_int_equal(err.kind, ERR_POLICY);
    assert_int_equal(err.line, 12);
    assert_false(error_set(NULL, ERR_INPUT, "nobody listens"));
}

static void an_error_may_wrap_itself(void **state)
{
    (void)state;
    error err = { 0 };
    error_set(&err, ERR_INPUT, "inner");
    error_set(&err, err.kind, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
}

static void an_error_is_one_line(void **state)
{
    (void)state;
    error err = { 0 };
    error_set(&err, ERR_INPUT, "a\nb\tc\x7F\x1B[31md");
    assert_string_equal(err.text, "a?b?c??[31md");
}

/* Whatever does not fit is cut between two characters. */
static void a_long_error_stays_utf8(void **state)
{
    (void)state;
    static const char *const characters[] = { "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
    for (size_t c = 0; c < COUNT(characters); c++) {
        for (size_t shift = 0; shift < 4; shift++) {
            buf b;
            buf_init(&b, 10000);
            buf_add(&b, "xxxx", shift);
            while (b.len < 2000)
                buf_puts(&b, characters[c]);
            error err = { 0 };
            error_set(&err, ERR_INPUT, "%s", b.data);
            size_t length = strlen(err.text), wide = strlen(characters[c]);
            assert_int_equal((length - shift) % wide, 0);
            assert_true(length + wide > sizeof err.text - 1 && length < sizeof err.text);
            buf_release(&b);
        }
    }
}

/* ---- mem ----------------------------------------------------------------- */

static void memory_is_never_null(void **state)
{
    (void)state;
    char *none = mem_alloc(0), *zeroed = mem_zalloc(100), *copy = mem_strndup("abcdef", 3), *whole = mem_strdup("abc");
    assert_non_null(none);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);
    assert_string_equal(copy, "abc");
    assert_string_equal(whole, "abc");
    none = mem_realloc(none, 100);
    none[99] = 'x';
    none = mem_realloc(none, 0);
    free(none);
    free(zeroed);
    free(copy);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additions_are_always_terminated),
        cmocka_unit_test(it_grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(what_does_not_fit_adds_nothing_and_stops_the_rest),
        cmocka_unit_test(an_absurd_length_is_too_big),
        cmocka_unit_test(a_zeroed_one_may_be_released),
        cmocka_unit_test(its_text_can_be_taken),
        cmocka_unit_test(base64_has_the_standard_alphabet_and_padding),
        cmocka_unit_test(an_error_has_kind_text_and_line),
        cmocka_unit_test(an_error_may_wrap_itself),
        cmocka_unit_test(an_error_is_one_line),
        cmocka_unit_test(a_long_error_stays_utf8),
        cmocka_unit_test(memory_is_never_null),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
