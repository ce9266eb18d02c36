/* castslice test: a bundle's own cases, through the engine that serves and with its limits. cases.c knows what a case
 * is, coverage.c which lines ran; here they are run, counted and printed. */
#include "commands.h"

#include "bundle.h"
#include "bundles.h"
#include "cases.h"
#include "coverage.h"
#include "data.h"
#include "mem.h"
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUT ((size_t)64 << 20)           /* bytes printed */

/* The command as it goes along. */
typedef struct session {
    options options;
    buf out;
    bool text, json, junit;
    size_t bundles, cases, failed, broken;      /* broken: bundles that could not be tested */
} session;

static void help(void)
{
    puts("Usage: castslice test DIR... [FLAGS]\n\n"
         "Runs the cases of policy bundles (cases.yaml beside policy.lua) through the engine that serves, with the limits\n"
         "of a review, and says what was expected and what was got. A folder whose subfolders are bundles stands for all\n"
         "of them. A bundle without cases fails.\n\n"
         "Flags, each also as a variable of the environment; the flag wins:");
    options_help(stdout, OPTIONS_TEST);
    puts("\nExamples:\n"
         "  castslice test policies/default\n"
         "  castslice test policies --coverage\n"
         "  castslice test policies -o junit > cases.xml\n\n"
         "Exit status: 0 every case passed, 1 one did not or there were none, 2 a bundle could not be loaded.");
}

/* ---- texts in other languages -------------------------------------------- */

/* What stands for the character at `p` in XML, and in *length how many bytes it takes; NULL when it stands for itself.
 * Zero (which json.h keeps as C0 80), U+FFFE, U+FFFF and control characters are not among XML's. */
static const char *xml_for(const char *p, size_t *length)
{
    static const struct { const char *bytes, *xml; } rows[] = {
        { "<", "&lt;" }, { ">", "&gt;" }, { "&", "&amp;" }, { "\"", "&quot;" }, { "\n", "&#10;" },
        { "\xC0\x80", "?" }, { "\xEF\xBF\xBE", "?" }, { "\xEF\xBF\xBF", "?" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        *length = strlen(rows[i].bytes);
        if (strncmp(p, rows[i].bytes, *length) == 0)
            return rows[i].xml;
    }
    *length = 1;
    return (unsigned char)*p < 0x20 ? "?" : NULL;
}

static void put_xml(buf *out, const char *text)
{
    size_t length;
    for (const char *p = text; *p; p += length) {
        const char *xml = xml_for(p, &length);
        buf_add(out, xml ? xml : p, xml ? strlen(xml) : 1);
    }
}

static void put_json_member(buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    json_write_string(out, text);
}

/* ---- one bundle ---------------------------------------------------------- */

/* A bundle under test. */
typedef struct trial {
    session *s;
    const char *dir, *path;     /* the folder; its cases.yaml */
    bundle *b;
    cases *c;
    coverage *coverage;         /* NULL: not asked */
    case_result *results;
    size_t count, failed;
} trial;

static bool was_decided(const trial *t, const char *rule)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->results[i].rule, rule) == 0)
            return true;
    return false;
}

/* ---- coverage ------------------------------------------------------------- */

/* What no case reached, as it is found. */
typedef struct gaps {
    buf *out;
    bool json;
    size_t count;               /* written so far */
} gaps;

static void begin_gap(gaps *g, const char *path, size_t line)
{
    if (g->json) {
        buf_puts(g->out, g->count++ ? ",{\"file\":" : "{\"file\":");
        json_write_string(g->out, path);
        buf_printf(g->out, ",\"line\":%zu", line);
    } else {
        buf_printf(g->out, "%s:%zu", path, line);
    }
}

static void put_lines(void *context, const char *path, size_t first, size_t last)
{
    gaps *g = context;
    begin_gap(g, path, first);
    if (g->json)
        buf_printf(g->out, ",\"last\":%zu}", last);
    else
        buf_printf(g->out, last > first ? "-%zu: no case reaches this\n" : ": no case reaches this\n", last);
}

static void put_rule(gaps *g, const char *path, int line, const char *rule)
{
    begin_gap(g, path, (size_t)line);
    if (g->json) {
        put_json_member(g->out, "rule", rule);
        buf_putc(g->out, '}');
    } else {
        buf_printf(g->out, ": no case reaches rule %s\n", rule);
    }
}

/* Rules of policy.json by name, or by place: rules[3]. */
static void put_missed_rules(const trial *t, gaps *g)
{
    const data_file *file = bundle_rules(t->b);
    const frozen *rules = file ? frozen_get(&file->value, "rules", 5) : NULL;
    for (uint32_t i = 0; rules && rules->type == FROZEN_LIST && i < rules->count; i++) {
        char place[32], pointer[40];
        const frozen *name = frozen_get(&rules->as.items[i], "name", 4);
        snprintf(place, sizeof place, "rules[%u]", i);
        const char *called = name && name->type == FROZEN_STRING ? name->as.text : place;
        int length = snprintf(pointer, sizeof pointer, "/rules/%u", i);
        if (!was_decided(t, called))
            put_rule(g, file->path, data_line(file, pointer, (size_t)length), called);
    }
}

static void put_coverage(const trial *t, buf *out)
{
    size_t total, missed;
    gaps g = { .out = out };
    put_missed_rules(t, &g);
    coverage_gaps(t->coverage, put_lines, &g);
    coverage_count(t->coverage, &total, &missed);
    if (total)
        buf_printf(out, "%s: %zu of %zu lines reached\n", t->dir, total - missed, total);
}

static void put_json_coverage(const trial *t, buf *out)
{
    size_t total, missed;
    gaps rules = { .out = out, .json = true }, lines = rules;
    coverage_count(t->coverage, &total, &missed);
    buf_printf(out, ",\"coverage\":{\"lines\":%zu,\"reached\":%zu,\"missedRules\":[", total, total - missed);
    put_missed_rules(t, &rules);
    buf_puts(out, "],\"missedLines\":[");
    coverage_gaps(t->coverage, put_lines, &lines);
    buf_puts(out, "]}");
}

/* ---- how a bundle did ----------------------------------------------------- */

static void put_failure(buf *out, const char *path, const case_result *r)
{
    buf_printf(out, "%s:%d: ", path, r->line);
    report_plain(r->name, out);
    buf_puts(out, "\n  expected  ");
    report_plain(r->expected, out);
    buf_puts(out, "\n  got       ");
    report_plain(r->got, out);
    buf_putc(out, '\n');
}

static void put_text(const trial *t)
{
    buf *out = &t->s->out;
    for (size_t i = 0; i < t->count; i++)
        if (!t->results[i].passed)
            put_failure(out, t->path, &t->results[i]);
    if (t->count == 0)
        buf_printf(out, "%s: there are no cases; write what you promise into it\n", t->path);
    else if (t->failed)
        buf_printf(out, "%s: %zu of %zu cases failed\n", t->dir, t->failed, t->count);
    else
        buf_printf(out, "%s: %zu case%s passed\n", t->dir, t->count, t->count == 1 ? "" : "s");
    if (t->coverage)
        put_coverage(t, out);
}

static void put_json(const trial *t)
{
    buf *out = &t->s->out;
    buf_puts(out, "{\"bundle\":");
    json_write_string(out, t->dir);
    buf_printf(out, ",\"passed\":%zu,\"failed\":%zu,\"cases\":[", t->count - t->failed, t->failed);
    for (size_t i = 0; i < t->count; i++) {
        const case_result *r = &t->results[i];
        buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        json_write_string(out, r->name);
        buf_printf(out, ",\"line\":%d,\"passed\":%s", r->line, r->passed ? "true" : "false");
        if (*r->rule)
            put_json_member(out, "rule", r->rule);
        if (!r->passed) {
            put_json_member(out, "expected", r->expected);
            put_json_member(out, "got", r->got);
        }
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    if (t->coverage)
        put_json_coverage(t, out);
    buf_puts(out, "}\n");
}

static void put_junit_case(buf *out, const trial *t, const case_result *r)
{
    buf_puts(out, "    <testcase classname=\"");
    put_xml(out, t->dir);
    buf_puts(out, "\" name=\"");
    put_xml(out, r->name);
    buf_puts(out, "\" file=\"");
    put_xml(out, t->path);
    buf_printf(out, "\" line=\"%d\"", r->line);
    if (!r->passed) {
        buf_puts(out, ">\n      <failure message=\"expected ");
        put_xml(out, r->expected);
        buf_puts(out, ", got ");
        put_xml(out, r->got);
        buf_puts(out, "\"/>\n    </testcase>\n");
    } else {
        buf_puts(out, "/>\n");
    }
}

static void put_junit_coverage(const trial *t, buf *out)
{
    buf text;
    buf_init(&text, MAX_OUTPUT);
    put_coverage(t, &text);
    buf_puts(out, "    <system-out>");
    put_xml(out, text.toobig ? "too much to say" : text.data);
    buf_puts(out, "</system-out>\n");
    buf_release(&text);
}

static void put_junit(const trial *t)
{
    buf *out = &t->s->out;
    bool none = t->count == 0;
    case_result missing = { .name = "has cases", .line = 1, .expected = "cases", .got = "none", .rule = "" };
    buf_puts(out, "  <testsuite name=\"");
    put_xml(out, t->dir);
    buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\">\n", t->count + none, t->failed + none);
    for (size_t i = 0; i < t->count; i++)
        put_junit_case(out, t, &t->results[i]);
    if (none)
        put_junit_case(out, t, &missing);
    if (t->coverage)
        put_junit_coverage(t, out);
    buf_puts(out, "  </testsuite>\n");
}

/* A bundle that cannot be loaded is told of where its cases would be, and to people. */
static void put_broken(const trial *t, const error *err)
{
    buf *out = &t->s->out;
    fprintf(stderr, "%s\n", err->text);
    if (t->s->json) {
        buf_puts(out, "{\"bundle\":");
        json_write_string(out, t->dir);
        put_json_member(out, "error", err->text);
        buf_puts(out, "}\n");
    } else if (t->s->junit) {
        buf_puts(out, "  <testsuite name=\"");
        put_xml(out, t->dir);
        buf_puts(out, "\" tests=\"1\" errors=\"1\">\n    <testcase classname=\"");
        put_xml(out, t->dir);
        buf_puts(out, "\" name=\"loads\">\n      <error message=\"");
        put_xml(out, err->text);
        buf_puts(out, "\"/>\n    </testcase>\n  </testsuite>\n");
    }
}

static void run_cases(trial *t)
{
    const session *s = t->s;
    t->count = t->c ? cases_count(t->c) : 0;
    t->results = mem_zalloc((t->count + 1) * sizeof *t->results);
    for (size_t i = 0; i < t->count; i++) {
        cases_run(t->c, i, t->b, options_limits(&s->options).cpu_ns, &t->results[i]);
        t->failed += !t->results[i].passed;
    }
}

/* Compile with somebody watching the lines. */
static bool compile(trial *t, error *err)
{
    vm_limits limits = options_limits(&t->s->options);
    vm_observer observer = { .coverage = t->coverage };
    const vm_source *source;
    for (size_t i = 0; t->coverage && (source = bundle_source(t->b, i)); i++)
        coverage_add(t->coverage, source->path, source->text, source->length);
    limits.observer = t->coverage ? &observer : NULL;
    return bundle_compile(t->b, limits, err);
}

static bool load(trial *t, error *err)
{
    t->b = bundle_read(t->dir, 1, t->s->options.policy_memory, err);
    if (!t->b || !compile(t, err))
        return false;
    const bundle_file *file = bundle_cases(t->b);
    t->c = file ? cases_parse(file->path, file->text, file->length, err) : NULL;
    return !file || t->c;
}

static void test_bundle(const char *dir, void *context)
{
    session *s = context;
    error err;
    char path[4096];
    trial t = { .s = s, .dir = dir, .path = path };
    snprintf(path, sizeof path, "%s/cases.yaml", dir);
    t.coverage = s->options.coverage ? coverage_new() : NULL;
    s->bundles++;
    if (load(&t, &err)) {
        run_cases(&t);
        (s->json ? put_json : s->junit ? put_junit : put_text)(&t);
        s->cases += t.count;
        s->failed += t.failed + (t.count == 0);
    } else {
        put_broken(&t, &err);
        s->broken++;
    }
    free(t.results);
    cases_free(t.c);
    bundle_unref(t.b);
    coverage_free(t.coverage);
}

/* ---- the command --------------------------------------------------------- */

static void begin(session *s)
{
    s->json = s->options.output == OUTPUT_JSON;
    s->junit = s->options.output == OUTPUT_JUNIT;
    buf_init(&s->out, MAX_OUTPUT);
    if (s->junit)
        buf_puts(&s->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
}

static void end(session *s)
{
    if (s->junit)
        buf_puts(&s->out, "</testsuites>\n");
    else if (!s->json && s->bundles > 1)
        buf_printf(&s->out, "%zu bundles, %zu cases, %zu failed\n", s->bundles, s->cases, s->failed);
    if (s->out.len)
        fwrite(s->out.data, 1, s->out.len, stdout);
    buf_release(&s->out);
}

int cmd_test(int argc, char **argv)
{
    session s = { .bundles = 0 };
    error err;
    if (!options_parse(&s.options, OPTIONS_TEST, argc, argv, &err)) {
        fprintf(stderr, "castslice test: %s\n", err.text);
        return EXIT_CANNOT;
    }
    if (s.options.help) {
        help();
        return EXIT_DONE;
    }
    begin(&s);
    for (size_t i = 0; i < s.options.operand_count; i++)
        if (!bundles_each(s.options.operands[i], test_bundle, &s, &err)) {
            fprintf(stderr, "castslice test: %s\n", err.text);
            s.broken++;
        }
    end(&s);
    return s.broken ? EXIT_CANNOT : s.failed ? EXIT_NO : EXIT_DONE;
}
