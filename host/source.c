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

#define BLOCK ((size_t)4096)            /* bytes of the part, counted from its start */

/* The line its first byte is in begins here, the one its last byte is in ends here. */
struct source_block { size_t line_start, line_end; };

static size_t line_start_after(const source_text *in, size_t limit, size_t offset, size_t otherwise)
{
    const char *newline = memrchr(in->text + limit, '\n', offset - limit);
    return newline ? (size_t)(newline - in->text) + 1 : otherwise;
}

static size_t line_end_before(const source_text *in, size_t offset, size_t limit, size_t otherwise)
{
    const char *newline = memchr(in->text + offset, '\n', limit - offset);
    return newline ? (size_t)(newline - in->text) + 1 : otherwise;
}

static size_t block_end(const source_text *in, size_t start)
{
    return in->end - start > BLOCK ? start + BLOCK : in->end;
}

bool source_index(json_arena *arena, source_text *in)
{
    size_t count = (in->end - in->start + BLOCK - 1) / BLOCK;
    struct source_block *blocks = json_arena_alloc(arena, (count + 1) * sizeof *blocks);
    if (!blocks)
        return false;
    size_t line = line_start_after(in, 0, in->start, 0);
    for (size_t i = 0, at = in->start; i < count; i++, at += BLOCK) {
        blocks[i].line_start = line;
        line = line_start_after(in, at, block_end(in, at), line);
    }
    line = in->end;
    for (size_t i = count; i-- > 0;) {
        size_t at = in->start + i * BLOCK, end = block_end(in, at);
        blocks[i].line_end = line = line_end_before(in, end - 1, end, line);
        line = line_end_before(in, at, end, line);
    }
    in->blocks = blocks;
    return true;
}

/* A part may begin in the middle of a line. */
size_t source_line_start(const source_text *in, size_t offset)
{
    if (!in->blocks || offset < in->start || offset >= in->end)
        return line_start_after(in, 0, offset, 0);
    size_t block = (offset - in->start) / BLOCK;
    return line_start_after(in, in->start + block * BLOCK, offset, in->blocks[block].line_start);
}

size_t source_line_end(const source_text *in, size_t offset)
{
    if (offset >= in->end)
        return in->end;
    if (!in->blocks)
        return line_end_before(in, offset, in->end, in->end);
    size_t block = (offset - in->start) / BLOCK;
    return line_end_before(in, offset, block_end(in, in->start + block * BLOCK), in->blocks[block].line_end);
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

static void note_shared(const source_node **shared, const source_node *node)
{
    if (shared)
        *shared = node;
}

source_node *source_resolve(source_node *node, const source_node **shared)
{
    while (node && node->kind == SOURCE_ALIAS) {
        note_shared(shared, node);
        node = node->target;
    }
    if (node && node->shared)
        note_shared(shared, node);
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
        note_shared(shared, value);
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

/* From the element asked for last, when that is not behind: mostly they are asked for in order. */
static source_node *element(source_node *array, const char *token)
{
    char *end;
    size_t index = strtoul(token, &end, 10);
    if (!*token || *end)
        return NULL;
    bool ahead = array->near && array->near_index <= index;
    source_node *e = ahead ? array->near : array->first;
    size_t at = ahead ? array->near_index : 0;
    for (; e && at < index; at++)
        e = e->next;
    if (e) {
        array->near = e;
        array->near_index = at;
    }
    return e;
}

source_node *source_child(source_node *parent, const char *token, const source_node **shared)
{
    source_node *node = source_resolve(parent, shared);
    if (!node)
        return NULL;
    return node->kind == SOURCE_ARRAY ? element(node, token) : member(node, token, shared);
}
