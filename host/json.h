/* json.h - JSON, strict on the way in, written by hand on the way out.
 *
 * A document and all its nodes live in one arena and die with it. The tree is
 * cJSON's; json.c alone calls cJSON's parser, every other file uses the functions
 * below and never cJSON's look-ups, some of which ignore case.
 *
 * Strings. JSON allows \u0000 in a string, a C string does not. It is handed on
 * as the two bytes C0 80, which no valid UTF-8 holds, so "true\u0000x" never
 * equals "true", and is written back as \u0000. A key with \u0000 is refused. */
#ifndef CASTSLICE_JSON_H
#define CASTSLICE_JSON_H

#include "buf.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cJSON json;

/* The version of cJSON, for people. */
const char *json_library(void);

/* ---- the arena ---------------------------------------------------------- */

/* A bump allocator with a ceiling; everything is released at once. Not thread safe: one user at a time. */
typedef struct json_arena json_arena;

json_arena *json_arena_new(size_t cap);                  /* `cap` in bytes; never NULL */
void json_arena_free(json_arena *arena);                 /* NULL is fine */
void *json_arena_alloc(json_arena *arena, size_t size);  /* 16-byte aligned, zeroed; NULL above the ceiling */
char *json_arena_strdup(json_arena *arena, const char *text, size_t length);  /* NULL above the ceiling */
char *json_arena_encode(json_arena *arena, const char *text, size_t length);  /* the same, each zero as C0 80 */
size_t json_arena_used(const json_arena *arena);         /* bytes handed out */

/* ---- reading ------------------------------------------------------------ */

#define JSON_MAX_DEPTH 128       /* arrays and objects inside one another; Kubernetes needs about 25 */
#define JSON_MAX_NODES 1000000   /* values in one document */

/* Parse one JSON value (RFC 8259) that fills `text`. NULL and `err` otherwise:
 * ERR_INPUT with the line for bad grammar, invalid UTF-8, a lone surrogate, a BOM,
 * trailing bytes, too deep, a key twice in one object, \u0000 in a key;
 * ERR_TOO_LARGE for too many nodes or a full arena.
 * The text may be freed afterwards. */
json *json_parse(json_arena *arena, const char *text, size_t length, error *err);

/* All take NULL and answer NULL, false or 0 for it. Look-ups are exact, case included. */
json *json_get(const json *object, const char *key);     /* the member, which may be a JSON null; NULL when absent */
size_t json_size(const json *node);                      /* members or elements, linear */
json *json_first(const json *node);                      /* first member or element, or NULL */
json *json_next(const json *node);                       /* its next sibling, or NULL */
const char *json_key(const json *member);                /* NULL for an element */
const char *json_string(const json *node);               /* NULL unless it is a string */
const char *json_text(const json *object, const char *key); /* the string there, "" when it is absent or no string */
bool json_number(const json *node, double *value);       /* false unless it is a number */
bool json_is_true(const json *node);
bool json_is_object(const json *node);
bool json_is_array(const json *node);
bool json_is_string(const json *node);
bool json_is_number(const json *node);
bool json_is_bool(const json *node);
bool json_is_null(const json *node);

/* ---- building and changing (our own copy of the Pod, decisions, YAML) ---- */

/* New nodes belong to the arena; NULL above its ceiling. Strings are copied. */
json *json_new_object(json_arena *arena);
json *json_new_array(json_arena *arena);
json *json_new_string(json_arena *arena, const char *text);
json *json_new_number(json_arena *arena, double value);
json *json_new_bool(json_arena *arena, bool value);
json *json_new_null(json_arena *arena);

bool json_add(json_arena *arena, json *object, const char *key, json *value);  /* appends; the caller knows the key is absent. False above the ceiling or when value is NULL */
bool json_append(json *array, json *value);              /* false when value is NULL */
bool json_remove(json *object, const char *key);         /* false when the key is absent */

/* ---- writing ------------------------------------------------------------ */

#define JSON_NUMBER_TEXT 32      /* bytes, terminator included */

/* The shortest text that reads back as the same number; whole numbers up to 2^53 without point
 * or exponent; null when it is infinite. */
void json_format_number(char out[JSON_NUMBER_TEXT], double value);

/* `text` as a JSON string with its quotes: escapes what JSON must, C0 80 as \u0000, the rest as it is. */
void json_write_string(buf *out, const char *text);
/* `node` as compact JSON, members in their order. */
void json_write(buf *out, const json *node);

#endif
