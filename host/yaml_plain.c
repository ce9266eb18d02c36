#include "yaml_plain.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A digit's value in any base up to 16; 16 for anything else. */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* The base a number says it has, behind its sign; *digits is moved to the first digit. */
static unsigned base_of(const char **digits)
{
    const char *d = *digits;
    if (d[0] != '0' || d[1] == '\0')
        return 10;
    char mark = (char)tolower((unsigned char)d[1]);
    unsigned base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    *digits = d + (base ? 2 : 1);
    return base ? base : 8;
}

static bool read_integer(const char *text, double *number)
{
    bool negative = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    unsigned base = base_of(&digits);
    double value = 0;
    if (!*digits)
        return false;
    for (const char *d = digits; *d; d++) {
        if (digit_value(*d) >= base)
            return false;
        value = value * base + digit_value(*d);
    }
    if (base == 10)
        value = strtod(digits, NULL);                   /* exact beyond 2^53 too */
    *number = negative ? -value : value;
    return isfinite(value);
}

static const char *skip_digits(const char *p)
{
    return p + strspn(p, "0123456789");
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? that a double holds. */
static bool read_float(const char *text, double *number)
{
    const char *whole = text + (*text == '-' || *text == '+'), *p = skip_digits(whole);
    size_t digits = (size_t)(p - whole);
    if (*p == '.') {
        const char *fraction = p + 1;
        p = skip_digits(fraction);
        digits += (size_t)(p - fraction);
    }
    if (digits == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1 + (p[1] == '-' || p[1] == '+');
        p = skip_digits(exponent);
        if (p == exponent)
            return false;
    }
    *number = strtod(text, NULL);
    return *p == '\0' && isfinite(*number);
}

/* The words of YAML 1.1 that are no strings. */
static yaml_plain known_word(const char *text)
{
    static const struct { const char *words; yaml_plain meaning; } table[] = {
        { " true True TRUE yes Yes YES on On ON y Y ", YAML_PLAIN_TRUE },
        { " false False FALSE no No NO off Off OFF n N ", YAML_PLAIN_FALSE },
        { " ~ null Null NULL ", YAML_PLAIN_NULL },
        { " .nan .NaN .NAN .inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF ", YAML_PLAIN_INFINITE },
    };
    char word[10];
    size_t length = strlen(text);
    if (length == 0)
        return YAML_PLAIN_NULL;
    if (length + 3 > sizeof word || strchr(text, ' '))
        return YAML_PLAIN_STRING;
    word[0] = word[length + 1] = ' ';
    memcpy(word + 1, text, length);
    word[length + 2] = '\0';
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strstr(table[i].words, word))
            return table[i].meaning;
    return YAML_PLAIN_STRING;
}

/* 1_000 is 1000. False when it does not fit: no number is that long. */
static bool without_underscores(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text; text++) {
        if (n + 1 >= size)
            return false;
        if (*text != '_')
            out[n++] = *text;
    }
    out[n] = '\0';
    return true;
}

yaml_plain yaml_plain_resolve(const char *text, double *number)
{
    yaml_plain word = known_word(text);
    if (word != YAML_PLAIN_STRING || !strchr("+-.0123456789", *text))
        return word;
    char bare[400];
    if (*text == '.')
        return read_float(text, number) ? YAML_PLAIN_NUMBER : YAML_PLAIN_STRING;
    if (!without_underscores(text, bare, sizeof bare))
        return YAML_PLAIN_STRING;
    return read_integer(bare, number) || read_float(bare, number) ? YAML_PLAIN_NUMBER : YAML_PLAIN_STRING;
}

/* Only letters and what names are made of: a subset of what YAML allows that needs no second look. */
bool yaml_plain_is(const char *text)
{
    double number;
    if (!isalpha((unsigned char)*text) || text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                            "0123456789-_./")] != '\0')
        return false;
    return yaml_plain_resolve(text, &number) == YAML_PLAIN_STRING;
}
