/* certificate_names.h - the host names in a certificate; for certificate*.c only. */
#ifndef CASTSLICE_CERTIFICATE_NAMES_H
#define CASTSLICE_CERTIFICATE_NAMES_H

#include "buf.h"

#include <openssl/x509.h>
#include <stdbool.h>

/* Has it a subjectAltName at all? Without one Go refuses it whatever its common name says. */
bool names_any(X509 *x);

/* Is it for this host name? As Go's crypto/x509 asks: subjectAltName only, a `*` for the whole left-most label. */
bool names_match(X509 *x, const char *host);

/* Those it has, for people: "cast-slice.svc, *.example.org, 127.0.0.1". */
void names_write(X509 *x, buf *out);

#endif
