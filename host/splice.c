#include "splice.h"

#include "yaml.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)1 << 20)       /* of one edit; a patch of ours is far smaller */
#define MAX_LINE 200                     /* bytes of a line that a person would read in a diff */

typedef enum change_kind {
    CHANGE_SWAP,        /* a member gets another key and value */
    CHANGE_SET,         /* a member gets another value */
    CHANGE_GROW         /* a mapping gets more members */
} change_kind;

typedef struct splice_change {
    change_kind kind;
    source_node *node;          /* the member, or the mapping that grows */
    const char *key;            /* SWAP: the new one */
    json *value;                /* the new value; GROW: an object of the new members */
    size_t owner;
    struct splice_change *next;
} splice_change;

static bool full(error *err)
{
    return error_set(err, ERR_TOO_LARGE, "the change does not fit the memory of one document");
}

static bool misfit(const char *path, error *err)
{
    return error_set(err, ERR_INTERNAL, "the text has no place for %s", path);
}

static bool conflict(error *err)
{
    return error_set(err, ERR_INPUT, "two changes want different things of one place in the text");
}

void splice_init(splice *s, const source_text *in, source_node *root, json_arena *arena)
{
    *s = (splice){ .in = *in, .root = root, .arena = arena };
    s->tail = &s->changes;
}

/* ---- operations to changes ---------------------------------------------- */

/* Where an operation acts: a node of the text, or a value that is only just being added. */
typedef struct spot {
    source_node *node;
    json *fresh;                /* NULL: the node */
} spot;

static splice_change *add_change(splice *s, change_kind kind, source_node *node, json *value, size_t owner)
{
    splice_change *c = json_arena_alloc(s->arena, sizeof *c);
    if (!c || !value)
        return NULL;
    *c = (splice_change){ .kind = kind, .node = node, .value = value, .owner = owner };
    node->change = c;
    *s->tail = c;
    s->tail = &c->next;
    s->change_count++;
    return c;
}

static json *copy_of(splice *s, const json *value)
{
    return json_is_object(value) ? json_new_object(s->arena) : json_new_string(s->arena, json_string(value));
}

/* Two empty objects, or two equal strings: all that a patch of ours adds. */
static bool same(const json *a, const json *b)
{
    if (!json_is_string(a) || !json_is_string(b))
        return json_is_object(a) && json_is_object(b);
    return strcmp(json_string(a), json_string(b)) == 0;
}

/* One token of a JSON Pointer, unescaped in place; returns the start of the next, or NULL. */
static char *cut_token(char *token)
{
    char *slash = strchr(token, '/'), *to = token;
    if (slash)
        *slash = '\0';
    for (const char *from = token; *from; from++) {
        bool escape = *from == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = (char)(!escape ? *from : *++from == '0' ? '~' : '/');
    }
    *to = '\0';
    return slash ? slash + 1 : NULL;
}

static bool step(splice *s, spot *at, const char *token)
{
    if (at->fresh) {
        at->fresh = json_get(at->fresh, token);
        return at->fresh != NULL;
    }
    source_node *parent = source_resolve(at->node, &s->shared), *child = source_child(parent, token, &s->shared);
    const splice_change *c = child ? child->change : parent ? parent->change : NULL;
    at->node = child;
    if (c && child && c->kind == CHANGE_SET)
        at->fresh = c->value;
    else if (c && !child && c->kind == CHANGE_GROW)
        at->fresh = json_get(c->value, token);
    return at->node || at->fresh;
}

/* Go to the parent of what `path` names; *key is its last token. */
static bool walk(splice *s, spot *at, const char *path, const char **key, error *err)
{
    char *token = json_arena_strdup(s->arena, path, strlen(path));
    if (!token)
        return full(err);
    if (*token++ != '/')
        return misfit(path, err);
    for (char *next = cut_token(token); next; token = next, next = cut_token(token))
        if (!step(s, at, token))
            return misfit(path, err);
    *key = token;
    return true;
}

static bool put_fresh(splice *s, json *object, const char *key, const json *value, error *err)
{
    const json *there = json_get(object, key);
    if (there)
        return same(there, value) || conflict(err);
    return json_add(s->arena, object, key, copy_of(s, value)) || full(err);
}

static bool grow(splice *s, source_node *mapping, const char *key, const json *value, size_t owner, error *err)
{
    splice_change *c = mapping->change;
    if (!c && !(c = add_change(s, CHANGE_GROW, mapping, json_new_object(s->arena), owner)))
        return full(err);
    return c->kind == CHANGE_GROW ? put_fresh(s, c->value, key, value, err) : conflict(err);
}

static bool set(splice *s, source_node *member, const json *value, size_t owner, error *err)
{
    const splice_change *c = member->change;
    if (c)
        return (c->kind == CHANGE_SET && same(c->value, value)) || conflict(err);
    return add_change(s, CHANGE_SET, member, copy_of(s, value), owner) || full(err);
}

static bool put(splice *s, spot at, const char *key, const patch_op *op, size_t owner, error *err)
{
    if (at.fresh)
        return put_fresh(s, at.fresh, key, op->value, err);
    source_node *mapping = source_resolve(at.node, &s->shared), *member = source_child(mapping, key, &s->shared);
    if (!mapping || mapping->kind != SOURCE_OBJECT)
        return misfit(op->path, err);
    return member ? set(s, member, op->value, owner, err) : grow(s, mapping, key, op->value, owner, err);
}

static bool swap(splice *s, source_node *member, const char *key, const json *value, size_t owner, error *err)
{
    splice_change *c = member->change;
    if (c)
        return (c->kind == CHANGE_SWAP && strcmp(c->key, key) == 0 && same(c->value, value)) || conflict(err);
    c = add_change(s, CHANGE_SWAP, member, copy_of(s, value), owner);
    if (!c)
        return full(err);
    c->key = key;
    return true;
}

/* A removed key makes room for the one that the next operation adds beside it. */
static bool replace(splice *s, spot at, const char *key, const patch_op *op, const patch_op *next, size_t owner, error *err)
{
    size_t parent = (size_t)(strrchr(op->path, '/') - op->path) + 1;
    source_node *member = at.fresh ? NULL : source_child(at.node, key, &s->shared);
    if (!member || !next || !json_is_string(next->value) || strncmp(op->path, next->path, parent) != 0)
        return misfit(op->path, err);
    char *new_key = json_arena_strdup(s->arena, next->path + parent, strlen(next->path + parent));
    if (!new_key)
        return full(err);
    return !cut_token(new_key) ? swap(s, member, new_key, next->value, owner, err) : misfit(next->path, err);
}

bool splice_patch(splice *s, source_node *top, const patch *p, size_t owner, error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        const patch_op *op = &p->ops[i], *next = i + 1 < p->count ? op + 1 : NULL;
        spot at = { top, NULL };
        const char *key;
        if (!walk(s, &at, op->path, &key, err))
            return false;
        bool ok = op->value ? put(s, at, key, op, owner, err) : replace(s, at, key, op, next, owner, err);
        if (!ok)
            return false;
        i += op->value == NULL;
    }
    return true;
}
