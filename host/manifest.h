/* manifest.h - a file as kubectl takes them: its documents, and the Pods that would come of them.
 *
 * YAML or JSON, several documents, lists. A bad document does not stop the others.
 * Knows which kinds carry a Pod template and what their controllers make of it.
 * Everything lives as long as the manifest; the trees may be changed by who reads them. */
#ifndef CASTSLICE_MANIFEST_H
#define CASTSLICE_MANIFEST_H

#include "buf.h"
#include "error.h"
#include "json.h"
#include "pod.h"
#include "source.h"

#include <stdbool.h>
#include <stddef.h>

#define MANIFEST_MAX_FILE ((size_t)64 << 20)    /* bytes */

/* One Pod, or the template of one. */
typedef struct manifest_pod {
    const char *kind, *name;    /* of the object that carries it: "Deployment" */
    const char *namespace;      /* the object's; "" when it names none */
    int line;                   /* of the object */
    json *review;               /* the whole AdmissionReview, when it is one */
    json *object;               /* the Pod or template; for a review possibly NULL */
    source_node *source;        /* where that stands */
    const char *path;           /* … as a JSON Pointer from the document's root */
    pod_assumed assumed;        /* what a controller would write into it */
    struct manifest_pod *next;
} manifest_pod;

/* A sentence for who wrote the file; nothing is wrong enough to stop. */
typedef struct manifest_note {
    int line;
    const char *text;
    struct manifest_note *next;
} manifest_note;

/* The shares of a file's documents, one after another, are its whole text. */
typedef struct manifest_document {
    source_text in;             /* its share, with the comments and markers before it */
    bool is_json;
    json *root;                 /* NULL: only comments, or it could not be read */
    source_node *source;
    manifest_pod *pods;
    size_t pod_count;
    manifest_note *notes;
    const error *error;         /* why it could not be read, with the line; NULL when it could */
    struct manifest_document *next;
} manifest_document;

typedef struct manifest {
    const char *name;           /* as given: a path, or "-" */
    buf text;
    size_t mark;                /* bytes of a byte order mark before the first document */
    json_arena *arena;
    manifest_document *documents;
    size_t pod_count;
} manifest;

/* Read the file, or stdin for "-". False and `err` (ERR_SYSTEM, ERR_TOO_LARGE) when there is nothing to look at;
 * what is wrong with one document is in that document. Release it in any case. */
bool manifest_read(manifest *m, const char *name, error *err);

/* The same for a text at hand. `name` is borrowed, the text copied. */
bool manifest_parse(manifest *m, const char *name, const char *text, size_t length, error *err);

void manifest_release(manifest *m);

/* Each object of a document: the document itself, the items of a list, and of lists in it. `at` is its JSON Pointer.
 * Ends, and is false, when `use` says so. */
typedef bool manifest_object(void *context, const json *object, const char *at);
bool manifest_objects(const json *root, manifest_object *use, void *context);

/* Does the API server ask for `host`, NAME.NAMESPACE.svc, when it calls this webhook of a configuration? */
bool manifest_webhook_calls(const json *webhook, const char *host);

/* Is `text` the document as its tree is now? For checking a change that was made in the text. */
bool manifest_matches(const manifest_document *d, const char *text, size_t length);

#endif
