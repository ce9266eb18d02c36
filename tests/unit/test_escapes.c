/* Hostile policies: every file of tests/escapes (its README says what they are), run as production runs a policy. */
#include "test.h"

#include "lua_library.h"
#include "mem.h"
#include "vm.h"

#include <dirent.h>

#include <lauxlib.h>
#include <lualib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLACK = 8 };         /* our own code is slower then: what ends for another reason needs more time */
#else
enum { SLACK = 2 };         /* budgets that no run may use: the promise is twice */
#endif
enum { CPU_MS = 50, RUNS = 3, ROWS = 30, ELSEWHERE = 30, HOSTILE_BYTES = 100000 };

static const char folder[] = "tests/escapes";
static const size_t memory = (size_t)8 << 20;

/* The entry: it asks the hostile module, but for the Pod that the second answer is compared for. */
static const char entry[] =
    "local attack = require 'attack'\n"
    "if type(attack) ~= 'function' then return attack end\n"
    "return function(pod)\n"
    "  if not pod.annotations.reference then return attack(pod) end\n"
    "  local parts = {}\n"
    "  for k, v in pairs(pod.labels) do parts[#parts + 1] = k .. '=' .. v:upper() end\n"
    "  return { ratio = math.max(1, #parts), reason = text.quote(table.concat(parts, ',')), rule = type(pod) }\n"
    "end\n";
static const char reference_answer[] = "{\"ratio\":2,\"reason\":\"\\\"app=WEB,team=A\\\"\",\"rule\":\"table\"}";

typedef struct escape {
    char path[400], *text;
    char expected[200];
    vm_source sources[2];   /* borrow the two above */
    vm_limits limits;
    double worst_ms;
    size_t peak, reference_peak;
} escape;

static int failures;        /* counted, so that one bad row does not hide the others */

static void check(const escape *e, bool ok, const char *what)
{
    if (ok)
        return;
    failures++;
    print_error("%s: must end in: %s; but: %s\n", e->path, e->expected, what);
}

/* ---- files ------------------------------------------------------------------ */

static char *read_file(const char *path, size_t *length)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = mem_zalloc(300000);
    *length = fread(text, 1, 299999, f);
    fclose(f);
    return text;
}

/* What the generator in `text` returns, run by a plain Lua. */
static char *generate(char *text, size_t *length)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dostring(L, text) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    const char *source = luaL_checklstring(L, -1, length);
    char *copy = mem_alloc(*length + 1);
    memcpy(copy, source, *length + 1);
    lua_close(L);
    free(text);
    return copy;
}

static void open_escape(escape *e, const char *name)
{
    size_t length;
    *e = (escape){ .worst_ms = 0 };
    snprintf(e->path, sizeof e->path, "%s/%s", folder, name);
    e->text = read_file(e->path, &length);
    check_row(name, sscanf(e->text, "-- expect: %199[^\n]", e->expected) == 1);
    if (strstr(e->text, "\n-- generates the source\n"))
        e->text = generate(e->text, &length);
    e->sources[0] = (vm_source){ "attack", e->path, e->text, length };
    e->sources[1] = (vm_source){ "policy", e->path, entry, sizeof entry - 1 };
    e->limits = (vm_limits){ .memory = memory, .cpu_ns = CPU_MS * INT64_C(1000000) };
    if (!strstr(e->expected, "CPU time"))
        e->limits.cpu_ns *= SLACK / 2;
}

static int is_policy(const struct dirent *file)
{
    size_t length = strlen(file->d_name);
    return length > 4 && strcmp(file->d_name + length - 4, ".lua") == 0;
}

static void for_each(void (*visit)(const char *name))
{
    struct dirent **names;
    int count = scandir(folder, &names, is_policy, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        visit(names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

/* ---- running ---------------------------------------------------------------- */

static const char reference_pod[] = "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"reference\":\"1\"},"
                                    "\"labels\":{\"team\":\"a\",\"app\":\"web\"}}}";

/* Its author is hostile too. */
static const char *hostile_pod(void)
{
    static char object[3 * HOSTILE_BYTES];
    char spaces[HOSTILE_BYTES + 1], commas[HOSTILE_BYTES + 1];
    memset(spaces, ' ', HOSTILE_BYTES);
    memset(commas, ',', HOSTILE_BYTES);
    spaces[HOSTILE_BYTES / 2] = 'x';
    spaces[HOSTILE_BYTES] = commas[HOSTILE_BYTES] = '\0';
    snprintf(object, sizeof object, "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"a\":\"b\",\"spaces\":\"%s\",\"commas\":\"%s\"}},"
             "\"spec\":{\"containers\":[{\"name\":\"main\"}]}}", spaces, commas);
    return object;
}

/* One run about `object`: the answer as JSON, or the error's text; it lives until the next. */
static const char *ask(const escape *e, vm *v, const char *object, vm_usage *usage, bool *answered)
{
    static buf out;
    json_arena *arena = json_arena_new((size_t)16 << 20);
    pod p;
    error err = { .kind = ERR_NONE };
    json *tree = json_parse(arena, object, strlen(object), &err);
    assert_true(pod_read(&p, arena, tree, &(pod_request){ .namespace = "default" }, &err));
    json *answer = vm_run(v, &p, e->limits.cpu_ns, arena, usage, &err);
    buf_release(&out);
    buf_init(&out, 10000);
    if (answer)
        json_write(&out, answer);
    else
        buf_puts(&out, err.text);
    *answered = answer != NULL;
    json_arena_free(arena);
    return out.data;
}

static void check_outcome(const escape *e, bool answered, const char *said)
{
    bool wants_answer = e->expected[0] == '{';
    check(e, answered == wants_answer && (answered ? strcmp(said, e->expected) == 0 : strstr(said, e->expected) != NULL), said);
    bool has_file = strncmp(said, e->path, strlen(e->path)) == 0 || strncmp(said, "lua/castslice/", 14) == 0;
    check(e, answered || has_file, "no file in the error");
}

static void check_reference(escape *e, vm *v)
{
    vm_usage usage;
    bool answered;
    const char *said = ask(e, v, reference_pod, &usage, &answered);
    check(e, answered && strcmp(said, reference_answer) == 0, said);
    check(e, e->reference_peak == 0 || e->reference_peak == usage.peak_bytes, "the next review found another heap");
    e->reference_peak = usage.peak_bytes;
}

static void run_once(escape *e, vm *v)
{
    vm_usage usage;
    bool answered;
    check_reference(e, v);
    const char *said = ask(e, v, hostile_pod(), &usage, &answered);
    check_outcome(e, answered, said);
    check(e, usage.cpu_ns < SLACK * e->limits.cpu_ns, "ran beyond its budget");
    check(e, usage.peak_bytes <= memory, "rose beyond its memory");
    e->worst_ms = (double)usage.cpu_ns / 1e6 > e->worst_ms ? (double)usage.cpu_ns / 1e6 : e->worst_ms;
    e->peak = usage.peak_bytes > e->peak ? usage.peak_bytes : e->peak;
    check_reference(e, v);
}

static void run_escape(const char *name)
{
    escape e;
    error err = { .kind = ERR_NONE };
    open_escape(&e, name);
    vm *v = vm_new(e.sources, 2, NULL, e.limits, &err);
    for (int i = 0; v && i < RUNS; i++)
        run_once(&e, v);
    if (v)
        printf("  %-34s %8.2f ms %8zu KiB  %s\n", name, e.worst_ms, e.peak / 1024, e.expected);
    else
        printf("  %-34s %26s %s\n", name, "does not load:", e.expected);
    if (!v)
        check_outcome(&e, false, err.text);
    vm_free(v);
    free(e.text);
}

static void every_attempt_ends_as_it_must(void **state)
{
    (void)state;
    printf("  worst of %d runs; the budget is %d ms, the cap %zu KiB\n", RUNS, CPU_MS, memory / 1024);
    for_each(run_escape);
    assert_int_equal(failures, 0);
}

/* ---- nothing is left untried -------------------------------------------------- */

static buf rows_tried, names_attacked;      /* " 7 9 …", " table.concat …" */

/* The words of the line that begins with `mark`, each between spaces. */
static void collect(const char *text, const char *mark, buf *out)
{
    const char *line = strstr(text, mark);
    if (!line)
        return;
    line += strlen(mark);
    for (const char *end = line + strcspn(line, "\n"); line < end; line++)
        buf_add(out, *line == ',' ? " " : line, 1);
    buf_putc(out, ' ');
}

static void collect_marks(const char *name)
{
    char path[400];
    size_t length;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = read_file(path, &length);
    collect(text, "\n-- row:", &rows_tried);
    collect(text, "\n-- attacks:", &names_attacked);
    free(text);
}

static bool has_word(const buf *words, const char *word)
{
    char between[80];
    snprintf(between, sizeof between, " %s ", word);
    return strstr(words->data, between);
}

static void every_function_and_every_threat_is_tried(void **state)
{
    (void)state;
    char word[64];
    buf_init(&rows_tried, 100000);
    buf_init(&names_attacked, 100000);
    for_each(collect_marks);
    for (const lua_library_row *r = lua_library_rows; r < lua_library_rows + lua_library_count; r++) {
        snprintf(word, sizeof word, "%s%s%s", r->library, *r->library ? "." : "", r->name);
        check_row(word, has_word(&names_attacked, word));
    }
    for (int row = 1; row <= ROWS; row++) {
        snprintf(word, sizeof word, "%d", row);
        check_row(word, row == ELSEWHERE || has_word(&rows_tried, word));       /* test_watchdog.c */
    }
    buf_release(&rows_tried);
    buf_release(&names_attacked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_attempt_ends_as_it_must),
        cmocka_unit_test(every_function_and_every_threat_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
