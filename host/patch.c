#include "patch.h"

#include "quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLICES (INT64_C(1) << 53)            /* what every JSON reader holds exactly */
#define MAX_ANNOTATIONS (256 * 1024)             /* apimachinery TotalAnnotationSizeLimitB */
#define MAX_TOKENS 16                            /* depth of a path of ours: at most 7 */

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

/* One reference token of a JSON Pointer: '~' is ~0, '/' is ~1 (RFC 6901). */
static void put_token(buf *path, const char *token)
{
    for (; *token; token++) {
        if (*token == '~')
            buf_puts(path, "~0");
        else if (*token == '/')
            buf_puts(path, "~1");
        else
            buf_putc(path, *token);
    }
}

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
        put_token(&path, key);
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

static size_t sizes(const json *map, const decision_pair *pairs, size_t count)
{
    size_t total = 0;
    for (const json *m = json_first(map); m; m = json_next(m))
        total += strlen(json_key(m)) + (json_string(m) ? strlen(json_string(m)) : 0);
    for (size_t i = 0; i < count; i++)
        total += strlen(pairs[i].key) + strlen(pairs[i].value);
    return total;
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
    b->patch->annotations_dropped = sizes(p->annotations, d->annotations, d->annotation_count) > MAX_ANNOTATIONS;
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

/* Undo put_token() for one token, in place; returns the start of the next one, or NULL. */
static char *next_token(char *token)
{
    char *write = token, *read = token;
    for (; *read && *read != '/'; read++) {
        if (*read == '~' && (read[1] == '0' || read[1] == '1'))
            *write++ = *++read == '0' ? '~' : '/';
        else
            *write++ = *read;
    }
    char *next = *read ? read + 1 : NULL;
    *write = '\0';
    return next;
}

/* The element found last: paths come in the order of the containers, and lists are linked, so
 * walking on from here keeps a Pod of ten thousand containers linear. */
typedef struct cursor {
    const json *array;
    unsigned long index;
    json *element;
} cursor;

static json *element(cursor *at, const json *array, unsigned long index)
{
    if (at->array != array || index < at->index)
        *at = (cursor){ array, 0, json_first(array) };
    for (; at->element && at->index < index; at->index++)
        at->element = json_next(at->element);
    return at->element;
}

static json *child(cursor *at, json *node, const char *token)
{
    if (json_is_object(node))
        return json_get(node, token);
    char *end;
    unsigned long index = strtoul(token, &end, 10);
    return json_is_array(node) && *token && !*end ? element(at, node, index) : NULL;
}

static bool failed(const patch_op *op, const char *why, error *err)
{
    return error_set(err, ERR_INTERNAL, "the patch would not apply: %s %s: %s", op->value ? "add" : "remove", op->path, why);
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

static bool apply(const patch_op *op, cursor *at, json_arena *arena, json *document, error *err)
{
    char *path = json_arena_strdup(arena, op->path, strlen(op->path));
    if (!path)
        return full(err);
    if (*path != '/')
        return failed(op, "the path does not start with /", err);
    char *token = path + 1, *next = next_token(token);
    json *node = document;
    for (; next; token = next, next = next_token(token))
        node = child(at, node, token);
    return change(op, arena, node, token, err);
}

bool patch_apply(const patch *p, json_arena *arena, json *document, error *err)
{
    cursor at = { 0 };
    for (size_t i = 0; i < p->count; i++)
        if (!apply(&p->ops[i], &at, arena, document, err))
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
