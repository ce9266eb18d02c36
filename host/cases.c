#include "cases.h"

#include "admission.h"
#include "buf.h"
#include "clock.h"
#include "json.h"
#include "mem.h"
#include "nearest.h"
#include "review.h"
#include "source.h"
#include "utf8.h"
#include "yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TREE ((size_t)64 << 20)     /* bytes: the parsed file, and as much for every run */
#define MAX_SENTENCE ((size_t)4096)

enum { PROOF_SECONDS = 5 };            /* all the cases of a bundle that is to be served */

/* One case as it stands in the file. */
typedef struct one {
    const char *name;
    int line;
    json *node, *expect;
} one;

struct cases {
    char *path;
    json_arena *arena, *run;    /* the file's; of the case that runs */
    one *list;
    size_t count;
};

static const char *const case_keys[] = { "name", "pod", "annotations", "labels", "namespace", "gpus", "expect" };
static const char *const expect_keys[] = {
    "slices", "resource", "unchanged", "denied", "rule", "warnings", "error",
};

/* ---- reading: every mistake with its line ------------------------------- */

typedef struct reader {
    cases *c;
    error *err;
} reader;

/* A sentence about the line of `at`. */
#define error_at(r, at, format, ...) \
    error_set_line((r)->err, ERR_INPUT, line_of(at), "%s:%d: " format, (r)->c->path, line_of(at), __VA_ARGS__)

static int line_of(const source_node *at)
{
    return at ? at->line : 1;
}

static bool mistake(const reader *r, const source_node *at, const char *sentence, const char *word)
{
    return error_at(r, at, "%s%s%s%s", sentence, word ? " \"" : "", word ? word : "", word ? "\"" : "");
}

/* Only these keys. */
static bool check_keys(const reader *r, const json *object, source_node *at, const char *const *keys, size_t count)
{
    for (const json *m = json_first(object); m; m = json_next(m)) {
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(json_key(m), keys[i]) == 0;
        if (known)
            continue;
        const source_node *where = source_child(at, json_key(m), NULL);
        const char *near = nearest_word(json_key(m), keys, count);
        return near ? error_at(r, where, "unknown key \"%.100s\", did you mean \"%s\"?", json_key(m), near)
                    : error_at(r, where, "unknown key \"%.100s\"", json_key(m));
    }
    return true;
}

static bool is_whole(const json *node, int64_t min, int64_t max, int64_t *value)
{
    double number;
    if (!json_number(node, &number) || number < (double)min || number > (double)max || number != (double)(int64_t)number)
        return false;
    *value = (int64_t)number;
    return true;
}

/* A map of text to text, as annotations are. */
static bool check_texts(const reader *r, const json *map, source_node *at, const char *what)
{
    if (!map)
        return true;
    if (!json_is_object(map))
        return mistake(r, at, "must be a map of text to text:", what);
    for (const json *m = json_first(map); m; m = json_next(m))
        if (!json_is_string(m))
            return mistake(r, source_child(at, json_key(m), NULL), "must be text; put quotes around the value of", json_key(m));
    return true;
}

static bool check_pod(const reader *r, const json *node, source_node *at)
{
    int64_t gpus;
    const json *short_gpus = json_get(node, "gpus");
    if (json_get(node, "pod") && (json_get(node, "annotations") || json_get(node, "labels") || short_gpus))
        return mistake(r, at, "has a `pod`, so annotations, labels and gpus belong in there", NULL);
    if (json_get(node, "pod") && !json_is_object(json_get(node, "pod")))
        return mistake(r, at, "`pod` must be a Kubernetes Pod", NULL);
    if (short_gpus && !is_whole(short_gpus, 0, 1000000, &gpus))
        return mistake(r, source_child(at, "gpus", NULL), "gpus: must be a whole number from 0 to 1000000", NULL);
    if (json_get(node, "namespace") && !*json_text(node, "namespace"))
        return mistake(r, source_child(at, "namespace", NULL), "namespace: must be text", NULL);
    return check_texts(r, json_get(node, "annotations"), source_child(at, "annotations", NULL), "annotations") &&
           check_texts(r, json_get(node, "labels"), source_child(at, "labels", NULL), "labels");
}

/* Text, or a list of it. */
static bool is_words(const json *node)
{
    if (json_is_string(node))
        return true;
    for (const json *w = json_is_array(node) ? json_first(node) : NULL; w; w = json_next(w))
        if (!json_is_string(w))
            return false;
    return json_is_array(node);
}

static bool is_slices(const json *node)
{
    int64_t count;
    if (!json_is_object(node))
        return is_whole(node, 1, INT64_C(1) << 53, &count);
    for (const json *m = json_first(node); m; m = json_next(m))
        if (!is_whole(m, 1, INT64_C(1) << 53, &count))
            return false;
    return json_first(node) != NULL;
}

/* A Pod is rewritten, left alone, refused or not decided about: one of them. */
static bool check_outcomes(const reader *r, const json *expect, const source_node *at)
{
    int outcomes = (json_get(expect, "slices") || json_get(expect, "resource")) + (json_get(expect, "unchanged") != NULL) +
                   (json_get(expect, "denied") != NULL) + (json_get(expect, "error") != NULL);
    return outcomes < 2 || mistake(r, at, "expect: one of slices, unchanged, denied and error; no Pod is two of them", NULL);
}

static bool check_expect(const reader *r, const json *expect, source_node *at)
{
    static const struct { const char *key; bool (*fits)(const json *); const char *sentence; } rows[] = {
        { "slices", is_slices, "slices: must be a number, or a number for each container by name" },
        { "resource", json_is_string, "resource: must be text" },
        { "unchanged", json_is_true, "unchanged: can only be true" },
        { "denied", is_words, "denied: must be words of the sentence, or a list of them" },
        { "rule", json_is_string, "rule: must be text" },
        { "warnings", is_words, "warnings: must be words of the warning, or a list, one for each" },
        { "error", is_words, "error: must be words of the sentence" },
    };
    if (!json_is_object(expect) || !json_first(expect))
        return mistake(r, at, "expect: says nothing; slices, unchanged, denied or rule, for example", NULL);
    if (!check_keys(r, expect, at, expect_keys, sizeof expect_keys / sizeof *expect_keys))
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (json_get(expect, rows[i].key) && !rows[i].fits(json_get(expect, rows[i].key)))
            return mistake(r, source_child(at, rows[i].key, NULL), rows[i].sentence, NULL);
    return check_outcomes(r, expect, at);
}

static bool check_name(const reader *r, const one *o, source_node *at)
{
    if (!*o->name)
        return mistake(r, at, json_is_string(json_get(o->node, "name")) || !json_get(o->node, "name")
                              ? "a case needs a `name`" : "name: must be text; put quotes around it", NULL);
    for (size_t i = 0; i < r->c->count; i++)
        if (strcmp(r->c->list[i].name, o->name) == 0)
            return mistake(r, at, "two cases have the name", o->name);
    return true;
}

static bool read_case(const reader *r, json *node, source_node *at)
{
    if (!json_is_object(node))
        return mistake(r, at, "a case must be a map with `name` and `expect`", NULL);
    one o = { json_text(node, "name"), at->line, node, json_get(node, "expect") };
    if (!check_keys(r, node, at, case_keys, sizeof case_keys / sizeof *case_keys) || !check_name(r, &o, at) ||
        !check_pod(r, node, at))
        return false;
    if (!o.expect)
        return mistake(r, at, "says nothing to expect:", o.name);
    if (!check_expect(r, o.expect, source_child(at, "expect", NULL)))
        return false;
    r->c->list[r->c->count++] = o;
    return true;
}

/* What becomes of a mistake: true when reading goes on. */
typedef struct listener {
    cases_mistake *told;
    void *context;
} listener;

static bool read_list(cases *c, json *root, source_node *at, const listener *l)
{
    error why;
    bool ok = !root || json_is_array(root) || mistake(&(reader){ c, &why }, at, "must be a list of cases", NULL);
    if (!ok)
        l->told(&why, l->context);
    c->list = mem_zalloc((json_size(root) + 1) * sizeof *c->list);
    source_node *where = at ? at->first : NULL;
    const source_node *shared = NULL;
    bool go_on = ok;
    for (json *n = json_first(root); go_on && n && where; n = json_next(n), where = where->next)
        if (!read_case(&(reader){ c, &why }, n, source_resolve(where, &shared))) {
            ok = false;
            go_on = l->told(&why, l->context);
        }
    return ok;
}

/* A file that is too large has no line where it is. */
static void report_yaml(const char *path, const error *why, const listener *l)
{
    error err;
    if (why->line > 0)
        error_set_line(&err, ERR_INPUT, why->line, "%s:%d: %s", path, why->line, why->text);
    else
        error_set(&err, ERR_INPUT, "%s: %s", path, why->text);
    l->told(&err, l->context);
}

cases *cases_check(const char *path, const char *text, size_t length, cases_mistake *told, void *context)
{
    cases *c = mem_zalloc(sizeof *c);
    listener l = { told, context };
    c->path = mem_strdup(path);
    c->arena = json_arena_new(MAX_TREE);
    c->run = json_arena_new(MAX_TREE);
    source_text in = { .text = text, .start = utf8_mark(text, length), .end = length, .line = 1 };
    json *root = NULL;
    source_node *at = NULL;
    error why;
    bool ok = yaml_parse(c->arena, &in, &root, &at, &why);
    if (!ok)
        report_yaml(path, &why, &l);
    if (ok && read_list(c, root, at, &l))
        return c;
    cases_free(c);
    return NULL;
}

static bool keep_first(const error *why, void *context)
{
    *(error *)context = *why;
    return false;
}

cases *cases_parse(const char *path, const char *text, size_t length, error *err)
{
    return cases_check(path, text, length, keep_first, err);
}

void cases_free(cases *c)
{
    if (!c)
        return;
    json_arena_free(c->run);
    json_arena_free(c->arena);
    free(c->list);
    free(c->path);
    free(c);
}

size_t cases_count(const cases *c)
{
    return c->count;
}

/* ---- the Pod of a case --------------------------------------------------- */

static json *container_of(json_arena *arena, int64_t gpus)
{
    char text[24];
    json *container = json_new_object(arena), *resources = json_new_object(arena), *limits = json_new_object(arena);
    snprintf(text, sizeof text, "%" PRId64, gpus);
    bool ok = (gpus == 0 || json_add(arena, limits, POD_SOURCE_RESOURCE, json_new_string(arena, text))) &&
              json_add(arena, resources, "limits", limits) &&
              json_add(arena, container, "name", json_new_string(arena, "main")) &&
              json_add(arena, container, "resources", resources);
    return ok ? container : NULL;
}

/* The texts of `from` as a member of `metadata`; the file's own tree is not changed. */
static bool add_texts(json_arena *arena, json *metadata, const char *key, const json *from)
{
    json *map = json_new_object(arena);
    for (const json *m = json_first(from); m; m = json_next(m))
        if (!json_add(arena, map, json_key(m), json_new_string(arena, json_string(m))))
            return false;
    return !from || json_add(arena, metadata, key, map);
}

static json *short_pod(json_arena *arena, const json *node)
{
    int64_t gpus = 1;
    is_whole(json_get(node, "gpus"), 0, 1000000, &gpus);
    json *made = json_new_object(arena), *metadata = json_new_object(arena), *spec = json_new_object(arena),
         *containers = json_new_array(arena);
    bool ok = made && containers && json_append(containers, container_of(arena, gpus)) &&
              json_add(arena, metadata, "name", json_new_string(arena, "case")) &&
              add_texts(arena, metadata, "annotations", json_get(node, "annotations")) &&
              add_texts(arena, metadata, "labels", json_get(node, "labels")) &&
              json_add(arena, spec, "containers", containers) && json_add(arena, made, "metadata", metadata) &&
              json_add(arena, made, "spec", spec);
    return ok ? made : NULL;
}

static json *copy_of(json_arena *arena, const json *node)
{
    buf text;
    error err;
    buf_init(&text, MAX_TREE);
    json_write(&text, node);
    json *copy = text.toobig ? NULL : json_parse(arena, text.data, text.len, &err);
    buf_release(&text);
    return copy;
}

/* The case's own namespace, the Pod's, or default. */
static const char *namespace_of(const json *node)
{
    const char *own = json_text(node, "namespace");
    const char *pods = json_text(json_get(json_get(node, "pod"), "metadata"), "namespace");
    return *own ? own : *pods ? pods : "default";
}

/* ---- what was expected --------------------------------------------------- */

/* A case being judged; the first thing that is not so ends it. */
typedef struct trial {
    const verdict *v;
    buf expected, got;
} trial;

static void put_got(trial *t)
{
    const verdict *v = t->v;
    static const char *const kinds[] = { "unchanged", "rewritten", "denied", "failed" };
    buf_printf(&t->got, "%s", kinds[v->kind]);
    for (size_t i = 0; i < v->patch.slice_count && v->kind == VERDICT_MUTATED; i++)
        buf_printf(&t->got, "%s %s %" PRId64 " of %s", i ? "," : ":", v->patch.slices[i].container->name,
                   v->patch.slices[i].slices, v->patch.slices[i].resource);
    if (v->kind == VERDICT_DENIED)
        buf_printf(&t->got, ": %s", v->message);
    else if (v->kind == VERDICT_FAILED)
        buf_printf(&t->got, ": %s", v->error.text);
    else if (v->kind == VERDICT_UNCHANGED)
        buf_printf(&t->got, ": %s", v->why);
    if (*v->rule)
        buf_printf(&t->got, "; rule %s", v->rule);
    for (size_t i = 0; i < v->warning_count; i++)
        buf_printf(&t->got, "; warning: %s", v->warnings[i]);
}

/* `what` and `word` say it for people; a word of the user's stands in quotes. */
static bool wants(trial *t, bool so, const char *what, const char *word)
{
    if (!so && t->expected.len == 0)
        buf_printf(&t->expected, word ? "%s \"%s\"" : "%s", what, word);
    return so;
}

static const patch_slice *slice_of(const verdict *v, const char *container)
{
    for (size_t i = 0; i < v->patch.slice_count && v->kind == VERDICT_MUTATED; i++)
        if (strcmp(v->patch.slices[i].container->name, container) == 0)
            return &v->patch.slices[i];
    return NULL;
}

static bool has_container(const verdict *v, const char *name)
{
    for (size_t i = 0; v->pod_known && i < v->pod.container_count; i++)
        if (strcmp(v->pod.containers[i].name, name) == 0)
            return true;
    return false;
}

static bool judge_container(trial *t, const char *name, int64_t count)
{
    char text[320];
    const patch_slice *s = slice_of(t->v, name);
    snprintf(text, sizeof text, "%" PRId64 " slices for %.200s%s", count, name,
             has_container(t->v, name) ? "" : ", a container the Pod does not have");
    return wants(t, s && s->slices == count, text, NULL);
}

/* By name every container that is rewritten; a number alone means the only one. */
static bool judge_slices(trial *t, const json *slices)
{
    int64_t count = 0;
    size_t done = t->v->kind == VERDICT_MUTATED ? t->v->patch.slice_count : 0, named = 1;
    if (json_is_object(slices)) {
        named = json_size(slices);
        for (const json *m = json_first(slices); m; m = json_next(m))
            if (!is_whole(m, 1, INT64_C(1) << 53, &count) || !judge_container(t, json_key(m), count))
                return false;
    } else {
        char text[48];
        is_whole(slices, 1, INT64_C(1) << 53, &count);
        snprintf(text, sizeof text, "%" PRId64 " slices", count);
        if (!wants(t, done > 0 && t->v->patch.slices[0].slices == count, text, NULL))
            return false;
    }
    return wants(t, done == named, "slices for no other container; name each", NULL);
}

static bool judge_resource(trial *t, const json *resource)
{
    const verdict *v = t->v;
    bool so = v->kind == VERDICT_MUTATED;
    for (size_t i = 0; so && i < v->patch.slice_count; i++)
        so = strcmp(v->patch.slices[i].resource, json_string(resource)) == 0;
    return wants(t, so, "slices of", json_string(resource));
}

static bool judge_unchanged(trial *t, const json *node)
{
    (void)node;
    return wants(t, t->v->kind == VERDICT_UNCHANGED, "unchanged", NULL);
}

/* Every word of a text or a list stands in `sentence`. */
static bool holds(trial *t, const char *sentence, const json *words, const char *what)
{
    const json *w = json_is_array(words) ? json_first(words) : words;
    for (; w; w = json_is_array(words) ? json_next(w) : NULL)
        if (!wants(t, strstr(sentence, json_string(w)) != NULL, what, json_string(w)))
            return false;
    return true;
}

static bool judge_denied(trial *t, const json *words)
{
    return wants(t, t->v->kind == VERDICT_DENIED, "denied", NULL) &&
           holds(t, t->v->message, words, "denied with");
}

static bool judge_error(trial *t, const json *words)
{
    return wants(t, t->v->kind == VERDICT_FAILED, "an error of the policy", NULL) &&
           holds(t, t->v->error.text, words, "an error with");
}

static bool judge_rule(trial *t, const json *rule)
{
    return wants(t, strcmp(t->v->rule, json_string(rule)) == 0, "rule", json_string(rule));
}

static bool is_warned_of(const verdict *v, const char *words)
{
    for (size_t i = 0; i < v->warning_count; i++)
        if (strstr(v->warnings[i], words))
            return true;
    return false;
}

static bool judge_warnings(trial *t, const json *words)
{
    size_t count = json_is_array(words) ? json_size(words) : 1;
    const json *w = json_is_array(words) ? json_first(words) : words;
    for (; w; w = json_is_array(words) ? json_next(w) : NULL)
        if (!wants(t, is_warned_of(t->v, json_string(w)), "a warning with", json_string(w)))
            return false;
    return wants(t, t->v->warning_count == count, count ? "no other warning" : "no warning", NULL);
}

/* A failed policy is what a case may ask for, and otherwise never right. */
static bool judge(trial *t, const json *expect)
{
    static const struct { const char *key; bool (*so)(trial *t, const json *node); } rows[] = {
        { "slices", judge_slices }, { "unchanged", judge_unchanged }, { "denied", judge_denied }, { "error", judge_error },
        { "resource", judge_resource }, { "rule", judge_rule }, { "warnings", judge_warnings },
    };
    if (!json_get(expect, "error") && !wants(t, t->v->kind != VERDICT_FAILED, "a decision", NULL))
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (json_get(expect, rows[i].key) && !rows[i].so(t, json_get(expect, rows[i].key)))
            return false;
    return true;
}

/* ---- running ------------------------------------------------------------- */

static const char *kept(cases *c, const char *text)
{
    const char *copy = text ? json_arena_strdup(c->arena, text, strlen(text)) : NULL;
    return copy ? copy : "";
}

static void judge_and_keep(cases *c, const one *o, const verdict *v, case_result *out)
{
    trial t = { .v = v };
    buf_init(&t.expected, MAX_SENTENCE);
    buf_init(&t.got, MAX_SENTENCE);
    out->passed = judge(&t, o->expect);
    if (!out->passed)
        put_got(&t);
    out->expected = kept(c, t.expected.data);
    out->got = kept(c, t.got.data);
    out->rule = kept(c, v->rule);
    buf_release(&t.expected);
    buf_release(&t.got);
}

void cases_run(cases *c, size_t index, bundle *b, int64_t cpu_ns, case_result *out)
{
    const one *o = &c->list[index];
    const json *given = json_get(o->node, "pod");       /* copied: the engine patches what it is given */
    json *object = given ? copy_of(c->run, given) : short_pod(c->run, o->node);
    *out = (case_result){ .name = o->name, .line = o->line, .expected = "a Pod that fits the memory", .got = "one too large",
                          .rule = "" };
    if (object) {
        verdict v;
        review r;
        pod_assumed nothing = { .name = NULL };
        review_of_manifest(&r, object, namespace_of(o->node), &nothing);
        admission_review(b, &r, c->run, cpu_ns, &v);
        judge_and_keep(c, o, &v, out);
    }
    json_arena_free(c->run);
    c->run = json_arena_new(MAX_TREE);
}

/* False and `err` for a case that does not pass, or comes too late. */
static bool prove(cases *c, size_t index, bundle *b, int64_t cpu_ns, int64_t deadline, error *err)
{
    case_result r;
    if (clock_ns() > deadline)
        return error_set(err, ERR_POLICY, "%s: only %zu of %zu cases were done after %d s; a reload waits no longer", c->path,
                         index, c->count, PROOF_SECONDS);
    cases_run(c, index, b, cpu_ns, &r);
    return r.passed || error_set_line(err, ERR_POLICY, r.line, "%s:%d: case \"%s\": expected %s, got %s", c->path, r.line,
                                      r.name, r.expected, r.got);
}

bool cases_prove(bundle *b, int64_t cpu_ns, error *err)
{
    const bundle_file *file = bundle_cases(b);
    if (!file)
        return true;
    error why;
    cases *c = cases_parse(file->path, file->text, file->length, &why);
    bool ok = c || error_set_line(err, ERR_POLICY, why.line, "%s", why.text);
    int64_t deadline = clock_ns() + PROOF_SECONDS * INT64_C(1000000000);
    for (size_t i = 0; ok && i < c->count; i++)
        ok = prove(c, i, b, cpu_ns, deadline, err);
    cases_free(c);
    return ok;
}
