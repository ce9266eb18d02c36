/* yaml_plain.h - what YAML 1.1 makes of a scalar without quotes, as kubectl reads it. */
#ifndef CASTSLICE_YAML_PLAIN_H
#define CASTSLICE_YAML_PLAIN_H

#include <stdbool.h>

typedef enum yaml_plain {
    YAML_PLAIN_STRING,
    YAML_PLAIN_NULL,            /* ~ null, and nothing at all */
    YAML_PLAIN_TRUE,            /* true yes on y */
    YAML_PLAIN_FALSE,           /* false no off n */
    YAML_PLAIN_NUMBER,          /* 1 1_000 0777 0o17 0x1F 0b1 1.5 .5 1e3 */
    YAML_PLAIN_INFINITE         /* .inf .nan: no JSON */
} yaml_plain;

/* *number is set for a number only. */
yaml_plain yaml_plain_resolve(const char *text, double *number);

/* Would `text`, written without quotes, be read as that very string, in a block and in braces? */
bool yaml_plain_is(const char *text);

#endif
