/* Hostile policies: every file of tests/escapes, run as production runs a policy. Its first line
 * says how it must end: `-- expect: ` and what the error contains, or the answer as JSON. */
#include "test.h"

#include "mem.h"
#include "vm.h"

#include <dirent.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLACK = 8 };         /* our own code is slower then: what ends for another reason needs more time */
#else
enum { SLACK = 2 };         /* budgets that no run may use: the promise is twice */
#endif
enum { CPU_MS = 50, RUNS = 3 };

static const char folder[] = "tests/escapes";
static const size_t memory = (size_t)8 << 20;

typedef struct escape {
    vm_source source;       /* borrows the two below */
    char path[400], *text;
    char expected[200];
    vm_limits limits;
    double worst_ms;
    size_t peak;
} escape;

static char *read_file(const char *path, size_t *length)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = mem_zalloc(300000);
    *length = fread(text, 1, 299999, f);
    fclose(f);
    return text;
}

static void open_escape(escape *e, const char *name)
{
    size_t length;
    *e = (escape){ .worst_ms = 0 };
    snprintf(e->path, sizeof e->path, "%s/%s", folder, name);
    e->text = read_file(e->path, &length);
    e->source = (vm_source){ "policy", e->path, e->text, length };
    check_row(name, sscanf(e->text, "-- expect: %199[^\n]", e->expected) == 1);
    e->limits = (vm_limits){ .memory = memory, .cpu_ns = CPU_MS * INT64_C(1000000) };
    if (!strstr(e->expected, "CPU time"))
        e->limits.cpu_ns *= SLACK / 2;
}

static void read_pod(pod *p, json_arena *arena)
{
    static const char object[] = "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"a\":\"b\"}},"
                                 "\"spec\":{\"containers\":[{\"name\":\"main\"}]}}";
    error err;
    json *tree = json_parse(arena, object, strlen(object), &err);
    assert_true(pod_read(p, arena, tree, &(pod_request){ .namespace = "default" }, &err));
}

static int failures;        /* counted, so that one bad row does not hide the others */

static void check(const escape *e, bool ok, const char *what)
{
    if (ok)
        return;
    failures++;
    print_error("%s: must end in: %s; but: %s\n", e->source.path, e->expected, what);
}

static void check_outcome(const escape *e, const char *answer, const char *error_text)
{
    if (e->expected[0] == '{')
        check(e, strcmp(answer, e->expected) == 0, *answer ? answer : error_text);
    else
        check(e, strstr(error_text, e->expected) != NULL, *answer ? answer : error_text);
    bool own = strncmp(error_text, e->source.path, strlen(e->source.path)) == 0;
    check(e, !*error_text || own || strncmp(error_text, "lua/castslice/", 14) == 0, "no file in the error");
}

static void run_once(escape *e, vm *v)
{
    json_arena *arena = json_arena_new((size_t)16 << 20);
    pod p;
    error err = { .kind = ERR_NONE };
    vm_usage usage;
    buf out;
    buf_init(&out, 10000);
    buf_puts(&out, "");
    read_pod(&p, arena);
    json *answer = vm_run(v, &p, e->limits.cpu_ns, arena, &usage, &err);
    if (answer)
        json_write(&out, answer);
    check_outcome(e, out.data, answer ? "" : err.text);
    check(e, usage.cpu_ns < SLACK * e->limits.cpu_ns, "ran beyond its budget");
    check(e, usage.peak_bytes <= memory, "rose beyond its memory");
    e->worst_ms = (double)usage.cpu_ns / 1e6 > e->worst_ms ? (double)usage.cpu_ns / 1e6 : e->worst_ms;
    e->peak = usage.peak_bytes > e->peak ? usage.peak_bytes : e->peak;
    buf_release(&out);
    json_arena_free(arena);
}

/* Several runs in one vm: each must end like the first. */
static void run_escape(const char *name)
{
    escape e;
    error err = { .kind = ERR_NONE };
    open_escape(&e, name);
    vm *v = vm_new(&e.source, 1, NULL, e.limits, &err);
    for (int i = 0; v && i < RUNS; i++)
        run_once(&e, v);
    if (!v)
        check_outcome(&e, "", err.text);
    printf("  %-34s %8.2f ms %8zu KiB\n", name, e.worst_ms, e.peak / 1024);
    vm_free(v);
    free(e.text);
}

static int is_policy(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".lua") == 0;
}

static void every_attempt_ends_as_it_must(void **state)
{
    (void)state;
    struct dirent **names;
    int count = scandir(folder, &names, is_policy, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        run_escape(names[i]->d_name);
        free(names[i]);
    }
    free(names);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_attempt_ends_as_it_must) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
