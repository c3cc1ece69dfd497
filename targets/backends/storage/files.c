/* What of a file is durable.
 *
 * Of each file below the data folder there is a copy of what was synced last; it is brought up to date when the node
 * syncs the file, by comparison, so that it does not matter how the file was written (write, mmap, O_DIRECT). A failed
 * fsync leaves pages clean, as Linux does: later syncs do not write them unless they are written again, and when the
 * node starts again the disk's content has come back.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"

char one[CHUNK], other[CHUNK];

void die(const char *what) {
    fprintf(stderr, "storage: %s: %s\n", what, strerror(errno));
    exit(1);
}

void *grown(void *old, size_t size) {
    void *place = realloc(old, size ? size : 1);
    if (!place)
        die("memory");
    return place;
}

off_t size_of(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_size;
}

size_t read_at(int fd, char *place, off_t at, size_t length) {
    /* the bytes that are there; what lies beyond the end is zero */
    size_t done = 0;
    while (done < length) {
        ssize_t got = pread(fd, place + done, length - done, at + done);
        if (got <= 0)
            break;
        done += got;
    }
    memset(place + done, 0, length - done);
    return done;
}

void write_at(int fd, const char *place, off_t at, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t put = pwrite(fd, place + done, length - done, at + done);
        if (put <= 0)
            die("writing a copy");
        done += put;
    }
}

int writable(int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int opened = open(path, O_RDWR | O_CLOEXEC);
    if (opened < 0)
        die("opening a file of the node");
    return opened;
}


off_t data_from(const struct file *file, off_t at, off_t end) {
    /* the first chunk from there on that holds data in the file or its copy: zeros that were never written are skipped */
    off_t live = lseek(file->live, at, SEEK_DATA), copy = lseek(file->copy, at, SEEK_DATA);
    off_t first = live < 0 || (copy >= 0 && copy < live) ? copy : live;
    if (first < 0 || first >= end)
        return end;
    return first - first % CHUNK > at ? first - first % CHUNK : at;
}

static bool has_failed(const struct file *file, off_t page) {
    return page < file->n_failed && file->failed[page];
}

static off_t end_of_sound(const struct file *file, off_t size, off_t durable) {
    /* where the file ends without the failed pages at its end */
    off_t pages = (size + PAGE - 1) / PAGE;
    if (!pages || !has_failed(file, pages - 1))
        return size;
    while (pages && has_failed(file, pages - 1))
        pages--;
    return pages * PAGE > durable ? pages * PAGE : durable;
}

void sync_file(struct file *file) {
    off_t size = size_of(file->live), durable = size_of(file->copy);
    off_t end = end_of_sound(file, size, durable);
    if (end < durable && ftruncate(file->copy, end))
        die("cutting a copy");
    for (off_t at = data_from(file, 0, end); at < end; at = data_from(file, at + CHUNK, end)) {
        size_t length = end - at < CHUNK ? end - at : CHUNK;
        read_at(file->live, one, at, length);
        read_at(file->copy, other, at, length);
        for (size_t page = 0; page < length; page += PAGE) {
            size_t part = length - page < PAGE ? length - page : PAGE;
            if (!has_failed(file, (at + page) / PAGE) && memcmp(one + page, other + page, part))
                write_at(file->copy, one + page, at + page, part);
        }
    }
    if (ftruncate(file->copy, end))
        die("cutting a copy");
    file->n_ends = 0;
}

void before_write(struct file *file, off_t offset, off_t length, bool durable) {
    /* length -1: unknown */
    file->kept |= durable;
    off_t size = size_of(file->live);
    if (!file->n_ends || file->ends[file->n_ends - 1] != size) {
        if (file->n_ends == file->room)
            file->ends = grown(file->ends, (file->room = 2 * file->room + 16) * sizeof *file->ends);
        file->ends[file->n_ends++] = size;
    }
    off_t last = length < 0 ? file->n_failed : (offset + length + PAGE - 1) / PAGE;
    for (off_t page = offset / PAGE; page < last && page < file->n_failed; page++)
        file->failed[page] = 0;
}

bool grows(const struct file *file, off_t offset, off_t length) {
    return length < 0 || offset + length > size_of(file->live);
}

void fail_sync(struct file *file) {
    off_t size = size_of(file->live), pages = (size + PAGE - 1) / PAGE, durable = size_of(file->copy);
    file->failed = grown(file->failed, pages > file->n_failed ? pages : file->n_failed);
    for (; file->n_failed < pages; file->n_failed++)
        file->failed[file->n_failed] = 0;
    for (off_t page = 0; page < pages; page++) {
        size_t part = size - page * PAGE < PAGE ? size - page * PAGE : PAGE;
        read_at(file->live, one, page * PAGE, part);
        read_at(file->copy, other, page * PAGE, part);
        if (page * PAGE + (off_t)part > durable || memcmp(one, other, part))
            file->failed[page] = 1;
    }
}

static void drop_failed_of(struct file *file) {
    off_t size = size_of(file->live), end = end_of_sound(file, size, size_of(file->copy));
    int live = writable(file->live);
    for (off_t page = 0; page < file->n_failed && page * PAGE < end; page++)
        if (file->failed[page]) {
            size_t part = end - page * PAGE < PAGE ? end - page * PAGE : PAGE;
            read_at(file->copy, one, page * PAGE, part);
            write_at(live, one, page * PAGE, part);
        }
    if (end < size && ftruncate(live, end))
        die("cutting a file of the node");
    close(live);
    file->n_failed = 0;
}

void drop_failed(void) {
    /* the pages whose sync failed are gone from the page cache: the node reads what is on the disk */
    for (struct file *file = files; file; file = file->next)
        if (file->n_failed)
            drop_failed_of(file);
}

bool only_appended(const struct file *file, off_t size, off_t durable) {
    if (size < durable)
        return false;
    for (off_t at = data_from(file, 0, durable); at < durable; at = data_from(file, at + CHUNK, durable)) {
        size_t length = durable - at < CHUNK ? durable - at : CHUNK;
        read_at(file->live, one, at, length);
        read_at(file->copy, other, at, length);
        if (memcmp(one, other, length))
            return false;
    }
    return true;
}

void let_go(struct file *file) {
    close(file->live);
    close(file->copy);
    free(file->ends);
    free(file->failed);
    free(file);
}
