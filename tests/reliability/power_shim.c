/* Keeps, beside every database file, a copy of what a power cut would leave of it.
 *
 * Loaded with LD_PRELOAD. Writes to files whose name ends in .db, .db-wal or .db-journal go to the file as usual and are
 * remembered; only when the file is synced do they go to NAME.durable too. Killing the process forgets what was not
 * synced, which is the worst that a power cut may do to a file system that keeps no order. One process at a time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct change { struct change *next; off_t at; size_t length; char *data; } change; /* no data: cut at `at` */
typedef struct file { struct file *next; char *path; change *first, **last; } file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static file *files;
static file *by_handle[4096];

static int ends(const char *path, const char *end) {
    size_t whole = strlen(path), part = strlen(end);
    return whole >= part && strcmp(path + whole - part, end) == 0;
}

static file *file_of(const char *path) {
    if (!ends(path, ".db") && !ends(path, ".db-wal") && !ends(path, ".db-journal")) return NULL;
    for (file *found = files; found; found = found->next)
        if (strcmp(found->path, path) == 0) return found;
    file *made = calloc(1, sizeof *made);
    made->path = strdup(path);
    made->last = &made->first;
    made->next = files;
    return files = made;
}

static void remember(int handle, off_t at, const void *data, size_t length) {
    if (handle < 0 || handle >= 4096 || !by_handle[handle]) return;
    change *made = calloc(1, sizeof *made);
    made->at = at;
    made->length = length;
    if (data) made->data = memcpy(malloc(length), data, length);
    *by_handle[handle]->last = made;
    by_handle[handle]->last = &made->next;
}

static void make_durable(int handle) {
    static ssize_t (*write_at)(int, const void *, size_t, off_t);
    if (handle < 0 || handle >= 4096 || !by_handle[handle]) return;
    if (!write_at) write_at = dlsym(RTLD_NEXT, "pwrite64");
    file *found = by_handle[handle];
    char name[4096];
    snprintf(name, sizeof name, "%s.durable", found->path);
    int copy = ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(name, O_WRONLY | O_CREAT, 0600);
    for (change *one = found->first, *next; one; one = next) {
        next = one->next;
        if (one->data) write_at(copy, one->data, one->length, one->at);
        else if (((int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64"))(copy, one->at)) abort();
        free(one->data);
        free(one);
    }
    found->first = NULL;
    found->last = &found->first;
    close(copy);
}

static void opened(int handle, const char *path) {
    if (handle < 0 || handle >= 4096) return;
    pthread_mutex_lock(&lock);
    by_handle[handle] = file_of(path);
    pthread_mutex_unlock(&lock);
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        int handle = ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode);                    \
        opened(handle, path);                                                                                          \
        return handle;                                                                                                 \
    }
OPEN(open)
OPEN(open64)

#define WRITE(name, offset)                                                                                            \
    ssize_t name(int handle, const void *data, size_t length, offset at) {                                             \
        ssize_t written = ((ssize_t(*)(int, const void *, size_t, offset))dlsym(RTLD_NEXT, #name))(                    \
            handle, data, length, at);                                                                                 \
        pthread_mutex_lock(&lock);                                                                                     \
        if (written > 0) remember(handle, at, data, (size_t)written);                                                  \
        pthread_mutex_unlock(&lock);                                                                                   \
        return written;                                                                                                \
    }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

#define CUT(name, offset)                                                                                              \
    int name(int handle, offset length) {                                                                              \
        int result = ((int (*)(int, offset))dlsym(RTLD_NEXT, #name))(handle, length);                                  \
        pthread_mutex_lock(&lock);                                                                                     \
        if (result == 0) remember(handle, length, NULL, 0);                                                            \
        pthread_mutex_unlock(&lock);                                                                                   \
        return result;                                                                                                 \
    }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

#define SYNC(name)                                                                                                     \
    int name(int handle) {                                                                                             \
        int result = ((int (*)(int))dlsym(RTLD_NEXT, #name))(handle);                                                  \
        pthread_mutex_lock(&lock);                                                                                     \
        if (result == 0) make_durable(handle);                                                                         \
        pthread_mutex_unlock(&lock);                                                                                   \
        return result;                                                                                                 \
    }
SYNC(fsync)
SYNC(fdatasync)

int close(int handle) {
    if (handle >= 0 && handle < 4096) by_handle[handle] = NULL;
    return ((int (*)(int))dlsym(RTLD_NEXT, "close"))(handle);
}
