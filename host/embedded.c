#include "embedded.h"

#include <string.h>

/* The assembler reads the file, relative to the root of the repository, where make runs. */
#define EMBED(symbol, file)                               \
    __asm__(".pushsection .rodata\n"                      \
            ".global " #symbol ", " #symbol "_end\n"      \
            ".hidden " #symbol ", " #symbol "_end\n"      \
            #symbol ":\n"                                 \
            ".incbin \"" file "\"\n"                      \
            #symbol "_end:\n"                             \
            ".byte 0\n"                                   \
            ".popsection\n")

EMBED(embedded_default_policy, "policies/default/policy.lua");
EMBED(embedded_namespaces, "lua/castslice/namespaces.lua");
EMBED(embedded_rulebook, "lua/castslice/rulebook.lua");
EMBED(embedded_rules, "lua/castslice/rules.lua");
EMBED(embedded_selector, "lua/castslice/selector.lua");
extern const char embedded_default_policy[], embedded_default_policy_end[];
extern const char embedded_namespaces[], embedded_namespaces_end[];
extern const char embedded_rulebook[], embedded_rulebook_end[];
extern const char embedded_rules[], embedded_rules_end[];
extern const char embedded_selector[], embedded_selector_end[];

static const struct file { const char *module, *path, *text, *end; bool passing; } files[] = {
    { "policy", "policies/default/policy.lua", embedded_default_policy, embedded_default_policy_end, false },
    { "castslice.namespaces", "lua/castslice/namespaces.lua", embedded_namespaces, embedded_namespaces_end, false },
    { "castslice.rulebook", "lua/castslice/rulebook.lua", embedded_rulebook, embedded_rulebook_end, true },
    { "castslice.rules", "lua/castslice/rules.lua", embedded_rules, embedded_rules_end, false },
    { "castslice.selector", "lua/castslice/selector.lua", embedded_selector, embedded_selector_end, false },
};

bool embedded_find(const char *module, vm_source *out)
{
    for (const struct file *f = files; f < files + sizeof files / sizeof *files; f++)
        if (strcmp(f->module, module) == 0) {
            *out = (vm_source){ f->module, f->path, f->text, (size_t)(f->end - f->text) };
            return true;
        }
    return false;
}

void embedded_each_passing(void (*f)(void *context, const char *module), void *context)
{
    for (const struct file *e = files; e < files + sizeof files / sizeof *files; e++)
        if (e->passing)
            f(context, e->module);
}
