/* watch.h - wakes its user when something in some folders may have changed.
 *
 * It knows nothing of what lies there, and may wake for nothing: the user looks
 * and compares. Folders may be missing, come and go, or be links. Watched are the
 * folder itself and, by name, every folder on the way to it: watching a file would
 * miss the second time that it is replaced. What inotify cannot see (a network
 * file system, a link that changes far away) is left to the user's time-out. */
#ifndef CASTSLICE_WATCH_H
#define CASTSLICE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct watch watch;

watch *watch_new(void);
void watch_free(watch *w);                       /* NULL is fine */

void watch_folder(watch *w, const char *path);   /* copied; before the first watch_arm() */

/* Look at the folders afresh. Before reading them, so that what changes while one reads wakes the
 * next wait. False when the system has no more inotify watches: only the time-out helps then. */
bool watch_arm(watch *w);

bool watch_wait(watch *w, int64_t ms);           /* true: something changed, or somebody called watch_wake() */
void watch_wake(watch *w);                       /* from any thread */

#endif
