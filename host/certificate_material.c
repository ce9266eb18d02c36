#include "certificate_material.h"

#include "certificate_pem.h"
#include "json.h"
#include "manifest.h"
#include "mem.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATE "tls.crt"           /* the keys of a Secret of type kubernetes.io/tls */
#define KEY "tls.key"

/* ---- parts -------------------------------------------------------------- */

static material_pair *add_pair(material *m, const char *name, STACK_OF(X509) *chain)
{
    material_pair **end = &m->pairs;
    while (*end)
        end = &(*end)->next;
    *end = mem_zalloc(sizeof **end);
    **end = (material_pair){ .name = mem_strdup(name), .chain = chain };
    return *end;
}

static bool same_anchors(const STACK_OF(X509) *a, const STACK_OF(X509) *b)
{
    bool same = a && b && sk_X509_num(a) == sk_X509_num(b);
    for (int i = 0; same && i < sk_X509_num(a); i++)
        same = X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i)) == 0;
    return same;
}

/* Takes the anchors. What several webhooks trust is judged once. */
static void add_trust(material *m, const char *name, STACK_OF(X509) *anchors, const char *fault)
{
    material_trust **end = &m->trusts;
    while (*end && !same_anchors((*end)->anchors, anchors))
        end = &(*end)->next;
    if (*end) {
        sk_X509_pop_free(anchors, X509_free);
        return;
    }
    *end = mem_zalloc(sizeof **end);
    **end = (material_trust){ .name = mem_strdup(name), .anchors = anchors, .fault = anchors ? NULL : mem_strdup(fault) };
}

/* Both take the text; NULL is fine. `name` is for the sentence. */
static STACK_OF(X509) *take_chain(BIO *text, const char *name, error *err)
{
    STACK_OF(X509) *chain = text ? pem_chain(text, name, err) : NULL;
    BIO_free(text);
    return chain;
}

static EVP_PKEY *take_key(BIO *text, const char *name, error *err)
{
    EVP_PKEY *key = text ? pem_key(text, name, err) : NULL;
    BIO_free(text);
    return key;
}

/* ---- Secrets and configurations ----------------------------------------- */

typedef struct reader {
    material *m;
    const certificate_question *question;
    bool other_services;                /* webhooks were seen that call somebody else */
    error *err;
} reader;

/* NULL when it is no base64. */
static BIO *from_base64(const char *text)
{
    int length = (int)strlen(text), size = 0, rest = 0;
    char *bytes = mem_alloc((size_t)length + 4);
    EVP_ENCODE_CTX *context = mem_checked(EVP_ENCODE_CTX_new());
    EVP_DecodeInit(context);
    bool ok = EVP_DecodeUpdate(context, (unsigned char *)bytes, &size, (const unsigned char *)text, length) >= 0 &&
              EVP_DecodeFinal(context, (unsigned char *)bytes + size, &rest) == 1;
    BIO *out = ok ? pem_text(bytes, (size_t)size + (size_t)rest) : NULL;
    EVP_ENCODE_CTX_free(context);
    OPENSSL_cleanse(bytes, (size_t)length + 4);
    free(bytes);
    return out;
}

/* A value of the Secret, as the API server would see it; NULL and `err` when it is no base64. */
static BIO *secret_value(const json *secret, const char *key, const char *name, error *err)
{
    const char *plain = json_string(json_get(json_get(secret, "stringData"), key));
    BIO *out = plain ? pem_text(plain, strlen(plain)) : from_base64(json_text(json_get(secret, "data"), key));
    if (!out)
        error_fill(err, ERR_SYSTEM, 0, "%s: data.%s is no base64", name, key);
    return out;
}

static bool secret_has(const json *secret, const char *key)
{
    return json_get(json_get(secret, "data"), key) || json_get(json_get(secret, "stringData"), key);
}

static bool add_secret(reader *r, const json *secret)
{
    char name[1024];
    const json *metadata = json_get(secret, "metadata");
    const char *namespace = json_text(metadata, "namespace");
    if (!secret_has(secret, CERTIFICATE))
        return true;
    snprintf(name, sizeof name, "%s: Secret %s%s%s", r->question->file, namespace, *namespace ? "/" : "",
             json_text(metadata, "name"));
    STACK_OF(X509) *chain = take_chain(secret_value(secret, CERTIFICATE, name, r->err), name, r->err);
    if (!chain)
        return false;
    material_pair *pair = add_pair(r->m, name, chain);
    if (secret_has(secret, KEY))
        pair->key = take_key(secret_value(secret, KEY, name, r->err), name, r->err);
    return pair->key || !secret_has(secret, KEY);
}

static STACK_OF(X509) *read_bundle(const char *base64, const char *name, error *err)
{
    BIO *text = *base64 ? from_base64(base64) : NULL;
    if (text)
        return take_chain(text, name, err);
    error_fill(err, ERR_INPUT, 0, *base64 ? "%s: is no base64" : "%s is empty, so the API server trusts what its own system "
               "trusts, and no more", name);
    return NULL;
}

static void add_webhook(reader *r, const json *webhook)
{
    char name[700];
    error why;
    if (!manifest_webhook_calls(webhook, r->question->name)) {
        r->other_services = true;
        return;
    }
    snprintf(name, sizeof name, "the caBundle of webhook %s", json_text(webhook, "name"));
    STACK_OF(X509) *anchors = read_bundle(json_text(json_get(webhook, "clientConfig"), "caBundle"), name, &why);
    add_trust(r->m, name, anchors, why.text);
}

/* A Secret or a webhook's configuration; anything else is passed over. */
static bool look_at(void *context, const json *object, const char *at)
{
    (void)at;
    const json *webhooks = json_get(object, "webhooks");
    if (strcmp(json_text(object, "kind"), "Secret") == 0)
        return add_secret(context, object);
    for (const json *w = json_is_array(webhooks) ? json_first(webhooks) : NULL; w; w = json_next(w))
        add_webhook(context, w);
    return true;
}

static bool check_found(const reader *r)
{
    if (!r->m->pairs)
        return error_set(r->err, ERR_SYSTEM, "%s: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----), and no "
                         "Secret with a " CERTIFICATE, r->question->file);
    if (!r->m->trusts && r->other_services && !r->question->ca_file)
        return error_set(r->err, ERR_SYSTEM, "%s: no webhook in it calls %s; --service and --namespace name another",
                         r->question->file, r->question->name);
    return true;
}

static bool read_document(reader *r, const manifest_document *d)
{
    if (d->error)
        return error_set(r->err, ERR_SYSTEM, "%s: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----), and is no "
                         "manifest: line %d: %s", r->question->file, d->error->line, d->error->text);
    return manifest_objects(d->root, look_at, r);
}

static bool read_manifest(reader *r, const char *text, size_t length)
{
    manifest found;
    error why;
    bool ok = manifest_parse(&found, r->question->file, text, length, &why) ||
              error_set(r->err, ERR_SYSTEM, "%s: %s", r->question->file, why.text);
    for (const manifest_document *d = ok ? found.documents : NULL; ok && d; d = d->next)
        ok = read_document(r, d);
    manifest_release(&found);
    return ok && check_found(r);
}

/* ---- all of it ---------------------------------------------------------- */

static bool is_pem(const char *text, size_t length)
{
    static const char begin[] = "\n-----BEGIN ";
    return (length >= sizeof begin - 2 && memcmp(text, begin + 1, sizeof begin - 2) == 0) ||
           memmem(text, length, begin, sizeof begin - 1) != NULL;
}

static bool read_pem(material *m, BIO *text, const char *file, error *err)
{
    STACK_OF(X509) *chain = pem_chain(text, file, err);
    if (chain)
        add_pair(m, file, chain);
    return chain != NULL;
}

static bool read_file(material *m, const certificate_question *q, error *err)
{
    char *bytes;
    BIO *text = pem_load(q->file, err);
    size_t length = text ? (size_t)BIO_get_mem_data(text, &bytes) : 0;
    reader r = { m, q, false, err };
    bool ok = text && (is_pem(bytes, length) ? read_pem(m, text, q->file, err) : read_manifest(&r, bytes, length));
    BIO_free(text);
    return ok;
}

static void release_trusts(material *m)
{
    for (material_trust *t = m->trusts, *next; t; t = next) {
        next = t->next;
        sk_X509_pop_free(t->anchors, X509_free);
        free(t->fault);
        free(t->name);
        free(t);
    }
    m->trusts = NULL;
}

static bool read_ca_file(material *m, const char *file, error *err)
{
    STACK_OF(X509) *anchors = take_chain(pem_load(file, err), file, err);
    release_trusts(m);
    if (anchors)
        add_trust(m, "the CA file", anchors, NULL);
    return anchors != NULL;
}

static bool read_key_file(material *m, const char *file, error *err)
{
    EVP_PKEY *key = take_key(pem_load(file, err), file, err);
    for (material_pair *p = m->pairs; key && p; p = p->next) {
        EVP_PKEY_free(p->key);
        EVP_PKEY_up_ref(key);
        p->key = key;
        p->key_file = file;
    }
    EVP_PKEY_free(key);
    return key != NULL;
}

bool material_read(material *m, const certificate_question *q, error *err)
{
    *m = (material){ NULL, NULL };
    return read_file(m, q, err) && (!q->ca_file || read_ca_file(m, q->ca_file, err)) &&
           (!q->key_file || read_key_file(m, q->key_file, err));
}

void material_release(material *m)
{
    for (material_pair *p = m->pairs, *next; p; p = next) {
        next = p->next;
        sk_X509_pop_free(p->chain, X509_free);
        EVP_PKEY_free(p->key);
        free(p->name);
        free(p);
    }
    release_trusts(m);
    *m = (material){ NULL, NULL };
}
