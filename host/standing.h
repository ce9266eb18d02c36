/* standing.h - what is being served, and how the last reload of it went: for /status and /metrics.
 *
 * Two subjects that reload alike. Paths, digests, dates and sentences for people; never a key. */
#ifndef CASTSLICE_STANDING_H
#define CASTSLICE_STANDING_H

#include "buf.h"
#include "digest.h"

#include <stdbool.h>
#include <time.h>

#define STANDING_SHORT_DIGEST 12  /* digits shown to people */

typedef enum standing_subject { STANDING_POLICY, STANDING_CERTIFICATE, STANDING_SUBJECTS } standing_subject;

typedef struct standing_served {
    const char *source;         /* folder or file, or a word for what has none; borrowed for ever */
    const char *digest;         /* hex; copied */
    bool fallback;              /* policy: not what was asked for */
    time_t expiry;              /* certificate: when it ends */
} standing_served;

typedef struct standing standing;

standing *standing_new(void);
void standing_free(standing *s);                    /* NULL is fine */

/* It is served from now on. `reload`: counts as one; the first load at start does not. */
void standing_loaded(standing *s, standing_subject which, const standing_served *served, bool reload);
/* What was served before goes on: at the start that is standing_loaded() without a reload. */
void standing_failed(standing *s, standing_subject which, const char *sentence, bool reload);
void standing_restored(standing *s, standing_subject which);  /* a failed change was taken back: a success without a change */

void standing_write_metrics(standing *s, buf *out); /* text format 0.0.4 */
void standing_write_page(standing *s, buf *out);    /* JSON */

#endif
