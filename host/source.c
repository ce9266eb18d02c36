#include "source.h"

#include <stdlib.h>
#include <string.h>

source_node *source_new(json_arena *arena, source_kind kind, size_t start, size_t end, int line)
{
    source_node *node = json_arena_alloc(arena, sizeof *node);
    if (!node)
        return NULL;
    node->kind = kind;
    node->start = start;
    node->end = end;
    node->line = line;
    return node;
}

void source_append(source_node *parent, source_node *child)
{
    child->parent = parent;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

int source_line(const source_text *in, size_t offset)
{
    int line = in->line;
    for (size_t i = in->start; i < offset && i < in->end; i++)
        line += in->text[i] == '\n';
    return line;
}

/* A part may begin in the middle of a line. */
size_t source_line_start(const source_text *in, size_t offset)
{
    while (offset > 0 && in->text[offset - 1] != '\n')
        offset--;
    return offset;
}

size_t source_line_end(const source_text *in, size_t offset)
{
    const char *newline = offset < in->end ? memchr(in->text + offset, '\n', in->end - offset) : NULL;
    return newline ? (size_t)(newline - in->text) + 1 : in->end;
}

/* ---- JSON --------------------------------------------------------------- */

/* Reads on through a text that json_parse() accepted: what is there needs no second check. */
typedef struct scanner {
    const char *text;
    size_t at, end;
    int line;
    json_arena *arena;
} scanner;

static void skip_space(scanner *s)
{
    for (; s->at < s->end && strchr(" \t\r\n", s->text[s->at]); s->at++)
        s->line += s->text[s->at] == '\n';
}

/* From one quote to behind the other; a text cut short ends it too. */
static size_t string_end(const char *text, size_t at, size_t end)
{
    for (at++; at < end && text[at] != '"'; at++)
        if (text[at] == '\\' && at + 1 < end)
            at++;
    return at < end ? at + 1 : end;
}

static void skip_scalar(scanner *s)
{
    if (s->text[s->at] == '"') {
        s->at = string_end(s->text, s->at, s->end);
        return;
    }
    while (s->at < s->end && !strchr(",]} \t\r\n", s->text[s->at]))
        s->at++;
}

/* Space, and one of the marks that stand between things: , : */
static void skip_mark(scanner *s, char mark)
{
    skip_space(s);
    if (s->at < s->end && s->text[s->at] == mark)
        s->at++;
    skip_space(s);
}

static source_node *scan_value(scanner *s, const json *value);

/* An element, or a member with its key. */
static bool scan_child(scanner *s, source_node *parent, const json *child)
{
    size_t key_start = s->at;
    int line = s->line;
    if (json_key(child))
        skip_scalar(s);
    size_t key_end = s->at;
    skip_mark(s, ':');
    source_node *node = scan_value(s, child);
    if (!node)
        return false;
    source_append(parent, node);
    if (json_key(child)) {
        node->key = json_key(child);
        node->key_start = key_start;
        node->key_end = key_end;
        node->line = line;
    }
    return true;
}

static bool scan_children(scanner *s, source_node *parent, const json *value)
{
    s->at++;                                            /* the opening bracket */
    for (const json *child = json_first(value); child; child = json_next(child)) {
        skip_mark(s, ',');
        if (!scan_child(s, parent, child))
            return false;
    }
    skip_space(s);
    s->at++;                                            /* the closing one */
    return true;
}

static source_node *scan_value(scanner *s, const json *value)
{
    bool nested = json_is_object(value) || json_is_array(value);
    source_kind kind = json_is_object(value) ? SOURCE_OBJECT : json_is_array(value) ? SOURCE_ARRAY : SOURCE_SCALAR;
    source_node *node = source_new(s->arena, kind, s->at, 0, s->line);
    if (!node)
        return NULL;
    node->flow = nested;
    if (!nested)
        skip_scalar(s);
    else if (!scan_children(s, node, value))
        return NULL;
    node->end = s->at;
    return node;
}

source_node *source_of_json(json_arena *arena, const source_text *in, const json *root)
{
    scanner s = { in->text, in->start, in->end, in->line, arena };
    skip_space(&s);
    return scan_value(&s, root);
}

size_t source_json_end(const source_text *in)
{
    size_t depth = 0;
    for (size_t at = in->start; at < in->end; at++) {
        char c = in->text[at];
        if (c == '"')
            at = string_end(in->text, at, in->end) - 1;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return at + 1;
        if (depth == 0)
            break;                                      /* not a value with brackets */
    }
    return in->end;
}

/* ---- finding ------------------------------------------------------------ */

source_node *source_resolve(source_node *node, const source_node **shared)
{
    while (node && node->kind == SOURCE_ALIAS) {
        *shared = node;
        node = node->target;
    }
    if (node && node->shared)
        *shared = node;
    return node;
}

static source_node *member(source_node *object, const char *key, const source_node **shared);

/* In the value of a `<<`: a mapping, an alias of one, or a list of these, of which the first wins. */
static source_node *merged(source_node *value, const char *key, const source_node **shared)
{
    const source_node *ignored = NULL;
    source_node *target = source_resolve(value, &ignored), *found = NULL;
    if (target && target->kind == SOURCE_ARRAY)
        for (source_node *item = target->first; item && !found; item = item->next)
            found = member(source_resolve(item, &ignored), key, &ignored);
    else
        found = member(target, key, &ignored);
    if (found)
        *shared = value;
    return found;
}

static source_node *member(source_node *object, const char *key, const source_node **shared)
{
    source_node *found = NULL;
    if (!object || object->kind != SOURCE_OBJECT)
        return NULL;
    for (source_node *m = object->first; m; m = m->next) {
        source_node *here = m->merge ? merged(m, key, shared) : strcmp(m->key, key) == 0 ? m : NULL;
        found = here ? here : found;
    }
    return found;
}

static source_node *element(source_node *array, const char *token)
{
    char *end;
    unsigned long index = strtoul(token, &end, 10);
    source_node *e = *token && !*end ? array->first : NULL;
    while (e && index-- > 0)
        e = e->next;
    return e;
}

source_node *source_child(source_node *parent, const char *token, const source_node **shared)
{
    source_node *node = source_resolve(parent, shared);
    if (!node)
        return NULL;
    return node->kind == SOURCE_ARRAY ? element(node, token) : member(node, token, shared);
}
