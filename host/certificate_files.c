#include "certificate_files.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file to be: written beside its place first, moved there when all are. */
typedef struct file {
    const char *name, *text;
    mode_t mode;
    char *path, *part;
} file;

static char *joined(const char *dir, const char *name, const char *end)
{
    buf path;
    buf_init(&path, 8192);
    buf_printf(&path, "%s/%s%s", dir, name, end);
    return buf_take(&path, NULL);
}

static bool write_part(const file *f, error *err)
{
    size_t length = strlen(f->text);
    int fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, f->mode);
    bool ok = fd >= 0 && fchmod(fd, f->mode) == 0 && write(fd, f->text, length) == (ssize_t)length && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return ok || error_set(err, ERR_SYSTEM, "%s: cannot be written: %s", f->part, strerror(reason));
}

static bool is_free(const file *f, bool force, error *err)
{
    if (force || access(f->path, F_OK) != 0)
        return true;
    return error_set(err, ERR_SYSTEM, "%s: is there already; --force replaces it", f->path);
}

/* All or none: nothing takes its place before everything is on disk. */
static bool write_files(file *files, size_t count, bool force, error *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = is_free(&files[i], force, err);
    for (size_t i = 0; ok && i < count; i++)
        ok = write_part(&files[i], err);
    for (size_t i = 0; ok && i < count; i++)
        if (rename(files[i].part, files[i].path) != 0)
            ok = error_set(err, ERR_SYSTEM, "%s: cannot be written: %s", files[i].path, strerror(errno));
    for (size_t i = 0; !ok && i < count; i++)
        unlink(files[i].part);
    return ok;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* An older authority's key must not be taken for the key of the ca.crt that will lie beside it. */
static bool check_left_key(const file *key, const char *ca_key_file, error *err)
{
    if (access(key->path, F_OK) != 0 || is_same_file(key->path, ca_key_file))
        return true;
    return error_set(err, ERR_SYSTEM, "%s: is there already and is not %s; move it away, or it would lie beside another "
                     "authority's certificate", key->path, ca_key_file);
}

bool certificate_files(const certificate_made *made, const char *ca_key_file, const char *dir, bool force, error *err)
{
    file files[] = {
        { "tls.key", made->key, 0600, NULL, NULL }, { "tls.crt", made->chain, 0644, NULL, NULL },
        { "ca.crt", made->ca, 0644, NULL, NULL }, { "ca.key", made->ca_key, 0600, NULL, NULL },
    };
    enum { ALL = sizeof files / sizeof *files };
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return error_set(err, ERR_SYSTEM, "%s: cannot be made: %s", dir, strerror(errno));
    for (size_t i = 0; i < ALL; i++) {
        files[i].path = joined(dir, files[i].name, "");
        files[i].part = joined(dir, files[i].name, ".part");
    }
    bool ok = made->ca_key ? write_files(files, ALL, force, err)
                           : check_left_key(&files[ALL - 1], ca_key_file, err) && write_files(files, ALL - 1, force, err);
    for (size_t i = 0; i < ALL; i++) {
        free(files[i].path);
        free(files[i].part);
    }
    return ok;
}
