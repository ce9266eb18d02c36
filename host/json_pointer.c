#include "json_pointer.h"

void json_pointer_put(buf *out, const char *token)
{
    for (; *token; token++) {
        if (*token == '~')
            buf_puts(out, "~0");
        else if (*token == '/')
            buf_puts(out, "~1");
        else
            buf_putc(out, *token);
    }
}

bool json_pointer_read(const char *from, size_t length, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        if (n + 1 >= size)
            return false;
        bool escaped = from[i] == '~' && i + 1 < length && (from[i + 1] == '0' || from[i + 1] == '1');
        const char *c = escaped ? &"~/"[from[++i] - '0'] : &from[i];
        out[n++] = *c;
    }
    out[n] = '\0';
    return true;
}
