/* farewell.h - sockets whose answer is written while their client is still sending.
 *
 * Closing a socket with unread bytes makes the kernel send a reset, and the
 * client never reads the answer. So what comes is read and thrown away until the
 * client closes, two seconds at most, and a bounded number of sockets at a time. */
#ifndef CASTSLICE_FAREWELL_H
#define CASTSLICE_FAREWELL_H

#include <poll.h>
#include <stddef.h>

#define FAREWELL_MAX 64

typedef struct farewell farewell;

farewell *farewell_new(int wake);                   /* `wake`: an eventfd, written when a socket is added. Borrowed */
void farewell_free(farewell *f);                    /* NULL is fine */

void farewell_add(farewell *f, int fd);             /* takes fd; any thread. Above the maximum it is closed at once */
size_t farewell_count(farewell *f);

/* For the one thread that polls: what to wait for, and what to do afterwards. */
size_t farewell_poll(farewell *f, struct pollfd out[static FAREWELL_MAX]);
void farewell_read(farewell *f, const struct pollfd *ready, size_t count);

#endif
