/* lua_sort.h - a stable merge sort that any comparison leaves standing.
 *
 * A comparison may be wrong (never twice the same answer) or raise a Lua error:
 * the sort still ends after n log n of them and owns nothing that could leak. */
#ifndef CASTSLICE_LUA_SORT_H
#define CASTSLICE_LUA_SORT_H

#include <stdbool.h>
#include <stdint.h>

typedef bool lua_sort_less(void *context, uint32_t a, uint32_t b);

/* Sort `items`, which are indices into something the context knows; `scratch` is as long. */
void lua_sort(uint32_t *items, uint32_t *scratch, uint32_t count, lua_sort_less *less, void *context);

#endif
