/* A node's disk with two states: what the node sees, and what would survive a power loss.  */

#ifndef STORAGE_H
#define STORAGE_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* what a system call does to a disk */
enum what { NOTHING, WRITES, TRUNCATES, NAMES, SYNCS, SYNCS_MAPPING, SYNCS_ALL, FOREIGN };

struct call {
    enum what what;
    int fd;            /* for WRITES, TRUNCATES and SYNCS: which argument is the file */
    bool with_offset;  /* for WRITES: argument 3 is the offset */
    bool with_length;  /* for WRITES: argument 2 is the length */
    bool now_durable;  /* for WRITES: by its flags it is durable when it returns */
};

/* calls.c */
int install_filter(void);
struct call what_it_does(const struct seccomp_data *data);

/* names.c */
struct file;

void open_names(const char *data, const char *state);
struct file *find_file(dev_t dev, ino_t ino);
bool is_in_data(const char *path);
void before_names(void);
void sync_names(void);
void sync_path(const char *path);
void sync_all(void);

/* files.c */
void before_write(struct file *file, off_t offset, off_t length, bool durable);
bool grows(const struct file *file, off_t offset, off_t length);
void sync_file(struct file *file);
void fail_sync(struct file *file);
void drop_failed(void);
void die(const char *what) __attribute__((noreturn));

/* power.c */
bool bytes_are_unsynced(void);
bool has_changed(void);
bool lose_power(uint64_t seed, bool torn, char *report, size_t size);
bool flip_bit(uint64_t seed, char *report, size_t size);

#endif
