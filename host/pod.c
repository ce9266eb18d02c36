#include "pod.h"

#include "quantity.h"

#include <string.h>

static const json *object_of(const json *object, const char *key)
{
    const json *value = json_get(object, key);
    return json_is_object(value) ? value : NULL;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* There, but neither a map nor null. */
static bool is_odd(const json *value)
{
    return value && !json_is_object(value) && !json_is_null(value);
}

/* ---- containers --------------------------------------------------------- */

/* What a container asks of the source. The API server has copied limits into
 * requests when it asks us; a manifest may still have limits alone. */
static pod_gpu_state source_state(const pod_container *c, int64_t *gpus)
{
    const json *limit = json_get(c->limits, POD_SOURCE_RESOURCE);
    const json *request = json_get(c->requests, POD_SOURCE_RESOURCE);
    if (!limit && !request)
        return POD_GPU_NONE;
    quantity limited, requested;
    if (!quantity_read(limit, &limited) || !quantity_whole(limited, gpus))
        return POD_GPU_OTHER;
    if (!request)
        return POD_GPU_WHOLE;
    return quantity_read(request, &requested) && quantity_equal(limited, requested) ? POD_GPU_WHOLE : POD_GPU_OTHER;
}

/* A member of the wrong type cannot be patched safely; the API server refuses it anyway. */
static bool is_misshapen(const json *resources)
{
    return is_odd(json_get(resources, "limits")) || is_odd(json_get(resources, "requests"));
}

static void read_container(pod_container *c, const json *node, bool init, size_t index)
{
    const json *resources = object_of(node, "resources");
    *c = (pod_container){
        .name = json_text(node, "name"),
        .image = json_text(node, "image"),
        .init = init,
        .sidecar = init && strcmp(json_text(node, "restartPolicy"), "Always") == 0,
        .privileged = json_is_true(json_get(object_of(node, "securityContext"), "privileged")),
        .index = index,
        .resources = resources,
        .limits = object_of(resources, "limits"),
        .requests = object_of(resources, "requests"),
    };
    int64_t gpus = 0;
    c->state = source_state(c, &gpus);
    if (c->state == POD_GPU_WHOLE && is_misshapen(resources))
        c->state = POD_GPU_OTHER;
    c->gpus = c->state == POD_GPU_WHOLE ? gpus : 0;
}

/* `record`: where LimitRanger's record about these containers starts; moved behind it. */
static void read_list(pod *p, const json *list, bool init, const char **record)
{
    size_t index = 0;
    for (const json *node = json_first(list); node; node = json_next(node)) {
        pod_container *c = &p->containers[p->container_count++];
        read_container(c, node, init, index++);
        c->defaulted = limit_range_next(record, c->name, init);
    }
}

static bool read_containers(pod *p, json_arena *arena, const json *spec, error *err)
{
    const json *containers = json_get(spec, "containers"), *inits = json_get(spec, "initContainers");
    containers = json_is_array(containers) ? containers : NULL;
    inits = json_is_array(inits) ? inits : NULL;
    size_t count = json_size(containers) + json_size(inits);
    p->containers = json_arena_alloc(arena, (count + 1) * sizeof *p->containers);
    if (!p->containers)
        return error_set(err, ERR_TOO_LARGE, "spec.containers: too many to read");
    const char *record = limit_range_begin(json_string(json_get(p->annotations, LIMIT_RANGE_ANNOTATION)));
    read_list(p, containers, false, &record);
    read_list(p, inits, true, &record);
    return true;
}

static int64_t plus(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Kubernetes' rule for what a Pod needs: init containers run one after another, each beside the
 * sidecars started before it; then all containers beside all sidecars (KEP-753). */
static int64_t gpus_at_once(const pod *p)
{
    int64_t running = 0, sidecars = 0, peak = 0;
    for (size_t i = 0; i < p->container_count; i++) {
        const pod_container *c = &p->containers[i];
        if (!c->init)
            running = plus(running, c->gpus);
        else if (c->sidecar)
            sidecars = plus(sidecars, c->gpus);
        else if (plus(sidecars, c->gpus) > peak)
            peak = plus(sidecars, c->gpus);
    }
    running = plus(running, sidecars);
    return running > peak ? running : peak;
}

static bool names(const pod_container *c, const char *resource)
{
    return json_get(c->limits, resource) || json_get(c->requests, resource);
}

/* A container with whole GPUs to which a LimitRange gave shares by default is still to be rewritten; one whose
 * whole GPUs are the LimitRange's is not. */
bool pod_container_carries(const pod_container *c, const char *resource)
{
    return names(c, resource) && (!limit_range_wrote(&c->defaulted, resource) ||
                                  limit_range_wrote(&c->defaulted, POD_SOURCE_RESOURCE));
}

bool pod_container_put_back(const pod_container *c, const char *target)
{
    return c->state == POD_GPU_WHOLE && names(c, target) && limit_range_wrote(&c->defaulted, POD_SOURCE_RESOURCE);
}

void pod_resources_path(const pod_container *c, buf *out)
{
    buf_printf(out, "/spec/%s/%zu/resources", c->init ? "initContainers" : "containers", c->index);
}

const pod_container *pod_find_container(const pod *p, const char *name)
{
    for (size_t i = 0; i < p->container_count; i++)
        if (strcmp(p->containers[i].name, name) == 0)
            return &p->containers[i];
    return NULL;
}

/* ---- the Pod ------------------------------------------------------------ */

static pod_opt read_opt(const json *annotations)
{
    const json *value = json_get(annotations, POD_ANNOTATION_OPTIMIZE);
    if (!value)
        return POD_OPT_UNSET;
    return strcmp(or_empty(json_string(value)), "true") == 0 ? POD_OPT_IN : POD_OPT_OUT;
}

/* The controller's reference: at most one has `controller: true`. */
static void read_owner(pod *p, const json *metadata)
{
    const json *references = json_get(metadata, "ownerReferences");
    for (const json *r = json_first(references); r; r = json_next(r)) {
        if (!json_is_true(json_get(r, "controller")))
            continue;
        p->owner_kind = json_text(r, "kind");
        p->owner_name = json_text(r, "name");
        return;
    }
}

static void assume(pod *p, const pod_assumed *a)
{
    if (a->name)
        p->name = a->name;
    if (a->generate_name)
        p->generate_name = a->generate_name;
    if (a->owner_kind) {
        p->owner_kind = a->owner_kind;
        p->owner_name = or_empty(a->owner_name);
    }
}

bool pod_read(pod *p, json_arena *arena, json *object, const pod_request *request, error *err)
{
    const json *metadata = object_of(object, "metadata"), *spec = object_of(object, "spec");
    *p = (pod){
        .object = object,
        .name = json_text(metadata, "name"),
        .generate_name = json_text(metadata, "generateName"),
        .namespace = or_empty(request->namespace),
        .user = or_empty(request->user),
        .dry_run = request->dry_run,
        .service_account = json_text(spec, "serviceAccountName"),
        .scheduler_name = json_text(spec, "schedulerName"),
        .runtime_class = json_text(spec, "runtimeClassName"),
        .node_name = json_text(spec, "nodeName"),
        .labels = object_of(metadata, "labels"),
        .annotations = object_of(metadata, "annotations"),
        .node_selector = object_of(spec, "nodeSelector"),
    };
    p->odd_metadata = is_odd(json_get(object, "metadata")) || is_odd(json_get(metadata, "labels")) ||
                      is_odd(json_get(metadata, "annotations"));
    p->mirror = json_get(p->annotations, "kubernetes.io/config.mirror") != NULL;
    p->opt = read_opt(p->annotations);
    read_owner(p, metadata);
    if (request->assumed)
        assume(p, request->assumed);
    if (!read_containers(p, arena, spec, err))
        return false;
    p->gpus = gpus_at_once(p);
    return true;
}

/* ---- a manifest's Pod as the API server would send it ------------------- */

static bool copy_value(json_arena *arena, json *map, const json *value)
{
    double number;
    const char *text = json_string(value);
    json *copy = text ? json_new_string(arena, text) : json_number(value, &number) ? json_new_number(arena, number)
                                                                                   : json_new_null(arena);
    return json_add(arena, map, json_key(value), copy);
}

static bool default_requests(json_arena *arena, json *resources)
{
    const json *limits = object_of(resources, "limits");
    json *requests = json_get(resources, "requests");
    if (!json_first(limits) || is_odd(requests))
        return true;
    if (!json_is_object(requests)) {
        json_remove(resources, "requests");
        requests = json_new_object(arena);
        if (!json_add(arena, resources, "requests", requests))
            return false;
    }
    for (const json *limit = json_first(limits); limit; limit = json_next(limit))
        if (!json_get(requests, json_key(limit)) && !copy_value(arena, requests, limit))
            return false;
    return true;
}

static bool default_list(json_arena *arena, const json *list)
{
    for (const json *c = json_is_array(list) ? json_first(list) : NULL; c; c = json_next(c))
        if (json_is_object(json_get(c, "resources")) && !default_requests(arena, json_get(c, "resources")))
            return false;
    return true;
}

json *pod_defaulted(json_arena *arena, const json *object, error *err)
{
    buf text;
    buf_init(&text, SIZE_MAX / 2);
    json_write(&text, object);
    json *copy = json_parse(arena, text.data, text.len, err);
    buf_release(&text);
    const json *spec = json_get(copy, "spec");
    if (!copy || (default_list(arena, json_get(spec, "containers")) &&
                  default_list(arena, json_get(spec, "initContainers"))))
        return copy;
    error_set(err, ERR_TOO_LARGE, "spec.containers: too many to read");
    return NULL;
}
