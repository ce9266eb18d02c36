/* castslice certificate: a serving certificate without cert-manager, and what is wrong with one.
 * The certificates are certificate_make.c's and certificate_inspect.c's; splice.c writes the caBundle into a manifest. */
#include "commands.h"

#include "certificate_files.h"
#include "certificate_inspect.h"
#include "certificate_make.h"
#include "manifest.h"
#include "options.h"
#include "patch.h"
#include "splice.h"

#include <stdio.h>
#include <string.h>

#define MAX_OUTPUT ((size_t)64 << 20)           /* bytes printed at once */
#define SECRET "cast-slice-tls"                 /* what deploy/base/deployment.yaml mounts */

static void help(void)
{
    puts("Usage: castslice certificate --patch MANIFEST [FLAGS]\n"
         "       castslice certificate --output DIR [FLAGS]\n"
         "       castslice certificate inspect FILE... [FLAGS]\n\n"
         "A certificate for the webhook's Service, for clusters without cert-manager: a new authority (or --ca) and a\n"
         "serving certificate that it signs, ECDSA P-256.\n\n"
         "  --patch    prints MANIFEST with the authority as caBundle of every webhook that calls the Service, and\n"
         "             behind it the Secret " SECRET ". A new authority's key is not kept: nobody can sign with it again\n"
         "  --output   writes ca.crt, ca.key, tls.crt and tls.key to DIR\n"
         "  inspect    explains the certificates in PEM files, or in Secrets with the configurations of the webhooks as\n"
         "             kubectl prints them, and why the API server would refuse them; - is stdin\n\n"
         "Flags, each also as a variable of the environment; the flag wins:");
    options_help(stdout, OPTIONS_CERTIFICATE);
    puts("\nFlags of inspect:");
    options_help(stdout, OPTIONS_INSPECT);
    puts("\nExamples:\n"
         "  castslice certificate --patch deploy/install.yaml | kubectl apply --server-side -f -\n"
         "  castslice certificate --output pki\n"
         "  castslice certificate --ca pki/ca.crt --ca-key pki/ca.key --patch deploy/install.yaml    renew, same authority\n"
         "  castslice certificate inspect pki/tls.crt --ca pki/ca.crt --key pki/tls.key\n"
         "  kubectl get -n cast-slice secret/" SECRET " mutatingwebhookconfiguration/cast-slice -o yaml |\n"
         "    castslice certificate inspect -\n\n"
         "Exit status: 0 done, 1 the API server would refuse it, 2 it could not be done.");
}

static int cannot(const char *sentence)
{
    fprintf(stderr, "castslice certificate: %s\n", sentence);
    return EXIT_CANNOT;
}

/* ---- into a manifest ---------------------------------------------------- */

/* What makes the webhooks of a document trust the authority. */
typedef struct trusting {
    patch *patch;
    json_arena *arena;
    json *bundle;
    char host[OPTIONS_HOST];            /* of the Service they call */
} trusting;

static bool count_webhooks(void *context, const json *object, const char *at)
{
    (void)at;
    *(size_t *)context += json_size(json_get(object, "webhooks"));
    return true;
}

/* One operation for each webhook of the object that calls the Service. */
static bool trust_in_object(void *context, const json *object, const char *at)
{
    trusting *t = context;
    const json *webhooks = json_get(object, "webhooks");
    size_t index = 0;
    bool ok = true;
    for (const json *w = json_is_array(webhooks) ? json_first(webhooks) : NULL; ok && w; w = json_next(w), index++)
        if (manifest_webhook_calls(w, t->host)) {
            char path[4096];
            snprintf(path, sizeof path, "%s/webhooks/%zu/clientConfig/caBundle", at, index);
            char *kept = json_arena_strdup(t->arena, path, strlen(path));
            t->patch->ops[t->patch->count++] = (patch_op){ .path = kept, .value = t->bundle };
            ok = kept != NULL;
        }
    return ok;
}

/* No operation for a document without webhooks that call the Service. */
static bool bundle_patch(patch *p, const manifest *m, const manifest_document *d, const options *o, const char *base64,
                         error *err)
{
    size_t count = 0;
    manifest_objects(d->root, count_webhooks, &count);
    *p = (patch){ .ops = json_arena_alloc(m->arena, (count + 1) * sizeof *p->ops) };
    trusting t = { .patch = p, .arena = m->arena, .bundle = json_new_string(m->arena, base64) };
    options_host(o, t.host);
    return (p->ops && t.bundle && manifest_objects(d->root, trust_in_object, &t)) ||
           error_set(err, ERR_TOO_LARGE, "%s: too large to be changed", m->name);
}

static void put_as_it_was(const manifest_document *d, buf *out)
{
    buf_add(out, d->in.text + d->in.start, d->in.end - d->in.start);
}

/* The document with the operations in its own text, its comments and style kept. */
static bool put_changed(const manifest *m, const manifest_document *d, const patch *p, buf *out, error *err)
{
    splice s;
    splice_init(&s, &d->in, d->source, m->arena);
    if (!splice_patch(&s, d->source, p, 0, err) || !splice_finish(&s, err))
        return false;
    splice_write(&s, out);
    return true;
}

static bool put_manifest(const manifest *m, const options *o, const char *base64, buf *out, error *err)
{
    size_t changed = 0;
    for (const manifest_document *d = m->documents; d; d = d->next) {
        patch p;
        if (d->error)
            return error_set(err, ERR_INPUT, "%s:%d: %s", m->name, d->error->line, d->error->text);
        if (!bundle_patch(&p, m, d, o, base64, err))
            return false;
        changed += p.count;
        if (p.count == 0)
            put_as_it_was(d, out);
        else if (!put_changed(m, d, &p, out, err))
            return false;
    }
    return changed > 0 || error_set(err, ERR_INPUT, "%s: no webhook in it calls the Service %s in the namespace %s; "
                                    "--service and --namespace name another", m->name, o->service, o->namespace);
}

static void put_data(buf *out, const char *key, const char *text)
{
    buf_printf(out, "  %s: ", key);
    buf_base64(out, text, strlen(text));
    buf_putc(out, '\n');
}

static void put_secret(const certificate_made *made, const options *o, buf *out)
{
    if (out->len && out->data[out->len - 1] != '\n')
        buf_putc(out, '\n');
    buf_printf(out, "---\n# for %s.%s.svc, good until %s\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\n"
               "metadata:\n  name: " SECRET "\n  namespace: %s\ndata:\n", o->service, o->namespace, made->end, o->namespace);
    put_data(out, "ca.crt", made->ca);
    put_data(out, "tls.crt", made->chain);
    put_data(out, "tls.key", made->key);
}

static bool print_patched(const certificate_made *made, const options *o, error *err)
{
    manifest m;
    buf out, base64;
    buf_init(&out, MAX_OUTPUT);
    buf_init(&base64, 64 * 1024);
    buf_base64(&base64, made->ca, strlen(made->ca));
    error why;
    bool ok = manifest_read(&m, o->patch, &why) ? put_manifest(&m, o, base64.data, &out, err)
                                                : error_set(err, why.kind, "%s: %s", o->patch, why.text);
    if (ok)
        put_secret(made, o, &out);
    if (ok && out.toobig)
        ok = error_set(err, ERR_TOO_LARGE, "%s: too large to be changed", m.name);
    if (ok)
        fwrite(out.data, 1, out.len, stdout);
    manifest_release(&m);
    buf_release(&base64);
    buf_release(&out);
    return ok;
}

/* ---- the commands ------------------------------------------------------- */

static int make(const options *o)
{
    certificate_order order = { o->service, o->namespace, o->days, o->ca, o->ca_key };
    certificate_made made;
    error err;
    bool ok = certificate_make(&made, &order, &err) &&
              (o->folder ? certificate_files(&made, o->ca_key, o->folder, o->force, &err) : print_patched(&made, o, &err));
    if (ok)
        fprintf(stderr, "castslice certificate: for %s.%s.svc, good until %s%s%s\n", o->service, o->namespace, made.end,
                o->folder ? ", in " : "", o->folder ? o->folder : "");
    certificate_made_release(&made);
    return ok ? EXIT_DONE : cannot(err.text);
}

static int inspect(const options *o, const char *host)
{
    int status = EXIT_DONE;
    buf out;
    error err;
    buf_init(&out, MAX_OUTPUT);
    for (size_t i = 0; i < o->operand_count && status != EXIT_CANNOT; i++) {
        size_t findings = 0;
        certificate_question question = { o->operands[i], o->key, o->ca, host };
        if (!certificate_inspect(&question, &out, &findings, &err))
            status = cannot(err.text);
        else if (findings)
            status = EXIT_NO;
    }
    if (out.len)
        fwrite(out.data, 1, out.len, stdout);
    buf_release(&out);
    return status;
}

int cmd_certificate(int argc, char **argv)
{
    options o;
    error err;
    char host[OPTIONS_HOST];
    bool inspecting = argc > 0 && strcmp(argv[0], "inspect") == 0;
    options_command command = inspecting ? OPTIONS_INSPECT : OPTIONS_CERTIFICATE;
    if (!options_parse(&o, command, argc - inspecting, argv + inspecting, &err))
        return cannot(err.text);
    if (o.help) {
        help();
        return EXIT_DONE;
    }
    options_host(&o, host);
    return inspecting ? inspect(&o, host) : make(&o);
}
