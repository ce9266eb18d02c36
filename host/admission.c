#include "admission.h"

#include <string.h>

/* ---- what is none of our business --------------------------------------- */

/* Why the review is allowed without a look at a Pod, or NULL. */
static const char *not_ours(const review *r)
{
    if (strcmp(r->kind, "Pod") != 0 || *r->group)
        return "not a Pod";
    if (strcmp(r->operation, "CREATE") != 0)
        return "not a CREATE: a Pod's resources are fixed once it exists";
    if (*r->subresource)
        return "a subresource, not the Pod itself";
    if (!json_is_object(r->object))
        return "no object in the request";
    return NULL;
}

static bool has_work(const pod *p, const char *target)
{
    for (size_t i = 0; i < p->container_count; i++)
        if (p->containers[i].state == POD_GPU_WHOLE && !pod_container_carries(&p->containers[i], target))
            return true;
    return false;
}

/* Why the Pod is left alone without asking the policy, or NULL. */
static const char *left_alone(const pod *p, const char *target)
{
    if (p->mirror)
        return "a mirror Pod: kubelet has started it already";
    if (*p->node_name)
        return "bound to a node already (spec.nodeName)";
    if (!has_work(p, target))
        return "no container asks for whole GPUs (" POD_SOURCE_RESOURCE ") that can be shared";
    if (p->opt == POD_OPT_OUT)
        return POD_ANNOTATION_OPTIMIZE " is not \"true\": opted out";
    return NULL;
}

/* ---- the verdict -------------------------------------------------------- */

static void warn(verdict *v, const char *text)
{
    if (v->warning_count < VERDICT_MAX_WARNINGS)
        v->warnings[v->warning_count++] = text;
}

static void unchanged(verdict *v, const char *why)
{
    v->kind = VERDICT_UNCHANGED;
    v->why = why;
}

static void failed(verdict *v)
{
    v->kind = VERDICT_FAILED;
    v->why = v->error.kind == ERR_TOO_LARGE ? "too large to decide" : "the policy could not decide";
}

static void denied(verdict *v, const decision *d)
{
    v->kind = VERDICT_DENIED;
    v->code = d->kind == DECISION_DENY ? 403 : 400;
    v->message = d->sentence;
    v->why = d->kind == DECISION_DENY ? "policy forbids it" : "a value nobody understands";
}

/* On the API server's second pass LimitRanger has acted on our result: it puts a default for the source back. */
static void warn_of_limit_range(verdict *v, const char *target)
{
    const pod *p = &v->pod;
    for (size_t i = 0; p->opt != POD_OPT_OUT && i < p->container_count; i++) {
        if (!pod_container_put_back(&p->containers[i], target))
            continue;
        warn(v, "a LimitRange put " POD_SOURCE_RESOURCE " back beside its slices; let it name the shared resource");
        return;
    }
}

/* ---- the policy --------------------------------------------------------- */

static bool read_pod(pod *p, const review *r, json *object, json_arena *arena, error *err)
{
    pod_request request = { r->namespace, r->user, r->dry_run, r->assumed };
    return pod_read(p, arena, object, &request, err);
}

/* The Pod as the policy sees it. The API server has filled in what a manifest may leave out; the patch
 * is for the document as it is, so this is another copy. */
static bool read_view(pod *view, const review *r, json_arena *arena, verdict *v)
{
    *view = v->pod;
    if (!r->assumed)
        return true;
    json *object = pod_defaulted(arena, r->object, &v->error);
    return object && read_pod(view, r, object, arena, &v->error);
}

static const json *ask(bundle *b, const review *r, json_arena *arena, int64_t cpu_ns, verdict *v)
{
    pod view;
    if (!read_view(&view, r, arena, v))
        return NULL;
    vm *worker = bundle_borrow(b);
    json *notes = r->explain ? json_new_array(arena) : NULL;
    vm_listen(worker, notes, arena);
    vm_set_deadline(worker, r->deadline_ns);
    const json *value = vm_run(worker, &view, cpu_ns, arena, &v->usage, &v->error);
    v->notes = notes;
    const char *trace = value ? NULL : json_arena_strdup(arena, vm_trace(worker), strlen(vm_trace(worker)));
    v->trace = trace ? trace : "";
    bundle_return(b, worker);
    return value;
}

/* A field error says which field; the user also needs to know which file. */
static bool understand(bundle *b, json_arena *arena, const json *value, decision *d, verdict *v)
{
    error err;
    if (decision_read(d, arena, value, &v->pod, &err))
        return true;
    return error_set(&v->error, err.kind, "%s: %s", bundle_entry(b), err.text);
}

static void take_texts(verdict *v, const decision *d)
{
    v->reason = d->reason;
    v->rule = d->rule;
    for (size_t i = 0; i < d->warning_count; i++)
        warn(v, d->warnings[i]);
}

/* Build the patch, apply it to our copy of the Pod and look at the result before anybody else does. */
static bool carry_out(bundle *b, json_arena *arena, const decision *d, verdict *v)
{
    return patch_build(&v->patch, arena, &v->pod, d, bundle_resource(b), &v->error) &&
           patch_apply(&v->patch, arena, v->pod.object, &v->error) && patch_check(&v->patch, &v->error);
}

static void rewrite(bundle *b, json_arena *arena, const decision *d, verdict *v)
{
    if (!carry_out(b, arena, d, v)) {
        failed(v);
        return;
    }
    if (v->patch.overflow)
        warn(v, "a container asks for so many GPUs that its slices pass 2^53; it keeps " POD_SOURCE_RESOURCE);
    if (v->patch.annotations_dropped)
        warn(v, "annotations of the policy were not added: the Pod would carry more than 256 KiB of them");
    if (v->patch.count == 0) {
        unchanged(v, "the policy's decision changes no container");
        return;
    }
    v->kind = VERDICT_MUTATED;
    v->why = v->pod.opt == POD_OPT_IN ? "opted in" : "enrolled by the policy";
}

static void decide(bundle *b, const review *r, json_arena *arena, int64_t cpu_ns, verdict *v)
{
    decision d;
    const json *value = ask(b, r, arena, cpu_ns, v);
    if (!value || !understand(b, arena, value, &d, v)) {
        failed(v);
        return;
    }
    take_texts(v, &d);
    if (d.kind == DECISION_LEAVE)
        unchanged(v, v->pod.opt == POD_OPT_IN ? "the policy leaves it alone"
                                              : "not opted in (" POD_ANNOTATION_OPTIMIZE "), and no rule enrols it");
    else if (d.kind == DECISION_REWRITE)
        rewrite(b, arena, &d, v);
    else
        denied(v, &d);
}

void admission_review(bundle *b, review *r, json_arena *arena, int64_t cpu_ns, verdict *v)
{
    *v = (verdict){ .message = "", .why = "", .reason = "", .rule = "", .trace = "" };
    const char *why = not_ours(r);
    if (why) {
        unchanged(v, why);
        return;
    }
    if (!read_pod(&v->pod, r, r->object, arena, &v->error)) {
        failed(v);
        return;
    }
    v->pod_known = true;
    warn_of_limit_range(v, bundle_resource(b));
    why = left_alone(&v->pod, bundle_resource(b));
    if (why)
        unchanged(v, why);
    else
        decide(b, r, arena, cpu_ns, v);
}

const char *verdict_name(const verdict *v)
{
    if (!v->pod_known)
        return "";
    return *v->pod.name ? v->pod.name : v->pod.generate_name;
}
