#include "farewell.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FAREWELL_MS = 2000, GULP = 65536 };

typedef struct guest {
    int fd;
    int64_t until_ms;
} guest;

struct farewell {
    pthread_mutex_t lock;
    int wake;
    guest guests[FAREWELL_MAX];
    size_t count;
    char trash[GULP];           /* the polling thread's */
};

farewell *farewell_new(int wake)
{
    farewell *f = mem_zalloc(sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    f->wake = wake;
    return f;
}

void farewell_free(farewell *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        close(f->guests[i].fd);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

void farewell_add(farewell *f, int fd)
{
    pthread_mutex_lock(&f->lock);
    bool room = f->count < FAREWELL_MAX;
    if (room)
        f->guests[f->count++] = (guest){ fd, clock_ms() + FAREWELL_MS };
    pthread_mutex_unlock(&f->lock);
    if (room)
        eventfd_write(f->wake, 1);
    else
        close(fd);
}

size_t farewell_count(farewell *f)
{
    pthread_mutex_lock(&f->lock);
    size_t count = f->count;
    pthread_mutex_unlock(&f->lock);
    return count;
}

size_t farewell_poll(farewell *f, struct pollfd out[static FAREWELL_MAX])
{
    pthread_mutex_lock(&f->lock);
    size_t count = f->count;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct pollfd){ .fd = f->guests[i].fd, .events = POLLIN };
    pthread_mutex_unlock(&f->lock);
    return count;
}

/* Throw away what is there, a bounded amount of it; false when the client has closed. */
static bool swallow(farewell *f, int fd)
{
    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(fd, f->trash, sizeof f->trash, MSG_DONTWAIT);
        if (n > 0)
            continue;
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    return true;
}

static bool is_ready(int fd, const struct pollfd *ready, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ready[i].fd == fd)
            return ready[i].revents != 0;
    return false;
}

/* Only the polling thread removes, so what it saw in farewell_poll() is still there. */
void farewell_read(farewell *f, const struct pollfd *ready, size_t count)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->count;) {
        guest *g = &f->guests[i];
        bool stays = now < g->until_ms && (!is_ready(g->fd, ready, count) || swallow(f, g->fd));
        if (stays) {
            i++;
            continue;
        }
        close(g->fd);
        *g = f->guests[--f->count];
    }
    pthread_mutex_unlock(&f->lock);
}
