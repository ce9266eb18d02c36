#include "json.h"

#include "json_scan.h"
#include "mem.h"

#include <cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *json_library(void)
{
    return cJSON_Version();
}

/* ---- the arena ---------------------------------------------------------- */

/* The first chunk lies in the arena itself and is enough for most reviews. */
#define FIRST_CHUNK ((size_t)48 * 1024)

typedef struct chunk {
    struct chunk *next;
    alignas(16) char bytes[];
} chunk;

struct json_arena {
    char *at, *end;             /* what is left of the newest chunk */
    chunk *chunks;              /* all but the first */
    size_t next_size;           /* of the chunk to come */
    size_t unreserved;          /* how many bytes more the ceiling leaves for chunks */
    size_t used;
    bool full;                  /* something was refused */
    alignas(16) char first[FIRST_CHUNK];
};

json_arena *json_arena_new(size_t cap)
{
    json_arena *arena = mem_alloc(sizeof *arena);
    size_t first = cap < FIRST_CHUNK ? cap : FIRST_CHUNK;
    arena->at = arena->first;
    arena->end = arena->first + first;
    arena->chunks = NULL;
    arena->next_size = FIRST_CHUNK * 2;
    arena->unreserved = cap - first;
    arena->used = 0;
    arena->full = false;
    return arena;
}

void json_arena_free(json_arena *arena)
{
    while (arena && arena->chunks) {
        chunk *c = arena->chunks;
        arena->chunks = c->next;
        free(c);
    }
    free(arena);
}

/* Chunks double, so a large document makes few of them. */
static bool add_chunk(json_arena *arena, size_t size)
{
    size_t room = size > arena->next_size ? size : arena->next_size;
    if (room > arena->unreserved)
        room = arena->unreserved;
    chunk *c = size <= room ? malloc(sizeof *c + room) : NULL;     /* a stranger chooses how much: it may fail */
    if (!c)
        return false;
    c->next = arena->chunks;
    arena->chunks = c;
    arena->at = c->bytes;
    arena->end = c->bytes + room;
    arena->unreserved -= room;
    arena->next_size = room * 2;
    return true;
}

/* 16-byte aligned, not zeroed; NULL above the ceiling. */
static void *reserve(json_arena *arena, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded < size || (rounded > (size_t)(arena->end - arena->at) && !add_chunk(arena, rounded))) {
        arena->full = true;
        return NULL;
    }
    void *block = arena->at;
    arena->at += rounded;
    arena->used += rounded;
    return block;
}

void *json_arena_alloc(json_arena *arena, size_t size)
{
    void *block = reserve(arena, size);
    return block ? memset(block, 0, size) : NULL;
}

char *json_arena_strdup(json_arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? reserve(arena, length + 1) : NULL;
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *json_arena_encode(json_arena *arena, const char *text, size_t length)
{
    char *out = json_arena_alloc(arena, 2 * length + 1), *end = out;
    for (size_t i = 0; out && i < length; i++)
        if (text[i]) {
            *end++ = text[i];
        } else {
            *end++ = '\xC0';
            *end++ = '\x80';
        }
    return out;
}

size_t json_arena_used(const json_arena *arena)
{
    return arena->used;
}

/* ---- cJSON's allocator -------------------------------------------------- */

/* cJSON's hooks are process-wide and know no context, so the arena of the parse under way is the thread's. */
static _Thread_local json_arena *current;

static void *hook_malloc(size_t size)
{
    return current ? reserve(current, size) : NULL;
}

static void hook_free(void *block)
{
    (void)block;                /* dies with the arena */
}

static void set_hooks(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){ .malloc_fn = hook_malloc, .free_fn = hook_free });
}

static json *build_tree(json_arena *arena, const char *text, size_t length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_hooks);
    current = arena;
    json *root = cJSON_ParseWithLengthOpts(text, length, NULL, false);
    current = NULL;
    return root;
}

/* ---- keys that occur twice ---------------------------------------------- */

/* Below this, comparing every pair is cheaper than sorting. */
#define FEW_MEMBERS 12

static bool same_key(const json *a, const json *b)
{
    return a->string[0] == b->string[0] && strcmp(a->string, b->string) == 0;
}

/* The second member with the key of `member`, or NULL. */
static const json *second_of(const json *object, const json *member)
{
    bool seen = false;
    for (const json *other = object->child; other; other = other->next) {
        if (seen && same_key(member, other))
            return other;
        seen |= same_key(member, other);
    }
    return NULL;
}

typedef struct entry {
    const char *key;
    const json *member;
} entry;

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const entry *)a)->key, ((const entry *)b)->key);
}

static const json *duplicate_by_sorting(json_arena *arena, const json *object, size_t count)
{
    entry *entries = reserve(arena, count * sizeof *entries);
    if (!entries)
        return NULL;
    size_t n = 0;
    for (const json *m = object->child; m; m = m->next)
        entries[n++] = (entry){ m->string, m };
    qsort(entries, n, sizeof *entries, compare_entries);
    for (size_t i = 1; i < n; i++)
        if (strcmp(entries[i - 1].key, entries[i].key) == 0)
            return second_of(object, entries[i].member);
    return NULL;
}

static const json *duplicate_in(json_arena *arena, const json *object)
{
    size_t count = json_size(object);
    if (count > FEW_MEMBERS)
        return duplicate_by_sorting(arena, object, count);
    for (const json *m = object->child; m; m = m->next)
        for (const json *later = m->next; later; later = later->next)
            if (same_key(m, later))
                return later;
    return NULL;
}

/* A member anywhere below `node` whose key its object has already. NULL when there is none,
 * or when the arena is full. */
static const json *find_duplicate(json_arena *arena, const json *node)
{
    const json *duplicate = json_is_object(node) ? duplicate_in(arena, node) : NULL;
    for (const json *child = node->child; child && !duplicate && !arena->full; child = child->next)
        if (child->child)
            duplicate = find_duplicate(arena, child);
    return duplicate;
}

/* Which key of the document `wanted` is, from 0, in the order of the text. */
static bool count_keys(const json *node, const json *wanted, size_t *count)
{
    bool keyed = json_is_object(node);
    for (const json *child = node->child; child; child = child->next) {
        if (child == wanted)
            return true;
        *count += keyed;
        if (count_keys(child, wanted, count))
            return true;
    }
    return false;
}

/* ---- parsing ------------------------------------------------------------ */

#define SHOWN_KEY 64            /* bytes of a key in a message */

static int line_at(const char *text, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset; i++)
        line += text[i] == '\n';
    return line;
}

static json *refuse(const char *text, const json_scanned *scanned, error *err)
{
    int line = line_at(text, scanned->offset);
    error_set_line(err, scanned->kind, line, "bad JSON: %s (byte %zu)", scanned->what, scanned->offset);
    return NULL;
}

static json *refuse_full(error *err)
{
    error_set(err, ERR_TOO_LARGE, "JSON that needs more memory than one document may use");
    return NULL;
}

/* A length of at most `limit` that does not cut a character in two. */
static int shown_length(const char *text, size_t limit)
{
    size_t length = strlen(text);
    if (length <= limit)
        return (int)length;
    while (limit > 0 && ((unsigned char)text[limit] & 0xC0) == 0x80)
        limit--;
    return (int)limit;
}

static json *refuse_duplicate(const char *text, size_t length, const json *root, const json *duplicate, error *err)
{
    size_t nth = 0;
    count_keys(root, duplicate, &nth);
    int line = line_at(text, json_scan_key(text, length, nth)), shown = shown_length(duplicate->string, SHOWN_KEY);
    error_set_line(err, ERR_INPUT, line, "bad JSON: the key \"%.*s%s\" occurs twice in one object", shown, duplicate->string,
                   duplicate->string[shown] ? "…" : "");
    return NULL;
}

/* The text as cJSON must see it. NULL when the arena is full. */
static const char *rewrite(json_arena *arena, const char *text, size_t *length)
{
    char *copy = reserve(arena, *length + 1);
    if (copy)
        *length = json_scan_rewrite(text, *length, copy);
    return copy;
}

json *json_parse(json_arena *arena, const char *text, size_t length, error *err)
{
    json_scanned scanned;
    if (!json_scan(text, length, &scanned))
        return refuse(text, &scanned, err);
    size_t readable_length = length;
    const char *readable = scanned.rewrite ? rewrite(arena, text, &readable_length) : text;
    json *root = readable ? build_tree(arena, readable, readable_length) : NULL;
    if (!root)
        return refuse_full(err);
    arena->full = false;
    const json *duplicate = find_duplicate(arena, root);
    if (duplicate)
        return refuse_duplicate(text, length, root, duplicate, err);
    return arena->full ? refuse_full(err) : root;
}

/* ---- reading ------------------------------------------------------------ */

json *json_get(const json *object, const char *key)
{
    if (!json_is_object(object))
        return NULL;
    for (json *member = object->child; member; member = member->next)
        if (strcmp(member->string, key) == 0)
            return member;
    return NULL;
}

size_t json_size(const json *node)
{
    size_t count = 0;
    for (const json *child = json_first(node); child; child = child->next)
        count++;
    return count;
}

json *json_first(const json *node)
{
    return node ? node->child : NULL;
}

json *json_next(const json *node)
{
    return node ? node->next : NULL;
}

const char *json_key(const json *member)
{
    return member ? member->string : NULL;
}

const char *json_string(const json *node)
{
    return json_is_string(node) ? node->valuestring : NULL;
}

const char *json_text(const json *object, const char *key)
{
    const char *text = json_string(json_get(object, key));
    return text ? text : "";
}

bool json_number(const json *node, double *value)
{
    if (!json_is_number(node))
        return false;
    *value = node->valuedouble;
    return true;
}

static bool is_type(const json *node, int type)
{
    return node && (node->type & 0xFF) == type;
}

bool json_is_true(const json *node)
{
    return is_type(node, cJSON_True);
}

bool json_is_object(const json *node)
{
    return is_type(node, cJSON_Object);
}

bool json_is_array(const json *node)
{
    return is_type(node, cJSON_Array);
}

bool json_is_string(const json *node)
{
    return is_type(node, cJSON_String);
}

bool json_is_number(const json *node)
{
    return is_type(node, cJSON_Number);
}

bool json_is_bool(const json *node)
{
    return is_type(node, cJSON_True) || is_type(node, cJSON_False);
}

bool json_is_null(const json *node)
{
    return is_type(node, cJSON_NULL);
}

/* ---- building and changing ---------------------------------------------- */

static json *new_node(json_arena *arena, int type)
{
    json *node = json_arena_alloc(arena, sizeof *node);
    if (node)
        node->type = type;
    return node;
}

json *json_new_object(json_arena *arena)
{
    return new_node(arena, cJSON_Object);
}

json *json_new_array(json_arena *arena)
{
    return new_node(arena, cJSON_Array);
}

json *json_new_string(json_arena *arena, const char *text)
{
    json *node = new_node(arena, cJSON_String);
    if (node)
        node->valuestring = json_arena_strdup(arena, text, strlen(text));
    return node && node->valuestring ? node : NULL;
}

json *json_new_number(json_arena *arena, double value)
{
    json *node = new_node(arena, cJSON_Number);
    if (node)
        cJSON_SetNumberHelper(node, value);
    return node;
}

json *json_new_bool(json_arena *arena, bool value)
{
    return new_node(arena, value ? cJSON_True : cJSON_False);
}

json *json_new_null(json_arena *arena)
{
    return new_node(arena, cJSON_NULL);
}

bool json_add(json_arena *arena, json *object, const char *key, json *value)
{
    char *name = value ? json_arena_strdup(arena, key, strlen(key)) : NULL;
    if (!name)
        return false;
    value->string = name;
    return json_append(object, value);
}

bool json_append(json *array, json *value)
{
    return array && value && cJSON_AddItemToArray(array, value);
}

bool json_remove(json *object, const char *key)
{
    json *member = json_get(object, key);
    return member && cJSON_DetachItemViaPointer(object, member);
}

/* ---- writing ------------------------------------------------------------ */

static bool needs_escape(const char *p)
{
    unsigned char c = (unsigned char)*p;
    return c < 0x20 || c == '"' || c == '\\' || (c == 0xC0 && (unsigned char)p[1] == 0x80);
}

static void write_escape(buf *out, const char *p)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *l = letters; *l; l += 2) {
        if (*l == *p) {
            buf_add(out, (char[]){ '\\', l[1] }, 2);
            return;
        }
    }
    unsigned char c = (unsigned char)*p;
    buf_printf(out, "\\u%04x", c < 0x20 ? c : 0U);
}

void json_write_string(buf *out, const char *text)
{
    buf_putc(out, '"');
    for (const char *plain = text, *p = text;; p = plain) {
        while (*p && !needs_escape(p))
            p++;
        buf_add(out, plain, (size_t)(p - plain));
        if (!*p)
            break;
        write_escape(out, p);
        plain = p + ((unsigned char)*p == 0xC0 ? 2 : 1);
    }
    buf_putc(out, '"');
}

void json_format_number(char out[JSON_NUMBER_TEXT], double value)
{
    if (!isfinite(value)) {
        snprintf(out, JSON_NUMBER_TEXT, "null");
        return;
    }
    if (fabs(value) <= 9007199254740992.0 && value == trunc(value)) {
        snprintf(out, JSON_NUMBER_TEXT, "%.0f", value);
        return;
    }
    int precision = 15;
    do
        snprintf(out, JSON_NUMBER_TEXT, "%.*g", precision, value);
    while (strtod(out, NULL) != value && precision++ < 17);
}

static void write_number(buf *out, double value)
{
    char text[JSON_NUMBER_TEXT];
    json_format_number(text, value);
    buf_puts(out, text);
}

static void write_items(buf *out, const json *node, char open, char close)
{
    buf_putc(out, open);
    for (const json *child = node->child; child; child = child->next) {
        if (child != node->child)
            buf_putc(out, ',');
        if (open == '{') {
            json_write_string(out, child->string);
            buf_putc(out, ':');
        }
        json_write(out, child);
    }
    buf_putc(out, close);
}

void json_write(buf *out, const json *node)
{
    switch (node ? node->type & 0xFF : cJSON_NULL) {
    case cJSON_Object:
        write_items(out, node, '{', '}');
        break;
    case cJSON_Array:
        write_items(out, node, '[', ']');
        break;
    case cJSON_String:
        json_write_string(out, node->valuestring);
        break;
    case cJSON_Number:
        write_number(out, node->valuedouble);
        break;
    case cJSON_NULL:
        buf_puts(out, "null");
        break;
    default:
        buf_puts(out, json_is_true(node) ? "true" : "false");
    }
}
