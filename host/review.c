#include "review.h"

#include <string.h>

static const char *const versions[] = { "admission.k8s.io/v1", "admission.k8s.io/v1beta1" };

/* ---- the question ------------------------------------------------------- */

static bool check_version(const char *version, error *err)
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strcmp(version, versions[i]) == 0)
            return true;
    return error_set(err, ERR_INPUT, "apiVersion: \"%.64s\" is none we speak; it must be %s or %s", version,
                     versions[0], versions[1]);
}

bool review_parse(review *r, json *root, error *err)
{
    const json *request = json_get(root, "request");
    const json *kind = json_get(request, "kind");
    json *object = json_get(request, "object");
    if (!json_is_object(root) || strcmp(json_text(root, "kind"), "AdmissionReview") != 0)
        return error_set(err, ERR_INPUT, "kind: must be AdmissionReview");
    if (!check_version(json_text(root, "apiVersion"), err))
        return false;
    if (!json_is_object(request))
        return error_set(err, ERR_INPUT, "request: missing or no object");
    if (!*json_text(request, "uid"))
        return error_set(err, ERR_INPUT, "request.uid: missing, empty or no string");
    *r = (review){
        .api_version = json_text(root, "apiVersion"),
        .uid = json_text(request, "uid"),
        .group = json_text(kind, "group"),
        .kind = json_text(kind, "kind"),
        .operation = json_text(request, "operation"),
        .subresource = json_text(request, "subResource"),
        .namespace = json_text(request, "namespace"),
        .user = json_text(json_get(request, "userInfo"), "username"),
        .dry_run = json_is_true(json_get(request, "dryRun")),
        .object = json_is_null(object) ? NULL : object,
    };
    return true;
}

void review_of_manifest(review *r, json *object, const char *namespace, const pod_assumed *assumed)
{
    *r = (review){
        .api_version = versions[0],
        .uid = "00000000-0000-0000-0000-000000000000",
        .group = "",
        .kind = "Pod",
        .operation = "CREATE",
        .subresource = "",
        .namespace = namespace,
        .user = "",
        .object = object,
        .assumed = assumed,
    };
}

/* ---- the answer --------------------------------------------------------- */

/* HTTP's name and the API machinery's (metav1.StatusReason) for a code. */
static const char *reason_of(int code)
{
    static const struct { int code; const char *reason; } reasons[] = {
        { 400, "BadRequest" }, { 403, "Forbidden" }, { 404, "NotFound" }, { 405, "MethodNotAllowed" },
        { 413, "RequestEntityTooLarge" }, { 415, "UnsupportedMediaType" }, { 503, "ServiceUnavailable" },
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "InternalError";
}

static void member(buf *out, const char *name, const char *value)
{
    buf_printf(out, ",\"%s\":", name);
    json_write_string(out, value);
}

static void write_patch(buf *out, const patch *p)
{
    buf text;
    buf_init(&text, out->max);
    patch_write(p, "", &text);
    buf_puts(out, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
    if (text.toobig)
        out->toobig = true;
    else
        buf_base64(out, text.data, text.len);
    buf_putc(out, '"');
    buf_release(&text);
}

static void write_status(buf *out, int code, const char *message)
{
    buf_printf(out, "\"status\":\"Failure\",\"reason\":\"%s\",\"code\":%d", reason_of(code), code);
    member(out, "message", message);
}

static void write_warnings(buf *out, const verdict *v)
{
    for (size_t i = 0; i < v->warning_count; i++) {
        buf_puts(out, i ? "," : ",\"warnings\":[");
        json_write_string(out, v->warnings[i]);
    }
    if (v->warning_count)
        buf_putc(out, ']');
}

/* The API server puts the webhook's name in front of the keys. */
static void write_audit(buf *out, const verdict *v)
{
    if (!*v->reason && !*v->rule)
        return;
    buf_puts(out, ",\"auditAnnotations\":{");
    if (*v->reason) {
        buf_puts(out, "\"reason\":");
        json_write_string(out, v->reason);
    }
    if (*v->rule) {
        buf_puts(out, *v->reason ? ",\"rule\":" : "\"rule\":");
        json_write_string(out, v->rule);
    }
    buf_putc(out, '}');
}

void review_write_answer(buf *out, const review *r, const verdict *v)
{
    buf_puts(out, "{\"kind\":\"AdmissionReview\",\"apiVersion\":");
    json_write_string(out, r->api_version);
    buf_puts(out, ",\"response\":{\"uid\":");
    json_write_string(out, r->uid);
    buf_puts(out, v->kind == VERDICT_DENIED ? ",\"allowed\":false" : ",\"allowed\":true");
    if (v->kind == VERDICT_MUTATED)
        write_patch(out, &v->patch);
    if (v->kind == VERDICT_DENIED) {
        buf_puts(out, ",\"status\":{");
        write_status(out, v->code, v->message);
        buf_putc(out, '}');
    }
    write_warnings(out, v);
    write_audit(out, v);
    buf_puts(out, "}}");
}

void review_write_status(buf *out, int code, const char *message)
{
    buf_puts(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},");
    write_status(out, code, message);
    buf_putc(out, '}');
}
