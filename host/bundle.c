#include "bundle.h"

#include "digest.h"
#include "embedded.h"
#include "mem.h"
#include "pod.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CASES "cases.yaml"

enum {
    MAX_FILE = 256 * 1024,      /* bytes of one source */
    MAX_TOTAL = 1024 * 1024,    /* what a ConfigMap can hold */
    MAX_FILES = 256
};

/* What was read, for freeing it. */
typedef struct file { char *module, *path, *text; } file;

struct bundle {
    _Atomic unsigned references;
    char *name;
    char *directory;            /* NULL for the embedded default */
    file *files;
    size_t file_count, total;   /* `total` in bytes of text, JSON included */
    data_set data;              /* what castslice.data reads */
    vm_source *sources;         /* sorted by module; borrow the files or what is embedded */
    size_t count;
    const char *entry;          /* path of policy.lua */
    char *cases_path, *cases_text;
    bundle_file cases;          /* cases.yaml; text is NULL when there is none */
    digest_set seen;            /* every file that counts, until all are read */
    char digest[DIGEST_TEXT];
    char *resource;
    size_t workers;
    _Atomic(vm *) vms[];        /* NULL while borrowed */
};

/* ---- reading a folder --------------------------------------------------- */

static bool is_module_name(const char *name, size_t length)
{
    return length > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool cannot(const bundle *b, const char *name, error *err)
{
    return error_set(err, ERR_SYSTEM, "%s/%s: %s", b->directory, name, strerror(errno));
}

/* The whole of an open file of at most MAX_FILE bytes, terminated; NULL and `err` otherwise. */
static char *read_all(bundle *b, const char *name, int fd, size_t *length, error *err)
{
    char *text = mem_alloc(MAX_FILE + 1);
    size_t used = 0;
    ssize_t n = 1;
    while (used <= MAX_FILE && (n = read(fd, text + used, MAX_FILE + 1 - used)) > 0)
        used += (size_t)n;
    bool ok = n == 0 && used <= MAX_FILE;
    if (n < 0)
        cannot(b, name, err);
    else if (!ok)
        error_set(err, ERR_SYSTEM, "%s/%s: larger than %d KiB", b->directory, name, MAX_FILE / 1024);
    if (!ok) {
        free(text);
        return NULL;
    }
    digest_set_add(&b->seen, name, text, used);
    text[used] = '\0';
    *length = used;
    return mem_realloc(text, used + 1);
}

static char *join(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = mem_alloc(size);
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static bool check_size(bundle *b, size_t length, error *err)
{
    b->total += length;
    return (b->total <= MAX_TOTAL && b->count + b->data.count <= MAX_FILES) ||
           error_set(err, ERR_SYSTEM, "%s: more than %d KiB of Lua and JSON, or more than %d files", b->directory,
                     MAX_TOTAL / 1024, MAX_FILES);
}

/* `name`, which ends in .lua, as a source; takes `text`. */
static bool add_source(bundle *b, const char *name, char *text, size_t length, error *err)
{
    file f = { mem_strndup(name, strlen(name) - strlen(".lua")), join(b->directory, name), text };
    b->files = mem_realloc(b->files, (b->file_count + 1) * sizeof *b->files);
    b->files[b->file_count++] = f;
    b->sources = mem_realloc(b->sources, (b->count + 1) * sizeof *b->sources);
    b->sources[b->count++] = (vm_source){ f.module, f.path, f.text, length };
    return check_size(b, length, err);
}

/* `name`, which ends in .json; takes `text`. */
static bool add_data(bundle *b, const char *name, char *text, size_t length, error *err)
{
    char *base = mem_strndup(name, strlen(name) - strlen(".json"));
    bool ok = data_add(&b->data, base, join(b->directory, name), text, length, err) && check_size(b, length, err);
    free(base);
    return ok;
}

/* Takes `text`. */
static bool keep_cases(bundle *b, char *text, size_t length, error *err)
{
    b->cases_path = join(b->directory, CASES);
    b->cases_text = text;
    b->cases = (bundle_file){ b->cases_path, text, length };
    return check_size(b, length, err);
}

static bool read_file(bundle *b, int folder, const char *name, error *err)
{
    struct stat st;
    size_t length = 0;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);   /* not to hang on a pipe */
    if (fd < 0)
        return cannot(b, name, err);
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    char *text = regular ? read_all(b, name, fd, &length, err) : NULL;
    close(fd);
    if (!regular)
        return true;
    if (!text)
        return false;
    if (strcmp(name, CASES) == 0)
        return keep_cases(b, text, length, err);
    bool lua = text_ends_with(name, strlen(name), ".lua");
    return lua ? add_source(b, name, text, length, err) : add_data(b, name, text, length, err);
}

/* One entry of the folder: what is neither Lua nor JSON nor the cases is somebody else's. */
static bool read_entry(bundle *b, int folder, const char *name, error *err)
{
    bool lua = text_ends_with(name, strlen(name), ".lua");
    if (strcmp(name, CASES) == 0)
        return read_file(b, folder, name, err);
    if (*name == '.' || !(lua || text_ends_with(name, strlen(name), ".json")))
        return true;
    if (!is_module_name(name, strlen(name) - strlen(lua ? ".lua" : ".json")))
        return error_set(err, ERR_POLICY, "%s/%s: %s name is made of a to z, 0 to 9 and _", b->directory, name,
                         lua ? "a module's" : "a data file's");
    return read_file(b, folder, name, err);
}

/* kubelet replaces a volume by pointing ..data elsewhere: opened once, all files come from one version. */
static int open_folder(const char *directory)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int outer = open(directory, flags);
    int inner = outer < 0 ? -1 : openat(outer, "..data", flags);
    if (inner < 0)
        return outer;
    close(outer);
    return inner;
}

static bool read_entries(bundle *b, DIR *folder, error *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(folder);
        if (!e)
            return errno == 0 || error_set(err, ERR_SYSTEM, "%s: %s", b->directory, strerror(errno));
        if (!read_entry(b, dirfd(folder), e->d_name, err))
            return false;
    }
}

static int by_module(const void *a, const void *b)
{
    return strcmp(((const vm_source *)a)->module, ((const vm_source *)b)->module);
}

static void find_entry(bundle *b)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->sources[i].module, "policy") == 0)
            b->entry = b->sources[i].path;
}

static void add_embedded(bundle *b)
{
    b->sources = mem_realloc(b->sources, (b->count + 1) * sizeof *b->sources);
    b->count += embedded_find("policy", &b->sources[b->count]);
}

/* Rules alone are carried out by the embedded policy. */
static bool complete(bundle *b, error *err)
{
    find_entry(b);
    if (!b->entry && data_find(&b->data, "policy", strlen("policy"))) {
        add_embedded(b);
        find_entry(b);
    }
    return b->entry || error_set(err, ERR_SYSTEM, "%s/policy.lua: no such file: a bundle needs a policy.lua that "
                                 "returns a function of one Pod, or a policy.json with rules", b->name);
}

static bool read_folder(bundle *b, error *err)
{
    int fd = open_folder(b->directory);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        error_set(err, ERR_SYSTEM, "%s: %s", b->directory,
                  errno == ENOTDIR ? "is a file; name the folder of the bundle" : strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool ok = read_entries(b, folder, err) && complete(b, err);
    closedir(folder);
    if (b->count)
        qsort(b->sources, b->count, sizeof *b->sources, by_module);     /* not the order of the file system */
    return ok;
}

static bool read_embedded(bundle *b)
{
    add_embedded(b);
    find_entry(b);
    digest_set_add(&b->seen, "policy.lua", b->sources[0].text, b->sources[0].length);
    return true;
}

/* ---- life --------------------------------------------------------------- */

static char *copy_path(const char *directory)
{
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    return mem_strndup(directory, length);
}

static bundle *new(const char *directory, size_t workers, size_t memory)
{
    bundle *b = mem_zalloc(sizeof *b + workers * sizeof *b->vms);
    atomic_init(&b->references, 1);
    b->directory = directory ? copy_path(directory) : NULL;
    b->name = mem_strdup(directory ? b->directory : "embedded default");
    b->workers = workers;
    data_init(&b->data, memory);
    return b;
}

bool bundle_compile(bundle *b, vm_limits limits, error *err)
{
    for (size_t i = 0; i < b->workers; i++) {
        vm *v = vm_new(b->sources, b->count, &b->data, limits, err);
        if (!v)
            return false;
        atomic_init(&b->vms[i], v);
    }
    const char *resource = vm_resource(b->vms[0]);
    b->resource = mem_strdup(resource ? resource : POD_DEFAULT_TARGET);
    return true;
}

bundle *bundle_read(const char *dir, size_t workers, size_t memory, error *err)
{
    bundle *b = new(dir, workers ? workers : 1, memory);
    if (!(dir ? read_folder(b, err) : read_embedded(b))) {
        bundle_unref(b);
        return NULL;
    }
    digest_set_end(&b->seen, b->digest);
    digest_set_release(&b->seen);
    return b;
}

bundle *bundle_load(const char *dir, size_t workers, vm_limits limits, error *err)
{
    bundle *b = bundle_read(dir, workers, limits.memory, err);
    if (!b || bundle_compile(b, limits, err))
        return b;
    bundle_unref(b);
    return NULL;
}

static void free_file(file *f)
{
    free(f->module);
    free(f->path);
    free(f->text);
}

bundle *bundle_ref(bundle *b)
{
    atomic_fetch_add_explicit(&b->references, 1, memory_order_relaxed);
    return b;
}

void bundle_unref(bundle *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < b->workers; i++)
        vm_free(b->vms[i]);
    for (size_t i = 0; i < b->file_count; i++)
        free_file(&b->files[i]);
    digest_set_release(&b->seen);
    data_release(&b->data);
    free(b->cases_path);
    free(b->cases_text);
    free(b->files);
    free(b->sources);
    free(b->resource);
    free(b->directory);
    free(b->name);
    free(b);
}

const char *bundle_name(const bundle *b)
{
    return b->name;
}

const vm_source *bundle_source(const bundle *b, size_t index)
{
    return index < b->file_count ? &b->sources[index] : NULL;
}

const data_set *bundle_data(const bundle *b)
{
    return &b->data;
}

const data_file *bundle_rules(const bundle *b)
{
    return data_find(&b->data, "policy", strlen("policy"));
}

const bundle_file *bundle_cases(const bundle *b)
{
    return b->cases.text ? &b->cases : NULL;
}

const char *bundle_digest(const bundle *b)
{
    return b->digest;
}

const char *bundle_entry(const bundle *b)
{
    return b->entry;
}

const char *bundle_resource(const bundle *b)
{
    return b->resource;
}

const json *bundle_presets(const bundle *b)
{
    return vm_presets(b->vms[0]);
}

/* ---- lending ------------------------------------------------------------ */

/* Goes round again when another thread was quicker: one is always coming back to a place already passed. */
vm *bundle_borrow(bundle *b)
{
    for (size_t i = 0;; i = (i + 1) % b->workers) {
        vm *v = atomic_exchange(&b->vms[i], NULL);
        if (v)
            return v;
    }
}

void bundle_return(bundle *b, vm *v)
{
    for (size_t i = 0;; i = (i + 1) % b->workers) {
        vm *free_place = NULL;
        if (atomic_compare_exchange_strong(&b->vms[i], &free_place, v))
            return;
    }
}
