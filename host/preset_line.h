/* preset_line.h - where in a policy's text a preset is written, for messages. */
#ifndef CASTSLICE_PRESET_LINE_H
#define CASTSLICE_PRESET_LINE_H

#include <stddef.h>

/* The line of the first `NAME =` or `["NAME"] =`, from 1; 0 when there is none, as for a table made in a loop. */
int preset_line(const char *text, size_t length, const char *name);

#endif
