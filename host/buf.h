/* buf.h - a growable text with a ceiling.
 *
 * Invariants: data[len] is '\0' once anything was added; len <= max. An addition
 * that would pass the ceiling adds nothing, sets `toobig` and every later one is
 * ignored too, so a writer checks once, at the end.
 * The buf owns `data`; pointers into it are valid until the next addition. */
#ifndef CASTSLICE_BUF_H
#define CASTSLICE_BUF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct buf {
    char *data;         /* NULL until the first addition */
    size_t len;         /* bytes in use, without the terminator */
    size_t cap;         /* bytes allocated */
    size_t max;         /* the ceiling in bytes */
    bool toobig;
} buf;

void buf_init(buf *b, size_t max);
void buf_release(buf *b);                               /* also right on a zeroed buf */
void buf_clear(buf *b);                                 /* empties, keeps the memory */
char *buf_take(buf *b, size_t *length);                 /* hands `data` to the caller, who frees it; never NULL */

void buf_add(buf *b, const void *bytes, size_t length);
void buf_puts(buf *b, const char *text);
void buf_putc(buf *b, char c);
void buf_printf(buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Standard alphabet, with padding, no line breaks (RFC 4648 section 4). */
void buf_base64(buf *b, const void *bytes, size_t length);

#endif
