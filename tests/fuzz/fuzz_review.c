/* Any bytes as the body of a review, through the embedded default policy. */
#include "fuzz.h"

#include "admission.h"
#include "review.h"

#include <string.h>

#define ARENA ((size_t)64 << 20)
#define ANSWER ((size_t)16 << 20)

static const vm_limits limits = { .memory = (size_t)8 << 20, .cpu_ns = INT64_C(10000000000) };

/* One body as the server treats it; everything lives in the arena. */
typedef struct run {
    json_arena *arena;
    review review;
    verdict verdict;
} run;

static bundle *the_bundle(void)
{
    static bundle *b;
    if (!b)
        b = bundle_load(NULL, 1, limits, NULL);
    must(b);
    return b;
}

static bool is_stated(const error *err)
{
    return err->text[0] && (err->kind == ERR_INPUT || err->kind == ERR_TOO_LARGE);
}

static bool read_review(json_arena *arena, const uint8_t *data, size_t size, review *r)
{
    error err = { 0 };
    json *root = json_parse(arena, (const char *)data, size, &err);
    bool good = root && review_parse(r, root, &err);
    must(good || is_stated(&err));
    return good;
}

static char *text_of(const json *node)
{
    buf out;
    buf_init(&out, ANSWER);
    json_write(&out, node);
    must(!out.toobig);
    return buf_take(&out, NULL);
}

static bool is_same_text(const json *a, const json *b)
{
    char *one = text_of(a), *other = text_of(b);
    bool same = strcmp(one, other) == 0;
    free(one);
    free(other);
    return same;
}

/* The patch in the answer is ours, in base64. */
static void check_patch_text(const run *r, const json *response)
{
    buf text, base64;
    buf_init(&text, ANSWER);
    buf_init(&base64, ANSWER);
    patch_write(&r->verdict.patch, "", &text);
    must(json_parse(r->arena, text.data, text.len, NULL));
    buf_base64(&base64, text.data, text.len);
    must(strcmp(json_string(json_get(response, "patch")), base64.data) == 0);
    must(strcmp(json_string(json_get(response, "patchType")), "JSONPatch") == 0);
    buf_release(&text);
    buf_release(&base64);
}

static void check_answer(const run *r)
{
    buf out;
    buf_init(&out, ANSWER);
    review_write_answer(&out, &r->review, &r->verdict);
    const json *root = json_parse(r->arena, out.data, out.len, NULL);
    const json *response = json_get(root, "response");
    must(strcmp(json_string(json_get(root, "apiVersion")), r->review.api_version) == 0);
    must(strcmp(json_string(json_get(response, "uid")), r->review.uid) == 0);
    must(json_is_true(json_get(response, "allowed")) == (r->verdict.kind != VERDICT_DENIED));
    must((json_get(response, "patch") != NULL) == (r->verdict.kind == VERDICT_MUTATED));
    if (r->verdict.kind == VERDICT_MUTATED)
        check_patch_text(r, response);
    if (r->verdict.kind == VERDICT_DENIED)
        must(json_string(json_get(json_get(response, "status"), "message"))[0]);
    buf_release(&out);
}

/* The patch turns the object we were sent into the one we checked, and that one needs no other. */
static void check_mutation(run *r, const uint8_t *data, size_t size)
{
    review fresh;
    verdict again;
    must(r->verdict.patch.count > 0);
    must(read_review(r->arena, data, size, &fresh));
    must(patch_apply(&r->verdict.patch, r->arena, fresh.object, NULL));
    must(is_same_text(fresh.object, r->review.object));
    admission_review(the_bundle(), &fresh, r->arena, limits.cpu_ns, &again);
    must(again.kind == VERDICT_UNCHANGED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run r = { .arena = json_arena_new(ARENA) };
    if (read_review(r.arena, data, size, &r.review)) {
        admission_review(the_bundle(), &r.review, r.arena, limits.cpu_ns, &r.verdict);
        if (r.verdict.kind == VERDICT_FAILED)
            must(r.verdict.error.kind == ERR_TOO_LARGE);
        else
            check_answer(&r);
        if (r.verdict.kind == VERDICT_MUTATED)
            check_mutation(&r, data, size);
    }
    json_arena_free(r.arena);
    return 0;
}
