#include "test.h"

#include "heap.h"

static const size_t size = (size_t)256 << 10;

/* A reproducible stream of numbers. */
static unsigned next_number(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { SLOTS = 200, STEPS = 20000 };
    struct { unsigned char *at; size_t length; unsigned char mark; } slots[SLOTS] = { { 0 } };
    heap *h = heap_new(size);
    unsigned seed = 7;
    for (int i = 0; i < STEPS; i++) {
        unsigned n = next_number(&seed), slot = n % SLOTS;
        size_t length = next_number(&seed) % (n % 16 ? 300 : 9000);
        for (size_t j = 0; j < slots[slot].length; j++)
            assert_int_equal(slots[slot].at[j], slots[slot].mark);
        if (length == 0) {
            heap_release(h, slots[slot].at);
            slots[slot].at = NULL;
        } else {
            unsigned char *at = heap_resize(h, slots[slot].at, length);
            if (!at)
                continue;
            assert_int_equal((uintptr_t)at % 8, 0);
            size_t kept = length < slots[slot].length ? length : slots[slot].length;
            for (size_t j = 0; j < kept; j++)
                assert_int_equal(at[j], slots[slot].mark);
            slots[slot].at = at;
        }
        slots[slot].length = length;
        slots[slot].mark = (unsigned char)i;
        if (length)
            memset(slots[slot].at, slots[slot].mark, length);
    }
    heap_free(h);
}

static void everything_released_is_one_block_again(void **state)
{
    (void)state;
    heap *h = heap_new(size);
    void *blocks[500];
    for (int i = 0; i < 500; i++)
        assert_non_null(blocks[i] = heap_resize(h, NULL, (size_t)(i % 37) * 8 + 1));
    for (int i = 0; i < 500; i++)
        heap_release(h, blocks[i * 7 % 500]);
    assert_non_null(heap_resize(h, NULL, size - 16));
    heap_free(h);
}

static void it_refuses_what_does_not_fit(void **state)
{
    (void)state;
    heap *h = heap_new(size);
    assert_null(heap_resize(h, NULL, size + 1));
    assert_null(heap_resize(h, NULL, SIZE_MAX));
    char *block = heap_resize(h, NULL, 100);
    memcpy(block, "still here", 11);
    assert_null(heap_resize(h, block, size + 1));
    assert_string_equal(block, "still here");
    heap_free(h);
    h = heap_new(0);
    assert_null(heap_resize(h, NULL, 1));
    heap_free(h);
}

static void a_full_heap_still_shrinks(void **state)
{
    (void)state;
    heap *h = heap_new(size);
    char *big = heap_resize(h, NULL, size / 2);
    while (heap_resize(h, NULL, 8)) {
    }
    assert_ptr_equal(heap_resize(h, big, 10), big);
    assert_non_null(heap_resize(h, NULL, size / 4));
    heap_free(h);
}

static void restoring_brings_back_every_byte(void **state)
{
    (void)state;
    heap *h = heap_new(size);
    char *kept = heap_resize(h, NULL, 1000), *gone = heap_resize(h, NULL, 1000);
    heap_release(h, gone);
    memset(kept, 'k', 1000);
    heap_snapshot(h);
    char *first = heap_resize(h, NULL, 50000);
    for (int i = 0; i < 3; i++) {
        memset(kept, 'x', 1000);
        heap_release(h, kept);
        while (heap_resize(h, NULL, 100)) {
        }
        assert_true(heap_peak(h) > size / 2);
        heap_restore(h);
        assert_true(heap_peak(h) < 2000);
        for (int j = 0; j < 1000; j++)
            assert_int_equal(kept[j], 'k');
        assert_ptr_equal(heap_resize(h, NULL, 50000), first);
        heap_restore(h);
    }
    heap_free(h);
}

static void the_image_holds_only_what_was_used(void **state)
{
    (void)state;
    heap *h = heap_new((size_t)1 << 30);
    heap_resize(h, NULL, 10000);
    heap_snapshot(h);
    assert_in_range(heap_image(h), 10000, 14000);
    heap_free(h);
    heap_free(NULL);
}

static void holes_are_not_copied(void **state)
{
    (void)state;
    heap *h = heap_new(size);
    char *kept[20], *holes[20], *again[20];
    for (int i = 0; i < 20; i++) {
        kept[i] = heap_resize(h, NULL, 100);
        holes[i] = heap_resize(h, NULL, 3000 + (size_t)i * 100);
        memset(kept[i], i, 100);
    }
    char *last = heap_resize(h, NULL, 100);
    for (int i = 0; i < 20; i++)
        heap_release(h, holes[i]);
    heap_snapshot(h);
    assert_true(heap_image(h) < 10000);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++)
            memset(kept[i], 'x', 100);
        heap_release(h, last);
        for (char *b; (b = heap_resize(h, NULL, 700));)
            memset(b, 'y', 700);
        heap_restore(h);
        for (int i = 0; i < 20; i++)
            for (int j = 0; j < 100; j++)
                assert_int_equal(kept[i][j], i);
        for (int i = 0; i < 20; i++) {                  /* the free blocks are where they were, too */
            char *b = heap_resize(h, NULL, 3000 + (size_t)i * 100);
            again[i] = round ? again[i] : b;
            assert_ptr_equal(b, again[i]);
        }
        heap_restore(h);
    }
    heap_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(everything_released_is_one_block_again),
        cmocka_unit_test(it_refuses_what_does_not_fit),
        cmocka_unit_test(a_full_heap_still_shrinks),
        cmocka_unit_test(restoring_brings_back_every_byte),
        cmocka_unit_test(the_image_holds_only_what_was_used),
        cmocka_unit_test(holes_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
