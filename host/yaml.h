/* yaml.h - YAML as kubectl reads it, as the same tree JSON becomes. libyaml lives in yaml.c only.
 *
 * YAML 1.1 plain scalars (true/yes/on, null/~, numbers), merge keys and aliases are
 * resolved; doubled keys are refused, aliases are bounded by the arena's ceiling and
 * JSON_MAX_NODES. For splicing a change into the text, every value knows where it stands. */
#ifndef CASTSLICE_YAML_H
#define CASTSLICE_YAML_H

#include "error.h"
#include "json.h"

#include <stdbool.h>
#include <stddef.h>

#endif
