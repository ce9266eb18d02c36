#include "test.h"

#include "bundle.h"
#include "mem.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const vm_limits limits = { .memory = (size_t)8 << 20, .cpu_ns = INT64_C(50000000) };
static char root[64];       /* a folder of this test's own */

/* ---- files ------------------------------------------------------------------ */

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/castslice-bundle-XXXXXX");
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
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void write_large(const char *name, const char *text, size_t spaces)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    fputs(text, f);
    for (size_t i = 0; i < spaces; i++)
        fputc(' ', f);
    fclose(f);
}

/* ---- runs -------------------------------------------------------------------- */

static double ratio_of(bundle *b)
{
    static const char object[] = "{\"metadata\":{\"annotations\":{\"castops.io/optimize\":\"true\"}}}";
    json_arena *arena = json_arena_new((size_t)1 << 20);
    error err;
    vm_usage usage;
    pod p;
    double ratio = -1;
    json *tree = json_parse(arena, object, strlen(object), &err);
    assert_true(pod_read(&p, arena, tree, &(pod_request){ .namespace = "x" }, &err));
    vm *v = bundle_borrow(b);
    json_number(json_get(vm_run(v, &p, limits.cpu_ns, arena, &usage, &err), "ratio"), &ratio);
    bundle_return(b, v);
    json_arena_free(arena);
    return ratio;
}

/* `expected` is what follows the root in the message. */
static void expect_error(const char *directory, error_kind kind, const char *expected)
{
    error err = { .kind = ERR_NONE };
    assert_null(bundle_load(directory, 1, limits, &err));
    assert_memory_equal(err.text, root, strlen(root));
    assert_string_equal(err.text + strlen(root), expected);
    assert_int_equal(err.kind, kind);
}

static bundle *load(size_t workers)
{
    error err = { .kind = ERR_NONE };
    bundle *b = bundle_load(root, workers, limits, &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static void the_embedded_default_is_always_there(void **state)
{
    (void)state;
    error err;
    bundle *b = bundle_load(NULL, 2, limits, &err);
    assert_non_null(b);
    assert_string_equal(bundle_name(b), "embedded default");
    assert_string_equal(bundle_entry(b), "policies/default/policy.lua");
    assert_string_equal(bundle_resource(b), "nvidia.com/gpu-shared");
    assert_true(ratio_of(b) == 1);
    bundle_unref(b);
    bundle_unref(NULL);
}

static void a_folder_is_read_with_its_modules(void **state)
{
    (void)state;
    write_file("policy.lua", "local m = require 'm_2'\n"
                             "return { decide = function() return { ratio = m } end, resource = 'a.com/gpu' }");
    write_file("m_2.lua", "return 2");
    write_file("README.md", "not Lua");
    write_file("cases.yaml", "- {}");
    write_file(".hidden.lua", "not Lua either");
    mkdir(path_of("folder.lua"), 0700);
    mkfifo(path_of("pipe.lua"), 0600);
    bundle *b = load(1);
    assert_string_equal(bundle_name(b), root);
    assert_string_equal(bundle_entry(b), path_of("policy.lua"));
    assert_string_equal(bundle_resource(b), "a.com/gpu");
    assert_true(ratio_of(b) == 2);
    bundle_unref(bundle_ref(b));
    assert_true(ratio_of(b) == 2);
    bundle_unref(b);
}

static void what_is_wrong_with_a_folder_is_said(void **state)
{
    (void)state;
    expect_error(path_of("nothing"), ERR_SYSTEM, "/nothing: No such file or directory");
    expect_error(root, ERR_SYSTEM,
                 "/policy.lua: no such file: a bundle needs a policy.lua that returns a function of one Pod, "
                 "or a policy.json with rules");
    write_file("policy.lua", "return function(");
    expect_error(path_of("policy.lua"), ERR_SYSTEM, "/policy.lua: is a file; name the folder of the bundle");
    expect_error(root, ERR_POLICY, "/policy.lua:1: <name> or '...' expected near <eof>");
    write_file("policy.lua", "return function() end");
    write_file("My-Module.lua", "");
    expect_error(root, ERR_POLICY, "/My-Module.lua: a module's name is made of a to z, 0 to 9 and _");
    remove(path_of("My-Module.lua"));
    write_file("My-Data.json", "{}");
    expect_error(root, ERR_POLICY, "/My-Data.json: a data file's name is made of a to z, 0 to 9 and _");
    remove(path_of("My-Data.json"));
    write_file("data.json", "{\n\n\"a\": }");
    expect_error(root, ERR_POLICY, "/data.json:3: bad JSON: a value was expected (byte 8)");
    remove(path_of("data.json"));
    assert_int_equal(symlink("nowhere", path_of("m.lua")), 0);
    expect_error(root, ERR_SYSTEM, "/m.lua: No such file or directory");
}

/* Rules alone are carried out by the embedded policy; a policy.lua of one's own does with them what it likes. */
static void rules_need_no_policy(void **state)
{
    (void)state;
    write_file("policy.json", "{\"resource\": \"a.com/gpu\", \"rules\": [{\"sliceRatio\": 6}]}");
    bundle *b = load(2);
    assert_string_equal(bundle_entry(b), "policies/default/policy.lua");
    assert_string_equal(bundle_resource(b), "a.com/gpu");
    assert_true(ratio_of(b) == 6);
    bundle_unref(b);
    write_file("policy.lua", "local n = castslice.data 'policy'.rules[1].sliceRatio return function() return { ratio = n } end");
    b = load(2);
    assert_string_equal(bundle_resource(b), "nvidia.com/gpu-shared");
    assert_true(ratio_of(b) == 6);
    bundle_unref(b);
}

static void sizes_have_limits(void **state)
{
    (void)state;
    static const char text[] = "return function() return { ratio = 3 } end";
    write_large("policy.lua", text, ((size_t)256 << 10) - (sizeof text - 1));
    bundle *b = load(1);
    assert_true(ratio_of(b) == 3);
    bundle_unref(b);
    write_large("policy.lua", text, ((size_t)256 << 10) - (sizeof text - 1) + 1);
    expect_error(root, ERR_SYSTEM, "/policy.lua: larger than 256 KiB");
    for (char name[] = "a.lua"; name[0] <= 'e'; name[0]++)
        write_large(name, "", (size_t)250 << 10);
    write_file("policy.lua", text);
    expect_error(root, ERR_SYSTEM, ": more than 1024 KiB of Lua and JSON, or more than 256 files");
}

/* A volume as kubelet lays it out: what is seen are links through ..data. */
static void one_version_is_read_from_a_volume(void **state)
{
    (void)state;
    mkdir(path_of("..v1"), 0700);
    write_file("..v1/policy.lua", "return function() return { ratio = require 'n' } end");
    write_file("..v1/n.lua", "return 7");
    assert_int_equal(symlink("..v1", path_of("..data")), 0);
    assert_int_equal(symlink("..data/policy.lua", path_of("policy.lua")), 0);
    assert_int_equal(symlink("..data/n.lua", path_of("n.lua")), 0);
    assert_int_equal(symlink("..data/gone.lua", path_of("gone.lua")), 0);        /* of another version: not looked at */
    bundle *b = load(1);
    assert_string_equal(bundle_entry(b), path_of("policy.lua"));
    assert_true(ratio_of(b) == 7);
    bundle_unref(b);
}

/* ---- lending ------------------------------------------------------------------ */

enum { WORKERS = 4, TIMES = 2000 };

/* The bundle when every answer was right, else NULL. */
static void *borrow_and_return(void *context)
{
    bool right = true;
    for (int i = 0; i < TIMES; i++)
        right = ratio_of(context) == 5 && right;
    return right ? context : NULL;
}

static void every_worker_gets_a_vm(void **state)
{
    (void)state;
    write_file("policy.lua", "local n = 4 return function() n = n + 1 return { ratio = n } end");
    bundle *b = load(WORKERS);
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, borrow_and_return, b), 0);
    for (int i = 0; i < WORKERS; i++) {
        void *right;
        pthread_join(threads[i], &right);
        assert_ptr_equal(right, b);
    }
    bundle_unref(b);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_embedded_default_is_always_there),
        IN_A_FOLDER(a_folder_is_read_with_its_modules),
        IN_A_FOLDER(what_is_wrong_with_a_folder_is_said),
        IN_A_FOLDER(rules_need_no_policy),
        IN_A_FOLDER(sizes_have_limits),
        IN_A_FOLDER(one_version_is_read_from_a_volume),
        IN_A_FOLDER(every_worker_gets_a_vm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
