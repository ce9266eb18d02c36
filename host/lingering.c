#include "lingering.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGERING_MS = 2000, CHUNK = 65536 };

/* One socket and when it is closed whatever its client does. */
typedef struct lingerer {
    int fd;
    int64_t until_ms;
} lingerer;

struct lingering {
    pthread_mutex_t lock;
    int wake;
    lingerer sockets[LINGERING_MAX];
    size_t count;
    char discarded[CHUNK];           /* the polling thread's */
};

lingering *lingering_new(int wake)
{
    lingering *l = mem_zalloc(sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    l->wake = wake;
    return l;
}

void lingering_free(lingering *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        close(l->sockets[i].fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void lingering_add(lingering *l, int fd)
{
    pthread_mutex_lock(&l->lock);
    bool room = l->count < LINGERING_MAX;
    if (room)
        l->sockets[l->count++] = (lingerer){ fd, clock_ms() + LINGERING_MS };
    pthread_mutex_unlock(&l->lock);
    if (room)
        eventfd_write(l->wake, 1);
    else
        close(fd);
}

size_t lingering_count(lingering *l)
{
    pthread_mutex_lock(&l->lock);
    size_t count = l->count;
    pthread_mutex_unlock(&l->lock);
    return count;
}

size_t lingering_poll(lingering *l, struct pollfd out[static LINGERING_MAX])
{
    pthread_mutex_lock(&l->lock);
    size_t count = l->count;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct pollfd){ .fd = l->sockets[i].fd, .events = POLLIN };
    pthread_mutex_unlock(&l->lock);
    return count;
}

/* Throw away what is there, a bounded amount of it; false when the client has closed. */
static bool discard(lingering *l, int fd)
{
    for (int i = 0; i < 16; i++) {
        ssize_t n = recv(fd, l->discarded, sizeof l->discarded, MSG_DONTWAIT);
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

/* Only the polling thread removes, so what it saw in lingering_poll() is still there. */
void lingering_read(lingering *l, const struct pollfd *ready, size_t count)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->count;) {
        lingerer *s = &l->sockets[i];
        bool stays = now < s->until_ms && (!is_ready(s->fd, ready, count) || discard(l, s->fd));
        if (stays) {
            i++;
            continue;
        }
        close(s->fd);
        *s = l->sockets[--l->count];
    }
    pthread_mutex_unlock(&l->lock);
}
