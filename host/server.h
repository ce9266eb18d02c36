/* server.h - what the parts of a running `castslice serve` share. Made by cmd_serve.c, passed to each. */
#ifndef CASTSLICE_SERVER_H
#define CASTSLICE_SERVER_H

#include "current.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "standing.h"
#include "watchdog.h"

#include <stdatomic.h>

typedef struct server {
    options options;
    metrics *metrics;
    current *policy;               /* borrowed from the reload */
    standing *standing;
    watchdog *watchdog;
    log_limiter failures;          /* for the log lines of policies that fail */
    atomic_bool draining;       /* /readyz says so */
} server;

#endif
