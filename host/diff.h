/* diff.h - the lines of a text that a splice changes, for people. */
#ifndef CASTSLICE_DIFF_H
#define CASTSLICE_DIFF_H

#include "buf.h"
#include "splice.h"

/* The lines that `owner` changes, before (-) and after (+), the old ones numbered, `margin` spaces in.
 * False, and `out` unchanged, when it changes none or when a line is too long to be looked at. */
bool diff_write(const splice *s, size_t owner, int margin, buf *out);

#endif
