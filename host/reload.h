/* reload.h - keeps policy and certificate as their files say, each change a transaction.
 *
 * What is new is read whole, checked, compiled and proved on a thread of its own; only
 * then one pointer is swapped. When anything is wrong, what is served goes on, and the
 * log, /metrics and /status say why. Unchanged content is no reload. */
#ifndef CASTSLICE_RELOAD_H
#define CASTSLICE_RELOAD_H

#include "current.h"
#include "options.h"
#include "standing.h"
#include "tls.h"

typedef struct reload reload;

/* The first load of both. NULL and `err` when one is broken; a broken bundle is none with
 * --policy-fallback=embedded. Borrows both arguments. */
reload *reload_new(const options *o, standing *s, error *err);
void reload_free(reload *r);                     /* ends the thread; NULL is fine */

current *reload_policy(reload *r);               /* lives as long as `r` */
tls *reload_tls(reload *r);

bool reload_start(reload *r, error *err);        /* watch, on a thread */
void reload_now(reload *r);                      /* wake the thread: reload both, changed or not; from any thread */

/* One look at both, on the caller's thread: what the thread does at each turn. */
void reload_look(reload *r, bool forced);

#endif
