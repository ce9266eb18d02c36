/* text.h - what C's own string functions do not answer. */
#ifndef CASTSLICE_TEXT_H
#define CASTSLICE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Do the `length` bytes at `text` end with `ending`? */
static inline bool text_ends_with(const char *text, size_t length, const char *ending)
{
    size_t n = strlen(ending);
    return length >= n && memcmp(text + length - n, ending, n) == 0;
}

#endif
