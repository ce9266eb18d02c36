/* probes.h - what the metrics port serves: /metrics for Prometheus, /healthz and /readyz for kubelet,
 * /status for people. */
#ifndef CASTSLICE_PROBES_H
#define CASTSLICE_PROBES_H

#include "http.h"
#include "server.h"

http_site probes_site(server *s);       /* borrows the server */

#endif
