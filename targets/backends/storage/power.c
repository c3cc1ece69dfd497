/* What a power loss leaves.
 *
 * Some prefix of the changes of names is kept, and of each file what is durable or some prefix of the writes since, the
 * last of them torn in its middle if asked for: what POSIX allows at least.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

#define NAMED 3 /* so many files are named in a report */

/* draws: splitmix64 */

static uint64_t drawn;

static uint64_t below(uint64_t n) {
    uint64_t z = (drawn += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return n ? (z ^ (z >> 31)) % n : 0;
}


static off_t drawn_end(const struct file *file, off_t size, off_t durable, bool torn) {
    /* how much stays of a file that was only appended to; the ends of its writes are in file->ends */
    off_t *ends = grown(NULL, (file->n_ends + 2) * sizeof *ends);
    size_t n = 0;
    ends[n++] = durable;
    for (size_t i = 0; i < file->n_ends; i++)
        if (file->ends[i] > ends[n - 1] && file->ends[i] < size)
            ends[n++] = file->ends[i];
    ends[n] = size;
    size_t kept = below(torn ? n : n + 1);
    off_t end = ends[kept];
    if (torn)
        end += below(ends[kept + 1] - end);
    free(ends);
    return end;
}

static off_t leave(const struct file *file, int out, bool torn) {
    /* writes what stays of a file; returns how many bytes are lost, -1: the whole file as it is was kept */
    off_t size = size_of(file->live), durable = size_of(file->copy), from_live = size, end = size;
    if (!file->kept && only_appended(file, size, durable)) {
        if (size > durable)
            end = from_live = drawn_end(file, size, durable, torn);
    } else if (!file->kept) {
        /* overwritten or cut: the old content or the new, or sectors of the new and then of the old */
        if (torn && size == durable)
            from_live = below(size / 512 + 1) * 512;
        else if (below(2))
            from_live = 0, end = durable;
    }
    if (from_live == size && end == size)
        return -1;
    for (off_t at = data_from(file, 0, end); at < end; at = data_from(file, at + CHUNK, end)) {
        size_t length = end - at < CHUNK ? end - at : CHUNK;
        read_at(at < from_live ? file->live : file->copy, one, at, length);
        if (at < from_live && at + (off_t)length > from_live) {
            read_at(file->copy, other, at, length);
            memcpy(one + (from_live - at), other + (from_live - at), length - (from_live - at));
        }
        write_at(out, one, at, length);
    }
    if (ftruncate(out, end))
        die("writing what is left");
    return from_live < end ? end - from_live : size > end ? size - end : 0;
}

static void whole(const struct file *file, int out) {
    off_t size = size_of(file->live);
    for (off_t at = data_from(file, 0, size); at < size; at = data_from(file, at + CHUNK, size)) {
        size_t length = size - at < CHUNK ? size - at : CHUNK;
        read_at(file->live, one, at, length);
        write_at(out, one, at, length);
    }
    if (ftruncate(out, size))
        die("writing what is left");
}

static void make_folders(char *path) {
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
}

bool bytes_are_unsynced(void) {
    /* as far as it is known without comparing contents */
    bool found = false;
    for (struct file *file = files; file && !found; file = file->next)
        found = file->n_ends && !file->kept;
    return found;
}

bool has_changed(void) {
    /* since the last power loss, or the start */
    before_names();
    for (struct file *file = files; file; file = file->next)
        if (size_of(file->live) != size_of(file->copy) || !only_appended(file, size_of(file->live), size_of(file->copy)))
            return true;
    return n_history > 1;
}

bool lose_power(uint64_t seed, bool torn, char *report, size_t size) {
    drawn = seed;
    drop_failed();
    before_names();
    size_t chosen = below(n_history), last = n_history - 1;
    const struct listing *names = &history[chosen], *now = &history[last];
    off_t lost = 0;
    size_t in = 0, reported = 0;
    char which[1024] = "", path[2 * PATH_MAX], made[PATH_MAX + 64];
    for (size_t i = 0; i < names->n; i++) {
        const struct file *file = names->names[i].file;
        snprintf(made, sizeof made, "%s/.naysayer-%zu", root, i); /* on the file system of the data */
        int out = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (out < 0)
            die(made);
        off_t gone = leave(file, out, torn);
        if (gone > 0) {
            lost += gone;
            in++;
            if (in <= NAMED)
                reported += snprintf(which + reported, sizeof which - reported, "%s%.200s %lld", in > 1 ? ", " : "",
                                     names->names[i].path, (long long)gone);
        }
        snprintf(path, sizeof path, "%s/%s", root, names->names[i].path);
        if (gone < 0 && at_path(now, names->names[i].path) == file) {
            unlink(made); /* it stays where it is */
        } else {
            struct stat old;
            if (gone < 0)
                whole(file, out);
            if (!fstat(file->live, &old) && (fchmod(out, old.st_mode & 07777) || fchown(out, old.st_uid, old.st_gid)))
                die(path);
            make_folders(path);
            if (rename(made, path))
                die(path);
        }
        close(out);
    }
    for (size_t i = 0; i < now->n; i++)
        if (!at_path(names, now->names[i].path)) {
            snprintf(path, sizeof path, "%s/%s", root, now->names[i].path);
            unlink(path);
        }
    if (!now->n && !names->n)
        snprintf(report, size, "it keeps no file in %.500s", root);
    else if (!lost && chosen == last)
        snprintf(report, size, "nothing un-synced was lost");
    else
        snprintf(report, size, "lost %lld un-synced byte%s%s%s%s%s and %zu un-synced change%s of names", (long long)lost,
                 lost == 1 ? "" : "s", in ? " (" : "", which, in > NAMED ? ", ..." : "", in ? ")" : "", last - chosen,
                 last - chosen == 1 ? "" : "s");
    bool any = now->n || names->n;
    forget_all();
    sync_all();
    return any;
}

bool flip_bit(uint64_t seed, char *report, size_t size) {
    drawn = seed;
    before_names();
    const struct listing *now = &history[n_history - 1];
    size_t tries = now->n, at = below(now->n);
    for (; tries && !size_of(now->names[at].file->live); tries--)
        at = (at + 1) % now->n;
    if (!tries) {
        snprintf(report, size, "nothing is stored in %.500s", root);
        return false;
    }
    struct file *file = now->names[at].file;
    off_t byte = below(size_of(file->live));
    char bit = 1 << below(8), value;
    int live = writable(file->live);
    if (pread(live, &value, 1, byte) != 1)
        die("reading a file of the node");
    value ^= bit;
    write_at(live, &value, byte, 1);
    close(live);
    if (pread(file->copy, &value, 1, byte) == 1) {
        value ^= bit;
        write_at(file->copy, &value, byte, 1);
    }
    snprintf(report, size, "bit flipped at byte %lld of %.500s", (long long)byte, now->names[at].path);
    return true;
}
