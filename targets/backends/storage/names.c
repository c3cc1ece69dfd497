/* Which names below the data folder are durable.
 *
 * There is the listing when a folder was synced last, and the listing after each change since. Changes of names become
 * durable in their order, as file systems with a journal write them: so fsync of any folder below the data makes all
 * earlier ones durable, and fsync of a file makes none so, as POSIX has it. Folders, and their names, are taken to be
 * durable at once.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

#define HISTORY_MAX 10000 /* listings; beyond it the oldest change counts as one with the next */

char root[PATH_MAX];
struct file *files;
struct listing *history;
size_t n_history;
static char state[PATH_MAX];
static struct stat root_stat;
static unsigned next_copy;

struct folder {
    struct folder *next;
    ino_t ino;
    int fd; /* so that its number is not given to another */
    char *path;
};

static struct folder *folders;

struct file *find_file(dev_t dev, ino_t ino) {
    for (struct file *file = files; file; file = file->next)
        if (file->ino == ino && file->dev == dev)
            return file;
    return NULL;
}

static struct file *known(int folder, const char *name, const struct stat *found) {
    struct file *file = find_file(found->st_dev, found->st_ino);
    if (file)
        return file;
    int live = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (live < 0)
        return NULL;
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/copy-%u", state, next_copy++);
    file = grown(NULL, sizeof *file);
    *file = (struct file){.next = files, .dev = found->st_dev, .ino = found->st_ino, .live = live};
    file->copy = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file->copy < 0 || unlink(path))
        die(path);
    return files = file;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static void moved(const char *from, const char *to) {
    /* a folder was renamed: so are all names in it, whether they are durable or not */
    size_t length = strlen(from);
    for (size_t i = 0; i < n_history; i++)
        for (size_t j = 0; j < history[i].n; j++) {
            char **path = &history[i].names[j].path, *made;
            if (strncmp(*path, from, length) || (*path)[length] != '/')
                continue;
            if (asprintf(&made, "%s%s", to, *path + length) < 0)
                die("memory");
            free(*path);
            *path = made;
        }
    for (size_t i = 0; i < n_history; i++)
        if (history[i].n)
            qsort(history[i].names, history[i].n, sizeof *history[i].names, by_path);
}

static void found_folder(int fd, const struct stat *found, const char *path) {
    struct folder *folder = folders;
    while (folder && folder->ino != found->st_ino)
        folder = folder->next;
    if (!folder) {
        folder = grown(NULL, sizeof *folder);
        *folder = (struct folder){folders, found->st_ino, fcntl(fd, F_DUPFD_CLOEXEC, 0), strdup(path)};
        folders = folder;
    } else if (strcmp(folder->path, path)) {
        moved(folder->path, path);
        free(folder->path);
        folder->path = strdup(path);
    }
}

static void look_into(struct listing *listing, int folder, const char *path) {
    DIR *entries = fdopendir(folder);
    if (!entries) {
        close(folder);
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries));) {
        struct stat found;
        char inner[PATH_MAX];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "/" : "", entry->d_name) >= (int)sizeof inner)
            continue;
        if (fstatat(dirfd(entries), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) || found.st_dev != root_stat.st_dev)
            continue;
        if (S_ISDIR(found.st_mode)) {
            int within = openat(dirfd(entries), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (within < 0)
                continue;
            found_folder(within, &found, inner);
            look_into(listing, within, inner);
        } else if (S_ISREG(found.st_mode)) {
            struct file *file = known(dirfd(entries), entry->d_name, &found);
            if (file) {
                listing->names = grown(listing->names, (listing->n + 1) * sizeof *listing->names);
                listing->names[listing->n++] = (struct name){strdup(inner), file};
            }
        }
    }
    closedir(entries);
}

static struct listing look(void) {
    struct listing found = {NULL, 0};
    int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        look_into(&found, folder, "");
    if (found.n)
        qsort(found.names, found.n, sizeof *found.names, by_path);
    return found;
}

static void forget(struct listing *listing) {
    for (size_t i = 0; i < listing->n; i++)
        free(listing->names[i].path);
    free(listing->names);
}

static bool same(const struct listing *a, const struct listing *b) {
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->names[i].file != b->names[i].file || strcmp(a->names[i].path, b->names[i].path))
            return false;
    return true;
}

static void drop_listing(size_t at) {
    forget(&history[at]);
    memmove(&history[at], &history[at + 1], (--n_history - at) * sizeof *history);
}

static void sweep(void) {
    /* files that no listing names any more */
    for (struct file *file = files; file; file = file->next)
        file->named = false;
    for (size_t i = 0; i < n_history; i++)
        for (size_t j = 0; j < history[i].n; j++)
            history[i].names[j].file->named = true;
    for (struct file **place = &files; *place;) {
        struct file *file = *place;
        if (file->named) {
            place = &file->next;
            continue;
        }
        *place = file->next;
        let_go(file);
    }
}

void before_names(void) {
    struct listing found = look();
    if (n_history && same(&found, &history[n_history - 1])) {
        forget(&found);
        return;
    }
    history = grown(history, (n_history + 1) * sizeof *history);
    history[n_history++] = found;
    if (n_history > HISTORY_MAX)
        drop_listing(1);
}

void sync_names(void) {
    before_names();
    while (n_history > 1)
        drop_listing(0);
    sweep();
}

bool is_in_data(const char *path) {
    size_t length = strlen(root);
    return !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

void sync_path(const char *path) {
    struct stat found;
    if (!is_in_data(path) || stat(path, &found))
        return;
    before_names();
    struct file *file = find_file(found.st_dev, found.st_ino);
    if (file)
        sync_file(file);
}

void sync_all(void) {
    sync_names();
    for (struct file *file = files; file; file = file->next)
        sync_file(file);
}

const struct file *at_path(const struct listing *listing, const char *path) {
    struct name wanted = {(char *)path, NULL};
    const struct name *found =
        listing->n ? bsearch(&wanted, listing->names, listing->n, sizeof wanted, by_path) : NULL;
    return found ? found->file : NULL;
}

void forget_all(void) {
    while (n_history)
        drop_listing(0);
    sweep();
    for (struct folder *folder; (folder = folders);) {
        folders = folder->next;
        close(folder->fd);
        free(folder->path);
        free(folder);
    }
}

void open_names(const char *data, const char *place) {
    if (!realpath(data, root) || stat(root, &root_stat))
        die(data);
    if (!realpath(place, state))
        die(place);
    sync_all(); /* what is there before the node starts is durable */
}
