/* tls.h - the certificate pair that GnuTLS shows to clients, behind one pointer.
 *
 * A pair never changes; a reload puts another in its place. A connection holds
 * a reference to the pair of its handshake until it closes, which is when GnuTLS
 * is done with it. */
#ifndef CASTSLICE_TLS_H
#define CASTSLICE_TLS_H

#include "certificate.h"
#include "error.h"

typedef struct tls tls;
typedef struct tls_pair tls_pair;

tls *tls_new(const certificate *c, error *err);         /* NULL and `err` when GnuTLS cannot use it */
void tls_free(tls *t);                                  /* NULL is fine */
bool tls_swap(tls *t, const certificate *c, error *err);/* for handshakes from now on; false and `err`: nothing changed */

tls_pair *tls_current(tls *t);                          /* a reference */
void tls_pair_unref(tls_pair *p);                       /* NULL is fine */

/* What GnuTLS wants in a handshake; borrowed from the pair. */
struct gnutls_pcert_st;
struct gnutls_privkey_st;
void tls_pair_show(tls_pair *p, struct gnutls_pcert_st **chain, unsigned *count, struct gnutls_privkey_st **key);

const char *tls_priorities(void);                       /* TLS 1.2 and 1.3, in GnuTLS's words */
const char *tls_library(void);                          /* GnuTLS's version */

#endif
