/* yaml.h - YAML as kubectl reads it, as the same tree JSON becomes. libyaml lives in yaml.c only.
 *
 * What a scalar without quotes means: yaml_plain.h. A quoted one is a string. `<<` merges in the order it stands, so what comes later
 * wins, as with kubectl. Every value also gets its place in the text (source.h). */
#ifndef CASTSLICE_YAML_H
#define CASTSLICE_YAML_H

#include "error.h"
#include "json.h"
#include "source.h"

#include <stdbool.h>
#include <stddef.h>

/* Parse the one document that fills the part. True with *root NULL when it holds none, only comments.
 * False and `err`: ERR_INPUT with the line of the whole text for bad grammar, a doubled key, a key that
 * is no text, an alias of nothing or of itself, too deep; ERR_TOO_LARGE for more than JSON_MAX_NODES
 * values, aliases resolved, or a full arena. `source` may be NULL. */
bool yaml_parse(json_arena *arena, const source_text *in, json **root, source_node **source, error *err);

/* Where the first document of a stream stands. */
typedef struct yaml_extent {
    size_t content;     /* its first byte past comments, directives and its `---`; `end` when there is none */
    size_t end;         /* just before the `---` of the next document, or just past its own `...` */
} yaml_extent;

yaml_extent yaml_first_document(const source_text *in);

const char *yaml_library(void);         /* the version of libyaml, for `castslice version` */

#endif
