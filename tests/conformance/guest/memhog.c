// SPDX-License-Identifier: MIT
//
// `memcgfs hog` for a real kernel: the same options, steps, answers and exit statuses with real
// memory, so that one case runs in both. scripts/run-in-kernel compiles it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, REGIONS_MAX = 256, WORDS_MAX = 8, LINE_MAX_BYTES = 512 };

struct region {
    char* start;
    size_t bytes;
};

static struct region regions[REGIONS_MAX];
static int region_count;
static volatile sig_atomic_t supervised;

static void answer(const char* line) {
    char text[LINE_MAX_BYTES];
    const int length = snprintf(text, sizeof text, "%.*s\n", LINE_MAX_BYTES - 3, line);
    if (write(STDOUT_FILENO, text, (size_t)length) != length) {
        _exit(3);
    }
}

static size_t parse_size(const char* text) {
    char* end = NULL;
    const unsigned long long number = strtoull(text, &end, 10);
    const char* const suffixes = "kKmMgG";
    const char* const found = *end != '\0' ? strchr(suffixes, *end) : NULL;
    return found == NULL ? number : number << (10 * ((found - suffixes) / 2 + 1));
}

/// Writes to every page; no two neighbours alike and none all zero.
static void dirty(const struct region* region) {
    static unsigned round;
    round++;
    for (size_t at = 0; at < region->bytes; at += PAGE_BYTES) {
        memset(region->start + at, 1 + (int)((round * 7 + at / PAGE_BYTES) % 251), PAGE_BYTES);
    }
}

static void look_at(const struct region* region) {
    for (size_t at = 0; at < region->bytes; at += PAGE_BYTES) {
        (void)*(volatile char*)(region->start + at);
    }
}

static int add_region(void* start, size_t bytes) {
    if (start == MAP_FAILED) {
        return errno;
    }
    if (region_count == REGIONS_MAX) {
        return ENFILE;
    }
    regions[region_count++] = (struct region){start, bytes};
    return 0;
}

static struct region* last_region(void) { return &regions[region_count - 1]; }

/// anon, huge, shm and lock.
static int map_memory(const char* kind, size_t bytes) {
    const int sharing = strcmp(kind, "shm") == 0 ? MAP_SHARED : MAP_PRIVATE;
    const int error = add_region(
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0), bytes);
    if (error != 0) {
        return error;
    }
    madvise(last_region()->start, bytes,
            strcmp(kind, "huge") == 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    const int locked = strcmp(kind, "lock") == 0 && mlock(last_region()->start, bytes) != 0;
    const int lock_error = locked ? errno : 0;
    dirty(last_region());
    return lock_error;
}

static int map_segment(size_t bytes, int keep) {
    const int id = shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600);
    if (id < 0) {
        return errno;
    }
    void* const start = shmat(id, NULL, 0);
    const int error = add_region(start, bytes);
    if (!keep || error != 0) {
        shmctl(id, IPC_RMID, NULL);
    }
    if (error == 0) {
        dirty(last_region());
    }
    return error;
}

static int map_file(const char* path, size_t bytes) {
    struct stat status;
    const int file = open(path, O_RDWR | O_CREAT, 0644);
    if (file < 0) {
        return errno;
    }
    int error = fstat(file, &status) != 0 ||
                        ((size_t)status.st_size < bytes && ftruncate(file, (off_t)bytes) != 0)
                    ? errno
                    : 0;
    if (error == 0) {
        error = add_region(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), bytes);
    }
    if (error == 0) {
        dirty(last_region());
    }
    close(file);
    return error;
}

static int write_file(const char* path, size_t bytes) {
    static char block[16 * PAGE_BYTES];
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) {
        return errno;
    }
    memset(block, 'm', sizeof block);
    int error = 0;
    while (bytes > 0 && error == 0) {
        const ssize_t count = write(file, block, bytes < sizeof block ? bytes : sizeof block);
        if (count < 0) {
            error = errno;
        } else {
            bytes -= (size_t)count;
        }
    }
    close(file);
    return error;
}

static int read_file(const char* path) {
    static char block[16 * PAGE_BYTES];
    const int file = open(path, O_RDONLY);
    if (file < 0) {
        return errno;
    }
    ssize_t count;
    do {
        count = read(file, block, sizeof block);
    } while (count > 0);
    const int error = count < 0 ? errno : 0;
    close(file);
    return error;
}

static int sync_file(const char* path) {
    const int file = open(path, O_RDWR);
    const int error = file < 0 || fsync(file) != 0 ? errno : 0;
    close(file);
    return error;
}

static int drop_file(const char* path) {
    const int file = open(path, O_RDWR);
    const int error = file < 0 ? errno : posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
    return error;
}

static int page_out(void) {
    int error = 0;
    for (int i = 0; i < region_count; i++) {
        if (madvise(regions[i].start, regions[i].bytes, MADV_PAGEOUT) != 0) {
            error = errno;
        }
    }
    return error;
}

/// The end of the last region, in whole pages, is given up and stays mapped.
static int discard(size_t bytes) {
    if (region_count == 0) {
        return ENOENT;
    }
    const struct region* const region = last_region();
    const size_t whole = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (whole > region->bytes) {
        return EINVAL;
    }
    return madvise(region->start + (region->bytes - whole), whole, MADV_DONTNEED) != 0 ? errno : 0;
}

/// Looks for names that the directory does not have.
static int look_up(const char* path, long names) {
    static long number;
    char name[32];
    struct stat status;
    int error = 0;
    const int directory = open(path, O_RDONLY | O_DIRECTORY);
    if (directory < 0) {
        return errno;
    }
    for (; names > 0 && error == 0; names--) {
        snprintf(name, sizeof name, "no.%d.%ld", (int)getpid(), number++);
        error = fstatat(directory, name, &status, 0) == 0 ? EEXIST : errno == ENOENT ? 0 : errno;
    }
    close(directory);
    return error;
}

static int make_timers(long count) {
    const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    timer_t timer;
    setrlimit(RLIMIT_SIGPENDING, &unlimited);
    for (; count > 0; count--) {
        if (timer_create(CLOCK_MONOTONIC, &none, &timer) != 0) {
            return errno;
        }
    }
    return 0;
}

static int unmap_last(void) {
    if (region_count == 0) {
        return ENOENT;
    }
    const struct region* const region = &regions[--region_count];
    return munmap(region->start, region->bytes) != 0 ? errno : 0;
}

static void hold(void) {
    sigset_t set;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    answer("hold");
    sigwait(&set, &number);
    if (number == SIGTERM) {
        _exit(0);
    }
}

static void pause_for(long milliseconds) {
    const struct timespec length = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&length, NULL);
}

static int is(const char* word, const char* other) { return strcmp(word, other) == 0; }

/// A step without arguments: its errno, or -1 if there is none of that name.
static int one_word(const char* name) {
    if (is(name, "touch") || is(name, "peek")) {
        for (int i = 0; i < region_count; i++) {
            (is(name, "touch") ? dirty : look_at)(&regions[i]);
        }
        return 0;
    }
    return is(name, "pageout") ? page_out() : is(name, "free") ? unmap_last() : -1;
}

static int two_words(const char* name, const char* argument) {
    if (is(name, "anon") || is(name, "huge") || is(name, "shm") || is(name, "lock")) {
        return map_memory(name, parse_size(argument));
    }
    if (is(name, "sysv") || is(name, "sysvkeep")) {
        return map_segment(parse_size(argument), is(name, "sysvkeep"));
    }
    if (is(name, "timers")) {
        return make_timers(atol(argument));
    }
    if (is(name, "discard")) {
        return discard(parse_size(argument));
    }
    if (is(name, "sleep")) {
        pause_for(atol(argument));
        return 0;
    }
    return is(name, "read")   ? read_file(argument)
           : is(name, "sync") ? sync_file(argument)
           : is(name, "drop") ? drop_file(argument)
                              : -1;
}

static int three_words(const char* name, const char* path, const char* size) {
    return is(name, "write")    ? write_file(path, parse_size(size))
           : is(name, "map")    ? map_file(path, parse_size(size))
           : is(name, "lookup") ? look_up(path, atol(size))
                                : -1;
}

/// Runs the step that `words` begins with; how many words it took, 0 if it is unknown.
static int run_step(char* const* words, int count) {
    char line[LINE_MAX_BYTES];
    int length = 0;
    int took = 1;
    if (is(words[0], "hold")) {
        hold();
        return 1;
    }
    if (is(words[0], "pid")) {
        snprintf(line, sizeof line, "pid %d", (int)getpid());
        answer(line);
        return 1;
    }
    int error = one_word(words[0]);
    if (error < 0 && count > 1) {
        took = 2;
        error = two_words(words[0], words[1]);
    }
    if (error < 0 && count > 2) {
        took = 3;
        error = three_words(words[0], words[1], words[2]);
    }
    for (int i = 0; i < (error < 0 ? 1 : took) && length < (int)sizeof line; i++) {
        length += snprintf(line + length, sizeof line - (size_t)length, "%s%s", i > 0 ? " " : "",
                           words[i]);
    }
    if (length < (int)sizeof line) {
        snprintf(line + length, sizeof line - (size_t)length, ": %s",
                 error < 0    ? "unknown step"
                 : error == 0 ? "ok"
                              : strerrorname_np(error));
    }
    answer(line);
    return error < 0 ? 0 : took;
}

static void run_input(void) {
    char line[LINE_MAX_BYTES];
    size_t length = 0;
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1) {
        if (byte != '\n') {
            if (length < sizeof line - 1) {
                line[length++] = byte;
            }
            continue;
        }
        char* words[WORDS_MAX];
        char* rest = NULL;
        int count = 0;
        line[length] = '\0';
        length = 0;
        for (char* word = strtok_r(line, " ", &rest); word != NULL && count < WORDS_MAX;
             word = strtok_r(NULL, " ", &rest)) {
            words[count++] = word;
        }
        if (count > 0 && is(words[0], "exit")) {
            return;
        }
        if (count > 0) {
            run_step(words, count);
        }
    }
}

/// Writes `text` to the file; on failure says so as "WHAT: ERRNO".
static int put(const char* what, const char* path, const char* text) {
    char line[LINE_MAX_BYTES];
    const int file = open(path, O_WRONLY);
    if (file >= 0 && write(file, text, strlen(text)) >= 0) {
        close(file);
        return 0;
    }
    snprintf(line, sizeof line, "%s: %s", what, strerrorname_np(errno));
    answer(line);
    close(file);
    return -1;
}

static void forward(int number) {
    if (supervised > 0) {
        kill(supervised, number);
    }
}

/// The parent of a child that does the work: its exit status.
static int wait_for(pid_t child) {
    int status = 0;
    supervised = child;
    signal(SIGTERM, forward);
    signal(SIGUSR1, forward);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return 3;
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char** argv) {
    const char* join = NULL;
    const char* oom_score_adj = NULL;
    int supervise = 0;
    int command = 0;
    for (int option; (option = getopt(argc, argv, "+j:a:sx")) != -1;) {
        switch (option) {
            case 'j':
                join = optarg;
                break;
            case 'a':
                oom_score_adj = optarg;
                break;
            case 's':
                supervise = 1;
                break;
            case 'x':
                command = 1;
                break;
            default:
                return 2;
        }
    }
    if (supervise) {
        const pid_t child = fork();
        if (child != 0) {
            return child < 0 ? 3 : wait_for(child);
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    if (oom_score_adj != NULL) {
        put("oom_score_adj", "/proc/self/oom_score_adj", oom_score_adj);
    }
    if (join != NULL && put("join", join, "0") != 0) {
        return 4;
    }
    if (command) {
        if (optind < argc) {
            execvp(argv[optind], argv + optind);
        }
        answer("exec: ENOENT");
        return 127;
    }
    for (int at = optind; at < argc;) {
        if (is(argv[at], "in")) {
            run_input();
            at++;
            continue;
        }
        const int took = run_step(argv + at, argc - at);
        if (took == 0) {
            return 2;
        }
        at += took;
    }
    return 0;
}
