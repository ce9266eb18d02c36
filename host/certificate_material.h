/* certificate_material.h - what is to be inspected, read and parsed; for certificate*.c only.
 *
 * PEM files, or a manifest as kubectl prints them: Secrets with a tls.crt, and the configurations of webhooks, whose
 * caBundle says whom the API server trusts. */
#ifndef CASTSLICE_CERTIFICATE_MATERIAL_H
#define CASTSLICE_CERTIFICATE_MATERIAL_H

#include "certificate_inspect.h"

#include <openssl/x509.h>

/* What a server would show, and what it would prove itself with. */
typedef struct material_pair {
    char *name;                         /* "tls.crt", "all.yaml: Secret cast-slice/cast-slice-tls" */
    STACK_OF(X509) *chain;              /* never empty */
    EVP_PKEY *key;                      /* NULL: not known */
    const char *key_file;               /* where it came from when --key named it; borrowed */
    struct material_pair *next;
} material_pair;

/* Whom the API server trusts when it calls one webhook. */
typedef struct material_trust {
    char *name;                         /* "the CA file", "the caBundle of webhook pods.castops.io" */
    STACK_OF(X509) *anchors;            /* NULL: nobody, because of the fault */
    char *fault;                        /* a sentence: it is empty, or cannot be read; NULL: none */
    struct material_trust *next;
} material_trust;

typedef struct material {
    material_pair *pairs;               /* at least one */
    material_trust *trusts;             /* none: nobody said whom */
} material;

/* Read all that the question names. Its CA file counts instead of the manifest's caBundles, its key file instead of
 * the Secrets' keys. False and `err` (ERR_SYSTEM, the file first): a file cannot be read, holds no certificate, or is a
 * manifest whose webhooks all call other Services. Release it in any case. */
bool material_read(material *m, const certificate_question *q, error *err);

void material_release(material *m);

#endif
