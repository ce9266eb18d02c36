#include "certificate_inspect.h"

#include "certificate_names.h"
#include "certificate_pem.h"
#include "mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 24 * 3600, MIN_RSA_BITS = 1024 };      /* Go 1.24 crypto/rsa: smaller keys are refused */

typedef struct inspection {
    const certificate_question *question;
    STACK_OF(X509) *chain;
    buf *out;
    size_t *findings;
} inspection;

static void finding(const inspection *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void finding(const inspection *in, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    buf_printf(in->out, "%s: the API server refuses it: %s\n", in->question->file, text);
    ++*in->findings;
}

/* ---- what it is --------------------------------------------------------- */

static void write_name(buf *out, const char *title, const X509_NAME *name)
{
    char *text;
    BIO *bio = mem_checked(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    long length = BIO_get_mem_data(bio, &text);
    buf_printf(out, "  %-9s %.*s\n", title, (int)length, text);
    BIO_free(bio);
}

static void write_names(buf *out, X509 *x)
{
    buf names;
    buf_init(&names, 64 * 1024);
    names_write(x, &names);
    buf_printf(out, "  %-9s %s\n", "names", names.len ? names.data : "none");
    buf_release(&names);
}

static void write_validity(buf *out, X509 *x)
{
    char from[16], to[16];
    time_t end = pem_seconds(X509_get0_notAfter(x)), now = time(NULL);
    pem_day(pem_seconds(X509_get0_notBefore(x)), from);
    pem_day(end, to);
    buf_printf(out, "  %-9s %s to %s, ", "valid", from, to);
    if (end < now)
        buf_printf(out, "expired %lld days ago\n", (long long)((now - end) / DAY));
    else
        buf_printf(out, "%lld days left\n", (long long)((end - now) / DAY));
}

static void write_key(buf *out, X509 *x)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    buf_printf(out, "  %-9s %s, %d bits, signed with %s\n", "key", type ? type : "of an unknown kind",
               key ? EVP_PKEY_get_bits(key) : 0, OBJ_nid2ln(X509_get_signature_nid(x)));
}

static void write_digest(buf *out, X509 *x)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    X509_digest(x, EVP_sha256(), digest, &length);
    buf_printf(out, "  %-9s ", "sha256");
    for (unsigned i = 0; i < length; i++)
        buf_printf(out, "%02x", digest[i]);
    buf_putc(out, '\n');
}

static void describe(const inspection *in, int index)
{
    X509 *x = sk_X509_value(in->chain, index);
    buf_printf(in->out, "%s: certificate %d of %d, %s\n", in->question->file, index + 1, sk_X509_num(in->chain),
               index == 0 ? "the serving certificate" : X509_check_ca(x) ? "an authority" : "no authority");
    write_name(in->out, "subject", X509_get_subject_name(x));
    write_name(in->out, "issuer", X509_get_issuer_name(x));
    if (index == 0)
        write_names(in->out, x);
    write_validity(in->out, x);
    write_key(in->out, x);
    write_digest(in->out, x);
}

/* ---- what is wrong with one --------------------------------------------- */

static void judge_names(const inspection *in, X509 *leaf)
{
    const char *name = in->question->name;
    buf names;
    buf_init(&names, 700);
    names_write(leaf, &names);
    if (!names_any(leaf))
        finding(in, "it has no subjectAltName, and the common name does not count; make one with DNS:%s", name);
    else if (!names_match(leaf, name))
        finding(in, "it is not for %s but for %s", name, names.toobig ? "other names" : names.len ? names.data : "none");
    buf_release(&names);
}

static void judge_dates(const inspection *in, X509 *x, int index)
{
    char day[16];
    time_t from = pem_seconds(X509_get0_notBefore(x)), to = pem_seconds(X509_get0_notAfter(x)), now = time(NULL);
    pem_day(now < from ? from : to, day);
    if (now < from)
        finding(in, "certificate %d is not valid before %s; is a clock wrong?", index + 1, day);
    else if (now > to)
        finding(in, "certificate %d expired on %s; put a new one in its place", index + 1, day);
}

static bool is_weak_digest(const X509 *x)
{
    int digest = NID_undef;
    OBJ_find_sigid_algs(X509_get_signature_nid(x), &digest, NULL);
    return digest == NID_sha1 || digest == NID_md5;
}

/* A root's own signature is not looked at. */
static void judge_strength(const inspection *in, X509 *x, int index)
{
    bool own = X509_self_signed(x, 0) == 1 && index > 0;
    const EVP_PKEY *key = X509_get0_pubkey(x);
    if (!own && is_weak_digest(x))
        finding(in, "certificate %d is signed with SHA-1 or MD5; have it signed with SHA-256", index + 1);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < MIN_RSA_BITS)
        finding(in, "the RSA key of certificate %d has %d bits; 2048 is usual, 1024 the least", index + 1,
                EVP_PKEY_get_bits(key));
}

static void judge_usage(const inspection *in, X509 *leaf)
{
    uint32_t usage = X509_get_extended_key_usage(leaf);     /* all bits set when it does not say */
    if (!(usage & (XKU_SSL_SERVER | XKU_ANYEKU)))
        finding(in, "its extended key usage does not hold serverAuth");
}

/* ---- who signed it ------------------------------------------------------ */

static const char *why_not_trusted(int code)
{
    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return "none of the certificates in the CA file signed it; is an intermediate missing, or is it another authority's?";
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
        return "a certificate signed it that is no authority (CA:TRUE)";
    default:
        return X509_verify_cert_error_string(code);
    }
}

/* As Go does: every certificate of the caBundle is an anchor. Dates are judged one by one. */
static void judge_trust(const inspection *in, STACK_OF(X509) *anchors)
{
    X509_STORE *store = mem_checked(X509_STORE_new());
    X509_STORE_CTX *context = mem_checked(X509_STORE_CTX_new());
    for (int i = 0; i < sk_X509_num(anchors); i++)
        X509_STORE_add_cert(store, sk_X509_value(anchors, i));
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
    X509_STORE_CTX_init(context, store, sk_X509_value(in->chain, 0), in->chain);
    if (X509_verify_cert(context) != 1)
        finding(in, "%s", why_not_trusted(X509_STORE_CTX_get_error(context)));
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
}

static bool judge_ca(const inspection *in, error *err)
{
    const char *file = in->question->ca_file;
    if (!file) {
        buf_printf(in->out, "%s: not looked at: who signed it; --ca names what the caBundle holds\n", in->question->file);
        return true;
    }
    BIO *text = pem_load(file, err);
    STACK_OF(X509) *anchors = text ? pem_chain(text, file, err) : NULL;
    if (anchors)
        judge_trust(in, anchors);
    sk_X509_pop_free(anchors, X509_free);
    BIO_free(text);
    return anchors != NULL;
}

static bool judge_key(const inspection *in, error *err)
{
    const char *file = in->question->key_file;
    if (!file)
        return true;
    BIO *text = pem_load(file, err);
    EVP_PKEY *key = text ? pem_key(text, file, err) : NULL;
    if (key && X509_check_private_key(sk_X509_value(in->chain, 0), key) != 1)
        finding(in, "the key in %s is another certificate's, so nobody can serve with it", file);
    bool ok = key != NULL;
    ERR_clear_error();
    EVP_PKEY_free(key);
    BIO_free(text);
    return ok;
}

static bool judge(const inspection *in, error *err)
{
    X509 *leaf = sk_X509_value(in->chain, 0);
    judge_names(in, leaf);
    for (int i = 0; i < sk_X509_num(in->chain); i++) {
        judge_dates(in, sk_X509_value(in->chain, i), i);
        judge_strength(in, sk_X509_value(in->chain, i), i);
    }
    judge_usage(in, leaf);
    return judge_ca(in, err) && judge_key(in, err);
}

bool certificate_inspect(const certificate_question *q, buf *out, size_t *findings, error *err)
{
    BIO *text = pem_load(q->file, err);
    inspection in = { q, text ? pem_chain(text, q->file, err) : NULL, out, findings };
    for (int i = 0; in.chain && i < sk_X509_num(in.chain); i++)
        describe(&in, i);
    size_t before = *findings;
    bool ok = in.chain && judge(&in, err);
    if (ok && *findings == before)
        buf_printf(out, "%s: the API server accepts it for %s\n", q->file, q->name);
    sk_X509_pop_free(in.chain, X509_free);
    BIO_free(text);
    return ok;
}
