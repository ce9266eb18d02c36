#include "log.h"

#include "buf.h"
#include "clock.h"
#include "json.h"
#include "utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16384, LIMIT_LINES = 10, LIMIT_MS = 10000 };

static const char *const names[] = { "error", "warn", "info", "debug" };

static log_level current = LOG_INFO;

void log_set_level(log_level level)
{
    current = level;
}

bool log_enabled(log_level level)
{
    return level <= current;
}

bool log_level_parse(const char *name, log_level *level)
{
    for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
        if (strcmp(name, names[i]) == 0) {
            *level = (log_level)i;
            return true;
        }
    return false;
}

/* ---- one line ----------------------------------------------------------- */

static void add_time(buf *line)
{
    struct timespec now;
    struct tm utc;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    buf_printf(line, "\"%s.%03dZ\"", text, (int)(now.tv_nsec / 1000000));
}

/* A log line must stay JSON whatever a file is called and whatever a client sent. */
static void add_text(buf *line, const char *text)
{
    buf clean;
    buf_init(&clean, LINE_MAX_BYTES);
    uint32_t code;
    for (size_t left = strlen(text); left > 0;) {
        size_t n = utf8_decode(text, left, &code);
        buf_add(&clean, n ? text : "?", n ? n : 1);
        text += n ? n : 1;
        left -= n ? n : 1;
    }
    json_write_string(line, clean.len ? clean.data : "");
    buf_release(&clean);
}

/* A field that does not fit is left out, whole. */
static void add_field(buf *line, const log_field *f)
{
    size_t before = line->len;
    buf_printf(line, ",\"%s\":", f->key);
    if (f->type == LOG_NUMBER)
        buf_printf(line, "%lld", (long long)f->number);
    else
        add_text(line, f->text ? f->text : "");
    if (line->toobig) {
        line->toobig = false;
        line->len = before;
    }
}

static void write_whole(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;                                 /* nobody reads our log: nobody to tell */
        bytes += n;
        length -= (size_t)n;
    }
}

void log_fields(log_level level, const char *message, const log_field *fields)
{
    if (!log_enabled(level))
        return;
    buf line;
    buf_init(&line, LINE_MAX_BYTES);
    buf_puts(&line, "{\"time\":");
    add_time(&line);
    buf_printf(&line, ",\"level\":\"%s\",\"msg\":", names[level]);
    add_text(&line, message);
    line.max -= 2;                                  /* room for the end */
    for (const log_field *f = fields; f->key; f++)
        add_field(&line, f);
    line.max += 2;
    buf_puts(&line, "}\n");
    write_whole(line.data, line.len);
    buf_release(&line);
}

/* ---- the rate limiter ---------------------------------------------------- */

void log_limiter_init(log_limiter *l, const char *what)
{
    *l = (log_limiter){ .what = what };
    pthread_mutex_init(&l->lock, NULL);
}

void log_limiter_release(log_limiter *l)
{
    pthread_mutex_destroy(&l->lock);
}

/* When the ten seconds are over: begin anew and return what was suppressed. Under the lock. */
static int64_t turn(log_limiter *l, int64_t now)
{
    if (l->window_ms && now - l->window_ms < LIMIT_MS)
        return 0;
    int64_t suppressed = l->suppressed;
    l->window_ms = now;
    l->passed = 0;
    l->suppressed = 0;
    return suppressed;
}

static void report(const log_limiter *l, int64_t suppressed)
{
    if (suppressed)
        log_info("suppressed", LOG_S("what", l->what), LOG_N("lines", suppressed));
}

bool log_limiter_pass(log_limiter *l)
{
    pthread_mutex_lock(&l->lock);
    int64_t suppressed = turn(l, clock_ms());
    bool pass = l->passed < LIMIT_LINES;
    l->passed += pass;
    l->suppressed += !pass;
    pthread_mutex_unlock(&l->lock);
    report(l, suppressed);
    return pass;
}

void log_limiter_report(log_limiter *l)
{
    pthread_mutex_lock(&l->lock);
    int64_t suppressed = l->suppressed ? turn(l, clock_ms()) : 0;
    pthread_mutex_unlock(&l->lock);
    report(l, suppressed);
}
