#include "test.h"

#include "digest.h"

static void a_text_has_the_sum_everybody_knows(void **state)
{
    char hex[DIGEST_TEXT];
    (void)state;
    digest_text("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_text("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* printf x >a; printf y >b; sha256sum a b | sha256sum */
static void a_set_has_the_sum_of_what_sha256sum_prints_in_any_order(void **state)
{
    static const char expected[] = "8d73e01349b30f78751f37931b0d2ae54f8dbd56a8fc69e01f2861cc466fadaa";
    char hex[DIGEST_TEXT];
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        digest_set s = { 0 };
        digest_set_add(&s, turn ? "a" : "b", turn ? "x" : "y", 1);
        digest_set_add(&s, turn ? "b" : "a", turn ? "y" : "x", 1);
        digest_set_end(&s, hex);
        assert_string_equal(hex, expected);
        digest_set_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_the_sum_everybody_knows),
        cmocka_unit_test(a_set_has_the_sum_of_what_sha256sum_prints_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
