/* Which system calls of a node are held up until `serve` has looked at them: a seccomp filter with a listener.
 *
 * The kernel itself reports the calls, so it does not matter in which language the node is written, whether it is
 * linked statically, or whether it calls the kernel without libc, as Go does. io_uring and kernel AIO, which can sync
 * without a system call for it, are answered as by a kernel that lacks them; programs then use ordinary calls.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "storage.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define X32 0x40000000
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "storage faults need x86-64 or 64-bit ARM"
#endif

/* which arguments are looked at by the filter, before anything is held up */
enum when { ALWAYS, FILE_ONLY /* argument `at` is no standard stream */, IF_CREATES /* argument `at` has O_CREAT */, NEVER };

static const struct row {
    int number;
    enum when when;
    int at;
    struct call call;
} rows[] = {
    {SYS_write, FILE_ONLY, 0, {.what = WRITES, .with_length = true}},
    {SYS_pwrite64, FILE_ONLY, 0, {.what = WRITES, .with_length = true, .with_offset = true}},
    {SYS_writev, FILE_ONLY, 0, {.what = WRITES}},
    {SYS_pwritev, FILE_ONLY, 0, {.what = WRITES, .with_offset = true}},
    {SYS_pwritev2, FILE_ONLY, 0, {.what = WRITES}},
    {SYS_sendfile, FILE_ONLY, 0, {.what = WRITES}},
    {SYS_copy_file_range, FILE_ONLY, 2, {.what = WRITES, .fd = 2}},
    {SYS_splice, FILE_ONLY, 2, {.what = WRITES, .fd = 2}},
    {SYS_fallocate, FILE_ONLY, 0, {.what = WRITES}},
    {SYS_ftruncate, FILE_ONLY, 0, {.what = TRUNCATES}},
    {SYS_fsync, ALWAYS, 0, {.what = SYNCS}},
    {SYS_fdatasync, ALWAYS, 0, {.what = SYNCS}},
    {SYS_msync, ALWAYS, 0, {.what = SYNCS_MAPPING}},
    {SYS_sync, ALWAYS, 0, {.what = SYNCS_ALL}},
    {SYS_syncfs, ALWAYS, 0, {.what = SYNCS_ALL}},
    {SYS_openat, IF_CREATES, 2, {.what = NAMES}},
    {SYS_renameat2, ALWAYS, 0, {.what = NAMES}},
    {SYS_unlinkat, ALWAYS, 0, {.what = NAMES}},
    {SYS_linkat, ALWAYS, 0, {.what = NAMES}},
    {SYS_renameat, ALWAYS, 0, {.what = NAMES}},
#ifdef SYS_openat2
    {SYS_openat2, ALWAYS, 0, {.what = NAMES}},
#endif
#ifdef SYS_open
    {SYS_open, IF_CREATES, 1, {.what = NAMES}},
    {SYS_creat, ALWAYS, 0, {.what = NAMES}},
    {SYS_rename, ALWAYS, 0, {.what = NAMES}},
    {SYS_unlink, ALWAYS, 0, {.what = NAMES}},
    {SYS_link, ALWAYS, 0, {.what = NAMES}},
#endif
    {SYS_io_setup, NEVER, 0, {.what = NOTHING}},
    {425 /* io_uring_setup */, NEVER, 0, {.what = NOTHING}},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned argument(int at) {
    return offsetof(struct seccomp_data, args) + 8 * at; /* the lower half: both architectures are little-endian */
}

int install_filter(void) {
    /* Returns the listener. Without the privilege to go without it, the process and its children gain no privileges
       (sudo does not work in them), as the kernel demands. */
    struct sock_filter filter[8 + 5 * COUNT(rows)];
    unsigned short n = 0;
#define PUT(code, k, yes, no) filter[n++] = (struct sock_filter)BPF_JUMP((code), (k), (yes), (no))
#define RETURN(k) filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (k))
#define LOAD(offset) filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
    LOAD(offsetof(struct seccomp_data, arch));
    PUT(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
    RETURN(SECCOMP_RET_USER_NOTIF); /* a 32-bit program, say: see FOREIGN */
    LOAD(offsetof(struct seccomp_data, nr));
#ifdef X32
    PUT(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    RETURN(SECCOMP_RET_USER_NOTIF);
#endif
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        if (row->when == ALWAYS || row->when == NEVER) {
            PUT(BPF_JMP | BPF_JEQ | BPF_K, row->number, 0, 1);
            RETURN(row->when == NEVER ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_USER_NOTIF);
            continue;
        }
        PUT(BPF_JMP | BPF_JEQ | BPF_K, row->number, 0, 4);
        LOAD(argument(row->at));
        if (row->when == FILE_ONLY)
            PUT(BPF_JMP | BPF_JGT | BPF_K, 2, 0, 1);
        else
            PUT(BPF_JMP | BPF_JSET | BPF_K, O_CREAT, 0, 1);
        RETURN(SECCOMP_RET_USER_NOTIF);
        RETURN(SECCOMP_RET_ALLOW);
    }
    RETURN(SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, filter};
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
#ifdef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    unsigned patient = flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* signals do not repeat a call; Linux 5.19 */
#else
    unsigned patient = flags;
#endif
    for (int unprivileged = 0; unprivileged < 2; unprivileged++) {
        if (unprivileged)
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, patient, &program);
        if (listener < 0 && errno == EINVAL)
            listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
        if (listener >= 0)
            return listener;
    }
    return -1;
}

struct call what_it_does(const struct seccomp_data *data) {
    if (data->arch != ARCH)
        return (struct call){.what = FOREIGN};
#ifdef X32
    if (data->nr >= X32)
        return (struct call){.what = FOREIGN};
#endif
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].number == data->nr) {
            struct call call = rows[i].call;
            call.now_durable = data->nr == SYS_pwritev2 && (data->args[5] & (RWF_DSYNC | RWF_SYNC));
            return call;
        }
    return (struct call){.what = NOTHING};
}
