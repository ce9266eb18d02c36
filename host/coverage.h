/* coverage.h - which lines of a bundle's Lua ran.
 *
 * Lines that count hold something to execute: no blank ones, no comments, nothing but `end`, `else` or brackets, and
 * not the line that opens a function, which Lua runs at the function's end. They are found by reading the text, since
 * Lua tells the lines of a function only once it has the function. */
#ifndef CASTSLICE_COVERAGE_H
#define CASTSLICE_COVERAGE_H

#include <stddef.h>

typedef struct coverage coverage;

coverage *coverage_new(void);
void coverage_free(coverage *c);                        /* NULL is fine */

/* One more file to watch; `path` as the chunk is called. Both are borrowed. */
void coverage_add(coverage *c, const char *path, const char *text, size_t length);

/* Line `line` of `path` ran; paths nobody added are none of our business. */
void coverage_mark(coverage *c, const char *path, int line);

/* How many lines count, and how many of them did not run. */
void coverage_count(const coverage *c, size_t *total, size_t *missed);

/* Calls `gap` for every run of lines that did not run, in order; `first` and `last` count, between them none ran. */
void coverage_gaps(const coverage *c, void (*gap)(void *context, const char *path, size_t first, size_t last), void *context);

#endif
