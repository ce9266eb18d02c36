/* Hostile policies without end: Lua text, or a program that the bytes choose from a grammar over everything a
 * policy can call. Whatever it does, the promises of docs/sandbox.md hold. */
#include "fuzz.h"

#include "clock.h"
#include "lua_library.h"
#include "utf8.h"
#include "vm.h"

#include <stdbool.h>
#include <string.h>

#define CPU_NS INT64_C(5000000)
#define SLACK 10                    /* budgets: our own code is slower under the sanitizers */
#define GRAMMAR 0x08                /* a first byte up to this: the rest chooses a program */

enum { PROGRAM = 16384, DEPTH = 5, STATEMENTS = 12 };

static const vm_limits limits = { .memory = (size_t)1 << 20, .cpu_ns = CPU_NS };

static const char path[] = "fuzz/policy.lua";
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

/* ---- the grammar ------------------------------------------------------------ */

typedef struct maker {
    const uint8_t *at, *end;        /* what chooses; all zeros behind it */
    buf out;
} maker;

static unsigned choose(maker *m, unsigned count)
{
    return m->at < m->end ? *m->at++ % count : 0;
}

static void put_value(maker *m, int depth);

static void put_call(maker *m, int depth)
{
    const lua_library_row *row = &lua_library_rows[choose(m, (unsigned)lua_library_count)];
    buf_printf(&m->out, "%s%s%s(", row->library, *row->library ? "." : "", row->name);
    for (unsigned i = 0, count = choose(m, 4); i < count; i++) {
        buf_puts(&m->out, i ? ", " : "");
        put_value(m, depth + 1);
    }
    buf_puts(&m->out, ")");
}

static void put_binary(maker *m, int depth)
{
    static const char *const operators[] = { "+", "-", "*", "//", "%", "..", "<", "==", "and", "or", "<<", "/", "^" };
    buf_puts(&m->out, "(");
    put_value(m, depth + 1);
    buf_printf(&m->out, " %s ", operators[choose(m, sizeof operators / sizeof *operators)]);
    put_value(m, depth + 1);
    buf_puts(&m->out, ")");
}

static void put_value(maker *m, int depth)
{
    static const char *const leaves[] = {
        "1", "s", "t", "0", "-1", "250", "1e308", "math.huge", "math.maxinteger", "math.mininteger", "nil", "true", "'\\0'",
        "''", "'policy'", "pod", "pod.labels", "pod.containers", "pod.object", "i", "#s", "#t", "f", "t[i]", "{ t, s }",
        "{ ratio = 2 }", "function(a, b) return a < b end", "(0/0)", "s:upper()", "table.unpack(t)",
    };
    unsigned kind = depth < DEPTH ? choose(m, 6) : 0;
    if (kind == 4)
        put_binary(m, depth);
    else if (kind == 5)
        put_call(m, depth);
    else
        buf_puts(&m->out, leaves[choose(m, sizeof leaves / sizeof *leaves)]);
}

static void put_block(maker *m, int depth);

/* `before`, a value, `middle`; then a block. */
static void put_loop(maker *m, const char *before, const char *middle, int depth)
{
    buf_puts(&m->out, before);
    put_value(m, depth + 1);
    buf_puts(&m->out, middle);
    put_block(m, depth + 1);
    buf_puts(&m->out, " end\n");
}

static void put_assignment(maker *m, const char *to, int depth)
{
    buf_puts(&m->out, to);
    put_value(m, depth);
    buf_puts(&m->out, "\n");
}

static void put_statement(maker *m, int depth)
{
    switch (choose(m, depth < DEPTH ? 11 : 7)) {
    case 0: put_call(m, depth); buf_puts(&m->out, "\n"); return;
    case 1: buf_puts(&m->out, "s = s .. s\n"); return;
    case 2: put_assignment(m, "t[i] = ", depth); return;
    case 3: put_assignment(m, "s = ", depth); return;
    case 4: put_assignment(m, "t[s] = ", depth); return;
    case 5: buf_puts(&m->out, "t[#t + 1] = t\n"); return;
    case 6: buf_puts(&m->out, "f(pod)\n"); return;
    case 7: put_loop(m, "while ", " do ", depth); return;
    case 8: put_loop(m, "for i = 1, ", " do ", depth); return;
    case 9: put_loop(m, "for _, i in pairs(", ") do ", depth); return;
    default: put_loop(m, "if ", " then ", depth); return;
    }
}

static void put_block(maker *m, int depth)
{
    for (unsigned i = 0, count = 1 + choose(m, STATEMENTS); i < count && m->at < m->end; i++)
        put_statement(m, depth);
}

static void make_program(buf *out, const uint8_t *data, size_t size)
{
    maker m = { data, data + size, { 0 } };
    buf_init(&m.out, PROGRAM);
    buf_puts(&m.out, "local s, t, i, f = 'x', {}, 1\n");
    buf_puts(&m.out, choose(&m, 2) ? "" : "for n = 1, 250 do t[n] = n end\n");
    buf_puts(&m.out, "f = function(pod)\n");
    put_block(&m, 0);
    buf_puts(&m.out, "do return ");
    put_value(&m, 0);
    buf_puts(&m.out, " end\nend\nreturn f\n");
    *out = m.out;
}

/* ---- the promises ----------------------------------------------------------- */

static void must_be_explained(const error *err)
{
    must(err->kind >= ERR_TOO_LARGE && err->kind <= ERR_POLICY_MEMORY);
    must(err->text[0] && !strchr(err->text, '\n') && utf8_valid(err->text, strlen(err->text)));
}

static char *ask(vm *v, const char *object, vm_usage *usage)
{
    json_arena *arena = json_arena_new((size_t)16 << 20);
    error err = { .kind = ERR_NONE };
    pod p;
    buf out;
    buf_init(&out, (size_t)16 << 20);
    buf_puts(&out, "");
    json *tree = json_parse(arena, object, strlen(object), &err);
    must(tree && pod_read(&p, arena, tree, &(pod_request){ .namespace = "default" }, &err));
    json *answer = vm_run(v, &p, CPU_NS, arena, usage, &err);
    if (answer)
        json_write(&out, answer);
    else
        must_be_explained(&err);
    json_arena_free(arena);
    return buf_take(&out, NULL);
}

static size_t check_reference(vm *v)
{
    vm_usage usage;
    char *said = ask(v, "{\"metadata\":{\"annotations\":{\"reference\":\"1\"},\"labels\":{\"team\":\"a\",\"app\":\"web\"}}}", &usage);
    must(strcmp(said, reference_answer) == 0);
    free(said);
    return usage.peak_bytes;
}

static void check_attack(vm *v)
{
    vm_usage usage;
    char *said = ask(v, "{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"b\",\"c\":\"d\"}},"
                     "\"spec\":{\"containers\":[{\"name\":\"main\"},{\"name\":\"side\"}]}}", &usage);
    must(usage.cpu_ns < SLACK * CPU_NS);
    must(usage.peak_bytes <= limits.memory);
    must(!*said || usage.cpu_ns < 2 * CPU_NS);          /* a decision comes only within the budget */
    free(said);
}

static void check(const char *source, size_t length)
{
    const vm_source sources[] = { { "attack", path, source, length }, { "policy", path, entry, sizeof entry - 1 } };
    error err = { .kind = ERR_NONE };
    vm *v = vm_new(sources, 2, NULL, limits, &err);
    if (!v) {
        must_be_explained(&err);
        return;
    }
    size_t peak = check_reference(v);
    check_attack(v);
    must(check_reference(v) == peak);
    vm_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] > GRAMMAR) {
        check((const char *)data, size);
        return 0;
    }
    buf program;
    make_program(&program, data + 1, size - 1);
    if (!program.toobig)
        check(program.data, program.len);
    buf_release(&program);
    return 0;
}
