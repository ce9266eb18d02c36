/* lingering.h - sockets whose answer is written while their client is still sending.
 *
 * Closing a socket with unread bytes makes the kernel send a reset, and the
 * client never reads the answer. So what comes is read and thrown away until the
 * client closes, two seconds at most, and a bounded number of sockets at a time. */
#ifndef CASTSLICE_LINGERING_H
#define CASTSLICE_LINGERING_H

#include <poll.h>
#include <stddef.h>

#define LINGERING_MAX 64

typedef struct lingering lingering;

lingering *lingering_new(int wake);                   /* `wake`: an eventfd, written when a socket is added. Borrowed */
void lingering_free(lingering *l);                    /* NULL is fine */

void lingering_add(lingering *l, int fd);             /* takes fd; any thread. Above the maximum it is closed at once */
size_t lingering_count(lingering *l);

/* For the one thread that polls: what to wait for, and what to do afterwards. */
size_t lingering_poll(lingering *l, struct pollfd out[static LINGERING_MAX]);
void lingering_read(lingering *l, const struct pollfd *ready, size_t count);

#endif
