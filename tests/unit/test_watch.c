#include "test.h"

#include "watch.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOON_MS = 10000, NEVER_MS = 60 };

static char root[64];       /* a folder of this test's own */
static watch *w;

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/castslice-watch-XXXXXX");
    w = watch_new();
    return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    watch_free(w);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char paths[2][300];
    static int turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", root, name);
    return paths[turn];
}

static void write_file(const char *name)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs("text", f);
    fclose(f);
}

/* Everything that happened so far, then quiet. */
static bool noticed(void)
{
    bool any = watch_wait(w, SOON_MS);
    while (watch_wait(w, NEVER_MS))
        ;
    assert_true(watch_arm(w));
    return any;
}

static void files_of_the_folder_are_noticed(void **state)
{
    (void)state;
    mkdir(path_of("f"), 0700);
    watch_folder(w, path_of("f"));
    assert_true(watch_arm(w));
    assert_false(watch_wait(w, 0));
    for (int i = 0; i < 3; i++) {
        write_file("f/a");
        assert_true(noticed());
        write_file("f/b");
        assert_true(noticed());
        rename(path_of("f/b"), path_of("f/a"));
        assert_true(noticed());
        remove(path_of("f/a"));
        assert_true(noticed());
    }
}

/* So that a log file beside the folder wakes nobody. */
static void what_lies_beside_the_folder_is_not(void **state)
{
    (void)state;
    mkdir(path_of("f"), 0700);
    watch_folder(w, path_of("f"));
    assert_true(watch_arm(w));
    write_file("other");
    remove(path_of("other"));
    assert_false(watch_wait(w, NEVER_MS));
}

static void a_folder_may_come_and_go_with_its_parents(void **state)
{
    (void)state;
    watch_folder(w, path_of("a/b/c"));
    assert_true(watch_arm(w));
    for (int i = 0; i < 2; i++) {
        mkdir(path_of("a"), 0700);
        assert_true(noticed());
        mkdir(path_of("a/b"), 0700);
        assert_true(noticed());
        mkdir(path_of("a/b/c"), 0700);
        assert_true(noticed());
        write_file("a/b/c/file");
        assert_true(noticed());
        rename(path_of("a"), path_of(i ? "gone" : "away"));
        assert_true(noticed());
    }
}

static void a_link_is_followed(void **state)
{
    (void)state;
    mkdir(path_of("one"), 0700);
    mkdir(path_of("two"), 0700);
    assert_int_equal(symlink("one", path_of("link")), 0);
    watch_folder(w, path_of("link"));
    assert_true(watch_arm(w));
    write_file("one/file");
    assert_true(noticed());
    assert_int_equal(symlink("two", path_of("next")), 0);
    rename(path_of("next"), path_of("link"));
    assert_true(noticed());
    write_file("two/file");
    assert_true(noticed());
    write_file("one/file");
    assert_false(watch_wait(w, NEVER_MS));
}

static void *wake(void *data)
{
    watch_wake(data);
    return NULL;
}

static void another_thread_wakes_it_whatever_is_armed(void **state)
{
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wake, w), 0);
    assert_true(watch_wait(w, SOON_MS));
    pthread_join(thread, NULL);
    assert_false(watch_wait(w, 0));
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(files_of_the_folder_are_noticed),
        IN_A_FOLDER(what_lies_beside_the_folder_is_not),
        IN_A_FOLDER(a_folder_may_come_and_go_with_its_parents),
        IN_A_FOLDER(a_link_is_followed),
        IN_A_FOLDER(another_thread_wakes_it_whatever_is_armed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
