/* certificate_inspect.h - a certificate explained, and why the API server would refuse it.
 *
 * The API server is Go: what is asked here is what crypto/x509 Verify asks of a webhook's certificate. */
#ifndef CASTSLICE_CERTIFICATE_INSPECT_H
#define CASTSLICE_CERTIFICATE_INSPECT_H

#include "buf.h"
#include "error.h"

#include <stddef.h>

typedef struct certificate_question {
    const char *file;           /* PEM, the serving certificate first, or a manifest with Secrets; "-": stdin */
    const char *key_file;       /* PEM, its key; NULL: the Secret's, or not looked at */
    const char *ca_file;        /* PEM, what the caBundle holds; NULL: the manifest's, or who signed it is not looked at */
    const char *name;           /* the host name the API server asks for */
} certificate_question;

/* Describe every certificate in `out`, then what is wrong, one sentence a line, and add how many to `findings`.
 * False and `err`, and nothing written, when a file cannot be read or holds none. */
bool certificate_inspect(const certificate_question *q, buf *out, size_t *findings, error *err);

#endif
