/* Which names below the data folder are durable.
 *
 * There is the listing that was synced last (fsync of a directory makes the names in it durable), and the listing
 * after each change since. Folders themselves are taken to be durable.
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
            if (within >= 0)
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

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
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

static void all_names_durable(void) {
    before_names();
    while (n_history > 1)
        drop_listing(0);
    sweep();
}

bool is_in_data(const char *path) {
    size_t length = strlen(root);
    return !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static bool lies_in(const char *path, const char *folder) {
    /* directly */
    size_t length = strlen(folder);
    if (length && (strncmp(path, folder, length) || path[length++] != '/'))
        return false;
    return !strchr(path + length, '/');
}

void sync_directory(const char *path) {
    if (!is_in_data(path))
        return;
    before_names();
    const char *folder = path + strlen(root);
    folder += *folder == '/';
    const struct listing *now = &history[n_history - 1];
    for (size_t i = 0; i + 1 < n_history; i++) {
        struct listing *old = &history[i], made = {grown(NULL, (old->n + now->n) * sizeof(struct name)), 0};
        for (size_t j = 0; j < old->n; j++)
            if (!lies_in(old->names[j].path, folder))
                made.names[made.n++] = (struct name){strdup(old->names[j].path), old->names[j].file};
        for (size_t j = 0; j < now->n; j++)
            if (lies_in(now->names[j].path, folder))
                made.names[made.n++] = (struct name){strdup(now->names[j].path), now->names[j].file};
        qsort(made.names, made.n, sizeof *made.names, by_path);
        forget(old);
        *old = made;
    }
    for (size_t i = n_history - 1; i > 0; i--)
        if (same(&history[i], &history[i - 1]))
            drop_listing(i);
    sweep();
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
    all_names_durable();
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
}

void open_names(const char *data, const char *place) {
    if (!realpath(data, root) || stat(root, &root_stat))
        die(data);
    if (!realpath(place, state))
        die(place);
    sync_all(); /* what is there before the node starts is durable */
}
