#include "report.h"

#include "diff.h"
#include "mem.h"
#include "review.h"

#include <stdlib.h>
#include <string.h>

#define ARROW " \xE2\x86\x92 "

/* What is in `kept` may pass. */
static void put_plain(const char *text, const char *kept, buf *out)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool c1 = p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0, nul = p[0] == 0xC0 && p[1] == 0x80;
        bool odd = (*p < 0x20 && !strchr(kept, *p)) || *p == 0x7F || c1 || nul;
        buf_add(out, odd ? "?" : (const char *)p, 1);
        p += c1 || nul;
    }
}

void report_plain(const char *text, buf *out)
{
    put_plain(text, "", out);
}

static const char *name_of(const report *r)
{
    return r->pod->review ? verdict_name(&r->verdict) : r->pod->name;
}

/* ---- for people --------------------------------------------------------- */

static void put_heading(const report *r, buf *out)
{
    const review *q = &r->question;
    buf_printf(out, "%s:%d: ", r->file, r->pod->line);
    buf_puts(out, r->pod->kind);
    if (r->pod->review) {
        buf_puts(out, " of ");
        report_plain(*q->operation ? q->operation : "nothing", out);
        buf_putc(out, ' ');
        report_plain(q->kind, out);
    }
    buf_puts(out, *name_of(r) ? " " : "");
    report_plain(name_of(r), out);
    buf_puts(out, " (namespace ");
    report_plain(q->namespace, out);
    buf_puts(out, ")\n");
}

/* The target all containers get, or NULL when they differ. */
static const char *common_target(const patch *p)
{
    for (size_t i = 1; i < p->slice_count; i++)
        if (strcmp(p->slices[i].resource, p->slices[0].resource) != 0)
            return NULL;
    return p->slice_count ? p->slices[0].resource : NULL;
}

static void put_answer(const report *r, buf *out)
{
    const verdict *v = &r->verdict;
    const char *target = common_target(&v->patch);
    if (v->kind == VERDICT_DENIED) {
        buf_puts(out, "  denied: ");
        report_plain(v->message, out);
    } else if (v->kind == VERDICT_UNCHANGED) {
        buf_printf(out, "  allowed, unchanged: %s", v->why);
    } else {
        buf_puts(out, "  allowed, changed");
        if (target)
            buf_printf(out, ": " POD_SOURCE_RESOURCE ARROW "%s", target);
    }
    buf_putc(out, '\n');
}

static void put_why(const report *r, buf *out)
{
    const verdict *v = &r->verdict;
    if (!*v->reason && !*v->rule && v->kind != VERDICT_MUTATED)
        return;
    buf_puts(out, "  why: ");
    report_plain(*v->reason ? v->reason : v->why, out);
    if (*v->rule) {
        buf_puts(out, " (rule ");
        report_plain(v->rule, out);
        buf_putc(out, ')');
    }
    buf_putc(out, '\n');
}

static void put_count(buf *out, int64_t n, const char *noun)
{
    buf_printf(out, "%lld %s%s", (long long)n, noun, n == 1 ? "" : "s");
}

static void put_slices(const report *r, buf *out)
{
    const patch *p = &r->verdict.patch;
    bool differ = !common_target(p);
    for (size_t i = 0; i < p->slice_count && r->verdict.kind == VERDICT_MUTATED; i++) {
        const patch_slice *s = &p->slices[i];
        buf_puts(out, "  ");
        report_plain(s->container->name, out);
        buf_puts(out, ": ");
        put_count(out, s->container->gpus, "GPU");
        buf_puts(out, ARROW);
        put_count(out, s->slices, "slice");
        if (differ)
            buf_printf(out, " of %s", s->resource);
        buf_putc(out, '\n');
    }
}

static void put_warnings(const report *r, buf *out)
{
    for (size_t i = 0; i < r->verdict.warning_count; i++) {
        buf_puts(out, "  warning: ");
        report_plain(r->verdict.warnings[i], out);
        buf_putc(out, '\n');
    }
}

static void put_notes(const report *r, buf *out)
{
    for (const json *n = json_first(r->verdict.notes); n; n = json_next(n)) {
        buf_puts(out, "  ");
        report_plain(json_string(n), out);
        buf_putc(out, '\n');
    }
}

static void put_value(const json *value, buf *out)
{
    buf text;
    buf_init(&text, out->max);
    json_write(&text, value);
    report_plain(text.data ? text.data : "", out);
    out->toobig |= text.toobig;
    buf_release(&text);
}

/* The lines that change; false, and nothing, when there are none to show. */
static bool put_lines(const report *r, const splice *lines, buf *out)
{
    buf text;
    buf_init(&text, out->max);
    bool ok = lines && diff_write(lines, r->owner, 2, &text);
    if (ok)
        put_plain(text.data ? text.data : "", "\t\n", out);
    out->toobig |= text.toobig;
    buf_release(&text);
    return ok;
}

/* Instead of lines: for what has lines nobody reads, or lines that others share. */
static void put_operations(const report *r, buf *out)
{
    const patch *p = &r->verdict.patch;
    for (size_t i = 0; i < p->count; i++) {
        const patch_op *op = &p->ops[i];
        buf_puts(out, op->value ? "    add " : "    remove ");
        report_plain(r->pod->review ? "" : r->pod->path, out);
        report_plain(op->path, out);
        if (op->value) {
            buf_putc(out, ' ');
            put_value(op->value, out);
        }
        buf_putc(out, '\n');
    }
}

void report_text(const report *r, const splice *lines, buf *out)
{
    put_heading(r, out);
    put_answer(r, out);
    put_why(r, out);
    put_notes(r, out);
    put_slices(r, out);
    put_warnings(r, out);
    if (r->verdict.kind == VERDICT_MUTATED && !put_lines(r, lines, out))
        put_operations(r, out);
}

/* ---- for programs ------------------------------------------------------- */

static void put_member(buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    json_write_string(out, value);
}

typedef struct entry { const patch_slice *slice; } entry;

static int by_name(const void *a, const void *b)
{
    const patch_slice *x = ((const entry *)a)->slice, *y = ((const entry *)b)->slice;
    int order = strcmp(x->container->name, y->container->name);
    return order ? order : (x > y) - (x < y);
}

/* For each slice whether one before it has its name; the caller frees it. */
static bool *named_before(const patch *p)
{
    size_t count = p->slice_count;
    bool *named = mem_alloc(count + 1);
    entry *sorted = mem_alloc((count + 1) * sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i].slice = &p->slices[i];
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 0; i < count; i++)
        named[sorted[i].slice - p->slices] =
            i > 0 && strcmp(sorted[i - 1].slice->container->name, sorted[i].slice->container->name) == 0;
    free(sorted);
    return named;
}

/* By container; of two with one name, which no valid Pod has, the first. */
static void put_slices_json(const report *r, buf *out)
{
    const patch *p = &r->verdict.patch;
    const char *comma = "";
    bool *named = named_before(p);
    buf_puts(out, ",\"slices\":{");
    for (size_t i = 0; i < p->slice_count && r->verdict.kind == VERDICT_MUTATED; i++) {
        if (named[i])
            continue;
        buf_puts(out, comma);
        json_write_string(out, p->slices[i].container->name);
        buf_printf(out, ":%lld", (long long)p->slices[i].slices);
        comma = ",";
    }
    free(named);
    buf_putc(out, '}');
}

static void put_warnings_json(const report *r, buf *out)
{
    buf_puts(out, ",\"warnings\":[");
    for (size_t i = 0; i < r->verdict.warning_count; i++) {
        buf_puts(out, i ? "," : "");
        json_write_string(out, r->verdict.warnings[i]);
    }
    buf_putc(out, ']');
}

static void put_notes_json(const report *r, buf *out)
{
    buf_puts(out, ",\"notes\":");
    if (r->verdict.notes)
        json_write(out, r->verdict.notes);
    else
        buf_puts(out, "[]");
}

/* Paths are relative to the document given, but for a review to its object, as in the answer. */
static void put_patch(const report *r, buf *out)
{
    if (r->verdict.kind == VERDICT_MUTATED)
        patch_write(&r->verdict.patch, r->pod->review ? "" : r->pod->path, out);
    else
        buf_puts(out, "[]");
}

void report_json(const report *r, buf *out)
{
    const verdict *v = &r->verdict;
    buf_puts(out, "{\"name\":");
    json_write_string(out, name_of(r));
    put_member(out, "namespace", r->question.namespace);
    buf_printf(out, ",\"allowed\":%s", v->kind == VERDICT_DENIED ? "false" : "true");
    buf_printf(out, ",\"mutated\":%s", v->kind == VERDICT_MUTATED ? "true" : "false");
    put_slices_json(r, out);
    put_member(out, "reason", v->reason);
    put_member(out, "rule", v->rule);
    put_member(out, "message", v->message);
    put_warnings_json(r, out);
    put_notes_json(r, out);
    buf_puts(out, ",\"patch\":");
    put_patch(r, out);
    buf_puts(out, "}\n");
}

void report_patch(const report *r, buf *out)
{
    put_patch(r, out);
    buf_putc(out, '\n');
}

void report_admission(const report *r, buf *out)
{
    review_write_answer(out, &r->question, &r->verdict);
    buf_putc(out, '\n');
}
