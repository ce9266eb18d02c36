/* nearest.h - "did you mean": the known word nearest to a mistyped one. */
#ifndef CASTSLICE_NEAREST_H
#define CASTSLICE_NEAREST_H

#include <stddef.h>

/* The word with the fewest edits, or NULL when every one differs in more than a third of its letters, rounded. */
const char *nearest_word(const char *word, const char *const *words, size_t count);

#endif
