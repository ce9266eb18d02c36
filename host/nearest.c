#include "nearest.h"

#include <string.h>

enum { MAX_WORD = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours: "optimal string alignment". */
static size_t distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b), d[MAX_WORD + 1][MAX_WORD + 1];
    if (m > MAX_WORD || n > MAX_WORD)
        return MAX_WORD;
    for (size_t i = 0; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(least(d[i][j - 1], d[i - 1][j]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[m][n];
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
