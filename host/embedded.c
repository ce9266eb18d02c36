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
extern const char embedded_default_policy[], embedded_default_policy_end[];

static const struct file { const char *module, *path, *text, *end; } files[] = {
    { "policy", "policies/default/policy.lua", embedded_default_policy, embedded_default_policy_end },
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
