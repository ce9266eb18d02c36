/* castslice check: what a reload would refuse, and what makes no sense although it would be taken. */
#include "commands.h"

#include "bundle.h"
#include "bundles.h"
#include "cases.h"
#include "data.h"
#include "json.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUT ((size_t)16 << 20)           /* bytes printed */
#define MAX_NOTES ((size_t)16 << 20)            /* bytes of what a policy says while it loads */

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
         "what it takes but you did not mean: a rule that never matches because one above it always does, a bundle\n"
         "without cases. A folder whose subfolders are bundles stands for all of them.\n\n"
         "Flags, each also as a variable of the environment; the flag wins:");
    options_help(stdout, OPTIONS_CHECK);
    puts("\nExamples:\n"
         "  castslice check policies\n"
         "  castslice check my-policy -o json\n\n"
         "Exit status: 0 nothing found or warnings only, 1 a reload would refuse it, 2 there is no bundle.");
}

/* ---- findings ------------------------------------------------------------ */

/* `sentence` begins with its place. */
static void report(session *s, bool is_error, const char *sentence)
{
    *(is_error ? &s->errors : &s->warnings) += 1;
    if (!s->json) {
        buf_printf(&s->out, "%s%s\n", sentence, is_error ? "" : " (warning)");
        return;
    }
    buf_printf(&s->out, "{\"severity\":\"%s\",\"message\":", is_error ? "error" : "warning");
    json_write_string(&s->out, sentence);
    buf_puts(&s->out, "}\n");
}

/* A note of the library, `FILE#POINTER SENTENCE`, with the line that the pointer names. */
static void report_note(session *s, const bundle *b, const char *note)
{
    char sentence[1024];
    const data_file *rules = bundle_rules(b);
    const char *pointer = strchr(note, '#'), *space = pointer ? strchr(pointer, ' ') : NULL;
    if (!rules || !space)
        return;
    pointer++;
    snprintf(sentence, sizeof sentence, "%s:%d: %.800s", rules->path,
             data_line(rules, pointer, (size_t)(space - pointer)), space + 1);
    report(s, false, sentence);
}

static void report_cases(session *s, bundle *b, const char *dir)
{
    char sentence[9000];
    error err;
    const bundle_file *file = bundle_cases(b);
    if (!file) {
        snprintf(sentence, sizeof sentence, "%.4000s: has no cases.yaml, so nothing says what it promises", dir);
        report(s, false, sentence);
        return;
    }
    cases *c = cases_parse(file->path, file->text, file->length, &err);
    if (!c)
        report(s, true, err.text);
    for (size_t i = 0; c && i < cases_count(c); i++) {
        case_result r;
        cases_run(c, i, b, options_limits(&s->options).cpu_ns, &r);
        snprintf(sentence, sizeof sentence, "%s:%d: case \"%.200s\": expected %.4000s, got %.4000s", file->path, r.line, r.name,
                 r.expected, r.got);
        if (!r.passed)
            report(s, true, sentence);
    }
    cases_free(c);
}

/* ---- the command --------------------------------------------------------- */

static void check_bundle(const char *dir, void *context)
{
    session *s = context;
    error err;
    json_arena *arena = json_arena_new(MAX_NOTES);
    vm_observer observer = { .notes = json_new_array(arena), .arena = arena };
    vm_limits limits = options_limits(&s->options);
    limits.observer = &observer;
    bundle *b = bundle_read(dir, 1, limits.memory, &err);
    if (b && bundle_compile(b, limits, &err)) {
        for (const json *n = json_first(observer.notes); n; n = json_next(n))
            report_note(s, b, json_string(n));
        report_cases(s, b, dir);
    } else {
        report(s, true, err.text);
    }
    bundle_unref(b);
    json_arena_free(arena);
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
    s.json = strcmp(s.options.output, "json") == 0;
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
