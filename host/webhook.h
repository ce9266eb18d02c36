/* webhook.h - POST /mutate: a body in, an AdmissionReview or a Status out. */
#ifndef CASTSLICE_WEBHOOK_H
#define CASTSLICE_WEBHOOK_H

#include "http.h"
#include "server.h"

http_site webhook_site(server *s);      /* borrows the server */

/* A Go duration as the API server writes it ("10s", "1m30s", "1.5s") in nanoseconds;
 * 0 when it is absent (NULL), none, or not above zero. */
int64_t webhook_duration(const char *text);

#endif
