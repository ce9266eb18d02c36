/* What reloads leave behind, and what they cost the reviews beside them.
 *
 * First ROUNDS changes of policy and certificate, one in ten broken, through the whole transaction:
 * what is resident, allocated and open must not grow. Then reviews on one thread, first alone, then
 * while a bundle of LARGE bytes is loaded ten times a second. Prints figures; judges only descriptors. */
#include "certificate_make.h"
#include "mem.h"
#include "reload.h"

#include "clock.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 10000, LARGE = 200 * 1024, SECONDS = 5, EACH_MS = 100, SAMPLES = 4000000 };

static char folder[] = "/tmp/castslice-reload-XXXXXX";
static char policy_file[64], chain_file[64], key_file[64];

static void write_file(const char *file, const char *text)
{
    char next[80];
    snprintf(next, sizeof next, "%s.new", file);
    FILE *f = fopen(next, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(next, file) != 0)
        exit(2);
}

static void prepare(options *o)
{
    if (!mkdtemp(folder))
        exit(2);
    snprintf(policy_file, sizeof policy_file, "%s/policy.lua", folder);
    snprintf(chain_file, sizeof chain_file, "%s/tls.crt", folder);
    snprintf(key_file, sizeof key_file, "%s/tls.key", folder);
    *o = (options){ .policy = folder, .certificate = chain_file, .key = key_file, .threads = 2,
                    .policy_memory = (size_t)8 << 20, .policy_cpu_ms = 500, .reload_poll_seconds = 3600 };
}

static void clean_up(void)
{
    remove(policy_file);
    remove(chain_file);
    remove(key_file);
    rmdir(folder);
}

/* ---- what is left behind ------------------------------------------------- */

static size_t resident_kib(void)
{
    char text[64] = "", *second = text;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || !fgets(text, sizeof text, f))
        exit(2);
    fclose(f);
    strtoul(text, &second, 10);
    return strtoul(second, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static int descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        exit(2);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void change(int round, const certificate pairs[2])
{
    char text[128];
    bool broken = round % 10 == 9;
    snprintf(text, sizeof text, "return function() return { ratio = %d } end%s", round % 1000 + 1, broken ? "(" : "");
    write_file(policy_file, text);
    write_file(chain_file, pairs[round % 2].chain_pem);
    write_file(key_file, pairs[broken ? !(round % 2) : round % 2].key_pem);
}

static void reload_many(reload *r, const certificate pairs[2])
{
    int open = 0;
    printf("reloads  resident KiB  allocated KiB  descriptors  us each\n");
    int64_t start = clock_ns();
    for (int round = 1, told = 0; round <= ROUNDS; round++) {
        change(round, pairs);
        reload_look(r, false);
        if (round != 100 && round % (ROUNDS / 5) != 0)
            continue;
        printf("%7d  %12zu  %13zu  %11d  %7.0f\n", round, resident_kib(), mallinfo2().uordblks / 1024, descriptors(),
               (double)(clock_ns() - start) / 1e3 / (round - told));
        if (open && open != descriptors())
            exit(1);
        open = descriptors();
        told = round;
        start = clock_ns();
    }
}

/* ---- what it costs the reviews beside it ---------------------------------- */

static float taken[SAMPLES];        /* microseconds */
static size_t taken_count;
static atomic_bool over;

static void review(current *policy)
{
    static const char text[] = "{\"metadata\":{\"annotations\":{\"castops.io/optimize\":\"true\"}}}";
    json_arena *arena = json_arena_new((size_t)1 << 20);
    error err;
    vm_usage usage;
    pod p;
    bundle *b = current_ref(policy);
    json *tree = json_parse(arena, text, sizeof text - 1, &err);
    if (!tree || !pod_read(&p, arena, tree, &(pod_request){ .namespace = "x" }, &err))
        exit(2);
    vm *v = bundle_borrow(b);
    if (!vm_run(v, &p, INT64_MAX, arena, &usage, &err))
        exit(2);
    bundle_return(b, v);
    bundle_unref(b);
    json_arena_free(arena);
}

static void *review_on(void *policy)
{
    size_t n = 0;
    while (!atomic_load(&over) && n < SAMPLES) {
        int64_t start = clock_ns();
        review(policy);
        taken[n++] = (float)(clock_ns() - start) / 1000;
    }
    taken_count = n;
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void measure(reload *r, const char *name, bool reloading)
{
    pthread_t thread;
    int reloads = 0;
    atomic_store(&over, false);
    pthread_create(&thread, NULL, review_on, reload_policy(r));
    for (int64_t end = clock_ns() + SECONDS * INT64_C(1000000000); clock_ns() < end; reloads += reloading)
        (reloading ? reload_now(r) : (void)0), usleep(EACH_MS * 1000);
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    size_t n = taken_count;
    qsort(taken, n, sizeof *taken, by_value);
    printf("%-28s %8zu %8d %7.1f %7.1f %8.1f %8.1f\n", name, n, reloads, (double)taken[n / 2],
           (double)taken[n * 99 / 100], (double)taken[n * 999 / 1000], (double)taken[n - 1]);
}

static void write_large(void)
{
    buf text;
    buf_init(&text, (size_t)1 << 20);
    buf_puts(&text, "local t = {\n");
    while (text.len < LARGE)
        buf_printf(&text, "  { name = 'rule-%zu', ratio = %zu },\n", text.len, text.len % 8 + 1);
    buf_puts(&text, "}\nreturn function() return { ratio = t[1].ratio } end\n");
    write_file(policy_file, text.data);
    buf_release(&text);
}

int main(void)
{
    error err;
    options o;
    certificate pairs[2];
    prepare(&o);
    if (!freopen("/dev/null", "w", stderr) || !certificate_self_made(&pairs[0], &err) ||
        !certificate_self_made(&pairs[1], &err))
        return 2;
    change(0, pairs);
    standing *s = standing_new();
    reload *r = reload_new(&o, s, &err);
    if (!r) {
        printf("%s\n", err.text);
        return 2;
    }
    reload_many(r, pairs);
    write_large();
    reload_look(r, true);
    printf("\nbundle of %d KiB              reviews  reloads  p50 us  p99 us  p99.9 us   max us\n", LARGE / 1024);
    if (!reload_start(r, &err))
        return 2;
    measure(r, "nothing beside it", false);
    measure(r, "ten reloads a second", true);
    reload_free(r);
    standing_free(s);
    certificate_release(&pairs[0]);
    certificate_release(&pairs[1]);
    clean_up();
    return 0;
}
