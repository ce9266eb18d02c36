#include "digest.h"

#include "buf.h"
#include "mem.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* What `sha256sum` prints for one file. */
struct digest_line {
    char hex[DIGEST_TEXT];
    char *name;
};

void digest_text(const void *bytes, size_t length, char hex[static DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[(DIGEST_TEXT - 1) / 2] = { 0 };
    EVP_Digest(bytes, length, sum, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof sum; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
    hex[DIGEST_TEXT - 1] = '\0';
}

void digest_set_add(digest_set *s, const char *name, const void *bytes, size_t length)
{
    s->lines = mem_realloc(s->lines, (s->count + 1) * sizeof *s->lines);
    digest_line *line = &s->lines[s->count++];
    digest_text(bytes, length, line->hex);
    line->name = mem_strdup(name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const digest_line *)a)->name, ((const digest_line *)b)->name);
}

void digest_set_end(digest_set *s, char hex[static DIGEST_TEXT])
{
    buf text;
    buf_init(&text, (size_t)-1);
    if (s->count)
        qsort(s->lines, s->count, sizeof *s->lines, by_name);
    for (size_t i = 0; i < s->count; i++)
        buf_printf(&text, "%s  %s\n", s->lines[i].hex, s->lines[i].name);
    digest_text(text.len ? text.data : "", text.len, hex);
    buf_release(&text);
}

void digest_set_release(digest_set *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->lines[i].name);
    free(s->lines);
    *s = (digest_set){ 0 };
}
