/* report.h - what `castslice review` prints about one Pod. */
#ifndef CASTSLICE_REPORT_H
#define CASTSLICE_REPORT_H

#include "admission.h"
#include "buf.h"
#include "manifest.h"
#include "splice.h"

/* A Pod that was decided: allowed or denied, not failed. */
typedef struct report {
    const char *file;           /* as given */
    const manifest_pod *pod;
    review question;
    verdict verdict;
    size_t owner;               /* of its edits in the document's splice */
} report;

/* For people. `lines` holds the edits of the whole document; NULL when they could not be made: then
 * the operations are listed. */
void report_text(const report *r, const splice *lines, buf *out);

/* One line each, line break included. */
void report_json(const report *r, buf *out);
void report_patch(const report *r, buf *out);
void report_admission(const report *r, buf *out);

/* `text` with '?' for what a terminal might act on. */
void report_plain(const char *text, buf *out);

#endif
