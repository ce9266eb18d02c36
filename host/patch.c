#include "patch.h"

#include "json_pointer.h"
#include "quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLICES (INT64_C(1) << 53)            /* what every JSON reader holds exactly */
#define MAX_ANNOTATIONS (256 * 1024)             /* apimachinery TotalAnnotationSizeLimitB */
#define MAX_TOKENS 16                            /* of a path's tokens that are remembered; ours have at most 7 */
#define MAX_TOKEN 512                            /* bytes of one; a resource or annotation key has at most 317 */

static bool full(error *err)
{
    return error_set(err, ERR_TOO_LARGE, "the patch does not fit the memory of one review");
}

/* ---- building ----------------------------------------------------------- */

typedef struct builder {
    patch *patch;
    json_arena *arena;
    error *err;
} builder;

static bool grow(builder *b)
{
    patch *p = b->patch;
    if (p->count < p->cap)
        return true;
    size_t cap = p->cap ? p->cap * 2 : 8;
    patch_op *ops = json_arena_alloc(b->arena, cap * sizeof *ops);
    if (!ops)
        return full(b->err);
    if (p->count)
        memcpy(ops, p->ops, p->count * sizeof *ops);
    p->ops = ops;
    p->cap = cap;
    return true;
}

/* One operation on parent/key; an empty key means the parent itself. */
static bool put(builder *b, const char *parent, const char *key, const json *value)
{
    if (!grow(b))
        return false;
    buf path;
    buf_init(&path, 4096);
    buf_puts(&path, parent);
    if (*key) {
        buf_putc(&path, '/');
        json_pointer_put(&path, key);
    }
    const char *copy = json_arena_strdup(b->arena, path.data, path.len);
    buf_release(&path);
    if (!copy)
        return full(b->err);
    b->patch->ops[b->patch->count++] = (patch_op){ copy, value };
    return true;
}

static bool put_remove(builder *b, const char *parent, const char *key)
{
    return put(b, parent, key, NULL);
}

static bool put_add(builder *b, const char *parent, const char *key, json *value)
{
    return value ? put(b, parent, key, value) : full(b->err);
}

static bool put_text(builder *b, const char *parent, const char *key, const char *text)
{
    return put_add(b, parent, key, json_new_string(b->arena, text));
}

/* Take the source out of `which` (limits or requests) and put the slices in. */
static bool put_swap(builder *b, const patch_slice *s, const char *which)
{
    const json *map = json_get(s->container->resources, which);
    char slices[32], parent[96];
    buf path;
    buf_init(&path, sizeof parent);
    pod_resources_path(s->container, &path);
    snprintf(parent, sizeof parent, "%s/%s", path.data, which);
    buf_release(&path);
    snprintf(slices, sizeof slices, "%lld", (long long)s->slices);
    if (!json_is_object(map) && !put_add(b, parent, "", json_new_object(b->arena)))
        return false;
    if (json_get(map, POD_SOURCE_RESOURCE) && !put_remove(b, parent, POD_SOURCE_RESOURCE))
        return false;
    return put_text(b, parent, s->resource, slices);
}

static bool put_container(builder *b, const patch_slice *s)
{
    return put_swap(b, s, "limits") && put_swap(b, s, "requests");
}

/* What the decision gives this container; false when it is left alone. */
static bool slice_of(const decision *d, const pod_container *c, const char *default_resource,
                     patch_slice *out, bool *overflow)
{
    int64_t ratio;
    const char *resource;
    if (c->state != POD_GPU_WHOLE || pod_container_carries(c, default_resource))
        return false;
    if (!decision_for(d, c, default_resource, &ratio, &resource) || pod_container_carries(c, resource))
        return false;
    if (c->gpus > MAX_SLICES / ratio) {
        *overflow = true;
        return false;
    }
    *out = (patch_slice){ c, resource, c->gpus * ratio };
    return true;
}

static bool put_containers(builder *b, const pod *p, const decision *d, const char *resource)
{
    patch *out = b->patch;
    out->slices = json_arena_alloc(b->arena, (p->container_count + 1) * sizeof *out->slices);
    if (!out->slices)
        return full(b->err);
    for (size_t i = 0; i < p->container_count; i++) {
        patch_slice *s = &out->slices[out->slice_count];
        if (!slice_of(d, &p->containers[i], resource, s, &out->overflow))
            continue;
        out->slice_count++;
        if (!put_container(b, s))
            return false;
    }
    return true;
}

/* Would the annotations that are new take the Pod over what the API server allows? */
static bool is_too_much(const json *map, const decision_pair *pairs, size_t count)
{
    size_t before = 0, more = 0;
    for (size_t i = 0; i < count; i++)
        if (!json_get(map, pairs[i].key))
            more += strlen(pairs[i].key) + strlen(pairs[i].value);
    for (const json *m = json_first(map); m && more; m = json_next(m))
        before += strlen(json_key(m)) + (json_string(m) ? strlen(json_string(m)) : 0);
    return more > 0 && before + more > MAX_ANNOTATIONS;
}

/* Only keys that are absent: a Pod's own value is never replaced. */
static bool put_pairs(builder *b, const char *parent, const json *map, const decision_pair *pairs, size_t count)
{
    bool parent_there = map != NULL;
    for (size_t i = 0; i < count; i++) {
        if (json_get(map, pairs[i].key))
            continue;
        if (!parent_there && !put_add(b, parent, "", json_new_object(b->arena)))
            return false;
        parent_there = true;
        if (!put_text(b, parent, pairs[i].key, pairs[i].value))
            return false;
    }
    return true;
}

static bool put_metadata(builder *b, const pod *p, const decision *d)
{
    if (p->odd_metadata)
        return true;
    b->patch->annotations_dropped = is_too_much(p->annotations, d->annotations, d->annotation_count);
    size_t annotations = b->patch->annotations_dropped ? 0 : d->annotation_count;
    if (annotations + d->label_count > 0 && !json_is_object(json_get(p->object, "metadata")) &&
        !put_add(b, POD_PATH_METADATA, "", json_new_object(b->arena)))
        return false;
    return put_pairs(b, POD_PATH_ANNOTATIONS, p->annotations, d->annotations, annotations) &&
           put_pairs(b, POD_PATH_LABELS, p->labels, d->labels, d->label_count);
}

bool patch_build(patch *out, json_arena *arena, const pod *p, const decision *d,
                 const char *default_resource, error *err)
{
    builder b = { out, arena, err };
    *out = (patch){ 0 };
    if (d->kind != DECISION_REWRITE)
        return true;
    if (!put_containers(&b, p, d, default_resource))
        return false;
    return out->slice_count == 0 || put_metadata(&b, p, d);
}

/* ---- applying ----------------------------------------------------------- */

/* How the last path went: the node at every '/' before its key. Neighbouring operations share most of
 * their path and come in the order of the containers, so a Pod of ten thousand containers, or one with
 * ten thousand other members, stays linear. */
typedef struct trail {
    const char *path;
    size_t depth;
    struct {
        size_t end;             /* path[0 .. end) leads to … */
        json *node;
    } at[MAX_TOKENS];
    const json *array;          /* the list walked last, and where */
    unsigned long index;
    json *element;
} trail;

static bool failed(const patch_op *op, const char *why, error *err)
{
    return error_set(err, ERR_INTERNAL, "the patch would not apply: %s %s: %s", op->value ? "add" : "remove", op->path, why);
}

static json *element(trail *t, const json *array, unsigned long index)
{
    if (t->array != array || index < t->index) {
        t->array = array;
        t->index = 0;
        t->element = json_first(array);
    }
    for (; t->element && t->index < index; t->index++)
        t->element = json_next(t->element);
    return t->element;
}

static json *child(trail *t, json *node, const char *token)
{
    if (json_is_object(node))
        return json_get(node, token);
    char *end;
    unsigned long index = strtoul(token, &end, 10);
    return json_is_array(node) && *token && !*end ? element(t, node, index) : NULL;
}

/* Forget what the trail does not share with path[0 .. end). */
static void keep_shared(trail *t, const char *path, size_t end)
{
    size_t shared = 0, from = 0;
    while (shared < t->depth && t->at[shared].end <= end && path[t->at[shared].end] == '/' &&
           memcmp(t->path + from, path + from, t->at[shared].end - from) == 0)
        from = t->at[shared++].end;
    t->depth = shared;
    t->path = path;
}

/* The node that path[0 .. end) leads to, or NULL. */
static json *walk(trail *t, json *document, const char *path, size_t end)
{
    char token[MAX_TOKEN];
    keep_shared(t, path, end);
    size_t at = t->depth ? t->at[t->depth - 1].end : 0;
    json *node = t->depth ? t->at[t->depth - 1].node : document;
    while (node && at < end) {
        size_t length = strcspn(path + at + 1, "/");
        node = json_pointer_read(path + at + 1, length, token, sizeof token) ? child(t, node, token) : NULL;
        at += length + 1;
        if (node && t->depth < MAX_TOKENS) {
            t->at[t->depth].end = at;
            t->at[t->depth++].node = node;
        }
    }
    return node;
}

static bool change(const patch_op *op, json_arena *arena, json *parent, const char *key, error *err)
{
    if (!json_is_object(parent))
        return failed(op, "the parent is missing", err);
    bool there = json_remove(parent, key);
    if (!op->value)
        return there ? true : failed(op, "the key is missing", err);
    json *value = json_is_object(op->value) ? json_new_object(arena) : json_new_string(arena, json_string(op->value));
    return json_add(arena, parent, key, value) ? true : full(err);
}

static bool apply(const patch_op *op, trail *t, json_arena *arena, json *document, error *err)
{
    char key[MAX_TOKEN];
    const char *last = strrchr(op->path, '/');
    if (*op->path != '/')
        return failed(op, "the path does not start with /", err);
    if (!json_pointer_read(last + 1, strlen(last + 1), key, sizeof key))
        return failed(op, "the key is too long", err);
    return change(op, arena, walk(t, document, op->path, (size_t)(last - op->path)), key, err);
}

bool patch_apply(const patch *p, json_arena *arena, json *document, error *err)
{
    trail t = { 0 };
    for (size_t i = 0; i < p->count; i++)
        if (!apply(&p->ops[i], &t, arena, document, err))
            return false;
    return true;
}

/* ---- checking ----------------------------------------------------------- */

static bool holds(const json *map, const patch_slice *s)
{
    quantity q;
    int64_t slices;
    return !json_get(map, POD_SOURCE_RESOURCE) && quantity_read(json_get(map, s->resource), &q) &&
           quantity_whole(q, &slices) && slices == s->slices;
}

bool patch_check(const patch *p, error *err)
{
    for (size_t i = 0; i < p->slice_count; i++) {
        const patch_slice *s = &p->slices[i];
        const json *resources = s->container->resources;
        if (!holds(json_get(resources, "limits"), s) || !holds(json_get(resources, "requests"), s))
            return error_set(err, ERR_INTERNAL, "the patch would leave container %.63s with other GPUs than decided",
                             s->container->name);
    }
    return true;
}

/* ---- writing ------------------------------------------------------------ */

void patch_write(const patch *p, const char *prefix, buf *out)
{
    buf path;
    buf_init(&path, out->max);
    buf_putc(out, '[');
    for (size_t i = 0; i < p->count; i++) {
        const patch_op *op = &p->ops[i];
        buf_clear(&path);
        buf_puts(&path, prefix);
        buf_puts(&path, op->path);
        buf_puts(out, i ? ",{\"op\":" : "{\"op\":");
        buf_puts(out, op->value ? "\"add\",\"path\":" : "\"remove\",\"path\":");
        json_write_string(out, path.data);
        if (op->value) {
            buf_puts(out, ",\"value\":");
            json_write(out, op->value);
        }
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    buf_release(&path);
}
