#include "frozen.h"

#include <stdlib.h>
#include <string.h>

/* ---- strings and keys ----------------------------------------------------- */

bool frozen_text(json_arena *arena, const char *text, size_t length, frozen *out)
{
    char *copy = length < UINT32_MAX ? json_arena_strdup(arena, text, length) : NULL;
    *out = (frozen){ .type = FROZEN_STRING, .count = (uint32_t)length, .as.text = copy };
    return copy != NULL;
}

/* The two bytes that json.h hands a U+0000 on as become one again. */
static bool text_of_json(json_arena *arena, const char *text, frozen *out)
{
    size_t length = strlen(text);
    char *copy = json_arena_strdup(arena, text, length);
    uint32_t n = 0;
    if (!copy || length >= UINT32_MAX)
        return false;
    for (const char *from = text; *from; from++, n++) {
        bool zero = from[0] == '\xC0' && from[1] == '\x80';
        copy[n] = *from;
        if (zero)
            copy[n] = '\0';
        from += zero;
    }
    copy[n] = '\0';
    *out = (frozen){ .type = FROZEN_STRING, .count = n, .as.text = copy };
    return true;
}

static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_key(const void *a, const void *b)
{
    const frozen *x = &((const frozen_pair *)a)->key, *y = &((const frozen_pair *)b)->key;
    return compare(x->as.text, x->count, y->as.text, y->count);
}

void frozen_sort(frozen_pair *pairs, size_t count)
{
    qsort(pairs, count, sizeof *pairs, by_key);
}

const frozen *frozen_get(const frozen *map, const char *key, size_t length)
{
    size_t from = 0, to = map->type == FROZEN_MAP ? map->count : 0;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const frozen_pair *p = &map->as.pairs[middle];
        int order = compare(key, length, p->key.as.text, p->key.count);
        if (order == 0)
            return &p->value;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* ---- from JSON -------------------------------------------------------------- */

static bool list_of_json(json_arena *arena, const json *node, frozen *out)
{
    frozen *items = json_arena_alloc(arena, (json_size(node) + 1) * sizeof *items);
    uint32_t n = 0;
    for (const json *e = json_first(node); items && e; e = json_next(e))
        if (!frozen_of_json(arena, e, &items[n++]))
            return false;
    *out = (frozen){ .type = FROZEN_LIST, .count = n, .as.items = items };
    return items != NULL;
}

static bool map_of_json(json_arena *arena, const json *node, frozen *out)
{
    frozen_pair *pairs = json_arena_alloc(arena, (json_size(node) + 1) * sizeof *pairs);
    uint32_t n = 0;
    for (const json *m = json_first(node); pairs && m; m = json_next(m), n++)
        if (!text_of_json(arena, json_key(m), &pairs[n].key) || !frozen_of_json(arena, m, &pairs[n].value))
            return false;
    if (!pairs)
        return false;
    frozen_sort(pairs, n);
    *out = (frozen){ .type = FROZEN_MAP, .count = n, .as.pairs = pairs };
    return true;
}

static void number_of_json(double value, frozen *out)
{
    const double exact = 9007199254740992.0;
    if (value >= -exact && value <= exact && value == (double)(int64_t)value)
        *out = (frozen){ .type = FROZEN_INTEGER, .as.integer = (int64_t)value };
    else
        *out = (frozen){ .type = FROZEN_NUMBER, .as.number = value };
}

bool frozen_of_json(json_arena *arena, const json *node, frozen *out)
{
    double number;
    *out = (frozen){ .type = FROZEN_NIL };
    if (json_number(node, &number))
        number_of_json(number, out);
    else if (json_is_string(node))
        return text_of_json(arena, json_string(node), out);
    else if (json_is_array(node))
        return list_of_json(arena, node, out);
    else if (json_is_object(node))
        return map_of_json(arena, node, out);
    else if (json_is_bool(node))
        out->type = json_is_true(node) ? FROZEN_TRUE : FROZEN_FALSE;
    return true;
}
