#include "watch.h"

#include "clock.h"
#include "mem.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Not IN_MODIFY: a file is looked at when its writer has closed it. */
#define EVENTS (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | \
                IN_MOVE_SELF | IN_ATTRIB)

/* What matters in one folder. */
typedef struct interest {
    int descriptor;             /* as inotify calls the folder */
    char *name;                 /* of one entry; NULL: all of them */
} interest;

struct watch {
    int wake;                   /* an eventfd */
    int inotify;                /* -1: none */
    char **folders;
    size_t folder_count;
    interest *interests;
    size_t interest_count;
};

watch *watch_new(void)
{
    watch *w = mem_zalloc(sizeof *w);
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->inotify = -1;
    return w;
}

static void disarm(watch *w)
{
    if (w->inotify >= 0)
        close(w->inotify);
    w->inotify = -1;
    for (size_t i = 0; i < w->interest_count; i++)
        free(w->interests[i].name);
    w->interest_count = 0;
}

void watch_free(watch *w)
{
    if (!w)
        return;
    disarm(w);
    close(w->wake);
    for (size_t i = 0; i < w->folder_count; i++)
        free(w->folders[i]);
    free(w->folders);
    free(w->interests);
    free(w);
}

void watch_folder(watch *w, const char *path)
{
    w->folders = mem_realloc(w->folders, (w->folder_count + 1) * sizeof *w->folders);
    w->folders[w->folder_count++] = mem_strdup(path);
}

void watch_wake(watch *w)
{
    eventfd_write(w->wake, 1);
}

/* ---- arming ------------------------------------------------------------- */

/* What is not there, or no folder, is watched for by the name it has in its parent. */
static void add(watch *w, const char *folder, const char *name, size_t length)
{
    int descriptor = inotify_add_watch(w->inotify, folder, EVENTS | IN_ONLYDIR);
    if (descriptor < 0)
        return;
    w->interests = mem_realloc(w->interests, (w->interest_count + 1) * sizeof *w->interests);
    w->interests[w->interest_count++] = (interest){ descriptor, name ? mem_strndup(name, length) : NULL };
}

/* Every step from the root, or from where we are, to `path`: /etc has `castslice`, /etc/castslice has `policy`. */
static void add_steps(watch *w, const char *path)
{
    char *prefix = mem_strdup(path);
    for (const char *at = path; *at;) {
        size_t slashes = strspn(at, "/"), length = strcspn(at + slashes, "/");
        size_t end = (size_t)(at - path) + slashes;
        if (length) {
            prefix[end] = '\0';
            add(w, end ? prefix : ".", at + slashes, length);
            prefix[end] = path[end];
        }
        at += slashes + length;
    }
    free(prefix);
}

static void add_folder(watch *w, const char *path)
{
    char real[PATH_MAX];
    add_steps(w, path);
    add(w, path, NULL, 0);
    if (realpath(path, real) && strcmp(real, path) != 0)
        add_steps(w, real);
}

/* A fresh instance, so that no event is about a folder that has gone meanwhile. */
bool watch_arm(watch *w)
{
    disarm(w);
    w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->inotify < 0)
        return false;
    for (size_t i = 0; i < w->folder_count; i++)
        add_folder(w, w->folders[i]);
    return w->interest_count > 0;
}

/* ---- waiting ------------------------------------------------------------ */

static bool matters(const watch *w, const struct inotify_event *e)
{
    if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
        return true;
    for (size_t i = 0; i < w->interest_count; i++) {
        const interest *wanted = &w->interests[i];
        if (wanted->descriptor == e->wd && (!wanted->name || (e->len && strcmp(wanted->name, e->name) == 0)))
            return true;
    }
    return false;
}

/* Read what has happened so far. */
static bool take_events(const watch *w)
{
    union { char bytes[4096]; struct inotify_event aligned; } events;
    bool found = false;
    ssize_t n;
    while (w->inotify >= 0 && (n = read(w->inotify, events.bytes, sizeof events)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const void *)(events.bytes + at);
            found |= matters(w, e);
            at += (ssize_t)(sizeof *e + e->len);
        }
    return found;
}

bool watch_wait(watch *w, int64_t ms)
{
    struct pollfd sources[] = { { .fd = w->wake, .events = POLLIN }, { .fd = w->inotify, .events = POLLIN } };
    int64_t end = clock_ns() + ms * 1000000;
    for (int64_t left = ms; left >= 0; left = (end - clock_ns()) / 1000000) {
        eventfd_t wakes;
        if (poll(sources, 2, (int)left) == 0)
            return false;
        bool woken = eventfd_read(w->wake, &wakes) == 0, changed = take_events(w);
        if (woken || changed)
            return true;
    }
    return false;
}
