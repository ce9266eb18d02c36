#include "current.h"

#include "mem.h"

#include <pthread.h>
#include <stdlib.h>

struct current {
    pthread_mutex_t lock;       /* around the pointer only */
    bundle *bundle;
};

current *current_new(bundle *b)
{
    current *c = mem_zalloc(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->bundle = b;
    return c;
}

void current_free(current *c)
{
    if (!c)
        return;
    bundle_unref(c->bundle);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

bundle *current_ref(current *c)
{
    pthread_mutex_lock(&c->lock);
    bundle *b = bundle_ref(c->bundle);
    pthread_mutex_unlock(&c->lock);
    return b;
}

bundle *current_swap(current *c, bundle *b)
{
    pthread_mutex_lock(&c->lock);
    bundle *before = c->bundle;
    c->bundle = b;
    pthread_mutex_unlock(&c->lock);
    return before;
}
