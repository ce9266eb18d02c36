#include "bundles.h"

#include "buf.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* DIR/NAME, for the caller to free. */
static char *join(const char *dir, const char *name)
{
    buf path;
    buf_init(&path, 64 * 1024);
    buf_printf(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return buf_take(&path, NULL);
}

static bool has(const char *dir, const char *name)
{
    char *path = join(dir, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static bool is_bundle(const char *dir)
{
    return has(dir, "policy.lua") || has(dir, "policy.json");
}

static int keep_names(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* The subfolders that are bundles; how many. */
static int walk(const char *dir, void (*f)(const char *dir, void *context), void *context)
{
    struct dirent **names;
    int found = 0, count = scandir(dir, &names, keep_names, alphasort);
    for (int i = 0; i < count; i++) {
        char *path = join(dir, names[i]->d_name);
        if (is_bundle(path)) {
            found++;
            f(path, context);
        }
        free(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return found;
}

bool bundles_each(const char *dir, void (*f)(const char *dir, void *context), void *context, error *err)
{
    struct stat st;
    if (!*dir || stat(dir, &st) != 0)
        return error_set(err, ERR_SYSTEM, "%s: %s", dir, strerror(*dir ? errno : ENOENT));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERR_SYSTEM, "%s: is a file; name the folder of the bundle", dir);
    if (is_bundle(dir)) {
        f(dir, context);
        return true;
    }
    return walk(dir, f, context) > 0 ||
           error_set(err, ERR_SYSTEM, "%s: holds no bundle: neither it nor a folder in it has a policy.lua or policy.json", dir);
}
