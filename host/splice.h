/* splice.h - a patch applied to the text itself: what is not changed keeps its bytes.
 *
 * Knows the two things a patch of ours does: a key takes the place of another with a
 * new value, and a key is added to a mapping. New text takes the style around it:
 * indentation, quotes, braces on one line or many, line endings. Comments stay.
 * Everything lives in an arena. */
#ifndef CASTSLICE_SPLICE_H
#define CASTSLICE_SPLICE_H

#include "buf.h"
#include "error.h"
#include "json.h"
#include "patch.h"
#include "source.h"

/* Bytes [start, end) of the text become `text`. */
typedef struct splice_edit {
    size_t start, end;
    const char *text;
    size_t length;
    size_t owner;               /* of the patch that wanted it; the first when several did */
    int line;                   /* of `start` */
    int depth;                  /* of the node it belongs to: of two at one place the inner comes first … */
    size_t order;               /* … and then the older */
} splice_edit;

typedef struct splice {
    source_text in;             /* the document */
    source_node *root;
    json_arena *arena;
    struct splice_change *changes, **tail;
    size_t change_count;
    splice_edit *edits;         /* sorted, apart from one another; by splice_finish() */
    size_t edit_count;
    struct splice_owner { size_t first, count; } *owners;       /* the first of an owner's edits, and how many */
    size_t owner_count;
    const source_node *shared;  /* a change made here is seen elsewhere in the document too; or NULL */
} splice;

void splice_init(splice *s, const source_text *in, source_node *root, json_arena *arena);

/* Add the operations of a patch whose paths start at `top`, a node of the document.
 * False and `err`: ERR_INPUT when another patch wants something else at the same place,
 * ERR_INTERNAL when the patch does not fit the text, ERR_TOO_LARGE for a full arena. */
bool splice_patch(splice *s, source_node *top, const patch *p, size_t owner, error *err);

/* After the last patch: turn the changes into edits. False and `err` (ERR_TOO_LARGE) for a full arena. */
bool splice_finish(splice *s, error *err);

/* The document's text with its edits. */
void splice_write(const splice *s, buf *out);

/* Bytes [from, to) of the text with the edits [first, last), which lie in there. */
void splice_write_part(const splice *s, size_t from, size_t to, size_t first, size_t last, buf *out);

#endif
