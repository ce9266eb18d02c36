#include "test.h"

#include "log.h"
#include "certificate_make.h"
#include "reload.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

enum { ROUNDS = 300 };

static char folder[64], policy_file[96], chain_file[96], key_file[96];
static certificate pairs[2];
static options settings;
static standing *told;

static int make_folder(void **state)
{
    (void)state;
    error err;
    snprintf(folder, sizeof folder, "/tmp/castslice-reload-XXXXXX");
    if (!mkdtemp(folder) || !certificate_self_made(&pairs[0], &err) || !certificate_self_made(&pairs[1], &err))
        return -1;
    snprintf(policy_file, sizeof policy_file, "%s/policy.lua", folder);
    snprintf(chain_file, sizeof chain_file, "%s/tls.crt", folder);
    snprintf(key_file, sizeof key_file, "%s/tls.key", folder);
    settings = (options){ .policy = folder, .certificate = chain_file, .key = key_file, .threads = 2,
                          .policy_memory = (size_t)1 << 20, .policy_cpu_ms = 500, .reload_poll_seconds = 3600 };
    told = standing_new();
    log_set_level(LOG_ERROR);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    standing_free(told);
    certificate_release(&pairs[0]);
    certificate_release(&pairs[1]);
    remove(policy_file);
    remove(chain_file);
    remove(key_file);
    return rmdir(folder);
}

static void write_file(const char *file, const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void write_pair(int chain, int key)
{
    write_file(chain_file, pairs[chain].chain_pem);
    write_file(key_file, pairs[key].key_pem);
}

static reload *start(void)
{
    error err = { .kind = ERR_NONE };
    reload *r = reload_new(&settings, told, &err);
    if (!r)
        fail_msg("%s", err.text);
    return r;
}

static bool says(const char *line)
{
    buf page;
    buf_init(&page, (size_t)1 << 16);
    standing_write_metrics(told, &page);
    bool found = strstr(page.data, line);
    buf_release(&page);
    return found;
}

static int descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* A hundred log lines about the same mistake say nothing. The copy of stderr to hand to speak_again(). */
static int hush(void)
{
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
    return copy;
}

static void speak_again(int copy)
{
    dup2(copy, STDERR_FILENO);
    close(copy);
}

static void a_reference_outlives_the_bundles_after_it(void **state)
{
    (void)state;
    write_pair(0, 0);
    write_file(policy_file, "return { decide = function() end, resource = 'a.com/one' }");
    reload *r = start();
    bundle *held = current_ref(reload_policy(r));
    for (int i = 0; i < 3; i++) {
        write_file(policy_file, i % 2 ? "return function() end" : "return function() return nil end");
        reload_look(r, false);
        bundle *now = current_ref(reload_policy(r));
        assert_ptr_not_equal(now, held);
        assert_string_equal(bundle_resource(now), "nvidia.com/gpu-shared");
        bundle_unref(now);
    }
    assert_true(says("\ncastslice_policy_reloads_total{result=\"success\"} 3\n"));
    reload_free(r);
    assert_string_equal(bundle_resource(held), "a.com/one");
    bundle_unref(held);
}

static void what_fails_in_the_same_way_is_told_once_unless_one_asks(void **state)
{
    (void)state;
    write_pair(0, 0);
    write_file(policy_file, "return function() end");
    reload *r = start();
    write_file(policy_file, "return 1");
    write_pair(1, 0);
    for (int i = 0; i < 3; i++)
        reload_look(r, false);
    assert_true(says("\ncastslice_policy_reloads_total{result=\"failure\"} 1\n"));
    assert_true(says("\ncastslice_certificate_reloads_total{result=\"failure\"} 1\n"));
    reload_look(r, true);
    assert_true(says("\ncastslice_policy_reloads_total{result=\"failure\"} 2\n"));
    assert_true(says("\ncastslice_certificate_reloads_total{result=\"failure\"} 2\n"));
    write_file(policy_file, "return function() end");
    write_pair(0, 0);
    reload_look(r, false);
    reload_look(r, false);
    assert_true(says("\ncastslice_policy_reloads_total{result=\"success\"} 1\n"));
    assert_true(says("\ncastslice_certificate_reloads_total{result=\"success\"} 1\n"));
    assert_true(says("\ncastslice_policy_last_reload_successful 1\n"));
    reload_free(r);
}

/* `make bench-reload` does ten thousand and prints the memory; here the sanitizers look. */
static void many_reloads_leave_no_descriptor_open(void **state)
{
    (void)state;
    write_pair(0, 0);
    write_file(policy_file, "return function() end");
    reload *r = start();
    int before = descriptors(), speech = hush();
    for (int i = 1; i <= ROUNDS; i++) {
        char text[64];
        bool broken = i % 10 == 9;
        snprintf(text, sizeof text, "return function() return { ratio = %d } end%s", i, broken ? "(" : "");
        write_file(policy_file, text);
        write_pair(i % 2, broken ? !(i % 2) : i % 2);
        tls_pair *shaken = tls_current(reload_tls(r));      /* an open connection's */
        reload_look(r, false);
        tls_pair_unref(shaken);
    }
    speak_again(speech);
    assert_int_equal(descriptors(), before);
    assert_true(says("\ncastslice_policy_reloads_total{result=\"success\"} 270\n"));
    assert_true(says("\ncastslice_policy_reloads_total{result=\"failure\"} 30\n"));
    assert_true(says("\ncastslice_certificate_reloads_total{result=\"failure\"} 30\n"));
    reload_free(r);
}

/* Free a reload that never got anywhere, and one whose thread runs. */
static void it_ends_in_every_state(void **state)
{
    error err;
    (void)state;
    write_file(policy_file, "return function() end");
    assert_null(reload_new(&settings, told, &err));
    assert_non_null(strstr(err.text, "tls.crt"));
    write_pair(0, 0);
    reload *r = start();
    assert_true(reload_start(r, &err));
    reload_now(r);
    reload_free(r);
    reload_free(NULL);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_reference_outlives_the_bundles_after_it),
        IN_A_FOLDER(what_fails_in_the_same_way_is_told_once_unless_one_asks),
        IN_A_FOLDER(many_reloads_leave_no_descriptor_open),
        IN_A_FOLDER(it_ends_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
