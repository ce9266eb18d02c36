/* utf8.h - one character at a time, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CASTSLICE_UTF8_H
#define CASTSLICE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at `s`, of which `length` bytes are left: its bytes (1 to 4) and `*code`. 0 when it is none. */
size_t utf8_decode(const char *s, size_t length, uint32_t *code);

bool utf8_valid(const char *s, size_t length);

#endif
