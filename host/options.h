/* options.h - every setting of the program: one row each in options.c.
 *
 * A flag beats its environment variable, which beats the default. */
#ifndef CASTSLICE_OPTIONS_H
#define CASTSLICE_OPTIONS_H

#include "error.h"
#include "log.h"
#include "vm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What `castslice review`, test and check print, each some of them; the names are in options.c. */
typedef enum output_form {
    OUTPUT_TEXT,
    OUTPUT_JSON,
    OUTPUT_PATCH,
    OUTPUT_OBJECT,
    OUTPUT_ADMISSION,
    OUTPUT_JUNIT,
    OUTPUT_FORMS
} output_form;

typedef struct options {
    const char *listen;             /* "[ADDRESS]:PORT"; an empty address is every one; port 0 lets the kernel choose */
    const char *metrics_listen;
    const char *certificate;        /* PEM file, chain included; NULL: self-made */
    const char *key;                /* PEM file */
    const char *policy;             /* bundle folder; NULL: the embedded default */
    bool policy_fallback;           /* serve the embedded default while the bundle cannot be loaded at start */
    int64_t reload_poll_seconds;
    size_t threads;
    log_level log_level;
    size_t max_body;                /* bytes */
    size_t max_connections;
    int64_t drain_seconds;
    int64_t policy_cpu_ms;
    size_t policy_memory;           /* bytes */
    output_form output;
    bool coverage;                  /* test: say what no case reaches */
    const char *namespace;          /* review: for documents that name none; certificates: the Service's. NULL when not given */
    const char *service;            /* whose certificate it is; NULL when not given */
    int64_t days;                   /* certificate: how long it is good */
    const char *ca, *ca_key;        /* certificate: PEM files of the authority; NULL: a new one, or none looked at */
    const char *folder;             /* certificate: where the files go; NULL: `patch` */
    const char *patch;              /* certificate: the manifest to fill in */
    bool force;                     /* certificate: replace files */
    bool help;
    char **operands;                /* what is no flag; borrowed from argv */
    size_t operand_count;
} options;

/* Which command a flag belongs to. */
typedef enum options_command {
    OPTIONS_SERVE = 1,
    OPTIONS_REVIEW = 2,
    OPTIONS_CERTIFICATE = 4,
    OPTIONS_INSPECT = 8,
    OPTIONS_TEST = 16,
    OPTIONS_CHECK = 32
} options_command;

/* Fill `o` from the defaults, the environment and argv (after the command's name).
 * False and `err` (ERR_INPUT, one sentence that names the flag and the nearest right one). */
bool options_parse(options *o, options_command command, int argc, char **argv, error *err);

vm_limits options_limits(const options *o);

/* The host name the API server asks for, SERVICE.NAMESPACE.svc. False when no Service is named. */
enum { OPTIONS_HOST = 256 };
bool options_host(const options *o, char host[static OPTIONS_HOST]);

/* The flags of a command with their meaning, variable and default, for --help. */
void options_help(FILE *out, options_command command);

#endif
