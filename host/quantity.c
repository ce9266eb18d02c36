#include "quantity.h"

#include <math.h>
#include <string.h>

#define NANO_DIGITS 9
#define NANO_MAX (~(quantity_nano)0)
#define NANO_PER_ONE ((quantity_nano)1000000000)

/* Kubernetes cuts a value with a binary suffix to an int64, and no other. */
#define BINARY_CAP (INT64_MAX * NANO_PER_ONE)

/* What Kubernetes' quick way of reading needs: no exponent below, no binary suffix above.
 * Only there a number without any digit passes, for zero. */
#define QUICK_TEN (-9)
#define QUICK_TWO 40

/* A quantity's text behind its sign and its leading zeros. */
typedef struct parts {
    const char *whole, *fraction, *suffix;
    size_t whole_length, fraction_length, suffix_length;
    bool digits;                /* there was a digit, leading zeros included */
} parts;

typedef struct scale {
    bool binary;                /* a power of two, not of ten */
    int32_t exponent;
} scale;

/* ---- the text ----------------------------------------------------------- */

static size_t count_digits(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

static parts split(const char *text, const char *end)
{
    parts p = { .whole = text, .fraction = "" };
    while (p.whole < end && *p.whole == '0')
        p.whole++;
    p.whole_length = count_digits(p.whole, end);
    p.suffix = p.whole + p.whole_length;
    p.digits = p.suffix > text;
    if (p.suffix < end && *p.suffix == '.') {
        p.fraction = p.suffix + 1;
        p.fraction_length = count_digits(p.fraction, end);
        p.suffix = p.fraction + p.fraction_length;
        p.digits |= p.fraction_length > 0;
    }
    p.suffix_length = (size_t)(end - p.suffix);
    return p;
}

/* What follows the e of 1e3. Kubernetes reads an int64 and uses its lower half, and so do we. */
static bool read_exponent(const char *at, const char *end, int32_t *out)
{
    int sign = at < end && *at == '-' ? -1 : 1;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end || count_digits(at, end) != (size_t)(end - at))
        return false;
    int64_t value = 0;
    for (; at < end; at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, sign * (*at - '0'), &value))
            return false;
    *out = (int32_t)(uint32_t)(uint64_t)value;
    return true;
}

static bool read_suffix(const char *text, size_t length, scale *out)
{
    static const struct { char name[3]; scale scale; } known[] = {
        { "", { false, 0 } },   { "n", { false, -9 } },  { "u", { false, -6 } },  { "m", { false, -3 } },
        { "k", { false, 3 } },  { "M", { false, 6 } },   { "G", { false, 9 } },   { "T", { false, 12 } },
        { "P", { false, 15 } }, { "E", { false, 18 } },  { "Ki", { true, 10 } },  { "Mi", { true, 20 } },
        { "Gi", { true, 30 } }, { "Ti", { true, 40 } },  { "Pi", { true, 50 } },  { "Ei", { true, 60 } },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) == length && memcmp(known[i].name, text, length) == 0) {
            *out = known[i].scale;
            return true;
        }
    }
    out->binary = false;
    return (*text == 'e' || *text == 'E') && read_exponent(text + 1, text + length, &out->exponent);
}

/* ---- the value ---------------------------------------------------------- */

static quantity_nano add_digit(quantity_nano value, unsigned digit)
{
    return value >= NANO_MAX / 10 ? NANO_MAX : value * 10 + digit;
}

static unsigned digit_at(const parts *p, size_t i)
{
    return (unsigned)((i < p->whole_length ? p->whole[i] : p->fraction[i - p->whole_length]) - '0');
}

/* Digits left of the nano's place count, those right of it only round. */
static quantity_nano decimal_nano(const parts *p, int32_t exponent)
{
    int64_t kept = (int64_t)p->whole_length + exponent + NANO_DIGITS, i = 0;
    int64_t digits = (int64_t)(p->whole_length + p->fraction_length);
    quantity_nano value = 0;
    bool finer = false;
    for (; i < digits && i < kept; i++)
        value = add_digit(value, digit_at(p, (size_t)i));
    for (; i < digits; i++)
        finer |= digit_at(p, (size_t)i) != 0;
    for (i = digits; i < kept && value != 0 && value != NANO_MAX; i++)
        value = add_digit(value, 0);
    return finer && value != NANO_MAX ? value + 1 : value;
}

/* The fraction is added up from its last digit, each step rounded up: that rounds the sum up exactly. */
static quantity_nano binary_nano(const parts *p, int32_t exponent)
{
    quantity_nano unit = NANO_PER_ONE << exponent, whole = 0, fraction = 0;
    for (size_t i = 0; i < p->whole_length; i++)
        whole = add_digit(whole, digit_at(p, i));
    for (size_t i = p->fraction_length; i > 0; i--)
        fraction = ((unsigned)(p->fraction[i - 1] - '0') * unit + fraction + 9) / 10;
    if (whole > BINARY_CAP / unit)
        return BINARY_CAP;
    quantity_nano value = whole * unit + fraction;
    return value < BINARY_CAP ? value : BINARY_CAP;
}

bool quantity_parse(const char *text, size_t length, quantity *out)
{
    const char *end = text + length;
    bool negative = length > 0 && *text == '-';
    parts p = split(length > 0 && (*text == '-' || *text == '+') ? text + 1 : text, end);
    scale s;
    if (length == 0 || !read_suffix(p.suffix, p.suffix_length, &s))
        return false;
    if (!p.digits && (s.binary ? s.exponent > QUICK_TWO : s.exponent < QUICK_TEN))
        return false;
    out->nano = s.binary ? binary_nano(&p, s.exponent) : decimal_nano(&p, s.exponent);
    out->negative = negative && out->nano != 0;
    return true;
}

bool quantity_read(const json *node, quantity *out)
{
    double number;
    if (json_number(node, &number)) {
        char text[JSON_NUMBER_TEXT];
        json_format_number(text, number);
        return isfinite(number) && quantity_parse(text, strlen(text), out);
    }
    const char *text = json_string(node);
    if (!text)
        return false;
    text += strspn(text, " ");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    return quantity_parse(text, length, out);
}

bool quantity_equal(quantity a, quantity b)
{
    return a.nano != NANO_MAX && a.nano == b.nano && a.negative == b.negative;
}

bool quantity_whole(quantity q, int64_t *out)
{
    if (q.negative || q.nano == 0 || q.nano > BINARY_CAP || q.nano % NANO_PER_ONE != 0)
        return false;
    *out = (int64_t)(q.nano / NANO_PER_ONE);
    return true;
}
