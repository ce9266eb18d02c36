#include "coverage.h"

#include "mem.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct covered_file {
    const char *path;
    size_t lines;
    bool *counts, *ran;         /* by line, from 1 */
} covered_file;

struct coverage {
    covered_file *files;
    size_t count;
};

coverage *coverage_new(void)
{
    return mem_zalloc(sizeof(coverage));
}

void coverage_free(coverage *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++) {
        free(c->files[i].counts);
        free(c->files[i].ran);
    }
    free(c->files);
    free(c);
}

/* ---- which lines count --------------------------------------------------- */

/* A walk over Lua text that knows comments and strings. */
typedef struct scanner {
    const char *at, *end;
    covered_file *file;
    size_t line;
    bool counts, silent;      /* of the line at hand: something to execute; it runs nothing all the same: it opens a function, or is a label */
} scanner;

static void end_line(scanner *s)
{
    if (s->line <= s->file->lines)
        s->file->counts[s->line] = s->counts && !s->silent;
    s->line++;
    s->counts = s->silent = false;
}

static void step(scanner *s)
{
    if (*s->at++ == '\n')
        end_line(s);
}

/* The level of a long bracket at `at`, [[ being 0; -1 when there is none. */
static int long_bracket(const scanner *s)
{
    const char *p = s->at;
    if (p >= s->end || *p != '[')
        return -1;
    int level = 0;
    for (p++; p < s->end && *p == '='; p++)
        level++;
    return p < s->end && *p == '[' ? level : -1;
}

static bool closes(const scanner *s, int level)
{
    if (s->end - s->at < level + 2 || s->at[0] != ']' || s->at[level + 1] != ']')
        return false;
    for (int i = 1; i <= level; i++)
        if (s->at[i] != '=')
            return false;
    return true;
}

static void skip_long(scanner *s, int level)
{
    while (s->at < s->end && !closes(s, level))
        step(s);
    for (int i = 0; i < level + 2 && s->at < s->end; i++)
        step(s);
}

static void skip_comment(scanner *s)
{
    s->at += 2;
    int level = long_bracket(s);
    if (level >= 0)
        skip_long(s, level);
    else
        while (s->at < s->end && *s->at != '\n')
            s->at++;
}

static void skip_string(scanner *s)
{
    char quote = *s->at++;
    while (s->at < s->end && *s->at != quote && *s->at != '\n') {
        s->at += *s->at == '\\' && s->at + 1 < s->end;
        step(s);
    }
    if (s->at < s->end && *s->at == quote)
        s->at++;
}

/* Words that execute nothing by themselves. */
static bool is_idle(const char *word, size_t length)
{
    static const char *const idle[] = { "end", "else", "then", "do", "repeat", "local" };
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (strlen(idle[i]) == length && memcmp(word, idle[i], length) == 0)
            return true;
    return false;
}

static void read_word(scanner *s)
{
    const char *from = s->at;
    while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '_'))
        s->at++;
    size_t length = (size_t)(s->at - from);
    s->counts |= !is_idle(from, length);
    s->silent |= length == 8 && memcmp(from, "function", 8) == 0;
}

static void read_token(scanner *s)
{
    int level = long_bracket(s);
    if (s->end - s->at >= 2 && memcmp(s->at, "--", 2) == 0) {
        skip_comment(s);
    } else if (level >= 0) {
        s->counts = true;
        skip_long(s, level);
    } else if (*s->at == '"' || *s->at == '\'') {
        s->counts = true;
        skip_string(s);
    } else if (s->end - s->at >= 2 && memcmp(s->at, "::", 2) == 0) {
        s->silent = true;
        s->at += 2;
    } else if (isalnum((unsigned char)*s->at) || *s->at == '_') {
        read_word(s);
    } else {
        step(s);
    }
}

static size_t lines_in(const char *text, size_t length)
{
    size_t lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    return lines;
}

void coverage_add(coverage *c, const char *path, const char *text, size_t length)
{
    size_t lines = lines_in(text, length);
    c->files = mem_realloc(c->files, (c->count + 1) * sizeof *c->files);
    covered_file *f = &c->files[c->count++];
    *f = (covered_file){ path, lines, mem_zalloc(lines + 1), mem_zalloc(lines + 1) };
    scanner s = { .at = text, .end = text + length, .file = f, .line = 1 };
    while (s.at < s.end)
        read_token(&s);
    end_line(&s);
}

/* ---- what ran ------------------------------------------------------------ */

void coverage_mark(coverage *c, const char *path, int line)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->files[i].path, path) == 0 && line > 0 && (size_t)line <= c->files[i].lines)
            c->files[i].ran[line] = true;
}

static bool is_missed(const covered_file *f, size_t line)
{
    return f->counts[line] && !f->ran[line];
}

/* The missed line `from` and those after it with nothing that ran between; the last of them. */
static size_t last_missed(const covered_file *f, size_t from)
{
    size_t last = from;
    for (size_t line = from + 1; line <= f->lines && !f->ran[line]; line++)
        if (f->counts[line])
            last = line;
    return last;
}

void coverage_count(const coverage *c, size_t *total, size_t *missed)
{
    *total = *missed = 0;
    for (const covered_file *f = c->files; f < c->files + c->count; f++)
        for (size_t line = 1; line <= f->lines; line++) {
            *total += f->counts[line];
            *missed += is_missed(f, line);
        }
}

void coverage_gaps(const coverage *c, void (*gap)(void *context, const char *path, size_t first, size_t last), void *context)
{
    for (const covered_file *f = c->files; f < c->files + c->count; f++)
        for (size_t line = 1; line <= f->lines; line++) {
            if (!is_missed(f, line))
                continue;
            size_t last = last_missed(f, line);
            gap(context, f->path, line, last);
            line = last;
        }
}
