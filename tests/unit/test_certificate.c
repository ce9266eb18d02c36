#include "test.h"

#include "certificate_make.h"
#include "tls.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/castslice-certificate-XXXXXX";

static char *path(const char *name)
{
    static char text[2][128];
    static int turn;
    turn = !turn;
    snprintf(text[turn], sizeof text[turn], "%s/%s", folder, name);
    return text[turn];
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_self_made_pair_serves(void **state)
{
    certificate c;
    error err;
    char end[16];
    (void)state;
    assert_true(certificate_self_made(&c, &err));
    assert_in_range(c.not_after, time(NULL) + 364 * 86400, time(NULL) + 366 * 86400);
    certificate_end(&c, end);
    assert_int_equal(strlen(end), 10);
    tls *t = tls_new(&c, &err);
    assert_non_null(t);
    tls_pair *held = tls_current(t);
    tls_free(t);
    tls_pair_unref(held);                       /* a handshake may outlive the server's pair */
    certificate_release(&c);
    certificate_release(&c);
}

static void what_was_made_reads_back(void **state)
{
    certificate made, other, read;
    error err;
    (void)state;
    assert_true(certificate_self_made(&made, &err));
    assert_true(certificate_self_made(&other, &err));
    write_file("tls.crt", made.chain_pem);
    write_file("tls.key", made.key_pem);
    write_file("other.key", other.key_pem);
    assert_true(certificate_read(&read, path("tls.crt"), path("tls.key"), NULL, &err));
    assert_string_equal(read.chain_pem, made.chain_pem);
    assert_string_equal(read.key_pem, made.key_pem);
    assert_int_equal(read.not_after, made.not_after);
    certificate_release(&read);
    assert_false(certificate_read(&read, path("tls.crt"), path("other.key"), NULL, &err));
    assert_null(read.chain_pem);
    assert_non_null(strstr(err.text, "other.key: is not the key of"));
    certificate_release(&made);
    certificate_release(&other);
}

static void two_certificates_make_a_chain_and_more_text_is_dropped(void **state)
{
    certificate a, b, read;
    error err;
    char text[16384];
    (void)state;
    assert_true(certificate_self_made(&a, &err));
    assert_true(certificate_self_made(&b, &err));
    snprintf(text, sizeof text, "subject: a\n%s\n# then\n%s%s", a.chain_pem, b.chain_pem, a.key_pem);
    write_file("chain.crt", text);
    assert_true(certificate_read(&read, path("chain.crt"), path("chain.crt"), NULL, &err));
    snprintf(text, sizeof text, "%s%s", a.chain_pem, b.chain_pem);
    assert_string_equal(read.chain_pem, text);
    certificate_release(&a);
    certificate_release(&b);
    certificate_release(&read);
}

static void tls_says_when_it_cannot_use_a_pair(void **state)
{
    char nonsense[] = "nonsense";
    certificate c = { .chain_pem = nonsense, .key_pem = nonsense };
    error err;
    (void)state;
    assert_null(tls_new(&c, &err));
    assert_int_equal(err.kind, ERR_SYSTEM);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "tls.crt", "tls.key", "other.key", "chain.crt" };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        unlink(path(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_self_made_pair_serves),
        cmocka_unit_test(what_was_made_reads_back),
        cmocka_unit_test(two_certificates_make_a_chain_and_more_text_is_dropped),
        cmocka_unit_test(tls_says_when_it_cannot_use_a_pair),
    };
    return cmocka_run_group_tests_name("certificate", tests, make_folder, remove_folder);
}
