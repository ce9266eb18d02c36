/* embedded.h - the Lua files compiled into the program. */
#ifndef CASTSLICE_EMBEDDED_H
#define CASTSLICE_EMBEDDED_H

#include "vm.h"

#include <stdbool.h>

/* The file that `module` names, "policy" being the default policy. False when there is none. */
bool embedded_find(const char *module, vm_source *out);

/* Calls `f` with the modules that are needed only while a bundle loads: the image does without them. */
void embedded_each_passing(void (*f)(void *context, const char *module), void *context);

#endif
