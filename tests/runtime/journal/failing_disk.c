/* Preloaded into a process, fails one kind of system call on one kind of file while a control file says so.
 *
 * The control file ($FAILING_DISK) holds "CALL SUFFIX": "sync -wal" lets every fsync and fdatasync of a file whose name
 * ends in "-wal" fail with EIO, "write -wal" every write to it with ENOSPC. An empty or missing file lets all pass.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int told_to_fail(const char *call, int fd) {
    char order[128], link[64], path[4096];
    const char *control = getenv("FAILING_DISK");
    int file = control ? open(control, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, order, sizeof order - 1);
    close(file);
    if (length <= 0) return 0;
    order[length] = 0;
    char *suffix = strchr(order, ' ');
    if (!suffix) return 0;
    *suffix++ = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0 || strcmp(order, call)) return 0;
    path[length] = 0;
    size_t tail = strlen(suffix);
    return (size_t)length >= tail && !strcmp(path + length - tail, suffix);
}

#define SYNC(name) \
    int name(int fd) { \
        if (told_to_fail("sync", fd)) { errno = EIO; return -1; } \
        return ((int (*)(int))dlsym(RTLD_NEXT, #name))(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define PWRITE(name, offset_type) \
    ssize_t name(int fd, const void *bytes, size_t count, offset_type at) { \
        if (told_to_fail("write", fd)) { errno = ENOSPC; return -1; } \
        return ((ssize_t (*)(int, const void *, size_t, offset_type))dlsym(RTLD_NEXT, #name))(fd, bytes, count, at); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t count) {
    if (told_to_fail("write", fd)) { errno = ENOSPC; return -1; }
    return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, bytes, count);
}
