#include "nearest.h"

#include <string.h>

enum { MAX_WORD = 64 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance, one row at a time. */
static size_t distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b), row[MAX_WORD + 1];
    if (m > MAX_WORD || n > MAX_WORD)
        return MAX_WORD;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = least(row[j - 1] + 1, above + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *nearest_word(const char *word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t fewest = MAX_WORD;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, words[i]);
        if (d < fewest && d <= (strlen(words[i]) + 1) / 3) {
            fewest = d;
            best = words[i];
        }
    }
    return best;
}
