/* cases.h - a bundle's own proof: Pods and what must become of them, run through the engine that serves.
 *
 * The text is cases.yaml: a list of cases, each with a `name`, a Pod (`pod`, or in short `annotations`, `labels`,
 * `namespace`, `gpus` of one container called main) and what to `expect`. docs/testing-policies.md has the table. */
#ifndef CASTSLICE_CASES_H
#define CASTSLICE_CASES_H

#include "bundle.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cases cases;

/* How one case ended. Strings live as long as the cases. */
typedef struct case_result {
    const char *name;
    int line;                   /* of the case in the file */
    bool passed;
    const char *expected;       /* when it did not pass: what was not so … */
    const char *got;            /* … and what was */
    const char *rule;           /* the decision's, "" when it names none */
} case_result;

/* Check and keep. `path` is for messages. NULL and `err` (ERR_INPUT, "PATH:LINE: …") on the first mistake: bad YAML,
 * an unknown key, a case without `name` or `expect`, a name that occurs twice, a value of a wrong type. */
cases *cases_parse(const char *path, const char *text, size_t length, error *err);

/* The same, `told` of each mistake until it says false. One mistake and there are no cases. */
typedef bool cases_mistake(const error *why, void *context);
cases *cases_check(const char *path, const char *text, size_t length, cases_mistake *told, void *context);
void cases_free(cases *c);                              /* NULL is fine */

size_t cases_count(const cases *c);

/* Ask the bundle about the case `index`, with the budget of a review. */
void cases_run(cases *c, size_t index, bundle *b, int64_t cpu_ns, case_result *out);

/* The bundle's own cases, all of them: true when it has none. False and `err` (ERR_POLICY, "PATH:LINE: …") for the
 * first that does not pass, when they cannot be read, or take more than five seconds in all. */
bool cases_prove(bundle *b, int64_t cpu_ns, error *err);

#endif
