#include "certificate_names.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>

bool names_any(X509 *x)
{
    return X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0;
}

bool names_match(X509 *x, const char *host)
{
    unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(x, host, strlen(host), flags, NULL) == 1;
}

static void write_one(const GENERAL_NAME *name, buf *out)
{
    bool dns = name->type == GEN_DNS;
    if (!dns && name->type != GEN_IPADD)
        return;
    char text[INET6_ADDRSTRLEN];
    const ASN1_STRING *value = dns ? name->d.dNSName : name->d.iPAddress;
    const unsigned char *bytes = ASN1_STRING_get0_data(value);
    int length = ASN1_STRING_length(value);
    buf_puts(out, out->len ? ", " : "");
    if (dns)
        buf_add(out, bytes, (size_t)length);
    else if (length == 4 || length == 16)
        buf_puts(out, inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text));
}

void names_write(X509 *x, buf *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        write_one(sk_GENERAL_NAME_value(names, i), out);
    GENERAL_NAMES_free(names);
}
