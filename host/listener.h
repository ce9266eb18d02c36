/* listener.h - one port: its socket, the thread that accepts and keeps order, and the workers that serve.
 *
 * Used twice: HTTPS for the API server, plain HTTP for metrics and probes. Each has
 * its own threads, limits and table, so a flood on one does not touch the other. */
#ifndef CASTSLICE_LISTENER_H
#define CASTSLICE_LISTENER_H

#include "error.h"
#include "http.h"
#include "metrics.h"
#include "tls.h"

#include <stdbool.h>
#include <stddef.h>

/* All borrowed for the listener's life. */
typedef struct listener_config {
    const char *flag;               /* what set the address, for messages: "--listen" */
    const char *address;            /* "[ADDRESS]:PORT"; port 0: a free one */
    size_t threads;                 /* workers */
    size_t max_connections;
    tls *tls;                       /* NULL: plain HTTP */
    metrics *metrics;               /* counts the connections; NULL: nobody does */
    http_site site;
} listener_config;

typedef struct listener listener;

/* Bind and serve. NULL and `err` (ERR_SYSTEM): a bad address, one in use, no threads. */
listener *listener_start(const listener_config *config, error *err);

const char *listener_url(const listener *l);        /* "https://127.0.0.1:9443", the address as bound */

/* The end, in this order. */
void listener_drain(listener *l);                   /* every answer closes its connection; new ones are still taken */
void listener_close(listener *l);                   /* no new ones; what the kernel has accepted already is served while there is room */
bool listener_is_busy(listener *l);                 /* is there still something in flight? */
void listener_stop(listener *l);                    /* ends what is left and frees; NULL is fine */

/* The most descriptors a listener of that size holds at once. */
size_t listener_descriptors(size_t max_connections, size_t threads);

const char *listener_library(void);                 /* libmicrohttpd's version */

#endif
