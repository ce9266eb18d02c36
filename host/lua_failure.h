/* lua_failure.h - why a run failed, as one sentence that starts with the policy's file. */
#ifndef CASTSLICE_LUA_FAILURE_H
#define CASTSLICE_LUA_FAILURE_H

#include "error.h"
#include "sandbox.h"
#include "vm.h"

/* Message handler for lua_pcall: notes place and trace in the sandbox, allocates nothing. [-0, +0, -] */
int lua_failure_handler(lua_State *L);

/* What messages need to know about the run. */
typedef struct lua_failure {
    const sandbox *box;
    const vm_source *entry;     /* whose path is named when no better one is known */
    size_t memory;              /* the cap */
    bool loading;               /* not a review: its limits are for who serves the policy to raise */
} lua_failure;

/* `message` is the error value when it was a string, else NULL. Always false. */
bool lua_failure_explain(const lua_failure *f, int status, const char *message, error *err);

#endif
