#include "yaml.h"

#include "mem.h"
#include "yaml_plain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h> /* libyaml's; NOLINT(readability-duplicate-include): not our own */

const char *yaml_library(void)
{
    return yaml_get_version_string();
}

/* ---- the reader --------------------------------------------------------- */

/* libyaml counts characters and every kind of line break; files are counted in bytes and newlines. */
typedef struct place {
    size_t characters, offset;
    int line;
} place;

#define ANCHOR_LISTS 4096

typedef struct anchor {
    char *name;
    json *value;                        /* NULL while it is being read */
    source_node *source;
    struct anchor *next;
} anchor;

/* A member on its way into an object. */
typedef struct entry {
    const char *key;
    json *value;
    source_node *source;                /* NULL when a merge brought it */
    size_t order;
} entry;

typedef struct reader {
    yaml_parser_t parser;
    json_arena *arena;
    const source_text *in;
    place at;                           /* moves along with the events */
    anchor *anchors[ANCHOR_LISTS];      /* by hash, the newest first, so that a name given twice means the last */
    entry *entries;                     /* of the mappings being read, the innermost last */
    size_t entry_count, entry_cap;
    size_t values;                      /* made so far, copies for aliases included */
    int depth;
    error *err;
} reader;

static bool full(reader *r)
{
    return error_set(r->err, ERR_TOO_LARGE, "YAML that needs more memory than one document may use");
}

/* ---- places ------------------------------------------------------------- */

static size_t character_length(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static void forward(reader *r)
{
    const char *text = r->in->text;
    r->at.line += text[r->at.offset] == '\n';
    r->at.offset += character_length((unsigned char)text[r->at.offset]);
    r->at.characters++;
}

static void backward(reader *r)
{
    const char *text = r->in->text;
    do
        r->at.offset--;
    while (r->at.offset > r->in->start && ((unsigned char)text[r->at.offset] & 0xC0) == 0x80);
    r->at.line -= text[r->at.offset] == '\n';
    r->at.characters--;
}

/* The byte a mark stands for; r->at.line is its line afterwards. */
static size_t offset_of(reader *r, const yaml_mark_t *mark)
{
    while (r->at.characters < mark->index && r->at.offset < r->in->end)
        forward(r);
    while (r->at.characters > mark->index && r->at.offset > r->in->start)
        backward(r);
    return r->at.offset;
}

static int line_of(reader *r, const yaml_mark_t *mark)
{
    offset_of(r, mark);
    return r->at.line;
}

static source_node *place_node(reader *r, source_kind kind, const yaml_event_t *event)
{
    size_t start = offset_of(r, &event->start_mark);
    int line = r->at.line;
    return source_new(r->arena, kind, start, offset_of(r, &event->end_mark), line);
}

/* ---- errors ------------------------------------------------------------- */

static bool refuse(reader *r, const yaml_event_t *event, const char *what)
{
    int line = line_of(r, &event->start_mark);
    return error_set_line(r->err, ERR_INPUT, line, "bad YAML: %s", what);
}

static bool is_tab(const reader *r)
{
    return r->at.offset < r->in->end && r->in->text[r->at.offset] == '\t';
}

static bool refuse_grammar(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    int line = line_of(r, &p->problem_mark);
    if (is_tab(r))
        return error_set_line(r->err, ERR_INPUT, line, "bad YAML: a tab where only spaces may indent");
    if (!p->context || p->context_mark.index >= p->problem_mark.index)
        return error_set_line(r->err, ERR_INPUT, line, "bad YAML: %s", p->problem);
    int since = line_of(r, &p->context_mark);
    return error_set_line(r->err, ERR_INPUT, line, "bad YAML: %s, %s that starts in line %d", p->problem, p->context, since);
}

/* What libyaml complains of. */
static bool refuse_text(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return full(r);
    if (p->error == YAML_READER_ERROR)
        return error_set_line(r->err, ERR_INPUT, source_line(r->in, r->in->start + p->problem_offset), "bad YAML: %s",
                              p->problem);
    return refuse_grammar(r);
}

static bool next_event(reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? true : refuse_text(r);
}

/* ---- values ------------------------------------------------------------- */

static bool count_value(reader *r, const yaml_event_t *event)
{
    if (r->depth > JSON_MAX_DEPTH)
        return refuse(r, event, "nested too deep");
    if (++r->values <= JSON_MAX_NODES)
        return true;
    return error_set_line(r->err, ERR_TOO_LARGE, line_of(r, &event->start_mark),
                          "more than %d values, what aliases stand for included", JSON_MAX_NODES);
}

/* A copy of a scalar's text; a NUL becomes C0 80, as json.h has it. */
static char *text_of(reader *r, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length, n = 0;
    char *copy = json_arena_alloc(r->arena, length * 2 + 1);
    for (size_t i = 0; copy && i < length; i++) {
        if (value[i]) {
            copy[n++] = value[i];
        } else {
            copy[n++] = (char)0xC0;
            copy[n++] = (char)0x80;
        }
    }
    return copy;
}

typedef enum tag { TAG_NONE, TAG_STRING, TAG_NULL, TAG_BOOL, TAG_NUMBER, TAG_BINARY, TAG_OTHER } tag;

static tag tag_of(const yaml_event_t *event)
{
    static const struct { const char *name; tag tag; } tags[] = {
        { YAML_STR_TAG, TAG_STRING }, { YAML_NULL_TAG, TAG_NULL }, { YAML_BOOL_TAG, TAG_BOOL },
        { YAML_INT_TAG, TAG_NUMBER }, { YAML_FLOAT_TAG, TAG_NUMBER }, { "tag:yaml.org,2002:binary", TAG_BINARY },
    };
    const char *name = (const char *)event->data.scalar.tag;
    if (!name)
        return event->data.scalar.plain_implicit ? TAG_NONE : TAG_STRING;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strcmp(name, tags[i].name) == 0)
            return tags[i].tag;
    return TAG_OTHER;
}

static bool tag_fits(tag wanted, yaml_plain meaning)
{
    return wanted == TAG_NONE || (wanted == TAG_NULL && meaning == YAML_PLAIN_NULL) ||
           (wanted == TAG_BOOL && (meaning == YAML_PLAIN_TRUE || meaning == YAML_PLAIN_FALSE)) ||
           (wanted == TAG_NUMBER && meaning == YAML_PLAIN_NUMBER);
}

static json *typed_value(reader *r, yaml_plain meaning, const char *text, double number)
{
    switch (meaning) {
    case YAML_PLAIN_NULL:
        return json_new_null(r->arena);
    case YAML_PLAIN_TRUE:
    case YAML_PLAIN_FALSE:
        return json_new_bool(r->arena, meaning == YAML_PLAIN_TRUE);
    case YAML_PLAIN_NUMBER:
        return json_new_number(r->arena, number);
    default:
        return json_new_string(r->arena, text);
    }
}

/* The JSON value of a scalar. A tag nobody defined leaves the text what it is, as with kubectl. */
static bool scalar_value(reader *r, const yaml_event_t *event, json **value)
{
    double number = 0;
    tag wanted = tag_of(event);
    yaml_plain meaning = YAML_PLAIN_STRING;
    const char *text = text_of(r, event);
    if (!text)
        return full(r);
    if (wanted != TAG_STRING && wanted != TAG_OTHER) {
        meaning = yaml_plain_resolve(text, &number);
        if (wanted == TAG_BINARY || !tag_fits(wanted, meaning))
            return refuse(r, event, wanted == TAG_BINARY ? "!!binary has no place here" : "the value is not what its tag says");
    }
    if (meaning == YAML_PLAIN_INFINITE)
        return refuse(r, event, "a number that is infinite or none at all cannot be said in JSON");
    *value = typed_value(r, meaning, text, number);
    return *value ? true : full(r);
}

static bool read_scalar(reader *r, const yaml_event_t *event, json **value, source_node **source)
{
    *source = place_node(r, SOURCE_SCALAR, event);
    return *source ? scalar_value(r, event, value) : full(r);
}

/* ---- anchors ------------------------------------------------------------ */

/* FNV-1a. */
static size_t anchor_list(const char *name)
{
    uint32_t hash = 2166136261U;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash % ANCHOR_LISTS;
}

static bool add_anchor(reader *r, const yaml_char_t *name, source_node *source, anchor **out)
{
    *out = NULL;
    if (!name)
        return true;
    anchor *a = json_arena_alloc(r->arena, sizeof *a);
    char *copy = json_arena_strdup(r->arena, (const char *)name, strlen((const char *)name));
    if (!a || !copy)
        return full(r);
    anchor **list = &r->anchors[anchor_list(copy)];
    *a = (anchor){ copy, NULL, source, *list };
    *list = *out = a;
    return true;
}

static const anchor *find_anchor(const reader *r, const yaml_char_t *name)
{
    const char *wanted = (const char *)name;
    for (const anchor *a = r->anchors[anchor_list(wanted)]; a; a = a->next)
        if (strcmp(a->name, wanted) == 0)
            return a;
    return NULL;
}

static json *copy_scalar(reader *r, const json *value)
{
    double number;
    if (json_number(value, &number))
        return json_new_number(r->arena, number);
    if (json_is_string(value))
        return json_new_string(r->arena, json_string(value));
    return json_is_null(value) ? json_new_null(r->arena) : json_new_bool(r->arena, json_is_true(value));
}

static bool copy_value(reader *r, const yaml_event_t *event, const json *value, json **out);

static bool copy_children(reader *r, const yaml_event_t *event, const json *value, json *copy)
{
    for (const json *child = json_first(value); child; child = json_next(child)) {
        json *member;
        if (!copy_value(r, event, child, &member))
            return false;
        if (!(json_key(child) ? json_add(r->arena, copy, json_key(child), member) : json_append(copy, member)))
            return full(r);
    }
    return true;
}

/* What an alias stands for, once more: counted and measured like the values of the text. */
static bool copy_value(reader *r, const yaml_event_t *event, const json *value, json **out)
{
    bool object = json_is_object(value), nested = object || json_is_array(value);
    r->depth += nested;
    if (!count_value(r, event))
        return false;
    *out = !nested ? copy_scalar(r, value) : object ? json_new_object(r->arena) : json_new_array(r->arena);
    if (!*out)
        return full(r);
    bool ok = !nested || copy_children(r, event, value, *out);
    r->depth -= nested;
    return ok;
}

static bool read_alias(reader *r, const yaml_event_t *event, json **value, source_node **source)
{
    const anchor *a = find_anchor(r, event->data.alias.anchor);
    if (!a)
        return refuse(r, event, "an alias of an anchor that is not there");
    if (!a->value)
        return refuse(r, event, "an alias inside its own anchor");
    *source = place_node(r, SOURCE_ALIAS, event);
    if (!*source)
        return full(r);
    (*source)->target = a->source;
    a->source->shared = true;
    r->values--;                        /* the alias itself was counted as a value */
    return copy_value(r, event, a->value, value);
}

/* ---- lists and mappings ------------------------------------------------- */

static bool read_event(reader *r, const yaml_event_t *event, json **value, source_node **source);

/* The next value; *value is NULL at the end of the list or mapping it would belong to. */
static bool read_next(reader *r, json **value, source_node **source)
{
    yaml_event_t event;
    if (!next_event(r, &event))
        return false;
    bool ok = read_event(r, &event, value, source);
    yaml_event_delete(&event);
    return ok;
}

static bool read_elements(reader *r, json *array, source_node *source)
{
    for (;;) {
        json *item;
        source_node *item_source;
        if (!read_next(r, &item, &item_source))
            return false;
        if (!item)
            return true;
        json_append(array, item);
        source_append(source, item_source);
    }
}

static void push(reader *r, const char *key, json *value, source_node *source)
{
    if (r->entry_count == r->entry_cap) {
        r->entry_cap = r->entry_cap ? r->entry_cap * 2 : 64;
        r->entries = mem_realloc(r->entries, r->entry_cap * sizeof *r->entries);
    }
    r->entries[r->entry_count] = (entry){ key, value, source, r->entry_count };
    r->entry_count++;
}

/* Takes the members out of `object`: each can be in one list only. */
static void push_members(reader *r, json *object)
{
    for (json *m = json_first(object); m; m = json_first(object)) {
        json_remove(object, json_key(m));
        push(r, json_key(m), m, NULL);
    }
}

#define MAX_MERGED 10000        /* keys a look-up may pass through merge keys */

static size_t keys_of(source_node *value)
{
    const source_node *ignored = NULL;
    const source_node *target = source_resolve(value, &ignored);
    size_t count = target->merged;
    for (const source_node *m = target->kind == SOURCE_OBJECT ? target->first : NULL; m && count <= MAX_MERGED; m = m->next)
        count++;
    return count + 1;
}

/* A look-up goes through all that is merged (source.c): small as values, it can be endless as a way. */
static bool count_merged(reader *r, source_node *parent, source_node *value)
{
    const source_node *ignored = NULL;
    source_node *target = source_resolve(value, &ignored);
    if (target->kind == SOURCE_ARRAY)
        for (source_node *item = target->first; item && parent->merged <= MAX_MERGED; item = item->next)
            parent->merged += keys_of(item);
    else
        parent->merged += keys_of(target);
    return parent->merged <= MAX_MERGED ||
           error_set_line(r->err, ERR_INPUT, value->line,
                          "bad YAML: << that leads to more than %d keys, merges inside merges included", MAX_MERGED);
}

static bool refuse_merge(reader *r, const source_node *source)
{
    return error_set_line(r->err, ERR_INPUT, source->line, "bad YAML: << takes a mapping, or a list of mappings");
}

/* A list's first mapping wins, so it is pushed last. */
static bool push_list(reader *r, const json *list, const source_node *source)
{
    size_t count = 0;
    bool ok = true;
    json **items = mem_alloc((json_size(list) + 1) * sizeof(json *));
    for (json *item = json_first(list); item; item = json_next(item)) {
        ok &= json_is_object(item);
        items[count++] = item;
    }
    while (ok && count > 0)
        push_members(r, items[--count]);
    free(items);
    return ok || refuse_merge(r, source);
}

static bool push_merged(reader *r, json *value, const source_node *source)
{
    if (json_is_array(value))
        return push_list(r, value, source);
    if (!json_is_object(value))
        return refuse_merge(r, source);
    push_members(r, value);
    return true;
}

static bool is_merge(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && strcmp((const char *)event->data.scalar.value, "<<") == 0 &&
           tag_of(event) == TAG_NONE;
}

static const char *number_key(reader *r, double number)
{
    char text[JSON_NUMBER_TEXT];
    json_format_number(text, number);
    return json_arena_strdup(r->arena, text, strlen(text));
}

/* A key as kubectl makes it a string: yes is "true", 0x10 is "16". */
static bool key_text(reader *r, const yaml_event_t *event, const char **key)
{
    json *value;
    double number;
    if (event->type != YAML_SCALAR_EVENT)
        return refuse(r, event, "a key that is no text; a template must be rendered first");
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
        return refuse(r, event, "a key with \\0");
    if (!scalar_value(r, event, &value))
        return false;
    if (json_is_null(value))
        return refuse(r, event, "a key that is null");
    if (json_number(value, &number))
        *key = number_key(r, number);
    else
        *key = json_is_bool(value) ? (json_is_true(value) ? "true" : "false") : json_string(value);
    return *key ? true : full(r);
}

/* One member, the event of its key being at hand. */
static bool read_member(reader *r, const yaml_event_t *event, source_node *parent)
{
    json *value;
    source_node *source;
    const char *key = "<<";
    bool merge = is_merge(event);
    if (!merge && !key_text(r, event, &key))
        return false;
    size_t start = offset_of(r, &event->start_mark);
    int line = r->at.line;
    size_t end = offset_of(r, &event->end_mark);
    if (!read_next(r, &value, &source))
        return false;
    if (!source)
        return refuse(r, event, "a key without a value");
    source->key = key;
    source->key_start = start;
    source->key_end = end;
    source->line = line;
    source->merge = merge;
    source_append(parent, source);
    if (merge)
        return count_merged(r, parent, source) && push_merged(r, value, source);
    push(r, key, value, source);
    return true;
}

static bool read_members(reader *r, source_node *source)
{
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (end)
            offset_of(r, &event.end_mark);
        bool ok = end || read_member(r, &event, source);
        yaml_event_delete(&event);
        if (!ok || end)
            return ok;
    }
}

static int by_key(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

static bool refuse_duplicate(reader *r, const entry *second)
{
    return error_set_line(r->err, ERR_INPUT, second->source->line, "bad YAML: the key \"%.64s\" occurs twice in one mapping",
                          second->key);
}

/* Of two entries with one key the later stays, if a merge made one of them; two in the text are a mistake.
 * What does not stay loses its value. */
static bool drop_doubled(reader *r, entry *entries, size_t count)
{
    if (count < 2)
        return true;
    qsort(entries, count, sizeof *entries, by_key);
    const source_node *seen = NULL;             /* the last one of this key that stands in this very mapping */
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && strcmp(entries[i - 1].key, entries[i].key) == 0;
        seen = same ? seen : NULL;
        if (seen && entries[i].source)
            return refuse_duplicate(r, &entries[i]);
        if (entries[i].source)
            seen = entries[i].source;
        if (same)
            entries[i - 1].value = NULL;
    }
    qsort(entries, count, sizeof *entries, by_order);
    return true;
}

/* Move the entries from `first` on into the object. */
static bool fill_object(reader *r, json *object, size_t first)
{
    size_t count = r->entry_count - first;
    entry *entries = count ? r->entries + first : NULL;
    r->entry_count = first;
    if (!drop_doubled(r, entries, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (entries[i].value && !json_add(r->arena, object, entries[i].key, entries[i].value))
            return full(r);
    return true;
}

static bool read_nested(reader *r, const yaml_event_t *event, json **value, source_node **source)
{
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    anchor *name;
    size_t first = r->entry_count;
    *value = mapping ? json_new_object(r->arena) : json_new_array(r->arena);
    *source = place_node(r, mapping ? SOURCE_OBJECT : SOURCE_ARRAY, event);
    if (!*value || !*source)
        return full(r);
    (*source)->flow = mapping ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                              : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    if (!add_anchor(r, mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor, *source, &name))
        return false;
    bool ok = mapping ? read_members(r, *source) && fill_object(r, *value, first) : read_elements(r, *value, *source);
    if (name)
        name->value = *value;
    (*source)->end = r->at.offset;
    return ok;
}

static bool read_counted(reader *r, const yaml_event_t *event, json **value, source_node **source)
{
    bool nested = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    anchor *name = NULL;
    r->depth += nested;
    bool ok = count_value(r, event);
    if (ok && nested)
        ok = read_nested(r, event, value, source);
    else if (ok && event->type == YAML_ALIAS_EVENT)
        ok = read_alias(r, event, value, source);
    else if (ok)
        ok = read_scalar(r, event, value, source) && add_anchor(r, event->data.scalar.anchor, *source, &name);
    if (name)
        name->value = *value;
    r->depth -= nested;
    return ok;
}

static bool read_event(reader *r, const yaml_event_t *event, json **value, source_node **source)
{
    *value = NULL;
    *source = NULL;
    if (event->type == YAML_SEQUENCE_END_EVENT) {
        offset_of(r, &event->end_mark);
        return true;
    }
    return read_counted(r, event, value, source);
}

/* ---- documents ---------------------------------------------------------- */

/* Events up to the first that is none of the stream's own: the document's root, or the end of the stream. */
static bool read_root(reader *r, json **root, source_node **source)
{
    yaml_event_t event;
    for (;;) {
        if (!next_event(r, &event))
            return false;
        if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT)
            break;
        yaml_event_delete(&event);
    }
    bool ok = event.type == YAML_STREAM_END_EVENT || read_event(r, &event, root, source);
    yaml_event_delete(&event);
    return ok;
}

/* What follows the root: one document, no more, and no rubbish behind it. */
static bool read_end(reader *r)
{
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return false;
        end = event.type == YAML_STREAM_END_EVENT;
        bool another = event.type == YAML_DOCUMENT_START_EVENT;
        if (another)
            refuse(r, &event, "a second document without --- before it");
        yaml_event_delete(&event);
        if (another)
            return false;
    }
    return true;
}

bool yaml_parse(json_arena *arena, const source_text *in, json **root, source_node **source, error *err)
{
    source_node *unwanted;
    reader r = { .arena = arena, .in = in, .at = { 0, in->start, in->line }, .err = err };
    source = source ? source : &unwanted;
    *root = NULL;
    *source = NULL;
    if (!yaml_parser_initialize(&r.parser))
        return full(&r);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)in->text + in->start, in->end - in->start);
    bool ok = read_root(&r, root, source) && (!*root || read_end(&r));
    yaml_parser_delete(&r.parser);
    free(r.entries);
    return ok;
}

/* ---- streams ------------------------------------------------------------ */

/* `---` or `...` at the start of a line, and nothing glued to it. */
static bool is_marker(const source_text *in, size_t at, const char *marker)
{
    return in->end - at >= 3 && memcmp(in->text + at, marker, 3) == 0 &&
           (in->end - at == 3 || strchr(" \t\r\n", in->text[at + 3]));
}

/* Blank, a comment or a directive. */
static bool is_head(const source_text *in, size_t at)
{
    if (at < in->end && in->text[at] == '%')
        return true;
    while (at < in->end && strchr(" \t\r", in->text[at]))
        at++;
    return at == in->end || in->text[at] == '\n' || in->text[at] == '#';
}

static size_t skip_blank(const source_text *in, size_t at, size_t end)
{
    while (at < end) {
        if (in->text[at] == '#')
            at = source_line_end(in, at);
        else if (strchr(" \t\r\n", in->text[at]))
            at++;
        else
            break;
    }
    return at < end ? at : end;
}

yaml_extent yaml_first_document(const source_text *in)
{
    size_t at = in->start;
    while (at < in->end && is_head(in, at))
        at = source_line_end(in, at);
    size_t content = is_marker(in, at, "---") ? at + 3 : at;
    if (content > at)
        at = source_line_end(in, at);
    while (at < in->end && !is_marker(in, at, "---")) {
        bool last = is_marker(in, at, "...");
        at = source_line_end(in, at);
        if (last)
            break;
    }
    return (yaml_extent){ skip_blank(in, content, at), at };
}
