/* certificate_pem.h - certificates and keys as PEM text and files; for certificate*.c only, which alone know OpenSSL. */
#ifndef CASTSLICE_CERTIFICATE_PEM_H
#define CASTSLICE_CERTIFICATE_PEM_H

#include "error.h"

#include <openssl/x509.h>
#include <time.h>

/* A copy in a BIO that wipes it when freed. */
BIO *pem_text(const char *bytes, size_t length);

/* The file ("-": stdin) in such a BIO. NULL and `err` (ERR_SYSTEM, the file first). */
BIO *pem_load(const char *file, error *err);

/* Every certificate in it, in its order; NULL and `err` when there is none. `file` is for the sentence. */
STACK_OF(X509) *pem_chain(BIO *in, const char *file, error *err);

/* Its private key; NULL and `err` when there is none, or it wants a pass phrase. */
EVP_PKEY *pem_key(BIO *in, const char *file, error *err);

/* Written anew, so that comments and whatever else a file held go no further. The caller frees; wipe a key's. */
char *pem_of_certificate(X509 *x);
char *pem_of_chain(STACK_OF(X509) *chain);
char *pem_of_key(const EVP_PKEY *key);
void pem_wipe(char *text);                              /* overwrites and frees; NULL is fine */

time_t pem_seconds(const ASN1_TIME *t);
void pem_day(time_t when, char text[static 16]);        /* 2027-11-23, UTC */

#endif
