/* log.h - one JSON object per line on stderr.
 *
 * {"time":"2026-11-23T04:30:00.123Z","level":"info","msg":"ready","webhook":"https://…"}
 * Never the body of a request, nor a Pod's environment. A line is one write(2), so
 * threads do not mix. The level is set once at start and read without a lock. */
#ifndef CASTSLICE_LOG_H
#define CASTSLICE_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG } log_level;

typedef struct log_field {
    const char *key;
    enum { LOG_TEXT, LOG_NUMBER } type;
    const char *text;                   /* bytes that are no UTF-8 become '?' */
    int64_t number;
} log_field;

#define LOG_S(k, v) (log_field){ .key = (k), .type = LOG_TEXT, .text = (v) }
#define LOG_N(k, v) (log_field){ .key = (k), .type = LOG_NUMBER, .number = (int64_t)(v) }
#define LOG_END (log_field){ .key = NULL }

void log_set_level(log_level level);
bool log_level_parse(const char *name, log_level *level);       /* error, warn, info, debug */
bool log_enabled(log_level level);
void log_fields(log_level level, const char *message, const log_field *fields);

#define log_error(message, ...) log_fields(LOG_ERROR, message, (log_field[]){ __VA_ARGS__, LOG_END })
#define log_warn(message, ...) log_fields(LOG_WARN, message, (log_field[]){ __VA_ARGS__, LOG_END })
#define log_info(message, ...) log_fields(LOG_INFO, message, (log_field[]){ __VA_ARGS__, LOG_END })
#define log_debug(message, ...) log_fields(LOG_DEBUG, message, (log_field[]){ __VA_ARGS__, LOG_END })

/* For lines a stranger can cause at will: ten in ten seconds pass, the rest are counted
 * and reported in one line. Shared by threads. */
typedef struct log_limiter {
    pthread_mutex_t lock;
    const char *what;                   /* what is being limited, for the report */
    int64_t window_ms;                  /* when the current ten seconds began; 0: never */
    int passed;
    int64_t suppressed;
} log_limiter;

void log_limiter_init(log_limiter *l, const char *what);
void log_limiter_release(log_limiter *l);
bool log_limiter_pass(log_limiter *l);        /* may the line be written? */
void log_limiter_report(log_limiter *l);      /* tell what was suppressed once the ten seconds are over; cheap */

#endif
