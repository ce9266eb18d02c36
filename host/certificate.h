/* certificate.h - the serving certificate and its key, checked.
 *
 * The result is PEM text that tls.c hands to GnuTLS: parsing, matching and
 * dating are done here, so that what is wrong is said in our words. certificate_make.h
 * makes them, certificate_inspect.h explains them; certificate*.c alone know OpenSSL. */
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
 * expired, not yet valid, or of a kind that no API server accepts (no subjectAltName, SHA-1), or not
 * for `name`, the host name the API server asks for (NULL: not checked). */
bool certificate_read(certificate *c, const char *chain_file, const char *key_file, const char *name, error *err);

void certificate_release(certificate *c);           /* also right on a zeroed one */

/* The day the leaf ends, as 2027-11-23 (UTC). */
void certificate_end(const certificate *c, char text[static 16]);

const char *certificate_library(void);              /* "OpenSSL 3.0.17 …" */

#endif
