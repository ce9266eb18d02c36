#include "presets.h"

#include "admission.h"
#include "data.h"
#include "review.h"

#include <inttypes.h>
#include <string.h>

#define MAX_REVIEW ((size_t)1 << 20)    /* bytes of memory for the one review */
#define NAMESPACE "castslice-check"     /* one that no rule is likely to name */

static bool has_text(const frozen *rule, const char *key, const char *text)
{
    const frozen *value = frozen_get(rule, key, strlen(key));
    return value && value->type == FROZEN_STRING && strcmp(value->as.text, text) == 0;
}

/* A rule's sliceRatio wins over its workloadType. */
static bool is_given_by_a_rule(const bundle *b, const char *name)
{
    const data_file *file = bundle_rules(b);
    const frozen *rules = file ? frozen_get(&file->value, "rules", 5) : NULL;
    for (uint32_t i = 0; rules && rules->type == FROZEN_LIST && i < rules->count; i++) {
        const frozen *rule = &rules->as.items[i];
        if (has_text(rule, "workloadType", name) && !frozen_get(rule, "sliceRatio", 10))
            return true;
    }
    return false;
}

static json *pod_that_asks(json_arena *arena, const char *preset)
{
    buf text;
    error err;
    buf_init(&text, MAX_REVIEW);
    buf_puts(&text, "{\"metadata\":{\"name\":\"check\",\"annotations\":{\"castops.io/optimize\":\"true\","
                    "\"castops.io/workload-type\":");
    json_write_string(&text, preset);
    buf_puts(&text, "}},\"spec\":{\"containers\":[{\"name\":\"main\",\"resources\":{\"limits\":{\"" POD_SOURCE_RESOURCE
                    "\":\"1\"}}}]}}");
    json *object = text.toobig ? NULL : json_parse(arena, text.data, text.len, &err);
    buf_release(&text);
    return object;
}

/* What became of the Pod that asked, when it did not get the preset. */
static bool was_given_something_else(const verdict *v, int64_t ratio, buf *why)
{
    if (v->kind == VERDICT_DENIED && v->code == 400) {
        buf_puts(why, "a Pod that asks for it is refused");
        return true;
    }
    if (v->kind != VERDICT_MUTATED || v->patch.slices[0].slices == ratio)
        return false;
    buf_printf(why, "a Pod that asks for it gets %" PRId64 " slices, not %" PRId64, v->patch.slices[0].slices, ratio);
    return true;
}

bool preset_is_out_of_reach(bundle *b, const json *preset, int64_t cpu_ns, buf *why)
{
    double ratio = 0;
    const char *name = json_key(preset);
    if (is_given_by_a_rule(b, name))
        return false;
    json_arena *arena = json_arena_new(MAX_REVIEW);
    json *object = pod_that_asks(arena, name);
    bool out = false;
    if (object && json_number(preset, &ratio)) {
        verdict v;
        review r;
        pod_assumed nothing = { .name = NULL };
        review_of_manifest(&r, object, NAMESPACE, &nothing);
        admission_review(b, &r, arena, cpu_ns, &v);
        buf_printf(why, "preset `%s` is out of reach: no rule gives it, and ", name);
        out = was_given_something_else(&v, (int64_t)ratio, why);
    }
    json_arena_free(arena);
    return out;
}
