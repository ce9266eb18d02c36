#include "json_scan.h"

#include "json.h"
#include "utf8.h"

#include <endian.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

typedef struct scan {
    const unsigned char *at, *end;
    size_t depth, nodes, keys;
    size_t stop;                /* give up before this key */
    bool rewrite;
    error_kind kind;
    const char *what;
} scan;

static bool scan_value(scan *s);

static bool fail(scan *s, const char *what)
{
    s->kind = ERR_INPUT;
    s->what = s->at < s->end ? what : "it ends too early";
    return false;
}

static size_t left(const scan *s)
{
    return (size_t)(s->end - s->at);
}

/* The next byte, 0 at the end: a NUL is legal nowhere. */
static unsigned char peek(const scan *s)
{
    return s->at < s->end ? *s->at : 0;
}

static bool take(scan *s, unsigned char c)
{
    if (peek(s) != c)
        return false;
    s->at++;
    return true;
}

static void skip_space(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

/* ---- strings ------------------------------------------------------------ */

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The top bit of each byte that is zero; a borrow may set it in bytes above a zero, never below the first. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

/* How many of the eight bytes at `p` are plain before the first that is not. */
static size_t plain_prefix(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    word = le64toh(word);
    uint64_t high = word & 0x8080808080808080;
    uint64_t control = (word - 0x2020202020202020) & ~word & 0x8080808080808080;
    uint64_t odd = high | control | zero_bytes(word ^ 0x2222222222222222) | zero_bytes(word ^ 0x5C5C5C5C5C5C5C5C);
    return odd ? (size_t)__builtin_ctzll(odd) / 8 : 8;
}

static void skip_plain(scan *s)
{
    const unsigned char *p = s->at;
    size_t n = 8;
    while (n == 8 && s->end - p >= 8) {
        n = plain_prefix(p);
        p += n;
    }
    while (n == 8 && p < s->end && is_plain(*p))
        p++;
    s->at = p;
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of the \uXXXX at `p`, or -1 when there is none. */
static int unicode_escape(const unsigned char *p, const unsigned char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    int value = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool scan_unicode_escape(scan *s, bool key)
{
    int unit = unicode_escape(s->at, s->end);
    if (unit < 0)
        return fail(s, "\\u needs four hexadecimal digits");
    bool pair = is_high_surrogate(unit) && is_low_surrogate(unicode_escape(s->at + 6, s->end));
    if (!pair && (is_high_surrogate(unit) || is_low_surrogate(unit)))
        return fail(s, "half a surrogate pair");
    if (unit == 0 && key)
        return fail(s, "\\u0000 in a key");
    if (unit == 0)
        s->rewrite = true;
    s->at += pair ? 12 : 6;
    return true;
}

static bool scan_escape(scan *s, bool key)
{
    switch (left(s) > 1 ? s->at[1] : 0) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        s->at += 2;
        return true;
    case 'u':
        return scan_unicode_escape(s, key);
    default:
        return fail(s, "an escape JSON does not have");
    }
}

static bool scan_utf8(scan *s)
{
    uint32_t code;
    size_t length = utf8_decode((const char *)s->at, left(s), &code);
    if (length == 0)
        return fail(s, "invalid UTF-8");
    s->at += length;
    return true;
}

/* From the opening quote to behind the closing one. */
static bool scan_string(scan *s, bool key)
{
    s->at++;
    for (;;) {
        skip_plain(s);
        unsigned char c = peek(s);
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0x20)
            return fail(s, "a control character in a string");
        if (c == '\\' ? !scan_escape(s, key) : !scan_utf8(s))
            return false;
    }
}

/* ---- numbers and words -------------------------------------------------- */

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool scan_digits(scan *s)
{
    if (!is_digit(peek(s)))
        return fail(s, "a digit was expected");
    while (is_digit(peek(s)))
        s->at++;
    return true;
}

static bool scan_integer(scan *s)
{
    if (!take(s, '0'))
        return scan_digits(s);
    return is_digit(peek(s)) ? fail(s, "a number that begins with 0") : true;
}

static bool scan_exponent(scan *s)
{
    if (!take(s, 'e') && !take(s, 'E'))
        return true;
    if (!take(s, '+'))
        take(s, '-');
    return scan_digits(s);
}

static bool scan_number(scan *s)
{
    const unsigned char *start = s->at;
    take(s, '-');
    if (!scan_integer(s) || (take(s, '.') && !scan_digits(s)) || !scan_exponent(s))
        return false;
    if (s->at - start > JSON_SCAN_NUMBER)
        s->rewrite = true;
    return true;
}

static bool scan_word(scan *s, const char *word)
{
    size_t length = strlen(word);
    if (left(s) < length || memcmp(s->at, word, length) != 0)
        return fail(s, "a value was expected");
    s->at += length;
    return true;
}

/* ---- arrays and objects ------------------------------------------------- */

static bool scan_member(scan *s)
{
    if (peek(s) != '"')
        return fail(s, "a key in double quotes was expected");
    if (s->keys++ == s->stop)
        return false;
    if (!scan_string(s, true))
        return false;
    skip_space(s);
    if (!take(s, ':'))
        return fail(s, "':' was expected");
    skip_space(s);
    return scan_value(s);
}

/* What lies between the brackets, one `item` after the other. Recursion is bounded by JSON_MAX_DEPTH. */
static bool scan_items(scan *s, unsigned char close, bool (*item)(scan *), const char *expected)
{
    if (++s->depth > JSON_MAX_DEPTH)
        return fail(s, "nested deeper than " TEXT(JSON_MAX_DEPTH) " levels");
    s->at++;
    skip_space(s);
    bool more = !take(s, close);
    while (more) {
        if (!item(s))
            return false;
        skip_space(s);
        more = !take(s, close);
        if (more && !take(s, ','))
            return fail(s, expected);
        skip_space(s);
    }
    s->depth--;
    return true;
}

static bool scan_value(scan *s)
{
    if (++s->nodes > JSON_MAX_NODES) {
        fail(s, "more than " TEXT(JSON_MAX_NODES) " values");
        s->kind = ERR_TOO_LARGE;
        return false;
    }
    switch (peek(s)) {
    case '{':
        return scan_items(s, '}', scan_member, "',' or '}' was expected");
    case '[':
        return scan_items(s, ']', scan_value, "',' or ']' was expected");
    case '"':
        return scan_string(s, false);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return is_digit(peek(s)) || peek(s) == '-' ? scan_number(s) : fail(s, "a value was expected");
    }
}

static bool scan_document(scan *s)
{
    if (utf8_mark((const char *)s->at, left(s)))
        return fail(s, "a byte order mark");
    skip_space(s);
    if (!scan_value(s))
        return false;
    skip_space(s);
    return s->at == s->end ? true : fail(s, "something follows the value");
}

static scan scan_begin(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    return (scan){ .at = bytes, .end = bytes + length, .stop = SIZE_MAX };
}

bool json_scan(const char *text, size_t length, json_scanned *out)
{
    scan s = scan_begin(text, length);
    bool good = scan_document(&s);
    *out = (json_scanned){ .rewrite = s.rewrite, .kind = s.kind, .what = s.what, .offset = length - left(&s) };
    return good;
}

size_t json_scan_key(const char *text, size_t length, size_t nth)
{
    scan s = scan_begin(text, length);
    s.stop = nth;
    scan_document(&s);
    return length - left(&s);
}

/* ---- what cJSON would misread ------------------------------------------- */

/* Copy the string at s->at; returns the end of the copy. */
static char *copy_string(scan *s, char *out)
{
    *out++ = (char)*s->at++;
    while (*s->at != '"') {
        if (unicode_escape(s->at, s->end) == 0) {
            *out++ = (char)0xC0;
            *out++ = (char)0x80;
            s->at += 6;
            continue;
        }
        if (*s->at == '\\')
            *out++ = (char)*s->at++;
        *out++ = (char)*s->at++;
    }
    *out++ = (char)*s->at++;
    return out;
}

/* Copy the number at s->at; a long one as the double it stands for, which is all a tree can hold.
 * One beyond every double stays infinite. */
static char *copy_number(scan *s, char *out)
{
    const unsigned char *start = s->at;
    scan_number(s);
    size_t length = (size_t)(s->at - start);
    memcpy(out, start, length);
    if (length <= JSON_SCAN_NUMBER)
        return out + length;
    out[length] = '\0';
    double value = strtod(out, NULL);
    if (isinf(value))
        return out + sprintf(out, value < 0 ? "-1e999" : "1e999");
    return out + sprintf(out, "%.17g", value);
}

size_t json_scan_rewrite(const char *text, size_t length, char *out)
{
    scan s = scan_begin(text, length);
    char *to = out;
    while (s.at < s.end) {
        if (*s.at == '"')
            to = copy_string(&s, to);
        else if (is_digit(*s.at) || *s.at == '-')
            to = copy_number(&s, to);
        else
            *to++ = (char)*s.at++;
    }
    return (size_t)(to - out);
}
