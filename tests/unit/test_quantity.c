#include "test.h"

#include "quantity.h"

#define NO_WHOLE (-1)

typedef struct row {
    const char *name, *text;
    const char *nano;           /* billionths in decimal, with '-' when negative; NULL: not a quantity */
    int64_t whole;              /* NO_WHOLE when it is no positive whole number */
} row;

static const row rows[] = {
    { "zero", "0", "0", NO_WHOLE },
    { "one", "1", "1000000000", 1 },
    { "eight", "8", "8000000000", 8 },
    { "plus sign", "+1", "1000000000", 1 },
    { "minus one", "-1", "-1000000000", NO_WHOLE },
    { "minus zero is zero", "-0", "0", NO_WHOLE },
    { "leading zeros", "007", "7000000000", 7 },
    { "only zeros", "000", "0", NO_WHOLE },
    { "point without fraction", "1.", "1000000000", 1 },
    { "fraction without whole", ".5", "500000000", NO_WHOLE },
    { "half", "0.5", "500000000", NO_WHOLE },
    { "zero fraction", "1.000", "1000000000", 1 },
    { "trailing zeros are no digits that matter", "2.50", "2500000000", NO_WHOLE },
    { "nano", "1n", "1", NO_WHOLE },
    { "a billion nanos", "1000000000n", "1000000000", 1 },
    { "micro", "1u", "1000", NO_WHOLE },
    { "a million micros", "1000000u", "1000000000", 1 },
    { "milli", "1m", "1000000", NO_WHOLE },
    { "1000m is one", "1000m", "1000000000", 1 },
    { "1500m is one and a half", "1500m", "1500000000", NO_WHOLE },
    { "2000m is two", "2000m", "2000000000", 2 },
    { "kilo", "1k", "1000000000000", 1000 },
    { "mega", "1M", "1000000000000000", 1000000 },
    { "giga", "1G", "1000000000000000000", 1000000000 },
    { "tera", "1T", "1000000000000000000000", 1000000000000 },
    { "peta", "1P", "1000000000000000000000000", 1000000000000000 },
    { "exa", "1E", "1000000000000000000000000000", 1000000000000000000 },
    { "kibi", "1Ki", "1024000000000", 1024 },
    { "mebi", "1Mi", "1048576000000000", 1048576 },
    { "gibi", "1Gi", "1073741824000000000", 1073741824 },
    { "tebi", "1Ti", "1099511627776000000000", 1099511627776 },
    { "pebi", "1Pi", "1125899906842624000000000", 1125899906842624 },
    { "exbi", "1Ei", "1152921504606846976000000000", 1152921504606846976 },
    { "half a kibi", "0.5Ki", "512000000000", 512 },
    { "a thousandth of a kibi", "0.001Ki", "1024000000", NO_WHOLE },
    { "a fraction of a kibi finer than a nano", "0.0000000001Ki", "103", NO_WHOLE },
    { "a third of a mebi", "0.333333333333333333Mi", "349525333333334", NO_WHOLE },
    { "a fraction of an exbi that is exact", "0.5Ei", "576460752303423488000000000", 576460752303423488 },
    { "exponent", "1e3", "1000000000000", 1000 },
    { "exponent in upper case", "1E3", "1000000000000", 1000 },
    { "exponent with plus", "1e+3", "1000000000000", 1000 },
    { "exponent with minus", "1000e-3", "1000000000", 1 },
    { "exponent of zero", "1e0", "1000000000", 1 },
    { "exponent with leading zeros", "1e0000000000000000000000003", "1000000000000", 1000 },
    { "fraction and exponent", "1.5e1", "15000000000", 15 },
    { "fraction and kilo", "1.5k", "1500000000000", 1500 },
    { "negative exponent to the nano", "1e-9", "1", NO_WHOLE },
    { "finer than a nano rounds up", "1e-10", "1", NO_WHOLE },
    { "much finer than a nano rounds up", "0.00000000000000000000000001", "1", NO_WHOLE },
    { "rounds away from zero below zero", "-0.0000000001", "-1", NO_WHOLE },
    { "a whole and a little rounds up", "1.0000000001", "1000000001", NO_WHOLE },
    { "a tenth of a nano", "0.1n", "1", NO_WHOLE },
    { "one and a half nanos", "1.5n", "2", NO_WHOLE },
    { "zero finer than a nano stays zero", "0e-20", "0", NO_WHOLE },
    { "exponent of which Kubernetes uses half", "1e4294967296", "1000000000", 1 },
    { "largest int64", "9223372036854775807", "9223372036854775807000000000", INT64_MAX },
    { "beyond int64 without suffix", "9223372036854775808", "9223372036854775808000000000", NO_WHOLE },
    { "binary suffix is capped at int64", "16Ei", "9223372036854775807000000000", INT64_MAX },
    { "capped below zero", "-16Ei", "-9223372036854775807000000000", NO_WHOLE },
    { "8Ei is one above the cap", "8Ei", "9223372036854775807000000000", INT64_MAX },
    { "capped with a fraction", "7.9999999999999999999999Ei", "9223372036854775807000000000", INT64_MAX },
    { "decimal suffix is not capped", "16E", "16000000000000000000000000000", NO_WHOLE },
    { "saturates", "1e40", "340282366920938463463374607431768211455", NO_WHOLE },
    { "saturates at an exponent without end", "1e2147483647", "340282366920938463463374607431768211455", NO_WHOLE },
    { "saturates with a fraction", "999999999999999999999999999999999999999999.99999999999", 
      "340282366920938463463374607431768211455", NO_WHOLE },
    { "zero times anything", "0e2147483647", "0", NO_WHOLE },
    { "vanishes upwards", "1e-2147483648", "1", NO_WHOLE },
    /* Kubernetes reads these as zero: its scanner takes a missing number for 0 … */
    { "sign alone", "+", "0", NO_WHOLE },
    { "point alone", ".", "0", NO_WHOLE },
    { "suffix alone", "k", "0", NO_WHOLE },
    { "binary suffix alone", "Ki", "0", NO_WHOLE },
    { "exponent alone", "e5", "0", NO_WHOLE },
    /* … but where it takes the slow way. */
    { "large binary suffix alone", "Pi", NULL, 0 },
    { "small exponent alone", "e-10", NULL, 0 },
    { "point and small exponent", ".e-10", NULL, 0 },
    { "zero and large binary suffix", "0Pi", "0", NO_WHOLE },
    { "nothing", "", NULL, 0 },
    { "space before", " 1", NULL, 0 },
    { "space behind", "1 ", NULL, 0 },
    { "newline behind", "1\n", NULL, 0 },
    { "space alone", " ", NULL, 0 },
    { "two points", "1.1.M", NULL, 0 },
    { "number in a number", "1+1.0M", NULL, 0 },
    { "two signs", "--1", NULL, 0 },
    { "small k in kibi", "1ki", NULL, 0 },
    { "kilo in upper case", "1K", NULL, 0 },
    { "mi", "0.1mi", NULL, 0 },
    { "am", "0.1am", NULL, 0 },
    { "letters", "aoeu", NULL, 0 },
    { "i alone", "1i", NULL, 0 },
    { "exponent without digits", "1e", NULL, 0 },
    { "exponent with a sign and no digits", "-3.01e-", NULL, 0 },
    { "exponent with a fraction", "1e1.5", NULL, 0 },
    { "exponent with two signs", "1e+-5", NULL, 0 },
    { "exponent and suffix", "1e3k", NULL, 0 },
    { "exponent beyond int64", "1e9223372036854775808", NULL, 0 },
    { "suffix twice", "1kk", NULL, 0 },
    { "suffix with byte", "1KiB", NULL, 0 },
    { "hexadecimal", "0x10", NULL, 0 },
    { "comma", "1,000", NULL, 0 },
    { "Arabic digit", "\xD9\xA4", NULL, 0 },
    { "infinity", "inf", NULL, 0 },
    { "not a number", "NaN", NULL, 0 },
};

static const char *nano_text(quantity q, char *end)
{
    *--end = '\0';
    quantity_nano rest = q.nano;
    do
        *--end = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) != 0);
    if (q.negative)
        *--end = '-';
    return end;
}

static void parses_as_kubernetes_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const row *r = &rows[i];
        quantity q;
        check_row(r->name, quantity_parse(r->text, strlen(r->text), &q) == (r->nano != NULL));
        if (!r->nano)
            continue;
        char text[64];
        int64_t whole = NO_WHOLE;
        check_row(r->name, strcmp(nano_text(q, text + sizeof text), r->nano) == 0);
        check_row(r->name, quantity_whole(q, &whole) == (r->whole != NO_WHOLE));
        check_row(r->name, whole == r->whole);
    }
}

static void reads_no_further_than_the_length(void **state)
{
    (void)state;
    quantity q;
    int64_t whole = 0;
    assert_true(quantity_parse("12345", 2, &q) && quantity_whole(q, &whole));
    assert_int_equal(whole, 12);
    assert_true(quantity_parse("1Kix", 3, &q) && quantity_whole(q, &whole));
    assert_int_equal(whole, 1024);
}

static void compares_values_not_texts(void **state)
{
    (void)state;
    static const struct { const char *name, *a, *b; bool equal; } pairs[] = {
        { "one and 1000m", "1", "1000m", true },       { "1k and 1e3", "1k", "1e3", true },
        { "one and two", "1", "2", false },            { "sign", "1", "-1", false },
        { "zeros", "-0", "0", true },                  { "1Ki and 1k", "1Ki", "1k", false },
        { "saturated equals nothing", "1e40", "1e40", false },
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        quantity a, b;
        check_row(pairs[i].name, quantity_parse(pairs[i].a, strlen(pairs[i].a), &a));
        check_row(pairs[i].name, quantity_parse(pairs[i].b, strlen(pairs[i].b), &b));
        check_row(pairs[i].name, quantity_equal(a, b) == pairs[i].equal);
    }
}

static void reads_json_strings_and_numbers(void **state)
{
    (void)state;
    static const struct { const char *name, *json; bool good; const char *same; } values[] = {
        { "string", "\"2\"", true, "2" },
        { "number", "2", true, "2" },
        { "number with exponent", "1e3", true, "1k" },
        { "number with fraction", "0.1", true, "100m" },
        { "fraction that no double holds", "0.3", true, "300m" },
        { "number below zero", "-1", true, "-1" },
        { "large number", "1e18", true, "1E" },
        { "string with spaces around it", "\"  2 \"", true, "2" },
        { "string of spaces", "\"  \"", false, NULL },
        { "number beyond every double", "1e999", false, NULL },
        { "string with NUL", "\"1\\u0000\"", false, NULL },
        { "true", "true", false, NULL },
        { "null", "null", false, NULL },
        { "array", "[1]", false, NULL },
    };
    json_arena *arena = json_arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(values); i++) {
        quantity q = { 0 }, same;
        json *node = json_parse(arena, values[i].json, strlen(values[i].json), NULL);
        check_row(values[i].name, node && quantity_read(node, &q) == values[i].good);
        if (values[i].same)
            check_row(values[i].name, quantity_parse(values[i].same, strlen(values[i].same), &same) && quantity_equal(q, same));
    }
    quantity q;
    assert_false(quantity_read(NULL, &q));
    json_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_as_kubernetes_does),
        cmocka_unit_test(reads_no_further_than_the_length),
        cmocka_unit_test(compares_values_not_texts),
        cmocka_unit_test(reads_json_strings_and_numbers),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
