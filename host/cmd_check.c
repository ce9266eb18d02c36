/* castslice check: what a reload would refuse, and what makes no sense although it would be taken. */
#include "commands.h"

#include "bundle.h"
#include "bundles.h"
#include "cases.h"
#include "data.h"
#include "json.h"
#include "mem.h"
#include "options.h"
#include "preset_line.h"
#include "presets.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUT ((size_t)16 << 20)           /* bytes printed */
#define MAX_NOTES ((size_t)16 << 20)            /* bytes of what a policy says while it loads */
#define ROOM 4                                  /* times the memory of a load */

typedef struct session {
    options options;
    bool json;
    buf out;
    size_t errors, warnings;
} session;

static void help(void)
{
    puts("Usage: castslice check DIR... [FLAGS]\n\n"
         "Loads policy bundles as a reload would and says what is wrong, `FILE:LINE: sentence`, one a line. Errors are what\n"
         "a reload refuses: broken Lua, JSON or YAML, a rule nobody understands, a case that does not pass. Warnings are\n"
         "what it takes but you did not mean: a rule that never matches because one above it always does, a preset\n"
         "that no rule and no annotation can give, a bundle without cases. A folder whose subfolders are bundles stands for all of them.\n\n"
         "Flags, each also as a variable of the environment; the flag wins:");
    options_help(stdout, OPTIONS_CHECK);
    puts("\nExamples:\n"
         "  castslice check policies\n"
         "  castslice check my-policy -o json\n\n"
         "Exit status: 0 nothing found or warnings only, 1 a reload would refuse it, 2 there is no bundle.");
}

/* ---- findings ------------------------------------------------------------ */

/* In `file`, or a folder when `line` is 0. */
static void add(session *s, bool is_error, const char *file, int line, const char *sentence)
{
    buf *out = &s->out;
    *(is_error ? &s->errors : &s->warnings) += 1;
    if (!s->json) {
        buf_puts(out, file);
        if (line)
            buf_printf(out, ":%d", line);
        buf_puts(out, ": ");
        report_plain(sentence, out);
        buf_puts(out, is_error ? "\n" : " (warning)\n");
        return;
    }
    buf_printf(out, "{\"severity\":\"%s\",\"file\":", is_error ? "error" : "warning");
    json_write_string(out, file);
    if (line)
        buf_printf(out, ",\"line\":%d", line);
    buf_puts(out, ",\"message\":");
    json_write_string(out, sentence);
    buf_puts(out, "}\n");
}

/* An error's text begins with its place: PATH:LINE or PATH. */
static void report_error(session *s, const char *dir, const error *err)
{
    const char *colon = strstr(err->text, ": ");
    size_t length = colon ? (size_t)(colon - err->text) : 0;
    char *file = colon ? mem_strndup(err->text, length) : mem_strdup(dir);
    char *line = err->line ? strrchr(file, ':') : NULL;
    if (line)
        *line = '\0';
    add(s, true, file, line ? err->line : 0, colon ? colon + 2 : err->text);
    free(file);
}

/* A note of the library, with the line that it names. What begins with `warning: ` is no mistake. A policy may note
 * whatever else it likes. */
static void report_note(session *s, const bundle *b, const char *note)
{
    static const char mark[] = "warning: ";
    bool is_warning = strncmp(note, mark, sizeof mark - 1) == 0;
    const char *sentence;
    int line;
    const data_file *file = data_locate(bundle_data(b), is_warning ? note + sizeof mark - 1 : note, &line, &sentence);
    if (file)
        add(s, !is_warning, file->path, line, sentence);
}

static void report_case(session *s, const char *file, const case_result *r)
{
    buf text;
    buf_init(&text, 64 * 1024);
    buf_printf(&text, "case \"%s\": expected %s, got %s", r->name, r->expected, r->got);
    add(s, true, file, r->line, text.toobig ? "a case does not pass" : text.data);
    buf_release(&text);
}

static bool report_mistake(const error *why, void *context)
{
    report_error(context, "", why);
    return true;
}

/* Without a policy that can be run, only whether they can be read. */
static void report_cases(session *s, bundle *b, const char *dir, bool run)
{
    const bundle_file *file = bundle_cases(b);
    cases *c = file ? cases_check(file->path, file->text, file->length, report_mistake, s) : NULL;
    if (run && (!file || (c && cases_count(c) == 0)))
        add(s, false, file ? file->path : dir, 0, "has no cases, so nothing says what it promises");
    for (size_t i = 0; c && run && i < cases_count(c); i++) {
        case_result r;
        cases_run(c, i, b, options_limits(&s->options).cpu_ns, &r);
        if (!r.passed)
            report_case(s, file->path, &r);
    }
    cases_free(c);
}

/* 0 when nobody knows it: the policy may be the embedded one. */
static int line_of_preset(const bundle *b, const char *name)
{
    const vm_source *source;
    for (size_t i = 0; (source = bundle_source(b, i)); i++)
        if (strcmp(source->path, bundle_entry(b)) == 0)
            return preset_line(source->text, source->length, name);
    return 0;
}

/* A preset is named, but nobody can have it. */
static void report_presets(session *s, bundle *b)
{
    const json *presets = bundle_presets(b);
    for (const json *p = presets ? json_first(presets) : NULL; p; p = json_next(p)) {
        buf why;
        buf_init(&why, 64 * 1024);
        if (preset_is_out_of_reach(b, p, options_limits(&s->options).cpu_ns, &why))
            add(s, false, bundle_entry(b), line_of_preset(b, json_key(p)), why.toobig ? "a preset is out of reach" : why.data);
        buf_release(&why);
    }
}

/* ---- the command --------------------------------------------------------- */

/* What the library says of the rules. It looks further than a load does, so in more memory: what a reload refuses has
 * been said by then. */
static void look_through(session *s, const char *dir, vm_limits limits, bool loads)
{
    error err;
    json_arena *arena = json_arena_new(MAX_NOTES);
    vm_observer observer = { .notes = json_new_array(arena), .arena = arena };
    limits.memory *= ROOM;
    limits.observer = &observer;
    bundle *b = bundle_read(dir, 1, limits.memory, &err);
    if (b && !bundle_compile(b, limits, &err) && loads)
        add(s, false, dir, 0, "is too large to be looked through for rules that make no sense");
    for (const json *n = b ? json_first(observer.notes) : NULL; n; n = json_next(n))
        report_note(s, b, json_string(n));
    bundle_unref(b);
    json_arena_free(arena);
}

static void check_bundle(const char *dir, void *context)
{
    session *s = context;
    error err;
    vm_limits limits = options_limits(&s->options);
    bundle *b = bundle_read(dir, 1, limits.memory, &err);
    bool loads = b && bundle_compile(b, limits, &err);
    if (!loads)
        report_error(s, dir, &err);
    if (loads || (b && err.kind == ERR_POLICY))         /* else it spent a limit */
        look_through(s, dir, limits, loads);
    if (loads)
        report_presets(s, b);
    if (b)
        report_cases(s, b, dir, loads);
    bundle_unref(b);
}

int cmd_check(int argc, char **argv)
{
    session s = { .errors = 0 };
    error err;
    if (!options_parse(&s.options, OPTIONS_CHECK, argc, argv, &err)) {
        fprintf(stderr, "castslice check: %s\n", err.text);
        return EXIT_CANNOT;
    }
    if (s.options.help) {
        help();
        return EXIT_DONE;
    }
    s.json = s.options.output == OUTPUT_JSON;
    buf_init(&s.out, MAX_OUTPUT);
    int status = EXIT_DONE;
    for (size_t i = 0; i < s.options.operand_count; i++)
        if (!bundles_each(s.options.operands[i], check_bundle, &s, &err)) {
            fprintf(stderr, "castslice check: %s\n", err.text);
            status = EXIT_CANNOT;
        }
    if (s.out.len)
        fwrite(s.out.data, 1, s.out.len, stdout);
    buf_release(&s.out);
    return status != EXIT_DONE ? status : s.errors ? EXIT_NO : EXIT_DONE;
}
