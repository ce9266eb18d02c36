#include "certificate_make.h"

#include "buf.h"
#include "certificate_go.h"
#include "certificate_pem.h"
#include "mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "cast-slice-webhook.cast-slice"

enum { DAY = 24 * 3600, SKEW = 300, CA_DAYS = 3650 };

/* A certificate and its key. */
typedef struct pair {
    X509 *x;
    EVP_PKEY *key;
} pair;

static void pair_release(pair *p)
{
    X509_free(p->x);
    EVP_PKEY_free(p->key);
    *p = (pair){ 0 };
}

static bool failed(error *err)
{
    error_set(err, ERR_SYSTEM, "a certificate could not be made: %s", ERR_reason_error_string(ERR_peek_last_error()));
    ERR_clear_error();
    return false;
}

/* ---- the parts of a certificate ----------------------------------------- */

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_text(X509_NAME *name, const char *field, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0);
}

/* Two certificates of the same issuer must not share a number: browsers and GnuTLS object. */
static bool set_serial(X509 *x)
{
    uint64_t number;
    return RAND_bytes((unsigned char *)&number, sizeof number) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number >> 1 | 1);
}

static bool set_time(X509 *x, int64_t days)
{
    return X509_gmtime_adj(X509_getm_notBefore(x), -SKEW) && X509_gmtime_adj(X509_getm_notAfter(x), (long)(days * DAY));
}

/* A new key and a certificate around it, without extensions and signature. */
static bool begin(pair *p, const char *common_name, int64_t days)
{
    p->key = EVP_EC_gen("P-256");
    p->x = X509_new();
    return p->key && p->x && X509_set_version(p->x, X509_VERSION_3) && set_serial(p->x) && set_time(p->x, days) &&
           add_text(X509_get_subject_name(p->x), "O", "CastSlice") &&
           add_text(X509_get_subject_name(p->x), "CN", common_name) && X509_set_pubkey(p->x, p->key);
}

static bool sign(pair *p, const pair *by)
{
    return X509_set_issuer_name(p->x, X509_get_subject_name(by->x)) &&
           add_extension(p->x, by->x, NID_subject_key_identifier, "hash") &&
           add_extension(p->x, by->x, NID_authority_key_identifier, "keyid") && X509_sign(p->x, by->key, EVP_sha256()) > 0;
}

static bool add_serving(X509 *x, const char *names)
{
    return add_extension(x, x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, x, NID_ext_key_usage, "serverAuth") &&
           add_extension(x, x, NID_subject_alt_name, names);
}

/* ---- the authority ------------------------------------------------------ */

static bool new_authority(pair *ca, int64_t days)
{
    return begin(ca, "CastSlice CA", days > CA_DAYS ? days : CA_DAYS) &&
           add_extension(ca->x, ca->x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(ca->x, ca->x, NID_key_usage, "critical,keyCertSign,cRLSign") && sign(ca, ca);
}

static bool may_sign(const pair *ca, const certificate_order *order, error *err)
{
    bool matches = X509_check_private_key(ca->x, ca->key) == 1;
    ERR_clear_error();
    if (!matches)
        return error_set(err, ERR_SYSTEM, "%s: is not the key of the certificate in %s", order->ca_key_file, order->ca_file);
    if (X509_check_ca(ca->x) == 0 || !go_lets_sign(ca->x, true))
        return error_set(err, ERR_SYSTEM, "%s: is no authority (CA:TRUE), so what it signs is refused", order->ca_file);
    if (pem_seconds(X509_get0_notAfter(ca->x)) <= time(NULL))
        return error_set(err, ERR_SYSTEM, "%s: has expired; make a new authority by leaving --ca out", order->ca_file);
    return true;
}

static bool read_authority(pair *ca, const certificate_order *order, error *err)
{
    BIO *text = pem_load(order->ca_file, err), *key_text = text ? pem_load(order->ca_key_file, err) : NULL;
    STACK_OF(X509) *chain = key_text ? pem_chain(text, order->ca_file, err) : NULL;
    ca->key = chain ? pem_key(key_text, order->ca_key_file, err) : NULL;
    ca->x = ca->key ? sk_X509_shift(chain) : NULL;
    sk_X509_pop_free(chain, X509_free);
    BIO_free(key_text);
    BIO_free(text);
    return ca->x && may_sign(ca, order, err);
}

/* ---- the serving certificate -------------------------------------------- */

/* A DNS label, RFC 1123: what a Service and a namespace may be called. */
static bool is_label(const char *name)
{
    size_t n = strlen(name);
    return n >= 1 && n <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && name[0] != '-' &&
           name[n - 1] != '-';
}

/* It cannot be trusted longer than who signed it. */
static bool end_with(X509 *x, X509 *ca)
{
    const ASN1_TIME *end = X509_get0_notAfter(ca);
    return ASN1_TIME_compare(X509_get0_notAfter(x), end) <= 0 || X509_set1_notAfter(x, end);
}

static bool new_serving(pair *p, const pair *ca, const certificate_order *o)
{
    buf names;
    buf_init(&names, 1024);
    buf_printf(&names, "DNS:%s.%s.svc,DNS:%s.%s.svc.cluster.local,DNS:%s.%s,DNS:%s", o->service, o->namespace, o->service,
               o->namespace, o->service, o->namespace, o->service);
    bool ok = begin(p, o->service, o->days) && end_with(p->x, ca->x) && add_serving(p->x, names.data) && sign(p, ca);
    buf_release(&names);
    return ok;
}

bool certificate_make(certificate_made *out, const certificate_order *order, error *err)
{
    *out = (certificate_made){ 0 };
    if (!is_label(order->service) || !is_label(order->namespace))
        return error_set(err, ERR_INPUT, "%s: \"%.80s\" is no name of Kubernetes: a-z, 0-9 and '-' inside, 63 at most",
                         is_label(order->service) ? "--namespace" : "--service",
                         is_label(order->service) ? order->namespace : order->service);
    pair ca = { 0 }, serving = { 0 };
    bool ok = order->ca_file ? read_authority(&ca, order, err) : new_authority(&ca, order->days) || failed(err);
    ok = ok && (new_serving(&serving, &ca, order) || failed(err));
    if (ok) {
        *out = (certificate_made){ .ca = pem_of_certificate(ca.x), .ca_key = order->ca_file ? NULL : pem_of_key(ca.key),
                                   .chain = pem_of_certificate(serving.x), .key = pem_of_key(serving.key) };
        pem_day(pem_seconds(X509_get0_notAfter(serving.x)), out->end);
    }
    pair_release(&serving);
    pair_release(&ca);
    return ok;
}

void certificate_made_release(certificate_made *m)
{
    free(m->ca);
    free(m->chain);
    pem_wipe(m->ca_key);
    pem_wipe(m->key);
    *m = (certificate_made){ 0 };
}

/* ---- one for trying out ------------------------------------------------- */

bool certificate_self_made(certificate *c, error *err)
{
    pair p = { 0 };
    bool ok = (begin(&p, "CastSlice, self-made", 365) &&
               add_serving(p.x, "DNS:localhost,DNS:" SERVICE ".svc,DNS:" SERVICE ".svc.cluster.local,DNS:" SERVICE
                                ",IP:127.0.0.1,IP:::1") && sign(&p, &p)) || failed(err);
    *c = (certificate){ 0 };
    if (ok)
        *c = (certificate){ .chain_pem = pem_of_certificate(p.x), .key_pem = pem_of_key(p.key),
                            .not_after = pem_seconds(X509_get0_notAfter(p.x)) };
    pair_release(&p);
    return ok;
}
