#include "limit_range.h"

#include <string.h>

static const char prefix[] = "LimitRanger plugin set: ";

const char *limit_range_begin(const char *annotation)
{
    size_t n = sizeof prefix - 1;
    return annotation && strncmp(annotation, prefix, n) == 0 ? annotation + n : NULL;
}

/* Does `text` end with `end`? Then it is cut off. */
static bool cut(const char *text, size_t *length, const char *end)
{
    size_t n = strlen(end);
    if (*length < n || memcmp(text + *length - n, end, n) != 0)
        return false;
    *length -= n;
    return true;
}

static bool is_about(const char *segment, size_t length, const char *name, bool init)
{
    return cut(segment, &length, name) && cut(segment, &length, init ? " for init container " : " for container ");
}

limit_range_note limit_range_next(const char **at, const char *name, bool init)
{
    limit_range_note note = { *at, 0 };
    while (*at) {
        const char *end = strstr(*at, "; ");
        size_t length = end ? (size_t)(end - *at) : strlen(*at);
        if (!is_about(*at, length, name, init))
            break;
        note.length = (size_t)(*at - note.text) + length;
        *at = end ? end + 2 : NULL;
    }
    return note;
}

bool limit_range_wrote(const limit_range_note *note, const char *resource)
{
    const char *text = note->text;
    size_t left = note->length, wanted = strlen(resource);
    while (left > 0) {
        size_t word = 0;
        while (word < left && !strchr(" ,;", text[word]))
            word++;
        if (word == wanted && memcmp(text, resource, wanted) == 0)
            return true;
        word += word < left;
        text += word;
        left -= word;
    }
    return false;
}
