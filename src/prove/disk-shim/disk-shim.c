/*
 * A disk, and a clock, that fail when they are told to: loaded into a program by LD_PRELOAD, it stands between the program and the
 * system's calls on files below one folder, and leaves all else alone. What it does stands in a small file that every process of the
 * program maps (control.ts draws it), so that all of them obey at once.
 *
 *   DISK_SHIM_CONTROL  that file
 *   DISK_SHIM_FOLDER   the folder, absolute and without symbolic links
 *   DISK_SHIM_UNDO     a folder on the same file system: what a power loss would take away is written down there (undo.ts reads it)
 *
 * It does not see files mapped into memory (SQLite's -shm, which is made anew after a power loss), what libc does inside of itself
 * (stdio), and copies made by the kernel (copy_file_range, sendfile).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* One library of one piece: whatever is not a call of libc stays in it. */
#include "shim-control.h"
#include "time-of-day.h"
#include "undo-journal.h"

/* ---- writing ---- */

static uint64_t total(const struct iovec *parts, int count) {
  uint64_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  return bytes;
}

/* Where a write goes; `at` < 0: at the file's own place. */
static uint64_t placeOf(int fd, off_t at) {
  int saved = errno;
  struct stat about;
  if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &about) == 0) at = about.st_size;
  else if (at < 0) at = lseek(fd, 0, SEEK_CUR);
  errno = saved;
  return at < 0 ? 0 : (uint64_t)at;
}

static ssize_t rawWrite(int fd, const struct iovec *parts, int count, off_t at) {
  return at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
}

/* The first half of what was to be written. */
static ssize_t writeHalf(int fd, const struct iovec *parts, int count, off_t at) {
  uint64_t left = total(parts, count) / 2;
  if (left == 0) return 0;
  struct iovec *half = malloc(sizeof *half * (size_t)count);
  int used = 0;
  for (int i = 0; half && i < count && left > 0; i++) {
    half[used] = parts[i];
    if (half[used].iov_len > left) half[used].iov_len = left;
    left -= half[used++].iov_len;
  }
  ssize_t written = half ? rawWrite(fd, half, used, at) : -1;
  free(half);
  return written;
}

static ssize_t writeParts(int fd, const struct iovec *parts, int count, off_t at) {
  char path[PATH_MAX];
  if (!pathOfFd(fd, path)) return rawWrite(fd, parts, count, at);
  uint32_t action = fate(WRITE, path);
  if (action == ACT_FAIL) return failed();
  if (keepsUndo()) noteChange(fd, placeOf(fd, at), total(parts, count), 0);
  if (action == ACT_NONE) return rawWrite(fd, parts, count, at);
  ssize_t written = writeHalf(fd, parts, count, at);
  if (action == ACT_KILL) die();
  /* Nothing is no short write: whoever goes on with the rest would go on for ever. */
  return written > 0 ? written : rawWrite(fd, parts, count, at);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  char path[PATH_MAX];
  if (!pathOfFd(fd, path)) return syscall(SYS_write, fd, bytes, length);
  struct iovec part = {(void *)bytes, length};
  return writeParts(fd, &part, 1, -1);
}
ssize_t writev(int fd, const struct iovec *parts, int count) { return writeParts(fd, parts, count, -1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  struct iovec part = {(void *)bytes, length};
  return writeParts(fd, &part, 1, at);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  return writeParts(fd, parts, count, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return writeParts(fd, parts, count, at); }
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off64_t at, int flags) {
  (void)flags;
  return writeParts(fd, parts, count, at);
}
ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags) {
  (void)flags;
  return writeParts(fd, parts, count, at);
}

static int truncateFd(int fd, off_t size, const char *path) {
  uint32_t action = fate(TRUNCATE, path);
  if (action == ACT_FAIL) return failed();
  if (action == ACT_KILL) die();
  if (keepsUndo()) {
    struct stat about;
    if (fstat(fd, &about) == 0) {
      if (about.st_size > size) noteChange(fd, (uint64_t)size, 0, 1);
      else noteChange(fd, (uint64_t)about.st_size, (uint64_t)(size - about.st_size), 0);
    }
  }
  return (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate64(int fd, off64_t size) {
  char path[PATH_MAX];
  return pathOfFd(fd, path) ? truncateFd(fd, size, path) : (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* Counts as a write: it takes space, or gives it back by zeros. */
int fallocate64(int fd, int mode, off64_t at, off64_t length) {
  char path[PATH_MAX];
  if (pathOfFd(fd, path)) {
    uint32_t action = fate(WRITE, path);
    if (action == ACT_FAIL) return failed();
    if (action == ACT_KILL) die();
    if (keepsUndo()) noteChange(fd, (uint64_t)at, (uint64_t)length, 0);
  }
  return (int)syscall(SYS_fallocate, fd, mode, at, length);
}
int fallocate(int fd, int mode, off_t at, off_t length) { return fallocate64(fd, mode, at, length); }

/* ---- syncing ---- */

static int syncFd(int fd, long call) {
  char path[PATH_MAX];
  if (!pathOfFd(fd, path)) return (int)syscall(call, fd);
  uint32_t action = fate(SYNC, path);
  if (action == ACT_KILL) die();
  int undoes = keepsUndo();
  struct stat about;
  int isFolder = fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
  struct record r = {.kind = isFolder ? REC_SYNC_FOLDER : REC_SYNC, .inode = about.st_ino};
  if (undoes) {
    lockUndo();
    r.covers = journalEnd();
    unlockUndo();
  }
  int result = action == ACT_FAIL ? failed() : (int)syscall(call, fd);
  int saved = errno;
  if (undoes && (result == 0 || !isFolder)) {
    if (result != 0) r.kind = REC_SYNC_FAILED;
    lockUndo();
    note(r, path, NULL, NULL, 0);
    unlockUndo();
  }
  errno = saved;
  return result;
}
int fsync(int fd) { return syncFd(fd, SYS_fsync); }
int fdatasync(int fd) { return syncFd(fd, SYS_fdatasync); }

/* ---- names ---- */

static int openPath(int dirFd, const char *name, int flags, mode_t mode) {
  char path[PATH_MAX];
  if (!pathOfName(dirFd, name, path)) return (int)syscall(SYS_openat, dirFd, name, flags, mode);
  int isWriting = (flags & O_ACCMODE) != O_RDONLY;
  uint32_t action = fate(flags & O_CREAT ? CREATE : isWriting ? OPEN_WRITE : OPEN_READ, path);
  if (action == ACT_FAIL) return failed();
  if (action == ACT_KILL) die();
  int saved = errno;
  struct stat before;
  int isNew = (flags & O_CREAT) && lstat(path, &before) != 0;
  if (keepsUndo() && (flags & O_TRUNC) && !isNew) {
    int old = rawOpen(path, O_RDONLY | O_CLOEXEC, 0);
    if (old >= 0) {
      noteChange(old, 0, 0, 1);
      syscall(SYS_close, old);
    }
  }
  errno = saved;
  int fd = (int)syscall(SYS_openat, dirFd, name, flags, mode);
  if (fd >= 0 && isNew && keepsUndo()) noteCreated(fd, path);
  return fd;
}

#define MODE_OF(flags, last)                                       \
  mode_t mode = 0;                                                 \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {                         \
    va_list rest;                                                  \
    va_start(rest, last);                                          \
    mode = (mode_t)va_arg(rest, int);                              \
    va_end(rest);                                                  \
  }

int open(const char *name, int flags, ...) {
  MODE_OF(flags, flags)
  return openPath(AT_FDCWD, name, flags, mode);
}
int open64(const char *name, int flags, ...) {
  MODE_OF(flags, flags)
  return openPath(AT_FDCWD, name, flags, mode);
}
int openat(int dirFd, const char *name, int flags, ...) {
  MODE_OF(flags, flags)
  return openPath(dirFd, name, flags, mode);
}
int openat64(int dirFd, const char *name, int flags, ...) {
  MODE_OF(flags, flags)
  return openPath(dirFd, name, flags, mode);
}
int creat(const char *name, mode_t mode) { return openPath(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *name, mode_t mode) { return creat(name, mode); }

int renameat2(int fromFd, const char *from, int toFd, const char *to, unsigned flags) {
  char fromPath[PATH_MAX], toPath[PATH_MAX];
  if (pathOfName(fromFd, from, fromPath) && pathOfName(toFd, to, toPath)) {
    uint32_t action = fate(RENAME, fromPath);
    if (action == ACT_FAIL) return failed();
    if (action == ACT_KILL) die();
    if (keepsUndo()) noteRenamed(fromPath, toPath);
  }
  return (int)syscall(SYS_renameat2, fromFd, from, toFd, to, flags);
}
int renameat(int fromFd, const char *from, int toFd, const char *to) { return renameat2(fromFd, from, toFd, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dirFd, const char *name, int flags) {
  char path[PATH_MAX];
  if (pathOfName(dirFd, name, path)) {
    uint32_t action = fate(UNLINK, path);
    if (action == ACT_FAIL) return failed();
    if (action == ACT_KILL) die();
    if (keepsUndo() && !(flags & AT_REMOVEDIR)) noteRemoved(path);
  }
  return (int)syscall(SYS_unlinkat, dirFd, name, flags);
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int remove(const char *name) {
  int result = unlink(name);
  return result != 0 && errno == EISDIR ? rmdir(name) : result;
}

int mkdirat(int dirFd, const char *name, mode_t mode) {
  char path[PATH_MAX];
  if (pathOfName(dirFd, name, path)) {
    uint32_t action = fate(MKDIR, path);
    if (action == ACT_FAIL) return failed();
    if (action == ACT_KILL) die();
  }
  return (int)syscall(SYS_mkdirat, dirFd, name, mode);
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

/* ---- space ---- */

static int isWithoutSpace(const char *name) {
  if (!controlled() || !atomic_load(&control->hasNoSpace)) return 0;
  return strncmp(name, folder, folderLength - 1) == 0;
}
static int isFdWithoutSpace(int fd) {
  char path[PATH_MAX];
  return controlled() && atomic_load(&control->hasNoSpace) && pathOfFd(fd, path);
}
int statfs64(const char *name, struct statfs64 *about) {
  int result = (int)syscall(SYS_statfs, name, about);
  if (result == 0 && isWithoutSpace(name)) about->f_bavail = about->f_bfree = 0;
  return result;
}
int statfs(const char *name, struct statfs *about) { return statfs64(name, (struct statfs64 *)about); }
int fstatfs64(int fd, struct statfs64 *about) {
  int result = (int)syscall(SYS_fstatfs, fd, about);
  if (result == 0 && isFdWithoutSpace(fd)) about->f_bavail = about->f_bfree = 0;
  return result;
}
int fstatfs(int fd, struct statfs *about) { return fstatfs64(fd, (struct statfs64 *)about); }
int statvfs64(const char *name, struct statvfs64 *about) {
  static int (*real)(const char *, struct statvfs64 *);
  if (!real) real = (int (*)(const char *, struct statvfs64 *))dlsym(RTLD_NEXT, "statvfs64");
  int result = real(name, about);
  if (result == 0 && isWithoutSpace(name)) about->f_bavail = about->f_bfree = 0;
  return result;
}
int statvfs(const char *name, struct statvfs *about) { return statvfs64(name, (struct statvfs64 *)about); }
