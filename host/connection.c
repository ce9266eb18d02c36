#include "connection.h"

#include "clock.h"
#include "mem.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SILENT_MS = 1000 };      /* what a fresh connection is allowed when there are too many */

static const int64_t allowance_ms[] = {
    [PHASE_FRESH] = 10000, [PHASE_HEAD] = 10000, [PHASE_BODY] = 20000, [PHASE_ANSWER] = 20000, [PHASE_IDLE] = 120000,
};

struct connection {
    connections *table;
    connection *prev, *next;    /* in the order they were accepted */
    int fd;
    int64_t opened_ms;
    tls_pair *pair;             /* NULL before the handshake */
    bool admitted;              /* counts against the limit; set by the serving thread */
    bool ended;                 /* shut down by the listener; under the lock */
    _Atomic phase phase;
    _Atomic int64_t deadline_ms;
};

struct connections {
    pthread_mutex_t lock;
    connection *oldest, *newest;
    size_t limit;
    size_t count;               /* open or reserved */
    size_t open;
    size_t admitted;            /* of the open ones: have sent a request and may send more */
    size_t ended;               /* of the open ones: shut down and about to close */
    int wake;                   /* where somebody waits for room, or -1 */
    metrics *metrics;
    tls *certificates;
    lingering *lingering;
};

/* ---- the table ---------------------------------------------------------- */

connections *connections_new(size_t limit)
{
    connections *t = mem_zalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->limit = limit;
    t->wake = -1;
    return t;
}

void connections_free(connections *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

size_t connections_capacity(size_t limit)
{
    return 2 * limit;
}

void connections_set_metrics(connections *t, metrics *m)
{
    t->metrics = m;
}

void connections_set_tls(connections *t, tls *certificates)
{
    t->certificates = certificates;
}

void connections_set_lingering(connections *t, lingering *l)
{
    t->lingering = l;
}

static phase phase_of(connection *c)
{
    return atomic_load_explicit(&c->phase, memory_order_relaxed);
}

/* Under the lock, so its server has not closed the descriptor yet. */
static void end(connection *c)
{
    c->ended = true;
    c->table->ended++;
    shutdown(c->fd, SHUT_RDWR);
}

static void end_oldest_silent(connections *t)
{
    for (connection *c = t->oldest; c; c = c->next)
        if (!c->ended && phase_of(c) == PHASE_FRESH) {
            end(c);
            return;
        }
}

bool connections_reserve(connections *t, int wake)
{
    pthread_mutex_lock(&t->lock);
    bool room = t->count < connections_capacity(t->limit);
    t->count += room;
    t->wake = room ? -1 : wake;
    if (!room)
        end_oldest_silent(t);
    pthread_mutex_unlock(&t->lock);
    return room;
}

/* One less; tell who waits for room. Under the lock. */
static void leave(connections *t)
{
    t->count--;
    if (t->wake >= 0)
        eventfd_write(t->wake, 1);
    t->wake = -1;
}

void connections_unreserve(connections *t)
{
    pthread_mutex_lock(&t->lock);
    leave(t);
    pthread_mutex_unlock(&t->lock);
}

static bool must_go(connection *c, int64_t now)
{
    if (now >= atomic_load_explicit(&c->deadline_ms, memory_order_relaxed))
        return true;
    bool crowded = c->table->count - c->table->ended > c->table->limit;
    return crowded && phase_of(c) == PHASE_FRESH && now - c->opened_ms > SILENT_MS;
}

void connections_reap(connections *t)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&t->lock);
    for (connection *c = t->oldest; c; c = c->next)
        if (!c->ended && must_go(c, now))
            end(c);
    pthread_mutex_unlock(&t->lock);
}

size_t connections_count(connections *t)
{
    pthread_mutex_lock(&t->lock);
    size_t count = t->count;
    pthread_mutex_unlock(&t->lock);
    return count;
}

static bool is_busy(connection *c, int64_t now)
{
    switch (phase_of(c)) {
    case PHASE_FRESH: return now - c->opened_ms < SILENT_MS;
    case PHASE_IDLE: return false;
    default: return true;
    }
}

size_t connections_busy(connections *t)
{
    int64_t now = clock_ms();
    pthread_mutex_lock(&t->lock);
    size_t busy = t->count - t->open;
    for (connection *c = t->oldest; c; c = c->next)
        busy += !c->ended && is_busy(c, now);
    pthread_mutex_unlock(&t->lock);
    return busy;
}

/* ---- one connection ----------------------------------------------------- */

connection *connection_open(connections *t, int fd)
{
    connection *c = mem_zalloc(sizeof *c);
    *c = (connection){ .table = t, .fd = fd, .opened_ms = clock_ms() };
    connection_enter(c, PHASE_FRESH);
    pthread_mutex_lock(&t->lock);
    c->prev = t->newest;
    *(c->prev ? &c->prev->next : &t->oldest) = c;
    t->newest = c;
    t->open++;
    pthread_mutex_unlock(&t->lock);
    if (t->metrics)
        metrics_connections(t->metrics, 1);
    return c;
}

void connection_close(connection *c)
{
    connections *t = c->table;
    pthread_mutex_lock(&t->lock);
    *(c->prev ? &c->prev->next : &t->oldest) = c->next;
    *(c->next ? &c->next->prev : &t->newest) = c->prev;
    t->open--;
    t->admitted -= c->admitted;
    t->ended -= c->ended;
    leave(t);
    pthread_mutex_unlock(&t->lock);
    if (t->metrics)
        metrics_connections(t->metrics, -1);
    tls_pair_unref(c->pair);
    free(c);
}

void connection_enter(connection *c, phase next)
{
    atomic_store_explicit(&c->deadline_ms, clock_ms() + allowance_ms[next], memory_order_relaxed);
    atomic_store_explicit(&c->phase, next, memory_order_relaxed);
}

/* The first request's header counts from the accept: a line now and then must not buy time. */
void connection_begin(connection *c)
{
    if (phase_of(c) != PHASE_FRESH)
        connection_enter(c, PHASE_HEAD);
}

bool connection_admit(connection *c)
{
    connections *t = c->table;
    if (c->admitted)
        return true;
    pthread_mutex_lock(&t->lock);
    c->admitted = t->admitted < t->limit;
    t->admitted += c->admitted;
    pthread_mutex_unlock(&t->lock);
    return c->admitted;
}

tls_pair *connection_certificate(connection *c)
{
    if (!c->pair && c->table->certificates)
        c->pair = tls_current(c->table->certificates);
    return c->pair;
}

void connection_linger(connection *c)
{
    int copy = c->table->lingering ? fcntl(c->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy >= 0)
        lingering_add(c->table->lingering, copy);
}
