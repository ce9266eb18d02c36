/* json_pointer.h - the tokens of a JSON Pointer (RFC 6901), where '~' is ~0 and '/' is ~1. */
#ifndef CASTSLICE_JSON_POINTER_H
#define CASTSLICE_JSON_POINTER_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

void json_pointer_put(buf *out, const char *token);      /* escaped, without a slash before it */

/* The `length` bytes of one token at `from`, unescaped and terminated, into `out`, which may be `from`.
 * False when `size` bytes are too few. */
bool json_pointer_read(const char *from, size_t length, char *out, size_t size);

#endif
