/* heap.h - the memory of one Lua state: one fixed block that can go back in time.
 *
 * Blocks and the header that accounts for them lie in one mapping, so copying its used part
 * aside (the image) and back later undoes everything that happened in between.
 * Every operation takes the same bounded time whatever was allocated before:
 * free blocks lie in bins by size, neighbours that are free are joined at once. */
#ifndef CASTSLICE_HEAP_H
#define CASTSLICE_HEAP_H

#include <stddef.h>

typedef struct heap heap;

heap *heap_new(size_t size);                             /* `size` in bytes for blocks; NULL when the system refuses */
void heap_free(heap *h);                                 /* NULL is fine; every block dies with it */

/* `old` is NULL or a block of this heap. NULL when there is no room, `old` is then as it was.
 * 8-byte aligned. Making a block smaller always succeeds. */
void *heap_resize(heap *h, void *old, size_t size);
void heap_release(heap *h, void *old);                   /* NULL is fine */

size_t heap_peak(const heap *h);                         /* most bytes in use at once since heap_snapshot() or heap_restore() */

void heap_snapshot(heap *h);                                 /* remember everything as it is now */
void heap_restore(heap *h);                              /* make it so again; only after heap_snapshot() */
size_t heap_image(const heap *h);                        /* bytes that heap_restore() copies */

#endif
