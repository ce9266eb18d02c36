#include "buf.h"

#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(buf *b, size_t max)
{
    *b = (buf){ .max = max };
}

void buf_release(buf *b)
{
    free(b->data);
    *b = (buf){ .max = b->max };
}

void buf_clear(buf *b)
{
    b->len = 0;
    b->toobig = false;
    if (b->data)
        b->data[0] = '\0';
}

char *buf_take(buf *b, size_t *length)
{
    char *data = b->data ? b->data : mem_zalloc(1);
    if (length)
        *length = b->len;
    *b = (buf){ .max = b->max };
    return data;
}

/* Room for `length` more bytes and the terminator; false above the ceiling. */
static bool reserve(buf *b, size_t length)
{
    if (b->toobig || length > b->max - b->len) {
        b->toobig = true;
        return false;
    }
    if (b->len + length + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->len + length + 1)
            cap *= 2;
        b->data = mem_realloc(b->data, cap);
        b->cap = cap;
    }
    return true;
}

void buf_add(buf *b, const void *bytes, size_t length)
{
    if (!reserve(b, length))
        return;
    if (length > 0)
        memcpy(b->data + b->len, bytes, length);
    b->len += length;
    b->data[b->len] = '\0';
}

void buf_puts(buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_putc(buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length >= 0 && reserve(b, (size_t)length)) {
        vsnprintf(b->data + b->len, (size_t)length + 1, format, again);
        b->len += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void buf_base64(buf *b, const void *bytes, size_t length)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    enum { PAD = 64 };
    const unsigned char *in = bytes;
    if (!reserve(b, (length + 2) / 3 * 4))
        return;
    char *out = b->data + b->len;
    for (size_t i = 0; i < length; i += 3) {
        unsigned a = in[i], m = i + 1 < length ? in[i + 1] : 0, z = i + 2 < length ? in[i + 2] : 0;
        *out++ = alphabet[a >> 2];
        *out++ = alphabet[(a & 3) << 4 | m >> 4];
        *out++ = alphabet[i + 1 < length ? (m & 15) << 2 | z >> 6 : PAD];
        *out++ = alphabet[i + 2 < length ? z & 63 : PAD];
    }
    *out = '\0';
    b->len = (size_t)(out - b->data);
}
