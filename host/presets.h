/* presets.h - which presets of a bundle a Pod can get. */
#ifndef CASTSLICE_PRESETS_H
#define CASTSLICE_PRESETS_H

#include "buf.h"
#include "bundle.h"

#include <stdbool.h>
#include <stdint.h>

/* Can no Pod get `preset`, one of bundle_presets()? That is: no rule of policy.json gives it, and a Pod that opts in
 * and names it as its workload-type is refused, or gets another ratio. Then `why` has a sentence about it. A Pod that
 * the bundle leaves alone or forbids proves nothing. `cpu_ns`: budget of the one review that this takes. */
bool preset_is_out_of_reach(bundle *b, const json *preset, int64_t cpu_ns, buf *why);

#endif
