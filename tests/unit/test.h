/* test.h - what every cmocka test includes, in the order cmocka needs. */
#ifndef CASTSLICE_TEST_H
#define CASTSLICE_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Check a row of a table: a failure names the row. */
#define check_row(name, condition) \
    do { \
        if (!(condition)) \
            fail_msg("%s: %s", name, #condition); \
    } while (0)

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

#endif
