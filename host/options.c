#include "options.h"

#include "nearest.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVE = OPTIONS_SERVE,
    REVIEW = OPTIONS_REVIEW,
    MAKE = OPTIONS_CERTIFICATE,
    INSPECT = OPTIONS_INSPECT,
    BOTH = SERVE | REVIEW,
    TEST = OPTIONS_TEST,
    CHECK = OPTIONS_CHECK,
    POLICY = SERVE | REVIEW | TEST | CHECK,
    ALL = POLICY | MAKE | INSPECT
};

/* One setting: its flag, what follows it, who takes it, its default as text, and where it goes. */
typedef struct row {
    const char *flag;                   /* without the dashes */
    const char *argument;               /* NULL: the flag stands alone */
    int commands;
    const char *initial;                /* as one would type it; NULL: none */
    bool (*set)(void *field, const char *text);
    size_t offset;
    const char *allowed;                /* completes "must be …" */
    const char *help;
} row;

/* ---- setters: text to field, false when it is not allowed --------------- */

static bool whole(const char *text, int64_t min, int64_t max, int64_t *out)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return errno == 0 && *end == '\0' && value >= min && value <= max;
}

/* Bytes, with KiB or MiB when one likes. */
static bool bytes(const char *text, int64_t min, int64_t max, size_t *out)
{
    static const struct { const char *unit; int64_t factor; } units[] = {
        { "KiB", 1024 }, { "Ki", 1024 }, { "MiB", 1024 * 1024 }, { "Mi", 1024 * 1024 },
    };
    char digits[24];
    size_t n = strspn(text, "0123456789");
    int64_t value, factor = text[n] ? 0 : 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text + n, units[i].unit) == 0)
            factor = units[i].factor;
    if (n == 0 || n >= sizeof digits || factor == 0)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (!whole(digits, 0, max / factor, &value) || value * factor < min)
        return false;
    *out = (size_t)(value * factor);
    return true;
}

static bool count(const char *text, int64_t min, int64_t max, size_t *out)
{
    int64_t value;
    if (!whole(text, min, max, &value))
        return false;
    *out = (size_t)value;
    return true;
}

static bool set_text(void *field, const char *text)
{
    *(const char **)field = text;
    return *text != '\0';
}

static bool set_threads(void *field, const char *text)
{
    return count(text, 1, 64, field);
}

static bool set_connections(void *field, const char *text)
{
    return count(text, 1, 100000, field);
}

static bool set_body(void *field, const char *text)
{
    return bytes(text, 1024, INT64_C(256) << 20, field);
}

static bool set_policy_memory(void *field, const char *text)
{
    return bytes(text, INT64_C(256) << 10, INT64_C(256) << 20, field);
}

static bool set_drain(void *field, const char *text)
{
    return whole(text, 0, 3600, field);
}

static bool set_poll(void *field, const char *text)
{
    return whole(text, 1, 3600, field);
}

static bool set_fallback(void *field, const char *text)
{
    *(bool *)field = strcmp(text, "embedded") == 0;
    return *(bool *)field || strcmp(text, "none") == 0;
}

static bool set_cpu(void *field, const char *text)
{
    return whole(text, 1, 30000, field);
}

static bool set_level(void *field, const char *text)
{
    return log_level_parse(text, field);
}

/* A form by its name, when this command has it. */
static bool set_form(output_form *field, const char *text, unsigned allowed)
{
    static const char *const names[OUTPUT_FORMS] = {
        [OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_PATCH] = "patch", [OUTPUT_OBJECT] = "object",
        [OUTPUT_ADMISSION] = "admission", [OUTPUT_JUNIT] = "junit",
    };
    output_form form = OUTPUT_TEXT;
    while (form < OUTPUT_FORMS && strcmp(text, names[form]) != 0)
        form++;
    *field = form;
    return form < OUTPUT_FORMS && (allowed & 1U << form);
}

static bool set_review_form(void *field, const char *text)
{
    return set_form(field, text, ~(1U << OUTPUT_JUNIT));
}

static bool set_test_form(void *field, const char *text)
{
    return set_form(field, text, 1U << OUTPUT_TEXT | 1U << OUTPUT_JSON | 1U << OUTPUT_JUNIT);
}

static bool set_check_form(void *field, const char *text)
{
    return set_form(field, text, 1U << OUTPUT_TEXT | 1U << OUTPUT_JSON);
}

static bool set_days(void *field, const char *text)
{
    return whole(text, 1, 36500, field);
}

static bool set_flag(void *field, const char *text)
{
    (void)text;
    *(bool *)field = true;
    return true;
}

/* ---- the settings ------------------------------------------------------- */

#define AT(field) offsetof(options, field)

static const row rows[] = {
    { "listen", "ADDRESS:PORT", SERVE, ":9443", set_text, AT(listen), "[ADDRESS]:PORT",
      "where the API server reaches us, HTTPS; no address means all, port 0 any free one" },
    { "metrics-listen", "ADDRESS:PORT", SERVE, ":8080", set_text, AT(metrics_listen), "[ADDRESS]:PORT",
      "plain HTTP with /metrics, /status, /healthz and /readyz" },
    { "certificate", "FILE", SERVE, NULL, set_text, AT(certificate), "a file",
      "PEM, the serving certificate first, then its chain; without one we make our own, for trying out" },
    { "key", "FILE", SERVE, NULL, set_text, AT(key), "a file", "PEM, the certificate's private key" },
    { "policy", "DIR", BOTH, NULL, set_text, AT(policy), "a folder",
      "the bundle: a folder with policy.lua; without one the embedded default decides" },
    { "policy-fallback", "WHAT", SERVE, "none", set_fallback, AT(policy_fallback), "none or embedded",
      "when the bundle is broken at start: none refuses to start, embedded serves the default until it is mended" },
    { "reload-poll-seconds", "N", SERVE, "10", set_poll, AT(reload_poll_seconds), "seconds from 1 to 3600",
      "how often bundle and certificate are read again for changes that the kernel does not tell of" },
    { "output", "FORM", REVIEW, "text", set_review_form, AT(output), "text, json, patch, object or admission",
      "what to print: text, json, patch, object or admission; -o for short" },
    { "output", "FORM", TEST, "text", set_test_form, AT(output), "text, json or junit",
      "what to print: text, json (an object for each bundle) or junit; -o for short" },
    { "output", "FORM", CHECK, "text", set_check_form, AT(output), "text or json",
      "what to print: text, or json (an object for each finding); -o for short" },
    { "coverage", NULL, TEST, NULL, set_flag, AT(coverage), "", "say which rules and lines no case reaches" },
    { "namespace", "NAME", REVIEW, NULL, set_text, AT(namespace), "a name",
      "for manifests: the namespace they go to; otherwise the document's own, or default" },
    { "service", "NAME", SERVE, NULL, set_text, AT(service), "a name",
      "the Service the API server calls: a certificate for another is refused; without it the name is not looked at" },
    { "namespace", "NAME", SERVE, "cast-slice", set_text, AT(namespace), "a name", "the namespace of --service" },
    { "service", "NAME", MAKE | INSPECT, "cast-slice-webhook", set_text, AT(service), "a name",
      "the Service the API server calls" },
    { "namespace", "NAME", MAKE | INSPECT, "cast-slice", set_text, AT(namespace), "a name", "its namespace" },
    { "patch", "MANIFEST", MAKE, NULL, set_text, AT(patch), "a file",
      "print this manifest with the caBundle filled in, and the Secret; - is stdin" },
    { "output", "DIR", MAKE, NULL, set_text, AT(folder), "a folder", "write files to this folder; -o for short" },
    { "days", "N", MAKE, "3650", set_days, AT(days), "days from 1 to 36500", "how long the certificate is good" },
    { "ca", "FILE", MAKE, NULL, set_text, AT(ca), "a file", "PEM, the authority that signs, instead of a new one" },
    { "ca-key", "FILE", MAKE, NULL, set_text, AT(ca_key), "a file", "PEM, its private key" },
    { "force", NULL, MAKE, NULL, set_flag, AT(force), "", "replace files that are there" },
    { "ca", "FILE", INSPECT, NULL, set_text, AT(ca), "a file",
      "PEM, what the caBundle holds, when the file does not say" },
    { "key", "FILE", INSPECT, NULL, set_text, AT(key), "a file", "PEM, the private key that should belong to it, when the file has none" },
    { "threads", "N", SERVE, NULL, set_threads, AT(threads), "a number from 1 to 64",
      "threads that answer; by default one for each CPU we may use, at most 16" },
    { "log-level", "LEVEL", SERVE, "info", set_level, AT(log_level), "error, warn, info or debug",
      "error, warn, info or debug" },
    { "max-body", "BYTES", SERVE, "8MiB", set_body, AT(max_body), "bytes from 1KiB to 256MiB",
      "larger requests are answered 413; KiB and MiB are understood" },
    { "max-connections", "N", SERVE, "1024", set_connections, AT(max_connections), "a number from 1 to 100000",
      "above this many a request is answered 503 and asked to come back" },
    { "drain-seconds", "N", SERVE, "10", set_drain, AT(drain_seconds), "seconds from 0 to 3600",
      "after SIGTERM: how long the port stays open while the Service forgets us" },
    { "policy-cpu-ms", "N", POLICY, "50", set_cpu, AT(policy_cpu_ms), "milliseconds from 1 to 30000",
      "CPU time one review may cost the policy" },
    { "policy-memory", "BYTES", POLICY, "8MiB", set_policy_memory, AT(policy_memory), "bytes from 256KiB to 256MiB",
      "memory a policy may use, everything included" },
    { "help", NULL, ALL, NULL, set_flag, AT(help), "", "this text; -h for short" },
};

enum { ROWS = sizeof rows / sizeof *rows };

static void *field_of(options *o, const row *r)
{
    return (char *)o + r->offset;
}

/* CASTSLICE_MAX_BODY for max-body. */
static const char *variable_of(const row *r, char name[64])
{
    size_t n = (size_t)snprintf(name, 64, "CASTSLICE_%s", r->flag);
    for (size_t i = 0; i < n; i++)
        name[i] = (char)(name[i] == '-' ? '_' : toupper((unsigned char)name[i]));
    return name;
}

/* ---- where a value comes from ------------------------------------------- */

static size_t default_threads(void)
{
    cpu_set_t cpus;
    int n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return n < 1 ? 1 : n > 16 ? 16 : (size_t)n;
}

static void set_defaults(options *o, options_command command)
{
    *o = (options){ .threads = default_threads() };
    for (size_t i = 0; i < ROWS; i++)
        if ((rows[i].commands & (int)command) && rows[i].initial)
            rows[i].set(field_of(o, &rows[i]), rows[i].initial);
    if (command == OPTIONS_REVIEW)
        o->threads = 1;
}

static bool set_from_environment(options *o, options_command command, error *err)
{
    char name[64];
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        if (!(r->commands & (int)command) || !r->argument)
            continue;
        const char *value = getenv(variable_of(r, name));
        if (value && !r->set(field_of(o, r), value))
            return error_set(err, ERR_INPUT, "%s: must be %s, not \"%.100s\"", name, r->allowed, value);
    }
    return true;
}

/* ---- the command line --------------------------------------------------- */

static const row *find(const char *name, size_t length, options_command command)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((rows[i].commands & (int)command) && strlen(rows[i].flag) == length &&
            memcmp(rows[i].flag, name, length) == 0)
            return &rows[i];
    return NULL;
}

static bool unknown(const char *argument, const char *name, size_t length, options_command command, error *err)
{
    const char *words[ROWS];
    char word[64];
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].commands & (int)command)
            words[n++] = rows[i].flag;
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    const char *near = nearest_word(word, words, n);
    return error_set(err, ERR_INPUT, "unknown flag %.100s%s%s%s; --help lists them all", argument,
                     near ? ", did you mean --" : "", near ? near : "", near ? "?" : "");
}

static const row *find_short(char letter, options_command command)
{
    return letter == 'o' ? find("output", 6, command) : letter == 'h' ? find("help", 4, command) : NULL;
}

/* The row of a flag as typed, --max-body=1MiB or -ojson, and the value that came with it, or NULL. */
static const row *read_flag(const char *argument, options_command command, const char **value, error *err)
{
    const char *name = argument + strspn(argument, "-"), *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const row *r;
    if (argument[1] == '-') {
        r = find(name, length, command);
        *value = equals ? equals + 1 : NULL;
    } else {
        r = find_short(argument[1], command);
        *value = argument[2] == '=' ? argument + 3 : argument[2] ? argument + 2 : NULL;
        if (r && !r->argument && *value)
            r = NULL;
    }
    if (!r)
        unknown(argument, name, length, command, err);
    return r;
}

/* One flag at argv[*i], its value in the same argument or the next. */
static bool take_flag(options *o, options_command command, int argc, char **argv, int *i, error *err)
{
    const char *value;
    const row *r = read_flag(argv[*i], command, &value, err);
    if (!r)
        return false;
    if (!r->argument && value)
        return error_set(err, ERR_INPUT, "--%s takes no value", r->flag);
    if (r->argument && !value && *i + 1 >= argc)
        return error_set(err, ERR_INPUT, "--%s needs a value: %s", r->flag, r->allowed);
    if (r->argument && !value)
        value = argv[++*i];
    if (!r->set(field_of(o, r), value))
        return error_set(err, ERR_INPUT, "--%s: must be %s, not \"%.100s\"", r->flag, r->allowed, value);
    return true;
}

/* Flags may stand anywhere; operands are gathered at the front of argv. */
static bool set_from_arguments(options *o, options_command command, int argc, char **argv, error *err)
{
    bool flags = true;
    o->operands = argv;
    for (int i = 0; i < argc; i++) {
        bool dash = argv[i][0] == '-' && argv[i][1] != '\0';
        if (flags && strcmp(argv[i], "--") == 0)
            flags = false;
        else if (!flags || !dash)
            argv[o->operand_count++] = argv[i];
        else if (!take_flag(o, command, argc, argv, &i, err))
            return false;
    }
    return true;
}

static bool check_pair(const char *a, const char *b, const char *flags, const char *flag_a, const char *flag_b, error *err)
{
    return !a == !b || error_set(err, ERR_INPUT, "%s go together: %s is missing", flags, a ? flag_b : flag_a);
}

/* What no flag can check alone. */
static bool check_together(const options *o, options_command command, error *err)
{
    switch (command) {
    case OPTIONS_SERVE:
        return check_pair(o->certificate, o->key, "--certificate and --key", "--certificate", "--key", err);
    case OPTIONS_CERTIFICATE:
        if (!o->folder == !o->patch)
            return error_set(err, ERR_INPUT, "say where it goes: --patch MANIFEST prints it, --output DIR writes files%s",
                             o->folder ? "; not both" : "");
        return check_pair(o->ca, o->ca_key, "--ca and --ca-key", "--ca", "--ca-key", err);
    case OPTIONS_INSPECT:
        return o->operand_count > 0 || error_set(err, ERR_INPUT, "inspect: name a certificate's file, or - for stdin");
    case OPTIONS_TEST:
    case OPTIONS_CHECK:
        return o->operand_count > 0 || error_set(err, ERR_INPUT, "name the folder of a bundle, or of several");
    case OPTIONS_REVIEW:
        break;
    }
    return true;
}

bool options_parse(options *o, options_command command, int argc, char **argv, error *err)
{
    set_defaults(o, command);
    if (!set_from_environment(o, command, err) || !set_from_arguments(o, command, argc, argv, err))
        return false;
    if ((command & (SERVE | MAKE)) && o->operand_count && !o->help)
        return error_set(err, ERR_INPUT, "what is \"%.100s\"? %s takes only flags", o->operands[0],
                         command == OPTIONS_SERVE ? "serve" : "certificate");
    return o->help || check_together(o, command, err);
}

bool options_host(const options *o, char host[static OPTIONS_HOST])
{
    snprintf(host, OPTIONS_HOST, "%s.%s.svc", o->service ? o->service : "", o->namespace ? o->namespace : "");
    return o->service != NULL;
}

vm_limits options_limits(const options *o)
{
    return (vm_limits){ .memory = o->policy_memory, .cpu_ns = o->policy_cpu_ms * 1000000 };
}

void options_help(FILE *out, options_command command)
{
    char name[64], flag[64];
    for (size_t i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        if (!(r->commands & (int)command))
            continue;
        snprintf(flag, sizeof flag, "--%s%s%s", r->flag, r->argument ? " " : "", r->argument ? r->argument : "");
        fprintf(out, "  %-28s %s\n", flag, r->help);
        if (r->argument)
            fprintf(out, "  %-28s [%s%s%s]\n", "", variable_of(r, name), r->initial ? "; default " : "",
                    r->initial ? r->initial : "");
    }
}
