#include "probes.h"

#include <string.h>

enum { TEXT_MAX = 64 * 1024 };

static void say(http_answer *a, unsigned status, const char *text)
{
    a->status = status;
    a->content_type = "text/plain; charset=utf-8";
    buf_init(&a->body, TEXT_MAX);
    buf_puts(&a->body, text);
}

static void metrics_page(server *s, http_answer *a)
{
    say(a, 200, "");
    a->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(s->metrics, &a->body);
    standing_write_metrics(s->standing, &a->body);
}

static void status_page(server *s, http_answer *a)
{
    say(a, 200, "");
    a->content_type = "application/json";
    standing_write_page(s->standing, &a->body);
}

/* Only a new process helps against a review that nothing ends: its thread is lost, and who waits behind it. */
static const char *is_stuck(const server *s)
{
    return watchdog_stuck(s->watchdog) ? "a review is stuck\n" : NULL;
}

static void probe(http_answer *a, const char *wrong)
{
    say(a, wrong ? 503 : 200, wrong ? wrong : "ok\n");
}

static void healthz(server *s, http_answer *a)
{
    probe(a, is_stuck(s));
}

static void readyz(server *s, http_answer *a)
{
    probe(a, atomic_load(&s->draining) ? "draining\n" : is_stuck(s));
}

static void nothing(server *s, http_answer *a)
{
    (void)s;
    say(a, 404, "Here are /metrics, /status, /healthz and /readyz.\n");
}

static const struct page {
    const char *path;
    void (*show)(server *s, http_answer *a);
} pages[] = {
    { "/metrics", metrics_page },
    { "/status", status_page },
    { "/healthz", healthz },
    { "/readyz", readyz },
}, no_page = { "", nothing };

static const struct page *find(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(path, pages[i].path) == 0)
            return &pages[i];
    return &no_page;
}

static bool check(void *data, const http_request *r, http_answer *a)
{
    (void)data;
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
        say(a, 405, "These pages are read with GET.\n");
        a->allow = "GET, HEAD";
        return false;
    }
    return true;
}

static void answer(void *data, const http_request *r, http_answer *a)
{
    find(r->path)->show(data, a);
}

static void cut_off(void *data, unsigned status, http_answer *a)
{
    (void)data;
    say(a, status, "No page here reads a body.\n");
}

/* One request a connection: so that a flood holds none, and the oldest silent one can always give way. */
http_site probes_site(server *s)
{
    return (http_site){ .data = s, .one_request = true, .check = check, .answer = answer, .cut_off = cut_off };
}
