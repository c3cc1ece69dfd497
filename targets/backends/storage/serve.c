/* The disk of one node, for naysayer's storage faults.
 *
 *     serve STATE DATA        looks after the files below DATA while its parent lives; STATE is a folder of its own
 *     keep STATE DATA         the same, until told `quit`
 *     run STATE -- COMMAND    becomes COMMAND, whose calls (and its children's) `serve` sees from its first one on
 *     tell STATE WORDS        sends it one of these, and prints its answer, which begins with "ok" or "no":
 *
 *     lose SEED TORN          what a power loss leaves; the node's process must have ended
 *     die AFTER               kill the node, AFTER further calls that concern its disk, before a call at which bytes
 *                             that were written are not synced
 *     live                    take `die` back; "no": it has been killed
 *     fail 0|1                the next sync fails (1); at the end (0), whether one has
 *     full 0|1                nothing more fits on the disk; at the end, whether a write was refused
 *     failed                  whether a sync or a write has failed since the node was started
 *     flip SEED               flip a stored bit
 *     runs                    whether a process runs whose calls are seen
 *     quit                    end all faults, and go once no such process runs
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "storage.h"

#define LISTENERS_MAX 64
#define LINE 4096
#define PATIENCE 20 /* so many calls a kill waits for one at which bytes would be lost */
#define CANNOT 121 /* exit code of `run` where the kernel does not report system calls */

static struct pollfd polled[1 + LISTENERS_MAX];
static int n_polled;
static pid_t node; /* the process that `run` became: the leader of its process group */
static long die_after = -1, waited, seen, failed, refused;
static bool leaving, killed, fail_next, full, foreign, hit /* a call of this life of the node has failed */;
static struct seccomp_notif *notice;
static struct seccomp_notif_resp *answer;
static struct seccomp_notif_sizes sizes;

static struct sockaddr_un address(const char *state, const char *name) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (snprintf(at.sun_path, sizeof at.sun_path, "%s/%s", state, name) >= (int)sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        die(state);
    }
    return at;
}

static int connected(const char *state) {
    struct sockaddr_un at = address(state, "socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at))
        die(at.sun_path);
    return fd;
}

static void send_all(int fd, const char *text, int passed) {
    /* by sendmsg, which is not held up; `passed`: a file that goes along, -1: none */
    char room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed >= 0) {
        message.msg_control = room;
        message.msg_controllen = sizeof room;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(head), &passed, sizeof passed);
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0 && errno != EPIPE)
        die("sending");
}

static size_t receive(int fd, char *line, int *passed) {
    char room[CMSG_SPACE(sizeof(int))];
    struct iovec part = {line, LINE - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
    *passed = -1;
    if (head && head->cmsg_type == SCM_RIGHTS)
        memcpy(passed, CMSG_DATA(head), sizeof *passed);
    line[got < 0 ? 0 : got] = 0;
    return got < 0 ? 0 : got;
}

/* system calls */

static struct file *data_file(pid_t thread, uint64_t number, char *path, struct stat *found) {
    /* the node's open file of that number, if it is one of its data; `path` and `found` are filled in either way */
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", thread, (int)number);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    if (path[0] != '/' || stat(link, found) || !S_ISREG(found->st_mode))
        return NULL;
    struct file *file = find_file(found->st_dev, found->st_ino);
    if (file || !is_in_data(path))
        return file;
    before_names(); /* it was made just now */
    return find_file(found->st_dev, found->st_ino);
}

static void position(pid_t thread, uint64_t number, off_t size, off_t *offset, bool *durable) {
    /* where the next write of an open file goes, and whether it was opened with O_DSYNC */
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", thread, (int)number);
    FILE *about = fopen(path, "re");
    if (!about)
        return;
    while (fgets(line, sizeof line, about)) {
        if (!strncmp(line, "pos:", 4))
            *offset = strtoll(line + 4, NULL, 10);
        if (!strncmp(line, "flags:", 6)) {
            long flags = strtol(line + 6, NULL, 8);
            *durable = flags & O_DSYNC;
            if (flags & O_APPEND)
                *offset = size;
            break; /* it follows the position */
        }
    }
    fclose(about);
}

static void sync_mapping(pid_t thread, uint64_t from, uint64_t length) {
    char path[64], line[PATH_MAX + 128];
    snprintf(path, sizeof path, "/proc/%d/maps", thread);
    FILE *maps = fopen(path, "re");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long begin, end;
        char *file = strchr(line, '/');
        if (!file || sscanf(line, "%lx-%lx", &begin, &end) != 2 || end <= from || begin >= from + length)
            continue;
        file[strcspn(file, "\n")] = 0;
        sync_path(file);
    }
    if (maps)
        fclose(maps);
}

static int writes(const struct call *call, pid_t thread, const uint64_t *args, struct file *file, const struct stat *now) {
    off_t offset = now->st_size;
    bool durable = call->now_durable;
    position(thread, args[call->fd], now->st_size, &offset, &durable);
    if (call->with_offset)
        offset = args[3];
    off_t length = call->with_length ? (off_t)args[2] : -1;
    if (full && call->what == WRITES && grows(file, offset, length)) {
        refused++;
        hit = true;
        return -ENOSPC;
    }
    if (call->what == WRITES || now->st_size)
        before_write(file, offset, length, durable);
    return 0;
}

static bool counts(void) {
    /* one more call that concerns the disk; false: the node dies before it */
    seen++;
    if (killed || die_after < 0)
        return true;
    if (die_after > 0)
        die_after--;
    else if (bytes_are_unsynced() || ++waited > PATIENCE)
        killed = true;
    if (killed)
        kill(-node, SIGKILL);
    return !killed;
}

static bool look_at(const struct call *call, pid_t thread, const uint64_t *args) {
    /* what becomes of a call is in `answer`; false: its process is dead, and there is nobody to answer */
    char path[PATH_MAX] = "";
    struct stat found = {0};
    struct file *file = NULL;
    if (call->what == WRITES || call->what == TRUNCATES || call->what == SYNCS) {
        file = data_file(thread, args[call->fd], path, &found);
        if (!file && !(call->what == SYNCS && S_ISDIR(found.st_mode) && is_in_data(path)))
            return true;
    }
    if (!counts())
        return false;
    switch (call->what) {
    case WRITES:
    case TRUNCATES:
        answer->error = writes(call, thread, args, file, &found);
        break;
    case SYNCS:
    case SYNCS_MAPPING:
    case SYNCS_ALL:
        if (fail_next) {
            fail_next = false;
            failed++;
            hit = true;
            if (file)
                fail_sync(file);
            answer->error = -EIO;
        } else if (file) {
            sync_file(file);
        } else if (call->what == SYNCS) {
            sync_names();
        } else if (call->what == SYNCS_MAPPING) {
            sync_mapping(thread, args[0], args[1]);
        } else {
            sync_all();
        }
        break;
    case NAMES:
        before_names();
        break;
    default:
        break;
    }
    return true;
}

static void held_up(int listener) {
    memset(notice, 0, sizes.seccomp_notif);
    memset(answer, 0, sizes.seccomp_notif_resp);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notice))
        return; /* interrupted by a signal, or dead */
    struct call call = what_it_does(&notice->data);
    answer->id = notice->id;
    foreign |= call.what == FOREIGN;
    if (!look_at(&call, notice->pid, (const uint64_t *)notice->data.args))
        return;
    if (!answer->error)
        answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer); /* else it was interrupted, and comes again */
}

/* the harness */

static void ended(bool begins, long *count, const char *what, bool *yes, char *report) {
    /* at the end of a fault: how often it took effect */
    if (begins)
        return;
    *yes = *count > 0;
    snprintf(report, LINE, "%ld %s%s", *count, what, *count == 1 ? "" : "s");
    *count = 0;
}

static bool obeyed(char *line, char *report) {
    /* carries out one line, and writes the answer */
    char *word = strtok(line, " \n"), *first = strtok(NULL, " \n"), *second = strtok(NULL, " \n");
    unsigned long long number = first ? strtoull(first, NULL, 10) : 0;
    bool yes = true;
    snprintf(report, LINE, "%s", "done");
    if (!word)
        return false;
    if (!strcmp(word, "lose")) {
        yes = !foreign && (seen || !has_changed());
        if (yes)
            yes = lose_power(number, second && atoi(second), report, LINE);
        else if (foreign)
            snprintf(report, LINE, "nothing was lost: it is a 32-bit program, whose syncs are not seen");
        else
            snprintf(report, LINE, "nothing was lost: its files were written by a process that was not started by it");
    } else if (!strcmp(word, "die")) {
        die_after = number;
        killed = false;
        waited = 0;
    } else if (!strcmp(word, "live")) {
        yes = !killed;
        die_after = -1;
    } else if (!strcmp(word, "fail")) {
        fail_next = number;
        ended(number, &failed, "failed sync", &yes, report);
    } else if (!strcmp(word, "full")) {
        full = number;
        ended(number, &refused, "refused write", &yes, report);
    } else if (!strcmp(word, "failed")) {
        yes = hit;
    } else if (!strcmp(word, "flip")) {
        yes = flip_bit(number, report, LINE);
    } else if (!strcmp(word, "runs")) {
        yes = n_polled > 1;
    } else if (!strcmp(word, "quit")) {
        leaving = true;
        fail_next = full = false;
        die_after = -1;
    } else {
        yes = false;
        snprintf(report, LINE, "%.100s is not known", word);
    }
    return yes;
}

static void somebody(int door) {
    int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC), passed;
    struct timeval patience = {5, 0};
    char line[LINE], report[LINE], text[LINE + 8];
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    receive(fd, line, &passed);
    if (!strcmp(line, "run") && passed >= 0 && n_polled <= LISTENERS_MAX) {
        struct ucred peer;
        socklen_t length = sizeof peer;
        if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length))
            node = peer.pid;
        if (n_polled == 1)
            drop_failed();
        foreign = hit = false;
        polled[n_polled++] = (struct pollfd){passed, POLLIN, 0};
        send_all(fd, "ok", -1);
    } else {
        bool yes = obeyed(line, report);
        snprintf(text, sizeof text, "%s %s", yes ? "ok" : "no", report);
        send_all(fd, text, -1);
    }
    close(fd);
}

static int serve(const char *state, const char *data, bool child) {
    if (child)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit open_files;
    if (!getrlimit(RLIMIT_NOFILE, &open_files)) {
        open_files.rlim_cur = open_files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &open_files);
    }
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
        die("seccomp");
    notice = calloc(1, sizes.seccomp_notif);
    answer = calloc(1, sizes.seccomp_notif_resp);
    open_names(data, state);
    /* it gets its name only when it listens: who sees the name may connect at once */
    struct sockaddr_un at = address(state, "new"), named = address(state, "socket");
    int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(at.sun_path);
    if (door < 0 || bind(door, (struct sockaddr *)&at, sizeof at) || chmod(at.sun_path, 0666) || listen(door, 16) ||
        rename(at.sun_path, named.sun_path))
        die(at.sun_path);
    polled[n_polled++] = (struct pollfd){door, POLLIN, 0};
    for (;;) {
        if (poll(polled, n_polled, -1) < 0 && errno != EINTR)
            die("poll");
        for (int i = n_polled - 1; i > 0; i--) {
            if (polled[i].revents & POLLIN)
                held_up(polled[i].fd);
            else if (polled[i].revents) { /* all its processes have ended */
                close(polled[i].fd);
                polled[i] = polled[--n_polled];
            }
        }
        if (polled[0].revents & POLLIN)
            somebody(door);
        if (leaving && n_polled == 1)
            return 0;
    }
}

static int run(const char *state, char **command) {
    int fd = connected(state), passed, listener;
    char line[LINE];
    if (getpgrp() != getpid())
        setpgid(0, 0); /* so that it is killed with its children */
    if ((listener = install_filter()) < 0) {
        fprintf(stderr, "storage: this kernel does not report system calls (seccomp): %s\n", strerror(errno));
        return CANNOT;
    }
    send_all(fd, "run", listener);
    close(listener);
    if (!receive(fd, line, &passed) || strcmp(line, "ok"))
        return CANNOT;
    close(fd);
    execvp(command[0], command);
    die(command[0]);
}

static int tell(const char *state, char **words, int n) {
    char line[LINE] = "";
    int fd = connected(state), passed;
    for (int i = 0; i < n; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s", i ? " " : "", words[i]);
    send_all(fd, line, -1);
    if (!receive(fd, line, &passed))
        return 1;
    puts(line);
    return 0;
}

int main(int n, char **words) {
    if (n == 4 && !strcmp(words[1], "serve"))
        return serve(words[2], words[3], true);
    if (n == 4 && !strcmp(words[1], "keep"))
        return serve(words[2], words[3], false);
    if (n > 4 && !strcmp(words[1], "run") && !strcmp(words[3], "--"))
        return run(words[2], words + 4);
    if (n > 3 && !strcmp(words[1], "tell"))
        return tell(words[2], words + 3, n - 3);
    fprintf(stderr, "storage: serve STATE DATA, run STATE -- COMMAND, or tell STATE WORDS\n");
    return 2;
}
