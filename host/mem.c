#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mem_checked(void *block)
{
    if (!block) {
        fputs("castslice: out of memory\n", stderr);
        abort();
    }
    return block;
}

void *mem_alloc(size_t size)
{
    return mem_checked(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return mem_checked(calloc(1, size ? size : 1));
}

void *mem_realloc(void *old, size_t size)
{
    return mem_checked(realloc(old, size ? size : 1));
}

char *mem_strndup(const char *text, size_t length)
{
    char *copy = mem_alloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}
