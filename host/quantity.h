/* quantity.h - Kubernetes quantities, exactly.
 *
 * Source of the grammar: k8s.io/apimachinery pkg/api/resource/quantity.go
 * (ParseQuantity): sign, digits with at most one point, and a suffix: n u m k M G
 * T P E, Ki Mi Gi Ti Pi Ei, or e/E with a signed exponent. What is finer than a
 * nano is rounded away from zero, as Kubernetes does. */
#ifndef CASTSLICE_QUANTITY_H
#define CASTSLICE_QUANTITY_H

#include "json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 quantity_nano;

typedef struct quantity {
    bool negative;          /* false for zero */
    quantity_nano nano;     /* the magnitude in billionths; saturates at its maximum */
} quantity;

bool quantity_parse(const char *text, size_t length, quantity *out);  /* false: not a quantity */
bool quantity_read(const json *node, quantity *out);                  /* a JSON string, spaces around it allowed, or number */
bool quantity_equal(quantity a, quantity b);                          /* saturated values are equal to nothing */

/* The value as a whole number above zero, at most INT64_MAX; false when it is zero, negative, fractional or larger. */
bool quantity_whole(quantity q, int64_t *out);

#endif
