#include "manifest.h"

#include "text.h"
#include "utf8.h"
#include "yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CAP ((size_t)1 << 30)     /* trees and places of one file; taken as they grow */
#define CASTOPS "castops.io/"           /* what our annotations start with */

/* ---- the kinds we know -------------------------------------------------- */

/* Where the Pod of a kind stands and what its controller makes of it. The hash of a ReplicaSet and the
 * minute of a Job are not known before they exist: zeros of the usual length stand for them, so that a
 * policy that looks at how names begin sees what it will see in the cluster. */
typedef struct kind {
    const char *name;
    const char *groups;         /* of its apiVersion, a space around each; " " is the core group */
    const char *path;           /* from the object to the Pod or template */
    const char *owner;          /* the kind that owns the Pod; NULL: none */
    const char *owner_suffix;   /* what the owner's name has behind the object's */
    const char *name_suffix;    /* the same for the Pod's name; NULL: the API server makes one up */
} kind;

static const kind kinds[] = {
    { "Pod", " ", "", NULL, NULL, NULL },
    { "Deployment", " apps extensions ", "/spec/template", "ReplicaSet", "-0000000000", NULL },
    { "ReplicaSet", " apps extensions ", "/spec/template", "ReplicaSet", "", NULL },
    { "StatefulSet", " apps ", "/spec/template", "StatefulSet", "", "-0" },
    { "DaemonSet", " apps extensions ", "/spec/template", "DaemonSet", "", NULL },
    { "Job", " batch ", "/spec/template", "Job", "", NULL },
    { "CronJob", " batch ", "/spec/jobTemplate/spec/template", "Job", "-00000000", NULL },
    { "ReplicationController", " ", "/spec/template", "ReplicationController", "", NULL },
    { "PodTemplate", " ", "/template", NULL, NULL, NULL },
    { "AdmissionReview", " admission.k8s.io ", "/request/object", NULL, NULL, NULL },
};

#define MAX_LEVELS 6                    /* objects from the root of a kind to its Pod, both included */

static const kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* Without an apiVersion the kind's name is enough. */
static bool in_group(const kind *k, const char *api_version)
{
    char group[80];
    size_t length = strcspn(api_version, "/");
    if (!*api_version)
        return true;
    if (!api_version[length])
        return strcmp(k->groups, " ") == 0;
    snprintf(group, sizeof group, " %.*s ", (int)length, api_version);
    return length > 0 && strstr(k->groups, group);
}

/* ---- small helpers ------------------------------------------------------ */

/* printf into the arena; NULL above its ceiling. */
__attribute__((format(printf, 2, 3))) static const char *format(json_arena *arena, const char *form, ...)
{
    char text[1024];
    va_list args;
    va_start(args, form);
    vsnprintf(text, sizeof text, form, args);
    va_end(args);
    return json_arena_strdup(arena, text, strlen(text));
}

static bool full(error *err)
{
    return error_set(err, ERR_TOO_LARGE, "more than castslice can hold of one file");
}

/* ---- finding the Pods of a document ------------------------------------- */

typedef struct finder {
    manifest_document *document;
    json_arena *arena;
    manifest_pod **pods;        /* where the next one goes */
    manifest_note **notes;
    error *err;
} finder;

/* A value, and where it stands. */
typedef struct place {
    json *value;
    source_node *source;
    size_t depth;               /* bytes of the kind's path that lead here */
} place;

static place child_of(place p, const char *key)
{
    const source_node *ignored = NULL;
    return (place){ json_get(p.value, key), source_child(p.source, key, &ignored), p.depth };
}

static bool note(finder *f, int line, const char *text)
{
    manifest_note *n = json_arena_alloc(f->arena, sizeof *n);
    if (!n || !text)
        return full(f->err);
    *n = (manifest_note){ line, text, NULL };
    *f->notes = n;
    f->notes = &n->next;
    return true;
}

static int line_of(const finder *f, const source_node *node)
{
    return node ? node->line : f->document->source->line;
}

/* "/spec/template" is "spec.template." in front of a field's name. */
static void put_dotted(char *out, size_t size, const char *path, size_t length)
{
    snprintf(out, size, "%.*s%s", (int)(length ? length - 1 : 0), path + (length > 0), length ? "." : "");
    for (char *p = out; *p; p++)
        *p = (char)(*p == '/' ? '.' : *p);
}

/* The value as it stands in the text, for somebody who forgot the quotes; what YAML takes for a boolean
 * is likelier meant as true or false than as yes or no, but for names. NULL when quotes would not help. */
static const char *quotable(const finder *f, place p, bool name, char *out, size_t size)
{
    const source_node *s = p.source;
    if (json_is_null(p.value))
        return "";
    if (json_is_bool(p.value) && !name)
        return json_is_true(p.value) ? "true" : "false";
    if (!s || s->kind != SOURCE_SCALAR || s->end - s->start >= size)
        return NULL;
    snprintf(out, size, "%.*s", (int)(s->end - s->start), f->document->in.text + s->start);
    return out;
}

static bool refuse_value(finder *f, place p, const char *field, bool name)
{
    char raw[64];
    const char *text = quotable(f, p, name, raw, sizeof raw);
    return error_set_line(f->err, ERR_INPUT, line_of(f, p.source), "%s must be a string%s%s%s", field,
                          text ? ": write it as \"" : "", text ? text : "", text ? "\"" : "");
}

static bool check_names(finder *f, place metadata, const char *where)
{
    static const char *const names[] = { "name", "generateName", "namespace" };
    char field[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        place p = child_of(metadata, names[i]);
        snprintf(field, sizeof field, "%smetadata.%s", where, names[i]);
        if (p.value && !json_is_string(p.value) && !json_is_null(p.value))
            return refuse_value(f, p, field, true);
    }
    return true;
}

/* Annotations and labels are strings, or the API server takes nothing of the object. */
static bool check_map(finder *f, place metadata, const char *where, const char *name)
{
    place map = child_of(metadata, name);
    if (map.value && !json_is_object(map.value) && !json_is_null(map.value))
        return error_set_line(f->err, ERR_INPUT, line_of(f, map.source), "%smetadata.%s must be a mapping of strings", where, name);
    for (json *m = json_is_object(map.value) ? json_first(map.value) : NULL; m; m = json_next(m)) {
        char field[512];
        snprintf(field, sizeof field, "%smetadata.%s[\"%.300s\"]", where, name, json_key(m));
        if (!json_is_string(m))
            return refuse_value(f, child_of(map, json_key(m)), field, false);
    }
    return true;
}

static bool check_metadata(finder *f, const kind *k, place owner)
{
    char where[80];
    put_dotted(where, sizeof where, k->path, owner.depth);
    place metadata = child_of(owner, "metadata");
    return check_names(f, metadata, where) && check_map(f, metadata, where, "annotations") &&
           check_map(f, metadata, where, "labels");
}

static bool note_misplaced(finder *f, const kind *k, place owner, const json *annotation, int line)
{
    char where[80], there[80];
    put_dotted(where, sizeof where, k->path, owner.depth);
    put_dotted(there, sizeof there, k->path, strlen(k->path));
    if (*where)
        where[strlen(where) - 1] = '\0';
    return note(f, line, format(f->arena, "%s is on the %s%s%s; CastSlice reads the Pod template's (%smetadata.annotations)",
                                json_key(annotation), k->name, *where ? "'s " : "", where, there));
}

/* Our annotations on the workload do nothing: they belong on its Pods. */
static bool check_misplaced(finder *f, const kind *k, place owner, const json *template)
{
    place map = child_of(child_of(owner, "metadata"), "annotations");
    const json *right = json_get(json_get(template, "metadata"), "annotations");
    for (const json *m = json_is_object(map.value) ? json_first(map.value) : NULL; m; m = json_next(m)) {
        if (strncmp(json_key(m), CASTOPS, strlen(CASTOPS)) != 0 || json_get(right, json_key(m)))
            continue;
        if (!note_misplaced(f, k, owner, m, line_of(f, child_of(map, json_key(m)).source)))
            return false;
    }
    return true;
}

/* Walk the kind's path and keep every object on it, the Pod or template last. */
static size_t descend(const kind *k, place object, place levels[MAX_LEVELS])
{
    size_t count = 0;
    char path[80];
    snprintf(path, sizeof path, "%s", k->path);
    levels[count++] = object;
    char *rest = NULL;
    for (char *token = strtok_r(path, "/", &rest); token; token = strtok_r(NULL, "/", &rest)) {
        object = child_of(object, token);
        object.depth = (size_t)(token - path) + strlen(token);
        levels[count++] = object;
    }
    return count;
}

static bool check_levels(finder *f, const kind *k, const place *levels, size_t count)
{
    const json *template = levels[count - 1].value;
    if (!json_is_object(template)) {
        char where[80];
        put_dotted(where, sizeof where, k->path, strlen(k->path));
        return error_set_line(f->err, ERR_INPUT, line_of(f, levels[0].source), "%s has no %.*s", k->name,
                              (int)strlen(where) - 1, where);
    }
    for (size_t i = 0; i < count; i++)
        if (!check_metadata(f, k, levels[i]))
            return false;
    for (size_t i = 0; i + 1 < count; i++)
        if (!check_misplaced(f, k, levels[i], template))
            return false;
    return true;
}

/* The names a controller gives; a Pod that has none keeps its own. */
static bool assume(finder *f, const kind *k, manifest_pod *p)
{
    if (!*k->path)
        return true;
    p->assumed = (pod_assumed){ .name = "", .generate_name = "" };
    if (!k->owner)
        return true;
    p->assumed.owner_kind = k->owner;
    p->assumed.owner_name = format(f->arena, "%s%s", p->name, k->owner_suffix);
    p->assumed.generate_name = format(f->arena, "%s%s-", p->name, k->owner_suffix);
    if (k->name_suffix)
        p->assumed.name = format(f->arena, "%s%s", p->name, k->name_suffix);
    return p->assumed.owner_name && p->assumed.generate_name && p->assumed.name;
}

static bool add_pod(finder *f, const kind *k, const place *object, const place *pod_place, const char *path)
{
    manifest_pod *p = json_arena_alloc(f->arena, sizeof *p);
    const json *metadata = json_get(object->value, "metadata");
    if (!p)
        return full(f->err);
    const char *name = json_text(metadata, "name");
    *p = (manifest_pod){
        .kind = k->name,
        .name = *name ? name : json_text(metadata, "generateName"),
        .namespace = json_text(metadata, "namespace"),
        .line = line_of(f, object->source),
        .object = pod_place->value,
        .source = pod_place->source,
        .path = format(f->arena, "%s%s", path, k->path),
    };
    *f->pods = p;
    f->pods = &p->next;
    f->document->pod_count++;
    return (p->path && assume(f, k, p)) || full(f->err);
}

static bool add_workload(finder *f, const kind *k, place object, const char *path)
{
    place levels[MAX_LEVELS];
    size_t count = descend(k, object, levels);
    return check_levels(f, k, levels, count) && add_pod(f, k, &levels[0], &levels[count - 1], path);
}

/* What an AdmissionReview says of itself is review.c's to read. */
static bool add_review(finder *f, const kind *k, place object, const char *path)
{
    place levels[MAX_LEVELS];
    size_t count = descend(k, object, levels);
    manifest_pod **added = f->pods;
    if (!add_pod(f, k, &levels[0], &levels[count - 1], path))
        return false;
    (*added)->review = object.value;
    return true;
}

static bool find_pods(finder *f, place object, const char *path, const char *list_kind, const char *list_version);

/* In a DeploymentList the items need not say again what they are; in a List they do. */
static bool find_in_list(finder *f, place list, const char *path, const char *name, const char *version)
{
    char item_kind[64];
    bool typed = strcmp(name, "List") != 0;
    place items = child_of(list, "items");
    size_t index = 0;
    source_node *source = items.source ? items.source->first : NULL;
    snprintf(item_kind, sizeof item_kind, "%.*s", (int)(strlen(name) - strlen("List")), name);
    for (json *item = json_first(items.value); item; item = json_next(item), index++) {
        const char *here = format(f->arena, "%s/items/%zu", path, index);
        const source_node *ignored = NULL;
        place object = { item, source_resolve(source, &ignored), 0 };
        if (!here)
            return full(f->err);
        if (!find_pods(f, object, here, typed ? item_kind : "", typed ? version : ""))
            return false;
        source = source ? source->next : NULL;
    }
    return true;
}

static bool is_list(const char *name, place object)
{
    size_t length = strlen(name), suffix = strlen("List");
    return length >= suffix && strcmp(name + length - suffix, "List") == 0 && json_is_array(json_get(object.value, "items"));
}

static const char *or_else(const char *text, const char *otherwise)
{
    return *text ? text : otherwise;
}

static bool find_pods(finder *f, place object, const char *path, const char *list_kind, const char *list_version)
{
    const char *name = or_else(json_text(object.value, "kind"), list_kind);
    const char *version = or_else(json_text(object.value, "apiVersion"), list_version);
    int line = line_of(f, object.source);
    const kind *k = find_kind(name);
    if (!*name)
        return error_set_line(f->err, ERR_INPUT, line, "not a Kubernetes object: kind is missing");
    if (is_list(name, object))
        return find_in_list(f, object, path, name, version);
    if (!k)
        return note(f, line, format(f->arena, "%s has no Pods; skipped", name));
    if (strcmp(name, "AdmissionReview") == 0)
        return add_review(f, k, object, path);
    if (!in_group(k, version))
        return note(f, line, format(f->arena, "%s of %s is no kind CastSlice knows the Pods of; skipped", name, version));
    return add_workload(f, k, object, path);
}

/* ---- documents ---------------------------------------------------------- */

typedef struct reader {
    manifest *manifest;
    manifest_document **next;
    error *err;
} reader;

static bool fail(reader *r, manifest_document *d, const error *err)
{
    error *copy = json_arena_alloc(r->manifest->arena, sizeof *copy);
    if (!copy)
        return full(r->err);
    *copy = *err;
    if (!copy->line)
        copy->line = d->source ? d->source->line : d->in.line;
    d->error = copy;
    d->pods = NULL;
    d->pod_count = 0;
    d->notes = NULL;
    return true;
}

static manifest_document *add_document(reader *r, const source_text *in)
{
    manifest_document *d = json_arena_alloc(r->manifest->arena, sizeof *d);
    if (!d)
        return NULL;
    d->in = *in;
    *r->next = d;
    r->next = &d->next;
    return d;
}

/* The tree is there: look what is in it. */
static bool look_into(reader *r, manifest_document *d)
{
    error err;
    finder f = { d, r->manifest->arena, &d->pods, &d->notes, &err };
    if (!d->root || json_is_null(d->root))
        return true;
    err.kind = ERR_NONE;
    if (!json_is_object(d->root))
        error_set_line(&err, ERR_INPUT, d->source->line, "not a Kubernetes object: it must be a mapping");
    else if (find_pods(&f, (place){ d->root, d->source, 0 }, "", "", ""))
        r->manifest->pod_count += d->pod_count;
    return err.kind == ERR_NONE || fail(r, d, &err);
}

static bool add_unreadable(reader *r, const source_text *share, const error *err)
{
    manifest_document *d = add_document(r, share);
    return d ? fail(r, d, err) : full(r->err);
}

static bool read_yaml(reader *r, const source_text *share)
{
    error err;
    manifest_document *d = add_document(r, share);
    if (!d)
        return full(r->err);
    if (!yaml_parse(r->manifest->arena, share, &d->root, &d->source, &err))
        return fail(r, d, &err);
    return look_into(r, d);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(const source_text *in, size_t at)
{
    while (at < in->end && is_space(in->text[at]))
        at++;
    return at;
}

static bool is_bracket(const source_text *in, size_t at)
{
    return at < in->end && (in->text[at] == '{' || in->text[at] == '[');
}

/* Braces start YAML too. What goes on with a quote or another bracket is held to JSON's rules, as the
 * server would: an AdmissionReview with a comma too many is none. Unless the file's name says YAML. */
static bool is_meant_as_json(const manifest *m, const source_text *in)
{
    size_t at = skip_space(in, in->start + 1), name = strlen(m->name);
    bool like_json = at < in->end && strchr("\"{[]}", in->text[at]);
    return like_json && !text_ends_with(m->name, name, ".yaml") && !text_ends_with(m->name, name, ".yml");
}

static json *parse_json(json_arena *arena, const source_text *value, error *err)
{
    json *root = json_parse(arena, value->text + value->start, value->end - value->start, err);
    if (!root && err->line)
        err->line += value->line - 1;
    return root;
}

static bool add_json(reader *r, const source_text *share, const source_text *value, json *root)
{
    manifest_document *d = add_document(r, share);
    source_node *source = source_of_json(r->manifest->arena, value, root);
    if (!d || !source)
        return full(r->err);
    d->is_json = true;
    d->root = root;
    d->source = source;
    if (share->start != r->manifest->mark || !r->manifest->mark)
        return look_into(r, d);
    error err;
    error_set_line(&err, ERR_INPUT, 1, "bad JSON: a byte order mark before it");
    return fail(r, d, &err);
}

/* One JSON value after another, as long as it goes; what then is left is for YAML to read. */
static bool read_json_values(reader *r, source_text share, size_t content)
{
    while (is_bracket(&share, content)) {
        error err;
        source_text value = { share.text, content, share.end, source_line(&share, content), NULL };
        value.end = source_json_end(&value);
        json *root = parse_json(r->manifest->arena, &value, &err);
        if (!root)
            return is_meant_as_json(r->manifest, &value) ? add_unreadable(r, &share, &err) : read_yaml(r, &share);
        content = skip_space(&share, value.end);
        source_text own = { share.text, share.start, content, share.line, NULL };
        if (!add_json(r, &own, &value, root))
            return false;
        share.line = source_line(&share, content);
        share.start = content;
    }
    return share.start == share.end || read_yaml(r, &share);
}

static bool read_documents(reader *r)
{
    manifest *m = r->manifest;
    source_text rest = { m->text.data, m->mark, m->text.len, 1, NULL };
    while (rest.start < rest.end) {
        yaml_extent extent = yaml_first_document(&rest);
        source_text share = { rest.text, rest.start, extent.end, rest.line, NULL };
        bool ok = is_bracket(&share, extent.content) ? read_json_values(r, share, extent.content) : read_yaml(r, &share);
        if (!ok)
            return false;
        rest.line = source_line(&rest, extent.end);
        rest.start = extent.end;
    }
    return true;
}

/* ---- the file ----------------------------------------------------------- */

static void start(manifest *m, const char *name)
{
    *m = (manifest){ .name = name, .arena = json_arena_new(ARENA_CAP) };
    buf_init(&m->text, MANIFEST_MAX_FILE);
}

static bool parse(manifest *m, error *err)
{
    reader r = { m, &m->documents, err };
    if (m->text.toobig)
        return error_set(err, ERR_TOO_LARGE, "larger than %zu MiB", MANIFEST_MAX_FILE >> 20);
    m->mark = utf8_mark(m->text.data, m->text.len);
    return read_documents(&r);
}

static bool read_all(FILE *file, buf *out, error *err)
{
    char block[65536];
    size_t n;
    while (!out->toobig && (n = fread(block, 1, sizeof block, file)) > 0)
        buf_add(out, block, n);
    return ferror(file) ? error_set(err, ERR_SYSTEM, "%s", strerror(errno)) : true;
}

bool manifest_read(manifest *m, const char *name, error *err)
{
    start(m, name);
    bool is_stdin = strcmp(name, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(name, "rb");
    if (!file)
        return error_set(err, ERR_SYSTEM, "%s", strerror(errno));
    bool ok = read_all(file, &m->text, err);
    if (!is_stdin)
        fclose(file);
    return ok && parse(m, err);
}

bool manifest_parse(manifest *m, const char *name, const char *text, size_t length, error *err)
{
    start(m, name);
    buf_add(&m->text, text, length);
    return parse(m, err);
}

void manifest_release(manifest *m)
{
    buf_release(&m->text);
    json_arena_free(m->arena);
}

/* ---- for who looks for something else than Pods ------------------------- */

static bool visit(const json *object, const char *at, manifest_object *use, void *context)
{
    const json *items = json_get(object, "items");
    size_t index = 0;
    bool ok = use(context, object, at);
    for (const json *item = json_is_array(items) ? json_first(items) : NULL; ok && item; item = json_next(item)) {
        char path[JSON_MAX_DEPTH * 16];
        snprintf(path, sizeof path, "%s/items/%zu", at, index++);
        ok = visit(item, path, use, context);
    }
    return ok;
}

bool manifest_objects(const json *root, manifest_object *use, void *context)
{
    return visit(root, "", use, context);
}

bool manifest_webhook_calls(const json *webhook, const char *host)
{
    const json *service = json_get(json_get(webhook, "clientConfig"), "service");
    char called[600];
    snprintf(called, sizeof called, "%s.%s.svc", json_text(service, "name"), json_text(service, "namespace"));
    return strcmp(called, host) == 0;
}

/* ---- comparing ---------------------------------------------------------- */

static bool equal(const json *a, const json *b);

/* Members may stand in another order; mostly they do not, so the neighbour is tried first. */
static bool equal_members(const json *a, const json *b)
{
    const json *near = json_first(b);
    for (const json *m = json_first(a); m; m = json_next(m)) {
        const json *same = near && strcmp(json_key(near), json_key(m)) == 0 ? near : json_get(b, json_key(m));
        if (!same || !equal(m, same))
            return false;
        near = json_next(same);
    }
    return json_size(a) == json_size(b);
}

static bool equal_elements(const json *a, const json *b)
{
    a = json_first(a);
    b = json_first(b);
    for (; a && b; a = json_next(a), b = json_next(b))
        if (!equal(a, b))
            return false;
    return !a && !b;
}

static bool equal_scalars(const json *a, const json *b)
{
    double x, y;
    if (json_is_string(a) && json_is_string(b))
        return strcmp(json_string(a), json_string(b)) == 0;
    if (json_number(a, &x) && json_number(b, &y))
        return x == y;
    if (json_is_bool(a) && json_is_bool(b))
        return json_is_true(a) == json_is_true(b);
    return json_is_null(a) && json_is_null(b);
}

static bool equal(const json *a, const json *b)
{
    if (json_is_object(a) && json_is_object(b))
        return equal_members(a, b);
    if (json_is_array(a) && json_is_array(b))
        return equal_elements(a, b);
    return equal_scalars(a, b);
}

bool manifest_matches(const manifest_document *d, const char *text, size_t length)
{
    json_arena *arena = json_arena_new(ARENA_CAP);
    source_text in = { text, 0, length, 1, NULL };
    json *root = NULL;
    if (d->is_json) {
        size_t start_of_value = yaml_first_document(&in).content;
        root = json_parse(arena, text + start_of_value, length - start_of_value, NULL);
    } else if (!yaml_parse(arena, &in, &root, NULL, NULL)) {
        root = NULL;
    }
    bool same = root && equal(root, d->root);
    json_arena_free(arena);
    return same;
}
