/* Any bytes as a quantity. */
#include "fuzz.h"

#include "quantity.h"

#include <inttypes.h>
#include <string.h>

/* A whole number is the same quantity in plain digits. */
static void check_whole(quantity q)
{
    int64_t whole;
    if (!quantity_whole(q, &whole))
        return;
    char text[32];
    quantity plain;
    snprintf(text, sizeof text, "%" PRId64, whole);
    must(whole > 0 && quantity_parse(text, strlen(text), &plain) && quantity_equal(q, plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    quantity q;
    if (!quantity_parse((const char *)data, size, &q))
        return 0;
    must(q.nano != 0 || !q.negative);
    must(quantity_equal(q, q) || q.nano == ~(quantity_nano)0);
    check_whole(q);
    return 0;
}
