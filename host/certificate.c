#include "certificate.h"

#include "certificate_names.h"
#include "certificate_pem.h"
#include "mem.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

const char *certificate_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

void certificate_release(certificate *c)
{
    free(c->chain_pem);
    pem_wipe(c->key_pem);
    *c = (certificate){ 0 };
}

void certificate_end(const certificate *c, char text[static 16])
{
    pem_day(c->not_after, text);
}

/* ---- checking the leaf -------------------------------------------------- */

static bool check_dates(const X509 *leaf, const char *file, error *err)
{
    time_t from = pem_seconds(X509_get0_notBefore(leaf)), to = pem_seconds(X509_get0_notAfter(leaf)), now = time(NULL);
    char text[16];
    pem_day(now < from ? from : to, text);
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
    if (!names_any(leaf))
        return error_set(err, ERR_SYSTEM,
                         "%s: the certificate has no subjectAltName, so no API server accepts it; "
                         "make one that names the Service (DNS:NAME.NAMESPACE.svc)", file);
    if (is_sha1(leaf))
        return error_set(err, ERR_SYSTEM,
                         "%s: the certificate is signed with SHA-1 or MD5, which no API server accepts", file);
    return true;
}

static bool check_name(X509 *leaf, const char *file, const char *name, error *err)
{
    if (!name || names_match(leaf, name))
        return true;
    buf names;
    buf_init(&names, 400);
    names_write(leaf, &names);
    error_set(err, ERR_SYSTEM, "%s: the certificate is for %s, not for %s, so the API server will refuse it; "
              "make one for this Service, or tell --service and --namespace", file,
              names.len && !names.toobig ? names.data : "other names", name);
    buf_release(&names);
    return false;
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

bool certificate_read(certificate *c, const char *chain_file, const char *key_file, const char *name, error *err)
{
    BIO *chain_text = pem_load(chain_file, err);
    BIO *key_text = chain_text ? pem_load(key_file, err) : NULL;
    STACK_OF(X509) *chain = key_text ? pem_chain(chain_text, chain_file, err) : NULL;
    EVP_PKEY *key = chain ? pem_key(key_text, key_file, err) : NULL;
    bool ok = key && check_pair(sk_X509_value(chain, 0), key, chain_file, key_file, err) &&
              check_dates(sk_X509_value(chain, 0), chain_file, err) &&
              check_kind(sk_X509_value(chain, 0), chain_file, err) &&
              check_name(sk_X509_value(chain, 0), chain_file, name, err);
    *c = (certificate){ 0 };
    if (ok)
        *c = (certificate){
            .chain_pem = pem_of_chain(chain),
            .key_pem = pem_of_key(key),
            .not_after = pem_seconds(X509_get0_notAfter(sk_X509_value(chain, 0))),
        };
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    BIO_free(key_text);
    BIO_free(chain_text);
    return ok;
}
