#include "heap.h"

#include "mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A block: one word, then what the caller sees. The links exist only while it is
 * free, and then its last word repeats its size, for the block behind it to find it. */
typedef struct block block;
struct block {
    size_t word;                /* size in bytes, a multiple of 8, and the flags */
    block *next, *previous;     /* in its bin */
};

enum {
    FREE = 1,                   /* this block is in a bin */
    AFTER_FREE = 2,             /* the block before this one is */
    FLAGS = 7,
    WORD = sizeof(size_t),
    SMALLEST = sizeof(block) + sizeof(size_t),
    BINS = 256,                 /* eight for each power of two, up to 128 GiB */
    HOLE = 256,                 /* bytes of a free block that are worth a gap in the image; above two lines */
    LINE = 64,                  /* bytes the processor moves at once */
    KEEP_RESIDENT = 1 << 20     /* pages a run may leave touched above the image */
};

/* Lies at the start of the mapping, so that it is part of the image. */
typedef struct header {
    char *top;                  /* above it nothing was ever handed out; the block below it is never free */
    char *high;                 /* the highest `top` */
    size_t used, peak;
    uint64_t map[BINS / 64];    /* which bins hold a block */
    block *bins[BINS];
} header;

/* A stretch of the mapping that the image holds: all of it but the insides of large free blocks. */
typedef struct span { size_t from, length; } span;

struct heap {
    header *header;
    size_t mapped, page;
    char *end;
    char *image;                /* every span at its place, so that a copy is in step with the cache */
    span *spans;
    size_t span_count;
    size_t image_size;          /* the sum of the spans */
    size_t extent;              /* where the last span ends */
};

/* ---- blocks ------------------------------------------------------------- */

static size_t size_of(const block *b)
{
    return b->word & ~(size_t)FLAGS;
}

static void set_size(block *b, size_t size)
{
    b->word = size | (b->word & FLAGS);
}

static block *behind(block *b)
{
    return (block *)((char *)b + size_of(b));
}

static size_t *last_word(block *b)
{
    return (size_t *)((char *)b + size_of(b)) - 1;
}

static block *before(block *b)
{
    return (block *)((char *)b - ((size_t *)b)[-1]);
}

static block *block_of(void *payload)
{
    return (block *)((char *)payload - WORD);
}

static void *payload_of(block *b)
{
    return (char *)b + WORD;
}

static size_t block_size(size_t payload)
{
    size_t size = (payload + WORD + 7) & ~(size_t)7;
    return size < SMALLEST ? SMALLEST : size;
}

/* ---- bins --------------------------------------------------------------- */

static unsigned log_of(size_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

/* The bin that holds blocks of this size, and some that are up to an eighth larger. */
static unsigned bin_of(size_t size)
{
    size_t n = size / 8;
    if (n < 8)
        return (unsigned)n;
    unsigned log = log_of(n);
    return (log - 2) * 8 + (unsigned)((n >> (log - 3)) & 7);
}

/* The first bin in which every block is at least this large. */
static unsigned bin_above(size_t size)
{
    size_t n = size / 8;
    return n < 8 ? (unsigned)n : bin_of((n + ((size_t)1 << (log_of(n) - 3)) - 1) * 8);
}

static void put(header *k, block *b)
{
    unsigned bin = bin_of(size_of(b));
    b->word |= FREE;
    *last_word(b) = size_of(b);
    behind(b)->word |= AFTER_FREE;
    b->previous = NULL;
    b->next = k->bins[bin];
    if (b->next)
        b->next->previous = b;
    k->bins[bin] = b;
    k->map[bin / 64] |= (uint64_t)1 << bin % 64;
}

static void take(header *k, block *b)
{
    unsigned bin = bin_of(size_of(b));
    b->word &= ~(size_t)FREE;
    behind(b)->word &= ~(size_t)AFTER_FREE;
    if (b->next)
        b->next->previous = b->previous;
    if (b->previous)
        b->previous->next = b->next;
    else
        k->bins[bin] = b->next;
    if (!k->bins[bin])
        k->map[bin / 64] &= ~((uint64_t)1 << bin % 64);
}

static block *first_from(const header *k, unsigned bin)
{
    uint64_t skip = ~(uint64_t)0 << bin % 64;
    for (unsigned word = bin / 64; word < BINS / 64; word++, skip = ~(uint64_t)0)
        if (k->map[word] & skip)
            return k->bins[word * 64 + (unsigned)__builtin_ctzll(k->map[word] & skip)];
    return NULL;
}

static block *find(const header *k, size_t size)
{
    block *b = k->bins[bin_of(size)];
    return b && size_of(b) >= size ? b : first_from(k, bin_above(size));
}

/* ---- joining and splitting ---------------------------------------------- */

static void give_back(header *k, block *b)
{
    if (b->word & AFTER_FREE) {
        block *joined = before(b);
        take(k, joined);
        set_size(joined, size_of(joined) + size_of(b));
        b = joined;
    }
    if ((char *)behind(b) == k->top) {
        k->top = (char *)b;
        return;
    }
    if (behind(b)->word & FREE) {
        block *joined = behind(b);
        take(k, joined);
        set_size(b, size_of(b) + size_of(joined));
    }
    put(k, b);
}

/* Give back what `b` has beyond `size`. */
static void trim(header *k, block *b, size_t size)
{
    size_t rest = size_of(b) - size;
    if (rest < SMALLEST)
        return;
    set_size(b, size);
    behind(b)->word = rest;
    give_back(k, behind(b));
}

static bool raise_top(heap *h, size_t by)
{
    header *k = h->header;
    if (by > (size_t)(h->end - k->top))
        return false;
    k->top += by;
    if (k->top > k->high)
        k->high = k->top;
    return true;
}

/* Make `b` larger where it lies. */
static bool widen(heap *h, block *b, size_t size)
{
    header *k = h->header;
    block *next = behind(b);
    if ((char *)next == k->top) {
        if (!raise_top(h, size - size_of(b)))
            return false;
        set_size(b, size);
        return true;
    }
    if (!(next->word & FREE) || size_of(b) + size_of(next) < size)
        return false;
    take(k, next);
    set_size(b, size_of(b) + size_of(next));
    trim(k, b, size);
    return true;
}

/* ---- what callers see --------------------------------------------------- */

static void count(header *k, size_t more, size_t less)
{
    k->used += more - less;
    if (k->used > k->peak)
        k->peak = k->used;
}

static void *allocate(heap *h, size_t size)
{
    header *k = h->header;
    block *b = find(k, size);
    if (b) {
        take(k, b);
        trim(k, b, size);
    } else {
        b = (block *)k->top;
        if (!raise_top(h, size))
            return NULL;
        b->word = size;
    }
    count(k, size_of(b), 0);
    return payload_of(b);
}

static void *move(heap *h, block *b, size_t size)
{
    void *fresh = allocate(h, size);
    if (!fresh)
        return NULL;
    memcpy(fresh, payload_of(b), size_of(b) - WORD);
    heap_release(h, payload_of(b));
    return fresh;
}

void *heap_resize(heap *h, void *old, size_t size)
{
    if (size > h->mapped)                               /* also keeps block_size() from overflowing */
        return NULL;
    size_t whole = block_size(size);
    if (!old)
        return allocate(h, whole);
    block *b = block_of(old);
    size_t had = size_of(b);
    if (whole <= had)
        trim(h->header, b, whole);
    else if (!widen(h, b, whole))
        return move(h, b, whole);
    count(h->header, size_of(b), had);
    return old;
}

void heap_release(heap *h, void *old)
{
    if (!old)
        return;
    count(h->header, 0, size_of(block_of(old)));
    give_back(h->header, block_of(old));
}

size_t heap_peak(const heap *h)
{
    return h->header->peak;
}

/* ---- the whole ---------------------------------------------------------- */

heap *heap_new(size_t size)
{
    size_t mapped = sizeof(header) + size;
    void *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    madvise(base, mapped, MADV_NOHUGEPAGE);             /* or the first byte makes two megabytes resident */
    heap *h = mem_zalloc(sizeof *h);
    h->header = base;
    h->mapped = mapped;
    h->page = (size_t)sysconf(_SC_PAGESIZE);
    h->end = (char *)base + mapped;
    h->header->top = h->header->high = (char *)(h->header + 1);
    return h;
}

void heap_free(heap *h)
{
    if (!h)
        return;
    munmap(h->header, h->mapped);
    free(h->image);
    free(h->spans);
    free(h);
}

/* ---- back in time ------------------------------------------------------- */

static size_t round_down(size_t n, size_t to)
{
    return n & ~(to - 1);
}

static size_t round_up(size_t n, size_t to)
{
    return round_down(n + to - 1, to);
}

static size_t offset_of(const heap *h, const void *at)
{
    return (size_t)((const char *)at - (const char *)h->header);
}

/* In whole lines: what is inside a hole may be copied too. */
static void add_span(heap *h, size_t from, size_t to)
{
    from = round_down(from, LINE);
    to = round_up(to, LINE);
    if ((h->span_count & (h->span_count + 1)) == 0)     /* 0, 1, 3, 7, …: then it doubles */
        h->spans = mem_realloc(h->spans, 2 * (h->span_count + 1) * sizeof *h->spans);
    h->spans[h->span_count++] = (span){ from, to - from };
    h->image_size += to - from;
}

static void find_spans(heap *h)
{
    size_t from = 0;
    char *top = h->header->top;
    for (block *b = (block *)(h->header + 1); (char *)b < top; b = behind(b))
        if (b->word & FREE && size_of(b) >= HOLE) {
            add_span(h, from, offset_of(h, b + 1));
            from = offset_of(h, last_word(b));
        }
    add_span(h, from, offset_of(h, top));
}

static void copy_spans(const heap *h, char *to, const char *from)
{
    for (const span *s = h->spans; s < h->spans + h->span_count; s++)
        memcpy(to + s->from, from + s->from, s->length);
}

void heap_snapshot(heap *h)
{
    header *k = h->header;
    k->peak = k->used;
    k->high = k->top;
    h->span_count = h->image_size = 0;
    h->extent = round_up(offset_of(h, k->top), LINE);
    find_spans(h);
    free(h->image);
    h->image = mem_checked(aligned_alloc(h->page, round_up(h->extent, h->page)));
    copy_spans(h, h->image, (char *)k);
}

/* Pages above the image are garbage nobody points to. A run that touched many gives
 * them back, so that one hostile policy does not leave every heap resident. */
static void forget(const heap *h, const char *high)
{
    size_t from = round_up(h->extent, h->page), touched = offset_of(h, high);
    if (touched > from + KEEP_RESIDENT)
        madvise((char *)h->header + from, touched - from, MADV_DONTNEED);
}

void heap_restore(heap *h)
{
    forget(h, h->header->high);
    copy_spans(h, (char *)h->header, h->image);
}

size_t heap_image(const heap *h)
{
    return h->image_size;
}
