#include "certificate_pem.h"

#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

time_t pem_seconds(const ASN1_TIME *t)
{
    struct tm utc;
    return ASN1_TIME_to_tm(t, &utc) ? timegm(&utc) : 0;
}

void pem_day(time_t when, char text[static 16])
{
    struct tm utc;
    gmtime_r(&when, &utc);
    strftime(text, 16, "%Y-%m-%d", &utc);
}

/* ---- files -------------------------------------------------------------- */

static bool cannot_read(const char *file, int reason, error *err)
{
    switch (reason) {
    case ENOENT:
        return error_set(err, ERR_SYSTEM, "%s: there is no such file; in a cluster: is the Secret there, and mounted?", file);
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

BIO *pem_text(const char *bytes, size_t length)
{
    BIO *out = mem_checked(BIO_new(BIO_s_secmem()));
    BIO_write(out, bytes, (int)length);
    return out;
}

BIO *pem_load(const char *file, error *err)
{
    BIO *out = NULL;
    char *bytes = mem_alloc(FILE_MAX);
    int fd = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : fill(fd, bytes, FILE_MAX);
    if (length < 0)
        cannot_read(file, errno, err);
    else if (length == FILE_MAX)
        error_set(err, ERR_SYSTEM, "%s: is larger than 1 MiB, so it is no PEM certificate or key", file);
    else
        out = pem_text(bytes, (size_t)length);
    if (fd >= 0)
        close(fd);
    OPENSSL_cleanse(bytes, FILE_MAX);
    free(bytes);
    return out;
}

/* ---- parsing ------------------------------------------------------------ */

STACK_OF(X509) *pem_chain(BIO *in, const char *file, error *err)
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

EVP_PKEY *pem_key(BIO *in, const char *file, error *err)
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

/* ---- writing ------------------------------------------------------------ */

static char *take(BIO *bio)
{
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    char *text = mem_strndup(bytes, (size_t)length);
    BIO_free(bio);
    return text;
}

char *pem_of_certificate(X509 *x)
{
    BIO *out = mem_checked(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out, x);
    return take(out);
}

char *pem_of_chain(STACK_OF(X509) *chain)
{
    BIO *out = mem_checked(BIO_new(BIO_s_mem()));
    for (int i = 0; i < sk_X509_num(chain); i++)
        PEM_write_bio_X509(out, sk_X509_value(chain, i));
    return take(out);
}

char *pem_of_key(const EVP_PKEY *key)
{
    BIO *out = mem_checked(BIO_new(BIO_s_secmem()));
    PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    return take(out);
}

void pem_wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}
