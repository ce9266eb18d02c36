#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Drop a character that was cut in two at the end, and whatever would break a line. */
static void tidy(char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0) {
        unsigned char lead = (unsigned char)text[start - 1];
        size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (length - (start - 1) < need)
            text[start - 1] = '\0';
    }
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
}

__attribute__((format(printf, 4, 0)))
void error_fill(error *err, error_kind kind, int line, const char *format, ...)
{
    if (!err)
        return;
    char text[sizeof err->text];                       /* the arguments may point into err->text */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tidy(text, strlen(text));
    err->kind = kind;
    err->line = line;
    memcpy(err->text, text, sizeof text);
}
