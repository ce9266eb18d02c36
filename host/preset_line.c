#include "preset_line.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind a name: perhaps the rest of ["NAME"], spaces, and one equals sign. */
static bool is_set(const char *p, const char *end)
{
    while (p < end && strchr("\"'] \t", *p))
        p++;
    return p < end && *p == '=' && !(p + 1 < end && p[1] == '=');
}

int preset_line(const char *text, size_t length, const char *name)
{
    const char *end = text + length;
    size_t size = strlen(name);
    int line = 1;
    for (const char *p = text; size && (size_t)(end - p) >= size; p++) {
        line += *p == '\n';
        if (memcmp(p, name, size) == 0 && !(p > text && is_word(p[-1])) && is_set(p + size, end))
            return line;
    }
    return 0;
}
