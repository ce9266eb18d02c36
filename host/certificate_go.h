/* certificate_go.h - what Go's crypto/x509 and crypto/tls, so the API server, take of one certificate; for
 * certificate*.c only. Each question is one that Go answers otherwise than OpenSSL does, or that OpenSSL does not ask. */
#ifndef CASTSLICE_CERTIFICATE_GO_H
#define CASTSLICE_CERTIFICATE_GO_H

#include <openssl/x509.h>
#include <stdbool.h>

enum { GO_RSA_MIN = 1024, GO_RSA_MAX = 8192 };      /* bits; since Go 1.24, and of what a server sends */

int go_rsa_bits(X509 *x);                           /* 0 when its key is not RSA */

/* Can it be parsed at all? No negative serial number, no curve but NIST's. */
bool go_parses(X509 *x);

/* Can a TLS server prove itself to Go with its key? RSA, P-256, P-384, P-521, Ed25519; sizes aside. */
bool go_serves(X509 *x);

/* Can Go check the signature on it? SHA-256 and better, by RSA, ECDSA and Ed25519. */
bool go_checks_signature(X509 *x);

/* May it sign others? CA:TRUE; an anchor of version 1, which cannot say so, may too. */
bool go_lets_sign(X509 *x, bool anchor);

/* Does its extended key usage, when it has one, hold serverAuth? Go asks the whole chain. */
bool go_lets_serve(X509 *x);

#endif
