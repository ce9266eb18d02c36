/* http.h - HTTP/1.1 as libmicrohttpd speaks it, over sockets somebody else accepts.
 *
 * A site is what is served: it sees requests and fills answers, and knows neither
 * sockets nor libmicrohttpd. Its functions run in the worker threads, several at once. */
#ifndef CASTSLICE_HTTP_H
#define CASTSLICE_HTTP_H

#include "buf.h"
#include "connection.h"
#include "error.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Borrowed for the call. A header or argument that is absent is NULL. */
typedef struct http_request {
    const char *method, *path;          /* the path without its query */
    const char *timeout;                /* the query's `timeout` */
    const char *content_type, *content_encoding, *content_length, *transfer_encoding;
    bool over;                          /* its connection is one more than the limit */
    int64_t began_ns;                   /* clock_ns() when its first line was there */
    const char *body;                   /* answer() only; "" when empty */
    size_t length;
} http_request;

typedef struct http_answer {
    unsigned status;
    const char *content_type;           /* static text */
    const char *allow;                  /* 405: what is; else NULL */
    bool retry;                         /* 503: come back in a second */
    buf body;                           /* the site's; taken over */
} http_answer;

typedef struct http_site {
    void *data;                         /* handed to the functions */
    size_t max_body;                    /* bytes; a longer body is cut off with 413 */
    size_t max_held;                    /* bytes of large unfinished bodies, all together; above it 503 */
    bool one_request;                   /* close every connection after its first answer */
    /* The header is there, the body is not. False: refuse, `a` says how. */
    bool (*check)(void *data, const http_request *r, http_answer *a);
    void (*answer)(void *data, const http_request *r, http_answer *a);
    /* In the middle of a body: it passed max_body without having said so before (413), or max_held (503). */
    void (*cut_off)(void *data, unsigned status, http_answer *a);
} http_site;

typedef struct http http;

/* `site`, `table` and `limiter` (for the library's complaints) are borrowed; `secure`: TLS, with the table's
 * certificates. NULL and `err` (ERR_SYSTEM) when the threads cannot be started. */
http *http_start(const http_site *site, connections *table, log_limiter *limiter, size_t threads, bool secure, error *err);
void http_stop(http *h);                /* ends every connection, whatever it is doing; NULL is fine */

/* Serve one more connection; takes `fd` and the reservation in the table. */
void http_serve(http *h, int fd, const struct sockaddr *address, socklen_t length);

void http_close_after_answer(http *h);  /* from now on every answer says `Connection: close` */

const char *http_library(void);         /* libmicrohttpd's version */

#endif
