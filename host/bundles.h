/* bundles.h - the bundles that a folder on the command line stands for. */
#ifndef CASTSLICE_BUNDLES_H
#define CASTSLICE_BUNDLES_H

#include "error.h"

/* Call `f` for `dir` when it is a bundle (policy.lua or policy.json in it, or behind ..data), else for every subfolder
 * that is one, in the order of their names. False and `err` (ERR_SYSTEM) when there is none. */
bool bundles_each(const char *dir, void (*f)(const char *dir, void *context), void *context, error *err);

#endif
