/* Any bytes as JSON: what is read and written is read again as the same. */
#include "fuzz.h"

#include "json.h"

#include <string.h>

#define ARENA ((size_t)64 << 20)

static buf written(const json *node)
{
    buf out;
    buf_init(&out, ARENA);
    json_write(&out, node);
    must(!out.toobig);
    return out;
}

static void check_round_trip(json_arena *arena, const json *root)
{
    buf first = written(root);
    json *again = json_parse(arena, first.data, first.len, NULL);
    must(again);
    buf second = written(again);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    buf_release(&first);
    buf_release(&second);
}

/* However small the arena, a document ends in its tree or in a stated error. */
static void check_ceiling(const uint8_t *data, size_t size)
{
    error err = { 0 };
    json_arena *arena = json_arena_new(size > 0 ? data[0] * 16U : 0);
    must(json_parse(arena, (const char *)data, size, &err) || err.kind != ERR_NONE);
    json_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    error err = { 0 };
    json_arena *arena = json_arena_new(ARENA);
    json *root = json_parse(arena, (const char *)data, size, &err);
    if (root)
        check_round_trip(arena, root);
    else
        must(err.text[0] && err.kind == ERR_INPUT && err.line > 0);
    json_arena_free(arena);
    check_ceiling(data, size);
    return 0;
}
