#include "http.h"

#include "clock.h"
#include "mem.h"
#include "tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CONNECTION_MEMORY: the header and one read of the body; larger headers are answered 431.
 * SMALL: what a body may hold whatever others do, so that a few large ones do not keep the usual ones out. */
enum { CONNECTION_MEMORY = 32 * 1024, HEAD_MAX = 512, SMALL = 64 * 1024 };

struct http {
    const http_site *site;
    connections *table;
    log_limiter *limiter;
    struct MHD_Daemon *daemon;
    _Atomic size_t held;        /* bytes of unfinished bodies, each above SMALL */
    atomic_bool closing;
};

/* One request, from its first line until its answer is sent. */
typedef struct exchange {
    connection *connection;
    int64_t began_ns;
    buf body;
    bool checked;           /* the site has seen the header */
    bool refused;           /* and does not want it: `answer` is filled */
    bool whole;             /* nothing of the request is left unread */
    bool answered;
    http_answer answer;
} exchange;

const char *http_library(void)
{
    return MHD_get_version();
}

static connection *connection_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- answering ---------------------------------------------------------- */

static bool closes(http *h, const exchange *x)
{
    return h->site->one_request || x->answer.retry || atomic_load_explicit(&h->closing, memory_order_relaxed);
}

static struct MHD_Response *response_of(http *h, exchange *x)
{
    http_answer *a = &x->answer;
    size_t length;
    char *body = buf_take(&a->body, &length);
    struct MHD_Response *r = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        free(body);
        return NULL;
    }
    MHD_add_response_header(r, "Content-Type", a->content_type);
    if (a->allow)
        MHD_add_response_header(r, "Allow", a->allow);
    if (a->retry)
        MHD_add_response_header(r, "Retry-After", "1");
    if (closes(h, x))
        MHD_add_response_header(r, "Connection", "close");
    return r;
}

static enum MHD_Result send_answer(http *h, exchange *x, struct MHD_Connection *c)
{
    struct MHD_Response *r = response_of(h, x);
    if (!r)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(c, x->answer.status, r);
    MHD_destroy_response(r);
    x->answered = queued == MHD_YES;
    if (!x->answered && log_limiter_pass(h->limiter))
        log_error("an answer could not be sent", LOG_N("status", x->answer.status));
    return queued;
}

/* ---- cutting a body off -------------------------------------------------- */

static void write_raw(struct MHD_Connection *c, const char *bytes, size_t length)
{
    const union MHD_ConnectionInfo *session = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (session)
        gnutls_record_send(session->tls_session, bytes, length);
    else
        send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* libmicrohttpd takes no answer while a body is coming in, and we will not read forty
 * megabytes to refuse them: so we write this one answer ourselves and let it close. */
static enum MHD_Result cut_off(http *h, exchange *x, struct MHD_Connection *c, unsigned status)
{
    http_answer a = { .status = status };
    buf text;
    h->site->cut_off(h->site->data, status, &a);
    buf_init(&text, a.body.len + HEAD_MAX);
    buf_printf(&text, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
               status, MHD_get_reason_phrase_for(status), a.content_type, a.body.len,
               a.retry ? "Retry-After: 1\r\n" : "");
    buf_add(&text, a.body.data, a.body.len);
    write_raw(c, text.data, text.len);
    buf_release(&text);
    buf_release(&a.body);
    x->answered = true;
    return MHD_NO;
}

/* ---- a request, step by step --------------------------------------------- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static http_request request_of(exchange *x, struct MHD_Connection *c, const char *method, const char *path)
{
    return (http_request){
        .method = method,
        .path = path,
        .timeout = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "timeout"),
        .content_type = header(c, "Content-Type"),
        .content_encoding = header(c, "Content-Encoding"),
        .content_length = header(c, "Content-Length"),
        .transfer_encoding = header(c, "Transfer-Encoding"),
        .over = !connection_admit(x->connection),
        .began_ns = x->began_ns,
        .body = x->body.len ? x->body.data : "",
        .length = x->body.len,
    };
}

static bool has_body(const http_request *r)
{
    return r->transfer_encoding || (r->content_length && strcmp(r->content_length, "0") != 0);
}

/* The header is there. A refusal goes out before the body comes in; a request without a body
 * is answered at its end, because an earlier answer would cost it the connection. */
static enum MHD_Result check(http *h, exchange *x, struct MHD_Connection *c, const http_request *r)
{
    x->checked = true;
    x->refused = !h->site->check(h->site->data, r, &x->answer);
    connection_enter(x->connection, x->refused ? PHASE_ANSWER : PHASE_BODY);
    if (x->refused && has_body(r))
        return send_answer(h, x, c);
    return MHD_YES;
}

static size_t above_small(size_t length)
{
    return length > SMALL ? length - SMALL : 0;
}

/* Book what the body is about to grow by; false when all of them together hold too much. */
static bool hold(http *h, const exchange *x, size_t length)
{
    size_t more = above_small(x->body.len + length) - above_small(x->body.len);
    if (more == 0 || atomic_fetch_add(&h->held, more) + more <= h->site->max_held)
        return true;
    atomic_fetch_sub(&h->held, more);
    return false;
}

static void let_go(http *h, exchange *x)
{
    atomic_fetch_sub(&h->held, above_small(x->body.len));
    buf_release(&x->body);
}

static enum MHD_Result gather(http *h, exchange *x, struct MHD_Connection *c, const char *bytes, size_t *length)
{
    if (*length > x->body.max - x->body.len)
        return cut_off(h, x, c, 413);
    if (!hold(h, x, *length))
        return cut_off(h, x, c, 503);
    buf_add(&x->body, bytes, *length);
    *length = 0;
    return MHD_YES;
}

static enum MHD_Result finish(http *h, exchange *x, struct MHD_Connection *c, const http_request *r)
{
    x->whole = true;
    connection_enter(x->connection, PHASE_ANSWER);
    if (!x->refused)
        h->site->answer(h->site->data, r, &x->answer);
    let_go(h, x);
    return send_answer(h, x, c);
}

/* ---- what libmicrohttpd calls -------------------------------------------- */

/* The first line of a request is there. What we return comes back as `*context`. */
static void *on_line(void *data, const char *uri, struct MHD_Connection *c)
{
    http *h = data;
    exchange *x = mem_zalloc(sizeof *x);
    (void)uri;
    x->connection = connection_of(c);
    x->began_ns = clock_ns();
    buf_init(&x->body, h->site->max_body);
    connection_begin(x->connection);
    return x;
}

/* Called once for the header, then for each piece of the body, then once more at the end. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *bytes, size_t *length, void **context)
{
    http *h = data;
    exchange *x = *context;
    (void)version;
    if (*length > 0)
        return gather(h, x, c, bytes, length);
    http_request r = request_of(x, c, method, url);
    return x->checked ? finish(h, x, c, &r) : check(h, x, c, &r);
}

/* Is there an answer on the way, ours or the library's own, that an unread rest could spoil? */
static bool must_linger(const exchange *x, struct MHD_Connection *c, enum MHD_RequestTerminationCode how)
{
    bool answered = x->answered || MHD_get_connection_info(c, MHD_CONNECTION_INFO_HTTP_STATUS);
    bool by_us = how == MHD_REQUEST_TERMINATED_COMPLETED_OK || how == MHD_REQUEST_TERMINATED_WITH_ERROR;
    return answered && by_us && !x->whole;
}

static void on_completed(void *data, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode how)
{
    exchange *x = *context;
    if (!x)
        return;
    if (must_linger(x, c, how))
        connection_linger(x->connection);
    connection_enter(x->connection, PHASE_IDLE);
    let_go(data, x);
    buf_release(&x->answer.body);
    free(x);
    *context = NULL;
}

static void on_connection(void *data, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    http *h = data;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        *context = connection_open(h->table, MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    else
        connection_close(*context);
}

/* In the handshake: which certificate. libmicrohttpd keeps its connection in the session's pointer. */
static int on_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                          gnutls_pcert_st **chain, unsigned *count, gnutls_ocsp_data_st **ocsp,
                          unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
    tls_pair *pair = connection_certificate(connection_of(gnutls_session_get_ptr(session)));
    (void)info;
    *ocsp = NULL;
    *ocsp_count = 0;
    *flags = 0;
    if (!pair)
        return -1;
    tls_pair_show(pair, chain, count, key);
    return 0;
}

/* Complaints about clients, mostly: anyone on the network can cause them. */
__attribute__((format(printf, 2, 0)))
static void on_complaint(void *data, const char *format, va_list args)
{
    http *h = data;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    if (strstr(text, "Application reported internal error"))
        return;                                     /* that is cut_off(): counted, answered and no error */
    if (strstr(text, "handshake message out of context"))
        snprintf(text, sizeof text, "a TLS handshake failed: the client speaks no TLS or does not trust our certificate");
    if (log_enabled(LOG_INFO) && log_limiter_pass(h->limiter))
        log_info("connection trouble", LOG_S("detail", text));
}

/* ---- life ---------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(http *h, size_t threads, bool secure)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem pool[] = {
        { threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    /* Its own connection limit is out of reach, the table's lies below: at its own it lets clients hang.
     * Without TLS the list ends before the certificates. */
    return MHD_start_daemon(flags | (secure ? MHD_USE_TLS : 0), 0, NULL, NULL, on_request, h,
                            MHD_OPTION_EXTERNAL_LOGGER, on_complaint, h,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_URI_LOG_CALLBACK, on_line, h,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT32_MAX, MHD_OPTION_ARRAY, pool,
                            secure ? MHD_OPTION_HTTPS_CERT_CALLBACK2 : MHD_OPTION_END, on_certificate,
                            MHD_OPTION_HTTPS_PRIORITIES, tls_priorities(), MHD_OPTION_END);
}

http *http_start(const http_site *site, connections *table, log_limiter *limiter, size_t threads, bool secure, error *err)
{
    http *h = mem_zalloc(sizeof *h);
    h->site = site;
    h->table = table;
    h->limiter = limiter;
    h->daemon = start_daemon(h, threads, secure);
    if (h->daemon)
        return h;
    free(h);
    error_set(err, ERR_SYSTEM, "the HTTP library cannot start %zu threads", threads);
    return NULL;
}

void http_stop(http *h)
{
    if (!h)
        return;
    MHD_stop_daemon(h->daemon);
    free(h);
}

void http_serve(http *h, int fd, const struct sockaddr *address, socklen_t length)
{
    if (MHD_add_connection(h->daemon, fd, address, length) != MHD_YES)
        connections_unreserve(h->table);            /* it has closed fd */
}

void http_close_after_answer(http *h)
{
    atomic_store(&h->closing, true);
}
