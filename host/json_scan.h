/* json_scan.h - the judge of JSON text: strict grammar in one pass, without memory.
 *
 * cJSON, which builds the tree, is lenient and cuts corners; what passes here it
 * reads as it was meant. Used by json.c only. */
#ifndef CASTSLICE_JSON_SCAN_H
#define CASTSLICE_JSON_SCAN_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

/* cJSON looks at no more characters of a number than these. */
#define JSON_SCAN_NUMBER 63

typedef struct json_scanned {
    bool rewrite;           /* holds what cJSON misreads: \u0000, or a number longer than JSON_SCAN_NUMBER */
    error_kind kind;        /* when it is refused: ERR_INPUT or ERR_TOO_LARGE … */
    const char *what;       /* … and why, a clause … */
    size_t offset;          /* … and where, in bytes */
} json_scanned;

/* Is `text` one JSON value (json_parse() says what is refused, but for doubled keys)? */
bool json_scan(const char *text, size_t length, json_scanned *out);

/* The offset of key number `nth` (from 0, in the order of the text) of a text that was accepted. */
size_t json_scan_key(const char *text, size_t length, size_t nth);

/* Copy a text that was accepted, with \u0000 as C0 80 and long numbers in short. `out` has room
 * for length + 1 bytes. Returns the length of the copy. */
size_t json_scan_rewrite(const char *text, size_t length, char *out);

#endif
