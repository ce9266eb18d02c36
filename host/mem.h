/* mem.h - small allocations that never return NULL.
 *
 * For memory whose size a stranger cannot choose. What a stranger can make large
 * has a ceiling of its own: buf.h and json.h. When the system is out of memory
 * these print one line and abort: kubelet restarts us, the other replica serves. */
#ifndef CASTSLICE_MEM_H
#define CASTSLICE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));           /* not zeroed */
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));          /* zeroed */
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
void *mem_checked(void *block) __attribute__((returns_nonnull));                 /* for a library's small allocation */
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull, nonnull));
char *mem_strndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull, nonnull));

#endif
