/* frozen.h - values that never change: a bundle's JSON, and what a policy froze while it loaded.
 *
 * They lie outside the Lua heap, so that a large table costs a review nothing but what it
 * reads, and all threads may read them at once. Everything lives in the arena it was made in. */
#ifndef CASTSLICE_FROZEN_H
#define CASTSLICE_FROZEN_H

#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum frozen_type {
    FROZEN_NIL, FROZEN_FALSE, FROZEN_TRUE, FROZEN_INTEGER, FROZEN_NUMBER, FROZEN_STRING, FROZEN_LIST, FROZEN_MAP
} frozen_type;

typedef struct frozen frozen;
typedef struct frozen_pair frozen_pair;

struct frozen {
    frozen_type type;
    uint32_t count;                 /* bytes of a string, elements of a list, pairs of a map */
    union {
        int64_t integer;
        double number;
        const char *text;           /* terminated, but may hold zeros */
        const frozen *items;
        const frozen_pair *pairs;   /* sorted by key */
    } as;
};

struct frozen_pair { frozen key, value; };   /* the key is a string */

/* `node` as a value; whole numbers up to 2^53 become integers. False above the arena's ceiling. */
bool frozen_of_json(json_arena *arena, const json *node, frozen *out);

/* A copy of `length` bytes. False above the arena's ceiling, or when they are 4 GiB. */
bool frozen_text(json_arena *arena, const char *text, size_t length, frozen *out);

/* Sort what becomes a map. */
void frozen_sort(frozen_pair *pairs, size_t count);

/* The value of a key, NULL when the map has none or `map` is no map. Takes log n comparisons. */
const frozen *frozen_get(const frozen *map, const char *key, size_t length);

#endif
