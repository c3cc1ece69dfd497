/* What of a node's files is durable: shared by files.c, names.c and power.c. */

#ifndef DISK_H
#define DISK_H

#include <limits.h>
#include <sys/stat.h>

#include "storage.h"

#define PAGE 4096
#define CHUNK (64 * PAGE)

struct file {
    struct file *next;
    dev_t dev;
    ino_t ino;
    int live;         /* the file as the node sees it; an open file keeps its number, even without a name */
    int copy;         /* what is durable of it */
    bool kept;        /* it is written by O_DSYNC: never lose any of it */
    bool named;       /* for sweep(): some listing names it */
    off_t *ends;      /* its size before each write since the last sync */
    size_t n_ends, room;
    unsigned char *failed; /* by page: clean after a failed fsync, and not durable */
    off_t n_failed;
};

struct name {
    char *path; /* below the data folder */
    struct file *file;
};

struct listing {
    struct name *names;
    size_t n;
};

/* files.c */
extern char one[CHUNK], other[CHUNK]; /* places to read into */

void *grown(void *old, size_t size);
off_t size_of(int fd);
size_t read_at(int fd, char *place, off_t at, size_t length);
void write_at(int fd, const char *place, off_t at, size_t length);
int writable(int fd);
off_t data_from(const struct file *file, off_t at, off_t end);
bool only_appended(const struct file *file, off_t size, off_t durable);
void let_go(struct file *file);

/* names.c */
extern char root[PATH_MAX]; /* the data folder */
extern struct file *files;
extern struct listing *history; /* history[0] is durable, the last is what the node saw at the last look */
extern size_t n_history;

void open_names(const char *data, const char *state);
const struct file *at_path(const struct listing *listing, const char *path);
void forget_all(void);

#endif
