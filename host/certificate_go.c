#include "certificate_go.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

static int curve_of(const EVP_PKEY *key)
{
    char name[64];
    return EVP_PKEY_get_utf8_string_param(key, "group", name, sizeof name, NULL) ? OBJ_txt2nid(name) : NID_undef;
}

static int kind_of(X509 *x)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    return key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
}

int go_rsa_bits(X509 *x)
{
    return kind_of(x) == EVP_PKEY_RSA ? EVP_PKEY_get_bits(X509_get0_pubkey(x)) : 0;
}

static bool is_curve_for_tls(X509 *x)
{
    int curve = curve_of(X509_get0_pubkey(x));
    return curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
}

bool go_parses(X509 *x)
{
    bool negative = ASN1_STRING_type(X509_get0_serialNumber(x)) & V_ASN1_NEG;
    bool curve = kind_of(x) != EVP_PKEY_EC || is_curve_for_tls(x) || curve_of(X509_get0_pubkey(x)) == NID_secp224r1;
    return !negative && curve;
}

bool go_serves(X509 *x)
{
    int kind = kind_of(x);
    return kind == EVP_PKEY_RSA || kind == EVP_PKEY_ED25519 || (kind == EVP_PKEY_EC && is_curve_for_tls(x));
}

bool go_checks_signature(X509 *x)
{
    int digest, kind;
    uint32_t flags;
    if (!X509_get_signature_info(x, &digest, &kind, NULL, &flags))
        return false;
    if (kind == EVP_PKEY_ED25519)
        return true;
    bool strong = digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
    bool known = kind == EVP_PKEY_RSA || kind == EVP_PKEY_EC;
    bool salted = kind == EVP_PKEY_RSA_PSS && (flags & X509_SIG_INFO_TLS);      /* the salt as long as the digest */
    return strong && (known || salted);
}

bool go_lets_sign(X509 *x, bool anchor)
{
    return (X509_get_extension_flags(x) & EXFLAG_CA) || (anchor && X509_get_version(x) == X509_VERSION_1);
}

bool go_lets_serve(X509 *x)
{
    return X509_get_extended_key_usage(x) & (XKU_SSL_SERVER | XKU_ANYEKU);      /* all bits set when it does not say */
}
