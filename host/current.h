/* current.h - the bundle in force, behind one pointer.
 *
 * A review takes a reference, works, and gives it back: what a reload puts here
 * meanwhile is for the reviews after it. */
#ifndef CASTSLICE_CURRENT_H
#define CASTSLICE_CURRENT_H

#include "bundle.h"

typedef struct current current;

current *current_new(bundle *b);                 /* takes the reference */
void current_free(current *c);                   /* NULL is fine */

bundle *current_ref(current *c);                 /* a reference */
bundle *current_swap(current *c, bundle *b);     /* takes `b`, hands the one before to the caller */

#endif
