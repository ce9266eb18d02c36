/* digest.h - SHA-256, in the form people can make themselves.
 *
 * A folder's digest is that of what `sha256sum *` prints for its files, sorted by name:
 *   (cd DIR && sha256sum *.lua *.json cases.yaml 2>/dev/null | LC_ALL=C sort -k 2 | sha256sum)
 * so it does not depend on where the folder lies, nor on dates. */
#ifndef CASTSLICE_DIGEST_H
#define CASTSLICE_DIGEST_H

#include <stddef.h>

#define DIGEST_TEXT 65          /* bytes of a digest in hex, terminator included */

typedef struct digest_line digest_line;

/* A set of named texts. Zeroed is empty. */
typedef struct digest_set {
    digest_line *lines;
    size_t count;
} digest_set;

void digest_text(const void *bytes, size_t length, char hex[static DIGEST_TEXT]);

void digest_set_add(digest_set *s, const char *name, const void *bytes, size_t length);
void digest_set_end(digest_set *s, char hex[static DIGEST_TEXT]);      /* of what was added, in whatever order */
void digest_set_release(digest_set *s);

#endif
