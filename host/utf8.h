/* utf8.h - one character at a time, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CASTSLICE_UTF8_H
#define CASTSLICE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at `s`, of which `length` bytes are left: its bytes (1 to 4) and `*code`. 0 when it is none. */
size_t utf8_decode(const char *s, size_t length, uint32_t *code);

bool utf8_valid(const char *s, size_t length);

/* The bytes of a byte order mark that `s` begins with: 3, or 0. */
size_t utf8_mark(const char *s, size_t length);

/* Copy as many whole characters as fit into `size` bytes, terminator included, with ? for each byte that is of none. Returns
 * the length of the copy. */
size_t utf8_copy(char *out, size_t size, const char *s, size_t length);

#endif
