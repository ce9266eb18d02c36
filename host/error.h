/* error.h - what went wrong, as one sentence in the user's words.
 *
 * The callee fills an error, the caller decides what to do and whether to print.
 * The text names the file or the field first: "policy.lua:12: attempt to …".
 * Owned by the caller, usually on its stack; nothing in it is allocated. */
#ifndef CASTSLICE_ERROR_H
#define CASTSLICE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* Who is at fault; this decides the HTTP status and the exit status. */
typedef enum error_kind {
    ERR_NONE,
    ERR_INPUT,          /* the bytes we were given are not what they should be: 400, exit 2 */
    ERR_TOO_LARGE,      /* more than a limit allows: 413, exit 2 */
    ERR_POLICY,         /* the policy raised an error or returned nonsense: 500, exit 2 */
    ERR_POLICY_CPU,     /* the policy spent its CPU budget: 500, exit 2 */
    ERR_POLICY_TIME,    /* the policy ran until the API server's deadline: 500, exit 2 */
    ERR_POLICY_MEMORY,  /* the policy reached its memory cap: 500, exit 2 */
    ERR_INTERNAL,       /* our own mistake, found by a check: 500, exit 2 */
    ERR_SYSTEM          /* a file, a socket, a certificate: exit 2 */
} error_kind;

typedef struct error {
    error_kind kind;
    int line;           /* in the file the text is about, from 1; 0 when unknown */
    char text[1024];    /* one sentence, UTF-8, no newline, always terminated */
} error;

/* Fill `err` (NULL is fine). Text that does not fit is cut at a character boundary; control characters become '?'. */
void error_fill(error *err, error_kind kind, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static inline bool error_failed(void)
{
    return false;
}

/* Fill `err` and be false, so that a check can say `return error_set(err, ERR_INPUT, "…")`. Macros, so that
 * whoever reads the caller, a static analyser too, sees that it is false. */
#define error_set_line(err, kind, line, ...) (error_fill(err, kind, line, __VA_ARGS__), error_failed())
#define error_set(err, kind, ...) error_set_line(err, kind, 0, __VA_ARGS__)

#endif
