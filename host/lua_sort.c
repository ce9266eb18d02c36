#include "lua_sort.h"

#include <string.h>

typedef struct sorter {
    uint32_t *items, *scratch;
    lua_sort_less *less;
    void *context;
} sorter;

/* Merge [from, middle) and [middle, to). Two runs that are in order already cost one comparison. */
static void merge(const sorter *s, uint32_t from, uint32_t middle, uint32_t to)
{
    if (!s->less(s->context, s->items[middle], s->items[middle - 1]))
        return;
    memcpy(s->scratch + from, s->items + from, (middle - from) * sizeof *s->items);
    uint32_t left = from, right = middle, out = from;
    while (left < middle && right < to) {
        bool take_right = s->less(s->context, s->items[right], s->scratch[left]);
        s->items[out++] = take_right ? s->items[right++] : s->scratch[left++];
    }
    memcpy(s->items + out, s->scratch + left, (middle - left) * sizeof *s->items);
}

void lua_sort(uint32_t *items, uint32_t *scratch, uint32_t count, lua_sort_less *less, void *context)
{
    const sorter s = { items, scratch, less, context };
    for (uint64_t width = 1; width < count; width *= 2)
        for (uint64_t from = 0; from + width < count; from += 2 * width) {
            uint64_t to = from + 2 * width;
            merge(&s, (uint32_t)from, (uint32_t)(from + width), (uint32_t)(to < count ? to : count));
        }
}
