#include "diff.h"

#include <string.h>

#define MAX_LINE 200                    /* bytes of a line that a person would read */
#define MAX_TEXT ((size_t)1 << 20)      /* of one hunk */

/* Whole lines of the text, and the edits in them. */
typedef struct hunk {
    size_t start, end;
    size_t first, last;         /* edits [first, last) */
    int line;                   /* of `start` */
} hunk;

/* New lines go below an old one, which is shown with them. */
static hunk hunk_at(const splice *s, size_t i)
{
    const splice_edit *e = &s->edits[i];
    size_t start = source_line_start(&s->in, e->start);
    bool below = e->start == e->end && e->start == start && start > s->in.start;
    hunk h = { start, source_line_end(&s->in, e->end), i, i + 1, e->line };
    if (below)
        h = (hunk){ source_line_start(&s->in, start - 1), start, i, i + 1, e->line - 1 };
    return h;
}

/* The hunk of edit `i` and of those after it on its lines. */
static hunk whole_hunk(const splice *s, size_t i)
{
    hunk h = hunk_at(s, i);
    for (; h.last < s->edit_count && s->edits[h.last].owner == s->edits[i].owner; h.last++) {
        hunk next = hunk_at(s, h.last);
        if (next.start >= h.end)
            break;
        h.end = next.end > h.end ? next.end : h.end;
    }
    return h;
}

static size_t line_length(const char *text)
{
    return strcspn(text, "\r\n");
}

static const char *following_line(const char *text)
{
    text += strcspn(text, "\n");
    return *text ? text + 1 : text;
}

static void put_line(buf *out, int margin, int number, char sign, const char *line)
{
    if (number > 0)
        buf_printf(out, "%*s%5d %c ", margin, "", number, sign);
    else
        buf_printf(out, "%*s      %c ", margin, "", sign);
    buf_add(out, line, line_length(line));
    buf_putc(out, '\n');
}

/* Lines both have at their start are not shown, but for the one that new lines are added below. */
static void put_lines(buf *out, int margin, int number, const char *old, const char *new)
{
    const char *above = NULL;
    while (*old && *new && line_length(old) == line_length(new) && memcmp(old, new, line_length(old)) == 0) {
        above = old;
        old = following_line(old);
        new = following_line(new);
        number++;
    }
    if (!*old && above)
        put_line(out, margin, number - 1, ' ', above);
    for (; *old; old = following_line(old))
        put_line(out, margin, number++, '-', old);
    for (; *new; new = following_line(new))
        put_line(out, margin, 0, '+', new);
}

static bool is_readable(const char *text, size_t length)
{
    for (size_t line = 0; length > 0; text++, length--) {
        line = *text == '\r' || *text == '\n' ? 0 : line + 1;
        if (line > MAX_LINE)
            return false;
    }
    return true;
}

static bool put_hunk(const splice *s, const hunk *h, int margin, buf *out)
{
    buf old, new;
    if (!is_readable(s->in.text + h->start, h->end - h->start))
        return false;
    buf_init(&old, MAX_TEXT);
    buf_init(&new, MAX_TEXT);
    buf_add(&old, s->in.text + h->start, h->end - h->start);
    splice_write_part(s, h->start, h->end, h->first, h->last, &new);
    bool ok = old.data && new.data && !old.toobig && !new.toobig && is_readable(new.data, new.len);
    if (ok)
        put_lines(out, margin, h->line, old.data, new.data);
    buf_release(&old);
    buf_release(&new);
    return ok;
}

/* Mostly an owner's edits are neighbours; an alias can scatter them. */
static bool put_hunks(const splice *s, size_t owner, int margin, buf *out)
{
    size_t left = s->owners[owner].count;
    for (size_t i = s->owners[owner].first; left > 0; i++) {
        if (s->edits[i].owner != owner)
            continue;
        hunk h = whole_hunk(s, i);
        if (!put_hunk(s, &h, margin, out))
            return false;
        left -= h.last - i;
        i = h.last - 1;
    }
    return true;
}

bool diff_write(const splice *s, size_t owner, int margin, buf *out)
{
    buf text;
    buf_init(&text, out->max);
    bool ok = owner < s->owner_count && put_hunks(s, owner, margin, &text) && text.len > 0;
    if (ok)
        buf_add(out, text.data, text.len);
    buf_release(&text);
    return ok;
}
