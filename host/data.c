#include "data.h"

#include "json_pointer.h"
#include "mem.h"
#include "source.h"

#include <stdlib.h>
#include <string.h>

#define TREE_CAP ((size_t)64 << 20)     /* bytes of the tree that a file is read through */

void data_init(data_set *set, size_t cap)
{
    *set = (data_set){ .arena = json_arena_new(cap) };
}

void data_release(data_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->files[i].name);
        free(set->files[i].path);
        free(set->files[i].text);
    }
    free(set->files);
    json_arena_free(set->arena);
}

/* ---- reading -------------------------------------------------------------- */

static bool read_value(data_set *set, data_file *f, error *err)
{
    json_arena *arena = json_arena_new(TREE_CAP);
    error wrong;
    json *root = json_parse(arena, f->text, f->length, &wrong);
    bool nothing = json_is_null(root);          /* a policy could not tell it from a file that is not there */
    bool ok = root && !nothing && frozen_of_json(set->arena, root, &f->value);
    if (nothing)
        error_set_line(err, ERR_POLICY, 1, "%s:1: null is no data; write {} or [], or remove the file", f->path);
    else if (!root && wrong.line > 0)
        error_set_line(err, ERR_POLICY, wrong.line, "%s:%d: %s", f->path, wrong.line, wrong.text);
    else if (!root)
        error_set(err, ERR_POLICY, "%s: %s", f->path, wrong.text);
    else if (!ok)
        error_set(err, ERR_POLICY_MEMORY, "%s: needs more than the policy's memory (--policy-memory)", f->path);
    json_arena_free(arena);
    return ok;
}

bool data_add(data_set *set, const char *name, char *path, char *text, size_t length, error *err)
{
    set->files = mem_realloc(set->files, (set->count + 1) * sizeof *set->files);
    data_file *f = &set->files[set->count++];
    *f = (data_file){ .name = mem_strdup(name), .path = path, .text = text, .length = length };
    return read_value(set, f, err);
}

const data_file *data_find(const data_set *set, const char *name, size_t length)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (strlen(set->files[i].name) == length && memcmp(set->files[i].name, name, length) == 0)
            return &set->files[i];
    return NULL;
}

/* ---- lines ---------------------------------------------------------------- */

static int line_in(source_node *node, const char *at, const char *end)
{
    char token[400];
    int line = 0;
    while (node) {
        line = node->line;
        if (at >= end)
            break;
        const char *slash = memchr(at + 1, '/', (size_t)(end - at - 1)), *next = slash ? slash : end;
        if (!json_pointer_read(at + 1, (size_t)(next - at - 1), token, sizeof token))
            break;
        node = source_child(node, token, NULL);
        at = next;
    }
    return line;
}

int data_line(const data_file *file, const char *pointer, size_t length)
{
    json_arena *arena = json_arena_new(TREE_CAP);
    error err;
    source_text in = { .text = file->text, .end = file->length, .line = 1 };
    json *root = json_parse(arena, file->text, file->length, &err);
    source_node *node = root ? source_of_json(arena, &in, root) : NULL;
    int line = line_in(node, pointer, pointer + length);
    json_arena_free(arena);
    return line;
}

const data_file *data_locate(const data_set *set, const char *text, int *line, const char **sentence)
{
    const char *dot = strstr(text, ".json#"), *end = dot ? strstr(dot, ": ") : NULL;
    const data_file *file = end ? data_find(set, text, (size_t)(dot - text)) : NULL;
    if (!file)
        return NULL;
    const char *pointer = dot + strlen(".json#");
    *line = data_line(file, pointer, (size_t)(end - pointer));
    *sentence = end + 2;
    return file;
}
