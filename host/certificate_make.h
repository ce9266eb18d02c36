/* certificate_make.h - new certificates for the webhook's Service: ECDSA P-256, SHA-256, the names in subjectAltName. */
#ifndef CASTSLICE_CERTIFICATE_MAKE_H
#define CASTSLICE_CERTIFICATE_MAKE_H

#include "certificate.h"

#include <stdint.h>

/* What to make. Strings are borrowed. */
typedef struct certificate_order {
    const char *service, *namespace;    /* the certificate is for SERVICE.NAMESPACE.svc */
    int64_t days;                       /* how long it is good */
    const char *ca_file, *ca_key_file;  /* PEM, the authority that signs; both NULL: a new one, good for ten years or `days` */
} certificate_order;

/* PEM text, owned. */
typedef struct certificate_made {
    char *ca, *ca_key;                  /* ca_key is NULL when the authority was given */
    char *chain, *key;
    char end[16];                       /* the day it ends, at most the authority's: 2027-11-23 */
} certificate_made;

/* False and `err`: ERR_INPUT for a name that is no DNS label, ERR_SYSTEM for an authority that cannot sign (the file first). */
bool certificate_make(certificate_made *out, const certificate_order *order, error *err);
void certificate_made_release(certificate_made *m);     /* wipes the keys; also right on a zeroed one */

/* A self-signed one for `localhost`, 127.0.0.1, ::1 and the Service's usual names, good for a year, in memory only. */
bool certificate_self_made(certificate *c, error *err);

#endif
