#include "lua_failure.h"

#include "data.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- inside the run ----------------------------------------------------- */

int lua_failure_handler(lua_State *L)
{
    sandbox *s = sandbox_of(L);
    if (!s->trip)
        sandbox_place_of(L, &s->place);
    lua_Debug ar;
    size_t used = 0;
    for (int level = 0; used < sizeof s->trace && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline > 0)
            used += (size_t)snprintf(s->trace + used, sizeof s->trace - used, "%s%s:%d", used ? " < " : "",
                                     ar.short_src, ar.currentline);
    }
    return 1;
}

/* ---- limits ------------------------------------------------------------- */

typedef struct sentence { char text[160]; } sentence;

static const char *subject(const lua_failure *f)
{
    return f->loading ? "loading the policy" : "the policy";
}

static sentence memory_sentence(const lua_failure *f)
{
    sentence s;
    bool whole = f->memory % ((size_t)1 << 20) == 0;
    snprintf(s.text, sizeof s.text, "%s needed more than its %zu %s of memory%s", subject(f),
             whole ? f->memory >> 20 : f->memory >> 10, whole ? "MiB" : "KiB", f->loading ? " (--policy-memory)" : "");
    return s;
}

static sentence trip_sentence(const lua_failure *f)
{
    sentence s;
    char hint[40] = "";
    switch (f->box->trip) {
    case TRIP_CPU:
        if (f->loading)
            snprintf(hint, sizeof hint, " (%d times --policy-cpu-ms)", VM_LOAD_BUDGETS);
        snprintf(s.text, sizeof s.text, "%s used more than its %lld ms of CPU time%s", subject(f),
                 (long long)((f->box->cpu_ns + 999999) / 1000000), hint);
        return s;
    case TRIP_DEADLINE:
        snprintf(s.text, sizeof s.text, "%s was not done in the %lld ms that were left of the API server's time-out",
                 subject(f), (long long)((f->box->deadline_ns - f->box->wall_start + 999999) / 1000000));
        return s;
    case TRIP_STRING:
        snprintf(s.text, sizeof s.text, "%s made a string longer than %zu MiB", subject(f), SANDBOX_MAX_STRING >> 20);
        return s;
    case TRIP_TABLE:
        snprintf(s.text, sizeof s.text, "%s made a table of more than %zu keys; a .json file, read by castslice.data, may "
                 "have more", subject(f), sandbox_max_keys(f->box));
        return s;
    case TRIP_DEPTH:
        return (sentence){ "stack overflow: functions call one another without end" };
    default:
        return memory_sentence(f);
    }
}

/* ---- messages ----------------------------------------------------------- */

/* How Lua writes a path into its messages: the last 56 bytes of a long one. */
static size_t short_path(const char *path, char out[LUA_IDSIZE])
{
    size_t length = strlen(path);
    bool fits = length < LUA_IDSIZE;
    snprintf(out, LUA_IDSIZE, "%s%s", fits ? "" : "...", fits ? path : path + length - (LUA_IDSIZE - 4));
    return strlen(out);
}

/* What follows `path` and its colon in `text`; NULL when it does not begin with them. */
static const char *behind_path(const char *text, const char *path)
{
    char known[LUA_IDSIZE];
    size_t length = *path ? short_path(path, known) : 0;
    return length && strncmp(text, known, length) == 0 && text[length] == ':' ? text + length + 1 : NULL;
}

/* The source whose path `text` begins with, and the rest; NULL when none does. */
static const char *split_path(const lua_failure *f, const char *text, const char **rest)
{
    for (size_t i = 0; i < f->box->source_count; i++)
        if ((*rest = behind_path(text, f->box->sources[i].path)))
            return f->box->sources[i].path;
    if ((*rest = behind_path(text, f->box->place.path)))
        return f->box->place.path;
    return NULL;
}

static bool say(error *err, error_kind kind, const char *path, int line, const char *text)
{
    return line > 0 ? error_set_line(err, kind, line, "%s:%d: %s", path, line, text)
                    : error_set(err, kind, "%s: %s", path, text);
}

static bool say_here(const lua_failure *f, error *err, error_kind kind, const char *text)
{
    const sandbox_place *p = &f->box->place;
    return say(err, kind, *p->path ? p->path : f->entry->path, p->line, text);
}

/* Lua has put the place in front of most messages; its own text for it may be cut. */
static bool say_source(const lua_failure *f, error *err, const char *text)
{
    const char *rest, *path = split_path(f, text, &rest);
    if (!path)
        return say_here(f, err, ERR_POLICY, text);
    char *end;
    long line = strtol(rest, &end, 10);
    bool numbered = end > rest && *end == ':';
    rest = numbered ? end + 1 : rest;
    return say(err, ERR_POLICY, path, numbered ? (int)line : 0, rest + strspn(rest, " "));
}

/* Its first line, as valid UTF-8, whatever the policy raised. */
static bool say_message(const lua_failure *f, error *err, const char *message)
{
    char text[sizeof err->text];
    const char *what;
    int line;
    utf8_copy(text, sizeof text, message, strcspn(message, "\n"));
    const data_file *file = data_locate(f->box->data, text, &line, &what);
    return file ? say(err, ERR_POLICY, file->path, line, what) : say_source(f, err, text);
}

static error_kind kind_of(sandbox_trip trip)
{
    return trip == TRIP_CPU ? ERR_POLICY_CPU : trip == TRIP_DEADLINE ? ERR_POLICY_TIME : ERR_POLICY_MEMORY;
}

bool lua_failure_explain(const lua_failure *f, int status, const char *message, error *err)
{
    if (f->box->trip)
        return say_here(f, err, kind_of(f->box->trip), trip_sentence(f).text);
    if (status == LUA_ERRMEM)
        return say_here(f, err, ERR_POLICY_MEMORY, memory_sentence(f).text);
    if (!message)
        return say_here(f, err, ERR_POLICY, "the policy raised an error that is not a string");
    return say_message(f, err, message);
}
