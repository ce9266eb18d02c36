#include "certificate_inspect.h"

#include "certificate_go.h"
#include "certificate_material.h"
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

enum { DAY = 24 * 3600, PLACE = 600 };

typedef struct inspection {
    const material_pair *pair;
    STACK_OF(X509) *chain;              /* the pair's */
    const char *anchors;                /* where they stand: "the CA file"; "" when nobody said whom to trust */
    const char *host;                   /* the name it asks for */
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
    buf_printf(in->out, "%s: the API server refuses it: %s\n", in->pair->name, text);
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
    buf_printf(in->out, "%s: certificate %d of %d, %s\n", in->pair->name, index + 1, sk_X509_num(in->chain),
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

/* The certificate as people find it again: its place in the file, or its name among those that are trusted. */
static const char *place(const inspection *in, X509 *x, char text[static PLACE])
{
    char name[200];
    for (int i = 0; i < sk_X509_num(in->chain); i++)
        if (X509_cmp(sk_X509_value(in->chain, i), x) == 0) {
            snprintf(text, PLACE, "certificate %d", i + 1);
            return text;
        }
    X509_NAME_oneline(X509_get_subject_name(x), name, sizeof name);
    snprintf(text, PLACE, "the authority \"%s\" of %s", name, in->anchors);
    return text;
}

/* Which of the file's certificates is for the Service, counted from 1; 0: none. */
static int find_named(const inspection *in)
{
    for (int i = 0; i < sk_X509_num(in->chain); i++)
        if (names_match(sk_X509_value(in->chain, i), in->host))
            return i + 1;
    return 0;
}

static void judge_names(const inspection *in, X509 *leaf)
{
    const char *name = in->host;
    int named = find_named(in);
    buf names;
    buf_init(&names, 700);
    names_write(leaf, &names);
    if (named > 1)
        finding(in, "the serving certificate must come first, and for %s is certificate %d", name, named);
    else if (!names_any(leaf))
        finding(in, "it has no subjectAltName, and the common name does not count; make one with DNS:%s", name);
    else if (!named)
        finding(in, "it is not for %s but for %s", name, names.toobig ? "other names" : names.len ? names.data : "none");
    buf_release(&names);
}

/* What Go's TLS client asks of everything a server sends, needed or not. */
static void judge_sent(const inspection *in)
{
    char at[PLACE];
    for (int i = 0; i < sk_X509_num(in->chain); i++) {
        X509 *x = sk_X509_value(in->chain, i);
        if (!go_parses(x))
            finding(in, "%s has a negative serial number or a key on a curve that Go does not know; make it anew",
                    place(in, x, at));
        if (go_rsa_bits(x) > GO_RSA_MAX)
            finding(in, "the RSA key of %s has %d bits; %d is the most", place(in, x, at), go_rsa_bits(x), GO_RSA_MAX);
    }
    X509 *leaf = sk_X509_value(in->chain, 0);
    if (go_parses(leaf) && !go_serves(leaf))
        finding(in, "its key is of a kind that Go does not take; use RSA, ECDSA P-256, P-384 or P-521, or Ed25519");
}

static void judge_dates(const inspection *in, X509 *x)
{
    char day[16], at[PLACE];
    time_t from = pem_seconds(X509_get0_notBefore(x)), to = pem_seconds(X509_get0_notAfter(x)), now = time(NULL);
    pem_day(now < from ? from : to, day);
    if (now < from)
        finding(in, "%s is not valid before %s; is a clock wrong?", place(in, x, at), day);
    else if (now > to)
        finding(in, "%s expired on %s; put a new one in its place", place(in, x, at), day);
}

/* Any certificate of the path. */
static void judge_member(const inspection *in, X509 *x)
{
    char at[PLACE];
    int bits = go_rsa_bits(x);
    judge_dates(in, x);
    if (!go_lets_serve(x))
        finding(in, "the extended key usage of %s does not hold serverAuth", place(in, x, at));
    if (bits && bits < GO_RSA_MIN)
        finding(in, "the RSA key of %s has %d bits; 2048 is usual, %d the least", place(in, x, at), bits, GO_RSA_MIN);
}

static void judge_signature(const inspection *in, X509 *x)
{
    char at[PLACE];
    if (!go_checks_signature(x))
        finding(in, "%s is signed with %s, which Go does not take; have it signed with SHA-256", place(in, x, at),
                OBJ_nid2ln(X509_get_signature_nid(x)));
}

static void judge_signer(const inspection *in, X509 *x, bool anchor)
{
    char at[PLACE];
    if (!go_lets_sign(x, anchor))
        finding(in, "%s signed another, but is no authority (CA:TRUE)", place(in, x, at));
    else if (!go_parses(x))
        finding(in, "%s has a negative serial number or a key on a curve that Go does not know", place(in, x, at));
}

/* From the serving certificate to the last that is known. Nobody checks the signature on the anchor. */
static void judge_path(const inspection *in, STACK_OF(X509) *path, bool anchored)
{
    int last = sk_X509_num(path) - 1;
    for (int i = 0; i <= last; i++) {
        X509 *x = sk_X509_value(path, i);
        judge_member(in, x);
        if (i < last || !(anchored || X509_self_signed(x, 0) == 1))
            judge_signature(in, x);
        if (i > 0)
            judge_signer(in, x, anchored && i == last);
    }
}

/* ---- who signed it ------------------------------------------------------ */

static void judge_trust(const inspection *in, int code, X509 *end)
{
    char name[200];
    X509_NAME_oneline(X509_get_issuer_name(end), name, sizeof name);
    switch (code) {
    case X509_V_OK:
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        finding(in, "none of the certificates in %s signed it; is an intermediate missing, or is it another authority's? "
                "The last one says that it is signed by \"%s\"", in->anchors, name);
        break;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
        finding(in, "the name constraints of an authority above it do not allow its names");
        break;
    default:
        finding(in, "%s", X509_verify_cert_error_string(code));
    }
}

/* Go on after what judge_path() says better. OpenSSL still prefers, of two authorities with one name and key, the
 * one that is valid, as it would not if it were told not to look at the time. */
static int judged_elsewhere(int ok, X509_STORE_CTX *context)
{
    switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_INVALID_CA:
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    default:
        return ok;
    }
}

/* As Go does: every certificate of the caBundle is an anchor. */
static void judge_with(const inspection *in, STACK_OF(X509) *anchors)
{
    X509_STORE *store = mem_checked(X509_STORE_new());
    X509_STORE_CTX *context = mem_checked(X509_STORE_CTX_new());
    for (int i = 0; i < sk_X509_num(anchors); i++)
        X509_STORE_add_cert(store, sk_X509_value(anchors, i));
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_set_verify_cb(store, judged_elsewhere);
    X509_STORE_CTX_init(context, store, sk_X509_value(in->chain, 0), in->chain);
    bool trusted = X509_verify_cert(context) == 1;
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
    judge_path(in, path, trusted);
    if (!trusted)
        judge_trust(in, X509_STORE_CTX_get_error(context), sk_X509_value(path, sk_X509_num(path) - 1));
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
}

/* Nothing is known of the anchor: what the file itself links together. */
static void judge_alone(const inspection *in)
{
    STACK_OF(X509) *path = X509_build_chain(sk_X509_value(in->chain, 0), in->chain, NULL, 0, NULL, NULL);
    judge_path(in, path, false);
    sk_X509_pop_free(path, X509_free);
    ERR_clear_error();
}

static void judge_signers(inspection *in, const material_trust *trusts)
{
    if (!trusts) {
        judge_alone(in);
        buf_printf(in->out, "%s: not looked at: who signed it; --ca names what the caBundle holds\n", in->pair->name);
    }
    for (const material_trust *t = trusts; t; t = t->next) {
        in->anchors = t->name;
        if (t->anchors)
            judge_with(in, t->anchors);
        else
            finding(in, "%s", t->fault);
    }
}

static void judge_key(const inspection *in)
{
    const material_pair *pair = in->pair;
    if (pair->key && X509_check_private_key(sk_X509_value(in->chain, 0), pair->key) != 1)
        finding(in, "the key in %s is another certificate's, so nobody can serve with it", pair->key_file ? pair->key_file : "it");
    ERR_clear_error();
}

static void inspect(inspection *in, const material_trust *trusts)
{
    size_t before = *in->findings;
    for (int i = 0; i < sk_X509_num(in->chain); i++)
        describe(in, i);
    judge_names(in, sk_X509_value(in->chain, 0));
    judge_sent(in);
    judge_signers(in, trusts);
    judge_key(in);
    if (*in->findings == before)
        buf_printf(in->out, "%s: the API server accepts it for %s\n", in->pair->name, in->host);
}

bool certificate_inspect(const certificate_question *q, buf *out, size_t *findings, error *err)
{
    material m;
    bool ok = material_read(&m, q, err);
    for (const material_pair *pair = ok ? m.pairs : NULL; pair; pair = pair->next) {
        inspection in = { pair, pair->chain, "", q->name, out, findings };
        inspect(&in, m.trusts);
    }
    material_release(&m);
    return ok;
}
