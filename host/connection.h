/* connection.h - the open connections of one port: what each is doing, and until when.
 *
 * libmicrohttpd's time-out counts inactivity, so a byte a second would live for
 * ever; the deadlines here are absolute. The thread that serves a connection
 * moves it from phase to phase without a lock. The listener's thread looks at
 * all of them and shuts late sockets down: the serving thread sees the end and
 * closes. So a descriptor is never closed, or used again, behind anyone's back. */
#ifndef CASTSLICE_CONNECTION_H
#define CASTSLICE_CONNECTION_H

#include "lingering.h"
#include "metrics.h"
#include "tls.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum phase {
    PHASE_FRESH,            /* accepted; handshake and first header within 10 s */
    PHASE_HEAD,             /* a later request has begun; its header within 10 s */
    PHASE_BODY,             /* within 20 s */
    PHASE_ANSWER,           /* decided and written within 20 s */
    PHASE_IDLE              /* at most 120 s; the API server keeps idle connections for 90 */
} phase;

/* ---- the table ---------------------------------------------------------- */

/* `limit` connections may send requests. As many again are taken in, so that one that sends
 * a request can be told so; those that send none cannot keep others out. */
typedef struct connections connections;

connections *connections_new(size_t limit);
void connections_free(connections *t);          /* NULL is fine; no connection is left */
size_t connections_capacity(size_t limit);      /* the most that are ever open */

/* Whom to tell; all may be NULL. Borrowed, set before the first connection. */
void connections_set_metrics(connections *t, metrics *m);
void connections_set_tls(connections *t, tls *certificates);
void connections_set_lingering(connections *t, lingering *l);

/* Called before a connection is accepted. False: the table is full, and the oldest one that
 * has not sent a request yet was told to go; `wake` is written when there is room again. */
bool connections_reserve(connections *t, int wake);
void connections_unreserve(connections *t);     /* nothing came of it */

/* Shut down what is late, and, above the limit, what has been silent for a second. */
void connections_reap(connections *t);

size_t connections_count(connections *t);       /* open or reserved */
size_t connections_busy(connections *t);        /* in the middle of something, or so new that they may be */

/* ---- one connection ----------------------------------------------------- */

typedef struct connection connection;

/* `fd` stays its server's, which says when it is about to close it. */
connection *connection_open(connections *t, int fd);
void connection_close(connection *c);

void connection_enter(connection *c, phase next);       /* its serving thread only; no lock */
void connection_begin(connection *c);           /* a request's first line is there */
bool connection_admit(connection *c);           /* it sends a request: false when it is one more than the limit */

/* The certificate pair this connection shakes hands with: one reference, held until it closes. */
tls_pair *connection_certificate(connection *c);

/* It is about to be closed while its client is still sending: read on for a while, so that
 * the kernel does not answer the unread bytes with a reset that eats our answer. */
void connection_linger(connection *c);

#endif
