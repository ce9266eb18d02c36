#include "splice.h"

#include "json_pointer.h"
#include "yaml_plain.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)1 << 20)       /* of one edit; a patch of ours is far smaller */

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
typedef struct target {
    source_node *node;
    json *fresh;                /* NULL: the node */
} target;

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
    size_t length = strcspn(token, "/");
    char *next = token[length] ? token + length + 1 : NULL;
    json_pointer_read(token, length, token, length + 1);
    return next;
}

static bool step(splice *s, target *at, const char *token)
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
static bool walk(splice *s, target *at, const char *path, const char **key, error *err)
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

static bool put(splice *s, target at, const char *key, const patch_op *op, size_t owner, error *err)
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
static bool replace(splice *s, target at, const char *key, const patch_op *op, const patch_op *next, size_t owner, error *err)
{
    size_t parent = (size_t)(strrchr(op->path, '/') - op->path) + 1;
    source_node *member = at.fresh ? NULL : source_child(at.node, key, &s->shared);
    source_resolve(member, &s->shared);
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
        target at = { top, NULL };
        const char *key = "";
        if (!walk(s, &at, op->path, &key, err))
            return false;
        bool ok = op->value ? put(s, at, key, op, owner, err) : replace(s, at, key, op, next, owner, err);
        if (!ok)
            return false;
        i += op->value == NULL;
    }
    return true;
}

/* ---- the text around a place -------------------------------------------- */

/* A piece of text that is not terminated. */
typedef struct slice { const char *text; size_t length; } slice;

static slice literal(const char *text)
{
    return (slice){ text, strlen(text) };
}

static void put_slice(buf *out, slice s)
{
    buf_add(out, s.text, s.length);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the line stops that `at` is in, its line ending not included. */
static size_t content_end(const splice *s, size_t at)
{
    size_t end = source_line_end(&s->in, at);
    while (end > at && (s->in.text[end - 1] == '\n' || s->in.text[end - 1] == '\r'))
        end--;
    return end;
}

static slice leading_blanks(const splice *s, size_t at)
{
    size_t start = source_line_start(&s->in, at), end = start;
    while (end < s->in.end && is_blank(s->in.text[end]))
        end++;
    return (slice){ s->in.text + start, end - start };
}

static size_t column(const splice *s, size_t at)
{
    return at - source_line_start(&s->in, at);
}

static bool stands_first(const splice *s, size_t at)
{
    return leading_blanks(s, at).length == column(s, at);
}

/* The line ending the document uses: that of its first line. */
static slice line_break(const splice *s)
{
    const char *start = s->in.text + s->in.start, *end = s->in.text + source_line_end(&s->in, s->in.start);
    return literal(end - start > 1 && end[-1] == '\n' && end[-2] == '\r' ? "\r\n" : "\n");
}

/* ---- writing new text --------------------------------------------------- */

/* How a mapping in braces is written. */
typedef struct style {
    bool lines;                 /* each member on a line of its own */
    bool trailing;              /* a comma behind the last member too, as YAML allows */
    slice indent, step;         /* of its members; more for what is nested in them */
    slice colon;                /* between key and value: ": " or ":" */
    char quote;                 /* around keys; '\0' for none */
    slice line_break;
} style;

/* JSON's escapes, and those for what YAML takes for a line break or does not print. */
static void put_quoted(buf *out, const char *text)
{
    static const struct { const char *bytes, *escape; } odd[] = {
        { "\x7F", "\\u007f" }, { "\xE2\x80\xA8", "\\u2028" }, { "\xE2\x80\xA9", "\\u2029" }, { "\xEF\xBB\xBF", "\\ufeff" },
    };
    buf plain;
    buf_init(&plain, MAX_TEXT);
    json_write_string(&plain, text);
    for (const char *p = plain.data; *p;) {
        size_t i = 0, n = sizeof odd / sizeof *odd;
        while (i < n && strncmp(p, odd[i].bytes, strlen(odd[i].bytes)) != 0)
            i++;
        bool c1 = (unsigned char)p[0] == 0xC2 && (unsigned char)p[1] < 0xA0;
        if (c1)
            buf_printf(out, "\\u00%02x", (unsigned char)p[1]);
        else if (i < n)
            buf_puts(out, odd[i].escape);
        else
            buf_putc(out, *p);
        p += c1 ? 2 : i < n ? strlen(odd[i].bytes) : 1;
    }
    out->toobig |= plain.toobig;
    buf_release(&plain);
}

static void put_key(buf *out, const char *key, char quote)
{
    if (quote == '\'' && !strchr(key, '\''))
        buf_printf(out, "'%s'", key);
    else if (quote == '\0' && yaml_plain_is(key))
        buf_puts(out, key);
    else
        put_quoted(out, key);
}

static void put_break(buf *out, const style *st, int depth)
{
    if (!st->lines)
        return;
    put_slice(out, st->line_break);
    put_slice(out, st->indent);
    for (int i = 0; i < depth; i++)
        put_slice(out, st->step);
}

static void put_flow(buf *out, const style *st, const json *value, int depth);

static void put_flow_members(buf *out, const style *st, const json *object, int depth)
{
    for (const json *m = json_first(object); m; m = json_next(m)) {
        if (m != json_first(object))
            buf_puts(out, st->lines || st->colon.length == 1 ? "," : ", ");
        put_break(out, st, depth);
        put_key(out, json_key(m), st->quote);
        put_slice(out, st->colon);
        put_flow(out, st, m, depth);
    }
    if (st->trailing && st->lines)
        buf_putc(out, ',');
}

/* A value that stands at `depth` steps below the members of the style's mapping. */
static void put_flow(buf *out, const style *st, const json *value, int depth)
{
    if (json_is_string(value)) {
        put_quoted(out, json_string(value));
        return;
    }
    buf_putc(out, '{');
    put_flow_members(out, st, value, depth + 1);
    if (json_first(value))
        put_break(out, st, depth);
    buf_putc(out, '}');
}

static void put_spaces(buf *out, size_t n)
{
    while (n-- > 0)
        buf_putc(out, ' ');
}

/* The members of `object` as lines of a block. */
static void put_block(buf *out, const json *object, size_t indent, size_t step, slice line_break, char quote)
{
    for (const json *m = json_first(object); m; m = json_next(m)) {
        put_spaces(out, indent);
        put_key(out, json_key(m), quote);
        buf_putc(out, ':');
        if (json_is_string(m)) {
            buf_putc(out, ' ');
            put_quoted(out, json_string(m));
        } else if (!json_first(m)) {
            buf_puts(out, " {}");
        }
        put_slice(out, line_break);
        put_block(out, m, indent + step, step, line_break, quote);
    }
}

/* ---- the style around a place ------------------------------------------- */

static char quote_at(const splice *s, size_t at)
{
    char c = s->in.text[at];
    return (char)(c == '"' || c == '\'' ? c : '\0');
}

/* What stands between a key and its value, when it is short and plain. */
static slice colon_of(const splice *s, const source_node *member)
{
    slice colon = { s->in.text + member->key_end, member->start - member->key_end };
    bool usual = member->start > member->key_end && memchr(colon.text, ':', colon.length);
    for (size_t i = 0; usual && i < colon.length; i++)
        usual = colon.text[i] == ':' || is_blank(colon.text[i]);
    return usual ? colon : literal(": ");
}

/* How much further `inner` is indented than `outer`. */
static slice step_between(slice outer, slice inner)
{
    bool deeper = inner.length > outer.length && memcmp(inner.text, outer.text, outer.length) == 0;
    return deeper ? (slice){ inner.text + outer.length, inner.length - outer.length } : literal("  ");
}

/* Past blanks, line breaks and comments. */
static size_t skip_filling(const splice *s, size_t at)
{
    while (at < s->in.end && strchr(" \t\r\n#", s->in.text[at]))
        at = s->in.text[at] == '#' ? content_end(s, at) : at + 1;
    return at;
}

/* Of a mapping in braces that has members. */
static style style_of(const splice *s, const source_node *mapping)
{
    const source_node *last = mapping->last;
    slice indent = leading_blanks(s, last->key_start);
    return (style){
        .lines = stands_first(s, last->key_start) && source_line_start(&s->in, last->key_start) > mapping->start,
        .trailing = s->in.text[skip_filling(s, last->end)] == ',',
        .indent = indent,
        .step = step_between(leading_blanks(s, mapping->start), indent),
        .colon = colon_of(s, last),
        .quote = quote_at(s, last->key_start),
        .line_break = line_break(s),
    };
}

/* Of what is put in the place of a value: like its neighbours in braces, on one line in a block. */
static style style_beside(const splice *s, const source_node *value)
{
    const source_node *parent = value->parent;
    if (parent && parent->kind == SOURCE_OBJECT && parent->flow)
        return style_of(s, parent);
    return (style){ .colon = literal(": "), .line_break = literal("\n"), .indent = literal(""), .step = literal("") };
}

/* How far a block's nested mappings are indented: as beside it, else as around it, else by two. */
static size_t block_step(const splice *s, const source_node *mapping)
{
    for (const source_node *m = mapping; m; m = m->parent) {
        for (const source_node *child = m->kind == SOURCE_OBJECT ? m->first : NULL; child; child = child->next) {
            if (child->kind != SOURCE_OBJECT || child->flow || !child->first)
                continue;
            size_t inner = column(s, child->first->key_start), outer = column(s, child->key_start);
            if (inner > outer)
                return inner - outer;
        }
    }
    return 2;
}

/* ---- changes to edits --------------------------------------------------- */

static int depth_of(const source_node *node)
{
    int depth = 0;
    for (; node->parent; node = node->parent)
        depth++;
    return depth;
}

/* Moves `text` into an edit and leaves it empty. */
static bool add_edit(splice *s, const splice_change *c, size_t start, size_t end, buf *text)
{
    size_t length = text->len, order = s->edit_count;
    char *copy = text->toobig ? NULL : json_arena_strdup(s->arena, length ? text->data : "", length);
    buf_clear(text);
    if (copy)
        s->edits[s->edit_count++] = (splice_edit){ start, end, copy, length, c->owner, 0, depth_of(c->node), order };
    return copy != NULL;
}

/* A block scalar ends behind its line break, which must stay. */
static size_t value_end(const splice *s, const source_node *value)
{
    size_t end = value->end;
    while (end > value->start && strchr(" \t\r\n", s->in.text[end - 1]))
        end--;
    return end;
}

static bool edit_swap(splice *s, const splice_change *c, buf *text)
{
    const source_node *m = c->node;
    put_key(text, c->key, quote_at(s, m->key_start));
    if (!add_edit(s, c, m->key_start, m->key_end, text))
        return false;
    put_quoted(text, json_string(c->value));
    return add_edit(s, c, m->start, value_end(s, m), text);
}

static bool edit_set(splice *s, const splice_change *c, buf *text)
{
    const source_node *m = c->node;
    style st = style_beside(s, m);
    if (m->start == m->end)
        buf_putc(text, ' ');
    put_flow(text, &st, c->value, 0);
    return add_edit(s, c, m->start, value_end(s, m), text);
}

/* The last byte of what a node says: a block has no end of its own. */
static size_t said_until(const source_node *node)
{
    while (!node->flow && node->last && node->kind != SOURCE_ALIAS)
        node = node->last;
    return node->end;
}

/* New lines below the last one of a block. */
static bool grow_block(splice *s, const splice_change *c, buf *text)
{
    const source_node *mapping = c->node, *first = mapping->first;
    slice newline = line_break(s);
    size_t end = said_until(mapping);
    if (end == 0 || s->in.text[end - 1] != '\n')
        end = source_line_end(&s->in, end);
    bool open = s->in.text[end - 1] != '\n';            /* the text ends without a line break: so shall the new one */
    if (open)
        put_slice(text, newline);
    put_block(text, c->value, column(s, first->key_start), block_step(s, mapping), newline, quote_at(s, first->key_start));
    if (open && !text->toobig)
        text->len -= newline.length;
    return add_edit(s, c, end, end, text);
}

static bool fill_braces(splice *s, const splice_change *c, buf *text)
{
    style st = style_beside(s, c->node);
    const char *brace = memchr(s->in.text + c->node->start, '{', c->node->end - c->node->start);
    put_flow(text, &st, c->value, 0);
    return brace && add_edit(s, c, (size_t)(brace - s->in.text), c->node->end, text);
}

/* Where a line that a value ends on can be continued: behind its comment, or right here when more follows. */
static size_t line_rest(const splice *s, size_t at)
{
    size_t end = content_end(s, at), p = at;
    while (p < end && is_blank(s->in.text[p]))
        p++;
    return p == end || s->in.text[p] == '#' ? end : at;
}

static bool grow_braces(splice *s, const splice_change *c, buf *text)
{
    style st = style_of(s, c->node);
    size_t end = c->node->last->end, at = st.trailing ? skip_filling(s, end) + 1 : end;
    if (!st.trailing) {
        buf_putc(text, ',');
        if (!add_edit(s, c, end, end, text))
            return false;
    }
    at = st.lines ? line_rest(s, at) : at;
    if (!st.lines && st.colon.length > 1)
        buf_putc(text, ' ');
    put_flow_members(text, &st, c->value, 0);
    return add_edit(s, c, at, at, text);
}

static bool edit_grow(splice *s, const splice_change *c, buf *text)
{
    if (!c->node->flow)
        return grow_block(s, c, text);
    return c->node->last ? grow_braces(s, c, text) : fill_braces(s, c, text);
}

static bool edit(splice *s, const splice_change *c, buf *text)
{
    switch (c->kind) {
    case CHANGE_SWAP:
        return edit_swap(s, c, text);
    case CHANGE_SET:
        return edit_set(s, c, text);
    default:
        return edit_grow(s, c, text);
    }
}

static int by_place(const void *a, const void *b)
{
    const splice_edit *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->depth != y->depth)
        return y->depth - x->depth;
    return (x->order > y->order) - (x->order < y->order);
}

static void number_lines(splice *s)
{
    size_t at = s->in.start;
    int line = s->in.line;
    for (size_t i = 0; i < s->edit_count; i++) {
        for (; at < s->edits[i].start; at++)
            line += s->in.text[at] == '\n';
        s->edits[i].line = line;
    }
}

static bool index_owners(splice *s)
{
    for (const splice_change *c = s->changes; c; c = c->next)
        s->owner_count = c->owner >= s->owner_count ? c->owner + 1 : s->owner_count;
    s->owners = json_arena_alloc(s->arena, (s->owner_count + 1) * sizeof *s->owners);
    for (size_t i = s->edit_count; s->owners && i-- > 0;) {
        s->owners[s->edits[i].owner].first = i;
        s->owners[s->edits[i].owner].count++;
    }
    return s->owners != NULL;
}

bool splice_finish(splice *s, error *err)
{
    buf text;
    buf_init(&text, MAX_TEXT);
    s->edits = json_arena_alloc(s->arena, (s->change_count * 2 + 1) * sizeof *s->edits);
    bool ok = s->edits && source_index(s->arena, &s->in);
    for (const splice_change *c = s->changes; c && ok; c = c->next)
        ok = edit(s, c, &text);
    buf_release(&text);
    if (!ok)
        return full(err);
    qsort(s->edits, s->edit_count, sizeof *s->edits, by_place);
    number_lines(s);
    return index_owners(s) || full(err);
}

/* ---- output ------------------------------------------------------------- */

void splice_write_part(const splice *s, size_t from, size_t to, size_t first, size_t last, buf *out)
{
    for (const splice_edit *e = s->edits + first; e < s->edits + last; e++) {
        buf_add(out, s->in.text + from, e->start - from);
        buf_add(out, e->text, e->length);
        from = e->end;
    }
    buf_add(out, s->in.text + from, to - from);
}

void splice_write(const splice *s, buf *out)
{
    splice_write_part(s, s->in.start, s->in.end, 0, s->edit_count, out);
}
