#include "utf8.h"

#include <string.h>

static size_t length_of(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

static bool is_scalar(uint32_t code, size_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    return code >= least[n] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

size_t utf8_decode(const char *s, size_t length, uint32_t *code)
{
    unsigned char lead = length ? (unsigned char)*s : 0xFF;
    size_t n = length_of(lead);
    if (n == 0 || n > length)
        return 0;
    uint32_t c = n == 1 ? lead : lead & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (next & 0x3F);
    }
    *code = c;
    return is_scalar(c, n) ? n : 0;
}

bool utf8_valid(const char *s, size_t length)
{
    uint32_t code;
    for (size_t i = 0, n; i < length; i += n) {
        n = (unsigned char)s[i] < 0x80 ? 1 : utf8_decode(s + i, length - i, &code);
        if (n == 0)
            return false;
    }
    return true;
}

size_t utf8_mark(const char *s, size_t length)
{
    return length >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

size_t utf8_copy(char *out, size_t size, const char *s, size_t length)
{
    size_t used = 0;
    for (size_t i = 0, n; i < length; i += n) {
        uint32_t code;
        size_t whole = utf8_decode(s + i, length - i, &code);
        n = whole ? whole : 1;
        if (used + n >= size)
            break;
        memcpy(out + used, whole ? s + i : "?", n);
        used += n;
    }
    out[used] = '\0';
    return used;
}
