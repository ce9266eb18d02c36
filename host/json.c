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

/* The second member with the key of `member` or NULL. */
static const json *later_twin(const json *member)
{
    for (const json *other = member->next; other; other = other->next)
        if (same_key(member, other))
            return other;
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const json *const *)a)->string, (*(const json *const *)b)->string);
}

static const json *twin_by_sorting(json_arena *arena, const json *object, size_t count)
{
    const json **members = reserve(arena, count * sizeof *members);
    if (!members)
        return NULL;
    size_t n = 0;
    for (const json *m = object->child; m; m = m->next)
        members[n++] = m;
    qsort(members, n, sizeof *members, compare_keys);
    for (size_t i = 1; i < n; i++)
        if (compare_keys(&members[i - 1], &members[i]) == 0)
            return members[i];
    return NULL;
}

static const json *twin_in(json_arena *arena, const json *object)
{
    size_t count = json_size(object);
    if (count > FEW_MEMBERS)
        return twin_by_sorting(arena, object, count);
    for (const json *m = object->child; m; m = m->next) {
        const json *twin = later_twin(m);
        if (twin)
            return twin;
    }
    return NULL;
}

/* A member anywhere below `node` whose key its object has already. NULL when there is none,
 * or when the arena is full. */
static const json *find_twin(json_arena *arena, const json *node)
{
    const json *twin = json_is_object(node) ? twin_in(arena, node) : NULL;
    for (const json *child = node->child; child && !twin && !arena->full; child = child->next)
        if (child->child)
            twin = find_twin(arena, child);
    return twin;
}
