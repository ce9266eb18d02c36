/* source.h - where every key and value of a document stands in its text.
 *
 * A tree of the shape of the JSON tree, made beside it: by yaml.c for YAML, by
 * source_of_json() for JSON. Offsets are bytes from the start of the whole text,
 * lines count from 1. Lives in the arena; nothing is freed. */
#ifndef CASTSLICE_SOURCE_H
#define CASTSLICE_SOURCE_H

#include "json.h"

#include <stdbool.h>
#include <stddef.h>

/* A part of a larger text, which positions are counted from. Borrowed. */
typedef struct source_text {
    const char *text;           /* the whole */
    size_t start, end;          /* the part */
    int line;                   /* of `start` */
    const struct source_block *blocks;  /* of the part, by source_index(); NULL: none */
} source_text;

typedef enum source_kind { SOURCE_SCALAR, SOURCE_OBJECT, SOURCE_ARRAY, SOURCE_ALIAS } source_kind;

typedef struct source_node source_node;
struct source_node {
    source_kind kind;
    bool flow;                  /* in braces or brackets; otherwise YAML's block style */
    bool merge;                 /* YAML's `<<`: the value's members become members of the parent */
    bool shared;                /* an alias elsewhere stands for this node too */
    int line;                   /* of the key; of the value when there is no key */
    size_t start, end;          /* the value; equal for a value YAML leaves empty */
    size_t key_start, key_end;  /* the key */
    const char *key;            /* NULL for an element and for the root */
    source_node *parent, *first, *last, *next;
    source_node *target;        /* of an alias: what it stands for */
    size_t merged;              /* of an object: the keys that a look-up passes through its merge keys */
    source_node *near;          /* of an array: the element asked for last … */
    size_t near_index;          /* … and which it is */
    void *change;               /* splice.c's */
};

/* A new node; NULL above the arena's ceiling. */
source_node *source_new(json_arena *arena, source_kind kind, size_t start, size_t end, int line);
void source_append(source_node *parent, source_node *child);

/* The positions of `root`, which json_parse() has just read from this text. NULL above the arena's ceiling. */
source_node *source_of_json(json_arena *arena, const source_text *in, const json *root);

/* Where the JSON value ends that starts at in->start: the end of the text when it never does. */
size_t source_json_end(const source_text *in);

/* The line of an offset: its number, its first byte, and the byte behind its line break (at most in->end). */
int source_line(const source_text *in, size_t offset);
size_t source_line_start(const source_text *in, size_t offset);
size_t source_line_end(const source_text *in, size_t offset);

/* For a text to be asked for many lines, so that a long one costs no more than a short one. The blocks live
 * in the arena; false above its ceiling. */
bool source_index(json_arena *arena, source_text *in);

/* The child that one token of a JSON Pointer names, through aliases and merge keys; a key YAML has twice
 * that way means the last. NULL when there is none. On the way `shared` (borrowed, untouched otherwise) is
 * set to a node through which a change made there would be seen elsewhere too; NULL: who only reads. */
source_node *source_child(source_node *parent, const char *token, const source_node **shared);

/* What an alias stands for, or the node itself. */
source_node *source_resolve(source_node *node, const source_node **shared);

#endif
