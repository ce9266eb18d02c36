/* data.h - the JSON files of a bundle, as values that never change.
 *
 * A set belongs to its bundle and is shared by all its workers. */
#ifndef CASTSLICE_DATA_H
#define CASTSLICE_DATA_H

#include "error.h"
#include "frozen.h"

typedef struct data_file {
    char *name;             /* "policy" for policy.json */
    char *path, *text;      /* for messages */
    size_t length;
    frozen value;
} data_file;

typedef struct data_set {
    data_file *files;
    size_t count;
    json_arena *arena;      /* of the values */
} data_set;

void data_init(data_set *set, size_t cap);      /* `cap`: bytes that the values may take */
void data_release(data_set *set);

/* Parse one more file; takes `path` and `text`. False and `err` (ERR_POLICY, `path:LINE: sentence`) when it is not JSON, or
 * nothing but null. */
bool data_add(data_set *set, const char *name, char *path, char *text, size_t length, error *err);

/* The file of that name, or NULL; `set` may be NULL. */
const data_file *data_find(const data_set *set, const char *name, size_t length);

/* The line of what a JSON Pointer names in the file; of its nearest parent when the value is not there. */
int data_line(const data_file *file, const char *pointer, size_t length);

/* What `text`, "policy.json#/rules/3: sentence", as the library says where data is wrong, is about: the file, the line in
 * it, and the sentence inside `text`. NULL when it is nothing of the kind, or the set has no such file. */
const data_file *data_locate(const data_set *set, const char *text, int *line, const char **sentence);

#endif
