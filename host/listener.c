#include "listener.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* BACKLOG: what the kernel may hold for us; it cuts this to net.core.somaxconn.
 * TICK_MS: how late a deadline may be noticed. BATCH: accepts between two looks at the rest. */
enum { BACKLOG = 4096, TICK_MS = 250, QUIET_TICK_MS = 5000, BATCH = 64 };

enum { WAKE, LISTEN, LINGERS };           /* places in the thread's poll set */

struct listener {
    listener_config config;
    char url[128];
    int socket;                             /* the thread's; -1 once closed */
    int wake;                               /* an eventfd: look again */
    bool full;                              /* the thread's: wait for room before accepting */
    bool exhausted;                             /* the thread's: no descriptors or memory; wait a tick */
    atomic_bool closing, closed, stopping;
    pthread_t thread;
    connections *table;
    lingering *lingering;
    log_limiter limiter;
    http *http;
};

const char *listener_library(void)
{
    return http_library();
}

const char *listener_url(const listener *l)
{
    return l->url;
}

size_t listener_descriptors(size_t max_connections, size_t threads)
{
    size_t per_worker = 3, own = 2;         /* libmicrohttpd's epoll and event descriptors; our socket and eventfd */
    return connections_capacity(max_connections) + LINGERING_MAX + per_worker * threads + own;
}

/* ---- the socket ---------------------------------------------------------- */

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits >= 1 && digits <= 5 && !text[digits] && strtol(text, NULL, 10) <= 65535;
}

/* "[::1]:9443", "127.0.0.1:9443", ":9443": the host without brackets ("" for every address) and the port. */
static bool split(const listener_config *c, char host[256], char port[8], error *err)
{
    const char *colon = strrchr(c->address, ':');
    const char *start = c->address, *end = colon;
    if (!colon || !is_port(colon + 1))
        return error_set(err, ERR_SYSTEM, "%s: \"%.100s\" is no ADDRESS:PORT, as in :9443 or 127.0.0.1:9443", c->flag,
                         c->address);
    if (*start == '[' && end > start && end[-1] == ']') {
        start++;
        end--;
    } else if (memchr(start, ':', (size_t)(end - start))) {
        return error_set(err, ERR_SYSTEM, "%s: put an IPv6 address in brackets: [%.*s]%s", c->flag,
                         (int)(end - start), start, colon);
    }
    snprintf(host, 256, "%.*s", (int)(end - start), start);
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static int bind_to(const struct addrinfo *a)
{
    int one = 1, off = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* The first of the addresses that works; `family` chooses among them. */
static int bind_family(const struct addrinfo *all, int family)
{
    errno = EAFNOSUPPORT;
    for (const struct addrinfo *a = all; a; a = a->ai_next) {
        int fd = a->ai_family == family ? bind_to(a) : -1;
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* IPv6 first, which with every address means IPv4 too; IPv4 alone where a machine knows no IPv6. */
static int bind_first(const struct addrinfo *all)
{
    int fd = bind_family(all, AF_INET6);
    if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = bind_family(all, AF_INET);
    return fd;
}

static bool cannot_listen(const listener_config *c, int reason, error *err)
{
    switch (reason) {
    case EADDRINUSE:
        return error_set(err, ERR_SYSTEM, "%s: %s is in use by another program; choose another port", c->flag,
                         c->address);
    case EACCES:
        return error_set(err, ERR_SYSTEM, "%s: %s needs a privilege this user lacks; choose a port above 1023",
                         c->flag, c->address);
    case EADDRNOTAVAIL:
        return error_set(err, ERR_SYSTEM, "%s: %s is no address of this machine", c->flag, c->address);
    default:
        return error_set(err, ERR_SYSTEM, "%s: cannot listen on %s: %s", c->flag, c->address, strerror(reason));
    }
}

static int open_socket(const listener_config *c, error *err)
{
    char host[256], port[8];
    struct addrinfo *all, hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    if (!split(c, host, port, err))
        return -1;
    int status = getaddrinfo(*host ? host : NULL, port, &hints, &all);
    if (status != 0) {
        error_set(err, ERR_SYSTEM, "%s: \"%s\" is no address: %s", c->flag, host, gai_strerror(status));
        return -1;
    }
    int fd = bind_first(all);
    if (fd < 0)
        cannot_listen(c, errno, err);
    freeaddrinfo(all);
    return fd;
}

/* What the kernel gave us, not what we asked for: port 0 becomes a number. */
static void write_url(listener *l)
{
    struct sockaddr_storage address = { 0 };
    socklen_t length = sizeof address;
    char host[INET6_ADDRSTRLEN + 32] = "", port[8] = "";
    getsockname(l->socket, (struct sockaddr *)&address, &length);
    getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = address.ss_family == AF_INET6;
    snprintf(l->url, sizeof l->url, "%s://%s%s%s:%s", l->config.tls ? "https" : "http", six ? "[" : "", host,
             six ? "]" : "", port);
}

/* ---- the thread ---------------------------------------------------------- */

/* Without descriptors or memory accept() fails at once, again and again: wait for better times. */
static bool accept_failed(listener *l)
{
    if (errno == ECONNABORTED || errno == EINTR)
        return true;
    if (errno == EAGAIN)
        return false;
    l->exhausted = true;
    if (log_limiter_pass(&l->limiter))
        log_warn("cannot accept connections", LOG_S("why", strerror(errno)));
    return false;
}

/* False when there is nothing more to accept for now. */
static bool accept_one(listener *l)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (!connections_reserve(l->table, l->wake)) {
        l->full = true;
        return false;
    }
    int fd = accept4(l->socket, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        http_serve(l->http, fd, (struct sockaddr *)&address, length);
        return true;
    }
    connections_unreserve(l->table);
    return accept_failed(l);
}

static void accept_some(listener *l)
{
    for (int i = 0; i < BATCH; i++)
        if (!accept_one(l))
            return;
}

/* What the kernel has completed already would be reset by the close: serve it. */
static void close_socket(listener *l)
{
    while (!l->full && accept_one(l))
        ;
    close(l->socket);
    l->socket = -1;
    atomic_store(&l->closed, true);
}

static int wait_ms(listener *l)
{
    return l->exhausted || connections_count(l->table) || lingering_count(l->lingering) ? TICK_MS : QUIET_TICK_MS;
}

/* Wait for something to do; returns how many lingering sockets were looked at. */
static size_t wait_for_work(listener *l, struct pollfd set[static LINGERS + LINGERING_MAX])
{
    bool accepting = l->socket >= 0 && !l->full && !l->exhausted;
    set[WAKE] = (struct pollfd){ .fd = l->wake, .events = POLLIN };
    set[LISTEN] = (struct pollfd){ .fd = accepting ? l->socket : -1, .events = POLLIN };
    size_t sockets = lingering_poll(l->lingering, set + LINGERS);
    int ready = poll(set, LINGERS + sockets, wait_ms(l));
    l->exhausted = false;
    if (ready > 0 && set[WAKE].revents) {
        eventfd_t value;
        eventfd_read(l->wake, &value);
    }
    l->full = false;
    return sockets;
}

/* Reaping looks at every connection, so not after every accept. */
static void reap(listener *l, int64_t *last_ms)
{
    int64_t now = clock_ms();
    if (now - *last_ms < TICK_MS)
        return;
    *last_ms = now;
    connections_reap(l->table);
    log_limiter_report(&l->limiter);
}

static void *run(void *data)
{
    listener *l = data;
    struct pollfd set[LINGERS + LINGERING_MAX];
    int64_t reaped_ms = clock_ms();
    while (!atomic_load(&l->stopping)) {
        size_t sockets = wait_for_work(l, set);
        if (set[LISTEN].revents)
            accept_some(l);
        if (l->socket >= 0 && atomic_load(&l->closing))
            close_socket(l);
        lingering_read(l->lingering, set + LINGERS, sockets);
        reap(l, &reaped_ms);
    }
    return NULL;
}

/* ---- life ---------------------------------------------------------------- */

static bool start_threads(listener *l, error *err)
{
    const listener_config *c = &l->config;
    l->http = http_start(&c->site, l->table, &l->limiter, c->threads, c->tls, err);
    if (!l->http)
        return false;
    if (pthread_create(&l->thread, NULL, run, l) == 0)
        return true;
    http_stop(l->http);
    return error_set(err, ERR_SYSTEM, "%s: no thread could be started", c->flag);
}

static void release(listener *l)
{
    if (l->socket >= 0)
        close(l->socket);
    if (l->wake >= 0)
        close(l->wake);
    lingering_free(l->lingering);
    connections_free(l->table);
    log_limiter_release(&l->limiter);
    free(l);
}

listener *listener_start(const listener_config *config, error *err)
{
    int fd = open_socket(config, err);
    if (fd < 0)
        return NULL;
    listener *l = mem_zalloc(sizeof *l);
    l->config = *config;
    l->socket = fd;
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->lingering = lingering_new(l->wake);
    l->table = connections_new(config->max_connections);
    connections_set_metrics(l->table, config->metrics);
    connections_set_tls(l->table, config->tls);
    connections_set_lingering(l->table, l->lingering);
    log_limiter_init(&l->limiter, "connection trouble");
    write_url(l);
    if (start_threads(l, err))
        return l;
    release(l);
    return NULL;
}

void listener_drain(listener *l)
{
    http_close_after_answer(l->http);
}

void listener_close(listener *l)
{
    atomic_store(&l->closing, true);
    eventfd_write(l->wake, 1);
}

bool listener_is_busy(listener *l)
{
    return !atomic_load(&l->closed) || connections_busy(l->table) || lingering_count(l->lingering);
}

void listener_stop(listener *l)
{
    if (!l)
        return;
    atomic_store(&l->stopping, true);
    eventfd_write(l->wake, 1);
    pthread_join(l->thread, NULL);
    http_stop(l->http);
    release(l);
}
