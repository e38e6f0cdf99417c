/* A preload that refuses one call of a session: the calls that touch files are counted while the session is armed, and the
 * one of some name whose turn it is fails with an errno of the test's choice. It also sets the wall clock of every process
 * that has it. What the test says and reads is in a file shared with it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define MOST 256

struct board {
    int pid;            /* the armed session, 0 for none */
    int turn;           /* which of its calls of that name fails, from 0 */
    int error;          /* with this errno */
    int count;          /* calls so far, and their names */
    int ahead;          /* seconds by which the wall clock is ahead */
    char name[16];
    char names[MOST][16];
};

static struct board *board;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *found = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        board = found == MAP_FAILED ? NULL : found;
    }
}

static int fails(const char *name)
{
    if (!board || board->pid != getpid() || board->count >= MOST)
        return 0;
    int mine = board->count++;
    strncpy(board->names[mine], name, sizeof board->names[mine] - 1);
    if (strcmp(name, board->name) || board->turn--)
        return 0;
    errno = board->error;
    return 1;
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

#define CALL(type, name, parameters, arguments, ...) \
    type name parameters { return fails(#name) ? -1 : REAL(type, name, __VA_ARGS__) arguments; }

CALL(int, fstat64, (int fd, struct stat64 *s), (fd, s), int, struct stat64 *)
CALL(int, fstatat64, (int fd, const char *p, struct stat64 *s, int f), (fd, p, s, f), int, const char *, struct stat64 *, int)
CALL(int, lstat64, (const char *p, struct stat64 *s), (p, s), const char *, struct stat64 *)
CALL(ssize_t, readlinkat, (int fd, const char *p, char *b, size_t n), (fd, p, b, n), int, const char *, char *, size_t)
CALL(ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o), int, const void *, size_t, off64_t)
CALL(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), int, const void *, size_t)
CALL(int, fsync, (int fd), (fd), int)
CALL(int, fdatasync, (int fd), (fd), int)
CALL(int, flock, (int fd, int o), (fd, o), int, int)
CALL(int, fchmod, (int fd, mode_t m), (fd, m), int, mode_t)
CALL(int, futimens, (int fd, const struct timespec t[2]), (fd, t), int, const struct timespec *)
CALL(int, ftruncate64, (int fd, off64_t n), (fd, n), int, off64_t)
CALL(int, unlinkat, (int fd, const char *p, int f), (fd, p, f), int, const char *, int)
CALL(int, renameat, (int a, const char *p, int b, const char *q), (a, p, b, q), int, const char *, int, const char *)
CALL(int, renameat2, (int a, const char *p, int b, const char *q, unsigned f), (a, p, b, q, f), int, const char *, int,
     const char *, unsigned)
CALL(ssize_t, copy_file_range, (int a, off64_t *p, int b, off64_t *q, size_t n, unsigned f), (a, p, b, q, n, f), int, off64_t *,
     int, off64_t *, size_t, unsigned)
CALL(ssize_t, sendfile64, (int a, int b, off64_t *o, size_t n), (a, b, o, n), int, int, off64_t *, size_t)

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = REAL(int, clock_gettime, clockid_t, struct timespec *)(clock, now);
    if (board && clock == CLOCK_REALTIME)
        now->tv_sec += board->ahead;
    return done;
}

/* A close that fails has closed. */
int close(int fd)
{
    int failed = fails("close"), error = errno;
    int done = REAL(int, close, int)(fd);
    if (failed)
        errno = error;
    return failed ? -1 : done;
}

int openat64(int fd, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return fails("openat64") ? -1 : REAL(int, openat64, int, const char *, int, ...)(fd, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return fails("open64") ? -1 : REAL(int, open64, const char *, int, ...)(path, flags, mode);
}

/* openat2(2) has no wrapper. */
long syscall(long number, ...)
{
    va_list rest;
    long word[6];
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        word[i] = va_arg(rest, long);
    va_end(rest);
    if (number == 437 && fails("openat2"))
        return -1;
    return REAL(long, syscall, long, ...)(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
