#include "certificate.h"

#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE "cast-slice-webhook.cast-slice"

enum { FILE_MAX = 1 << 20, YEAR = 365 * 24 * 3600, SKEW = 300 };

const char *certificate_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

void certificate_release(certificate *c)
{
    free(c->chain_pem);
    if (c->key_pem)
        OPENSSL_cleanse(c->key_pem, strlen(c->key_pem));
    free(c->key_pem);
    *c = (certificate){ 0 };
}

static void day(time_t when, char text[static 16])
{
    struct tm utc;
    gmtime_r(&when, &utc);
    strftime(text, 16, "%Y-%m-%d", &utc);
}

void certificate_end(const certificate *c, char text[static 16])
{
    day(c->not_after, text);
}

/* ---- files -------------------------------------------------------------- */

static bool cannot_read(const char *file, int reason, error *err)
{
    switch (reason) {
    case ENOENT:
        return error_set(err, ERR_SYSTEM, "%s: there is no such file", file);
    case EACCES:
        return error_set(err, ERR_SYSTEM, "%s: may not be read by user %d; check its permissions", file,
                         (int)geteuid());
    case EISDIR:
        return error_set(err, ERR_SYSTEM, "%s: is a folder; name the file in it, often tls.crt or tls.key", file);
    default:
        return error_set(err, ERR_SYSTEM, "%s: cannot be read: %s", file, strerror(reason));
    }
}

/* Read until the end or one byte more than we take. */
static ssize_t fill(int fd, char *bytes, size_t room)
{
    size_t length = 0;
    while (length < room) {
        ssize_t n = read(fd, bytes + length, room - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

/* The file in a BIO that wipes it when freed, or NULL. */
static BIO *load(const char *file, error *err)
{
    BIO *out = NULL;
    char *bytes = mem_alloc(FILE_MAX);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : fill(fd, bytes, FILE_MAX);
    if (length < 0)
        cannot_read(file, errno, err);
    else if (length == FILE_MAX)
        error_set(err, ERR_SYSTEM, "%s: is larger than 1 MiB, so it is no PEM certificate or key", file);
    else
        BIO_write(out = mem_checked(BIO_new(BIO_s_secmem())), bytes, (int)length);
    if (fd >= 0)
        close(fd);
    OPENSSL_cleanse(bytes, FILE_MAX);
    free(bytes);
    return out;
}

/* ---- parsing ------------------------------------------------------------ */

/* Every certificate in the file, in its order; NULL when there is none. */
static STACK_OF(X509) *parse_chain(BIO *in, const char *file, error *err)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *x;
    while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        sk_X509_push(chain, x);
    unsigned long why = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(why) == PEM_R_NO_START_LINE && sk_X509_num(chain) > 0)
        return chain;
    if (ERR_GET_REASON(why) == PEM_R_NO_START_LINE)
        error_set(err, ERR_SYSTEM, "%s: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file);
    else
        error_set(err, ERR_SYSTEM, "%s: certificate %d in it is damaged", file, sk_X509_num(chain) + 1);
    sk_X509_pop_free(chain, X509_free);
    return NULL;
}

/* Called when the key wants a pass phrase: nobody is there to type one. */
static int no_pass_phrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static EVP_PKEY *parse_key(BIO *in, const char *file, error *err)
{
    bool encrypted = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, &encrypted);
    ERR_clear_error();
    if (!key && encrypted)
        error_set(err, ERR_SYSTEM, "%s: the key is encrypted; decrypt it with `openssl pkey -in %s`", file, file);
    else if (!key)
        error_set(err, ERR_SYSTEM, "%s: holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", file);
    return key;
}

/* ---- checking the leaf -------------------------------------------------- */

static time_t seconds_of(const ASN1_TIME *t)
{
    struct tm utc;
    return ASN1_TIME_to_tm(t, &utc) ? timegm(&utc) : 0;
}

static bool check_dates(const X509 *leaf, const char *file, error *err)
{
    time_t from = seconds_of(X509_get0_notBefore(leaf)), to = seconds_of(X509_get0_notAfter(leaf)), now = time(NULL);
    char text[16];
    day(now < from ? from : to, text);
    if (now < from)
        return error_set(err, ERR_SYSTEM, "%s: the certificate is not valid before %s; is this machine's clock right?",
                         file, text);
    if (now > to)
        return error_set(err, ERR_SYSTEM, "%s: the certificate expired on %s; put a new one in its place", file, text);
    return true;
}

static bool is_sha1(const X509 *leaf)
{
    int digest = NID_undef;
    OBJ_find_sigid_algs(X509_get_signature_nid(leaf), &digest, NULL);
    return digest == NID_sha1 || digest == NID_md5;
}

/* What the API server's TLS library refuses whatever authority signed it. */
static bool check_kind(X509 *leaf, const char *file, error *err)
{
    if (X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0)
        return error_set(err, ERR_SYSTEM,
                         "%s: the certificate has no subjectAltName, so no API server accepts it; "
                         "make one that names the Service (DNS:NAME.NAMESPACE.svc)", file);
    if (is_sha1(leaf))
        return error_set(err, ERR_SYSTEM,
                         "%s: the certificate is signed with SHA-1 or MD5, which no API server accepts", file);
    return true;
}

static bool check_pair(const X509 *leaf, const EVP_PKEY *key, const char *chain_file, const char *key_file, error *err)
{
    bool pair = X509_check_private_key(leaf, key) == 1;
    ERR_clear_error();
    return pair || error_set(err, ERR_SYSTEM,
                             "%s: is not the key of the first certificate in %s; "
                             "the serving certificate comes first, its chain after it", key_file, chain_file);
}

/* ---- the result --------------------------------------------------------- */

static char *text_of(BIO *bio)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    return mem_strndup(bytes, (size_t)length);
}

/* Write both anew: what else the files hold, comments and other keys, goes no further. */
static void store(certificate *c, STACK_OF(X509) *chain, const EVP_PKEY *key)
{
    BIO *chain_text = mem_checked(BIO_new(BIO_s_mem())), *key_text = mem_checked(BIO_new(BIO_s_secmem()));
    for (int i = 0; i < sk_X509_num(chain); i++)
        PEM_write_bio_X509(chain_text, sk_X509_value(chain, i));
    PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL);
    *c = (certificate){
        .chain_pem = text_of(chain_text),
        .key_pem = text_of(key_text),
        .not_after = seconds_of(X509_get0_notAfter(sk_X509_value(chain, 0))),
    };
    BIO_free(chain_text);
    BIO_free(key_text);
}

bool certificate_read(certificate *c, const char *chain_file, const char *key_file, error *err)
{
    BIO *chain_text = load(chain_file, err);
    BIO *key_text = chain_text ? load(key_file, err) : NULL;
    STACK_OF(X509) *chain = key_text ? parse_chain(chain_text, chain_file, err) : NULL;
    EVP_PKEY *key = chain ? parse_key(key_text, key_file, err) : NULL;
    bool ok = key && check_pair(sk_X509_value(chain, 0), key, chain_file, key_file, err) &&
              check_dates(sk_X509_value(chain, 0), chain_file, err) &&
              check_kind(sk_X509_value(chain, 0), chain_file, err);
    *c = (certificate){ 0 };
    if (ok)
        store(c, chain, key);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    BIO_free(key_text);
    BIO_free(chain_text);
    return ok;
}

/* ---- one of our own ----------------------------------------------------- */

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_extensions(X509 *x)
{
    return add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, NID_ext_key_usage, "serverAuth") &&
           add_extension(x, NID_subject_key_identifier, "hash") &&
           add_extension(x, NID_subject_alt_name,
                         "DNS:localhost,DNS:" SERVICE ".svc,DNS:" SERVICE ".svc.cluster.local,DNS:" SERVICE
                         ",IP:127.0.0.1,IP:::1");
}

static bool set_names(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"CastSlice, self-made", -1, -1,
                                      0) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)SERVICE ".svc", -1, -1, 0) &&
           X509_set_issuer_name(x, name);
}

/* Two certificates of the same issuer must not share a number: browsers and GnuTLS object. */
static bool set_serial(X509 *x)
{
    uint64_t number;
    return RAND_bytes((unsigned char *)&number, sizeof number) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number >> 1 | 1);
}

static bool fill_in(X509 *x, EVP_PKEY *key)
{
    return X509_set_version(x, X509_VERSION_3) && set_serial(x) && set_names(x) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -SKEW) && X509_gmtime_adj(X509_getm_notAfter(x), YEAR) &&
           X509_set_pubkey(x, key) && add_extensions(x) && X509_sign(x, key, EVP_sha256()) > 0;
}

bool certificate_self_made(certificate *c, error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool ok = key && x && chain && fill_in(x, key) && sk_X509_push(chain, x);
    *c = (certificate){ 0 };
    if (ok)
        store(c, chain, key);
    else
        error_set(err, ERR_SYSTEM, "a certificate of our own could not be made: %s",
                  ERR_reason_error_string(ERR_peek_last_error()));
    ERR_clear_error();
    sk_X509_free(chain);
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}
