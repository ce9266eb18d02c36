/* certificate.h - the serving certificate and its key, checked. OpenSSL lives here only.
 *
 * The result is PEM text that tls.c hands to GnuTLS: parsing, matching and
 * dating are done here, so that what is wrong is said in our words. */
#ifndef CASTSLICE_CERTIFICATE_H
#define CASTSLICE_CERTIFICATE_H

#include "error.h"

#include <stddef.h>
#include <time.h>

typedef struct certificate {
    char *chain_pem;        /* leaf first; owned */
    char *key_pem;          /* owned, wiped on release */
    time_t not_after;       /* of the leaf */
} certificate;

/* Read both files. False and `err` (ERR_SYSTEM, the file first): cannot be read, no PEM, not a pair,
 * expired, not yet valid, or of a kind that no API server accepts (no subjectAltName, SHA-1). */
bool certificate_read(certificate *c, const char *chain_file, const char *key_file, error *err);

/* A self-signed one for `localhost`, 127.0.0.1, ::1 and the Service's names, good for a year, in memory only. */
bool certificate_self_made(certificate *c, error *err);

void certificate_release(certificate *c);           /* also right on a zeroed one */

/* The day the leaf ends, as 2027-11-23 (UTC). */
void certificate_end(const certificate *c, char text[static 16]);

const char *certificate_library(void);              /* "OpenSSL 3.0.17 …" */

#endif
