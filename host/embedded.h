/* embedded.h - the Lua files compiled into the program. */
#ifndef CASTSLICE_EMBEDDED_H
#define CASTSLICE_EMBEDDED_H

#include "vm.h"

#include <stdbool.h>

/* The file that `module` names, "policy" being the default policy. False when there is none. */
bool embedded_find(const char *module, vm_source *out);

#endif
