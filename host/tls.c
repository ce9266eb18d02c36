#include "tls.h"

#include "mem.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MAX = 16 };        /* certificates a chain may have */

struct tls_pair {
    _Atomic size_t references;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned count;
    gnutls_privkey_t key;
};

struct tls {
    pthread_mutex_t lock;       /* around the pointer only */
    tls_pair *current;
};

const char *tls_library(void)
{
    return gnutls_check_version(NULL);
}

const char *tls_priorities(void)
{
    return "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
}

/* ---- a pair ------------------------------------------------------------- */

void tls_pair_unref(tls_pair *p)
{
    if (!p || atomic_fetch_sub(&p->references, 1) != 1)
        return;
    for (unsigned i = 0; i < p->count; i++)
        gnutls_pcert_deinit(&p->chain[i]);
    gnutls_privkey_deinit(p->key);
    free(p);
}

void tls_pair_show(tls_pair *p, struct gnutls_pcert_st **chain, unsigned *count, struct gnutls_privkey_st **key)
{
    *chain = p->chain;
    *count = p->count;
    *key = p->key;
}

/* GnuTLS borrows the text but has no `const`. */
static gnutls_datum_t text_of(char *pem)
{
    return (gnutls_datum_t){ .data = (unsigned char *)pem, .size = (unsigned)strlen(pem) };
}

static int import(tls_pair *p, const certificate *c)
{
    gnutls_datum_t chain = text_of(c->chain_pem), key = text_of(c->key_pem);
    int status = gnutls_privkey_init(&p->key);
    unsigned count = CHAIN_MAX;
    if (status == 0)
        status = gnutls_privkey_import_x509_raw(p->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (status == 0)
        status = gnutls_pcert_list_import_x509_raw(p->chain, &count, &chain, GNUTLS_X509_FMT_PEM, 0);
    if (status == 0)
        p->count = count;
    return status;
}

static tls_pair *pair_new(const certificate *c, error *err)
{
    tls_pair *p = mem_zalloc(sizeof *p);
    atomic_init(&p->references, 1);
    int status = import(p, c);
    if (status == 0)
        return p;
    error_set(err, ERR_SYSTEM, "the TLS library cannot use the certificate or its key: %s", gnutls_strerror(status));
    tls_pair_unref(p);
    return NULL;
}

/* ---- the pair in force -------------------------------------------------- */

tls *tls_new(const certificate *c, error *err)
{
    tls_pair *pair = pair_new(c, err);
    if (!pair)
        return NULL;
    tls *t = mem_zalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->current = pair;
    return t;
}

void tls_free(tls *t)
{
    if (!t)
        return;
    tls_pair_unref(t->current);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

tls_pair *tls_current(tls *t)
{
    pthread_mutex_lock(&t->lock);
    tls_pair *pair = t->current;
    atomic_fetch_add(&pair->references, 1);
    pthread_mutex_unlock(&t->lock);
    return pair;
}

bool tls_swap(tls *t, const certificate *c, error *err)
{
    tls_pair *pair = pair_new(c, err);
    if (!pair)
        return false;
    pthread_mutex_lock(&t->lock);
    tls_pair *before = t->current;
    t->current = pair;
    pthread_mutex_unlock(&t->lock);
    tls_pair_unref(before);
    return true;
}
