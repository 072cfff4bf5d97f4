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

/* Kinds of calls; control.ts has the same list. */
enum { OPEN_READ, OPEN_WRITE, CREATE, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MKDIR, KINDS };
static const char *const kindNames[KINDS] = {"open", "open for writing", "create", "write", "sync",
                                             "truncate", "rename", "unlink", "mkdir"};
enum { ACT_NONE, ACT_FAIL, ACT_SHORT, ACT_KILL };

/* control.ts draws the same. */
struct control {
  uint32_t magic;
  /* Bits of the kinds that are counted and that the fault concerns. */
  _Atomic uint32_t kinds;
  _Atomic uint32_t action;
  _Atomic int32_t error;
  /* The fault falls on the call number `from`, counted by `counted`, and on all until the one before `to`. */
  _Atomic int64_t from;
  _Atomic int64_t to;
  _Atomic int64_t counted;
  _Atomic int64_t hits;
  _Atomic int64_t clockOffsetNs;
  _Atomic uint32_t keepsUndo;
  _Atomic uint32_t hasNoSpace;
  /* Only files whose path contains this are concerned; empty: all. */
  char only[64];
  _Atomic int64_t seen[16];
  /* What the fault fell on first. */
  char firstHit[512];
};
_Static_assert(offsetof(struct control, only) == 64 && offsetof(struct control, firstHit) == 256, "control.ts draws it");
#define MAGIC 0x4b534944u

static struct control *control;
static char folder[PATH_MAX];
static size_t folderLength;
static char undoFolder[PATH_MAX];
static int undoFd = -1;
static int lockFd = -1;
static pthread_mutex_t undoMutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int rawOpen(const char *path, int flags, mode_t mode) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void begin(void) {
  const char *file = getenv("DISK_SHIM_CONTROL");
  const char *below = getenv("DISK_SHIM_FOLDER");
  const char *undo = getenv("DISK_SHIM_UNDO");
  if (!file || !below || strlen(below) + 2 > sizeof folder) return;
  int fd = rawOpen(file, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (map == MAP_FAILED) return;
  folderLength = (size_t)snprintf(folder, sizeof folder, "%s/", below);
  if (undo && strlen(undo) + 64 < sizeof undoFolder) {
    char name[PATH_MAX + 16];
    snprintf(undoFolder, sizeof undoFolder, "%s", undo);
    snprintf(name, sizeof name, "%s/journal", undo);
    undoFd = rawOpen(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    snprintf(name, sizeof name, "%s/lock", undo);
    lockFd = rawOpen(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  }
  if (((struct control *)map)->magic == MAGIC) control = map;
}

__attribute__((constructor)) static void load(void) { pthread_once(&once, begin); }

static struct control *controlled(void) {
  pthread_once(&once, begin);
  return control;
}

static _Noreturn void die(void) {
  syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
  for (;;) pause();
}

/* ---- paths ---- */

/* The path of an open file, if it lies below the folder. */
static int pathOfFd(int fd, char *path) {
  if (!controlled()) return 0;
  int saved = errno;
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  errno = saved;
  if (length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, folderLength) == 0 ||
         (strncmp(path, folder, folderLength - 1) == 0 && path[folderLength - 1] == 0);
}

/* The absolute path of a name, if it lies below the folder. */
static int pathOfName(int dirFd, const char *name, char *path) {
  if (!controlled() || !name) return 0;
  if (name[0] == '/') {
    if (strncmp(name, folder, folderLength) != 0 || strlen(name) >= PATH_MAX) return 0;
    strcpy(path, name);
    return 1;
  }
  int saved = errno;
  char from[PATH_MAX];
  int isKnown;
  if (dirFd == AT_FDCWD) isKnown = syscall(SYS_getcwd, from, sizeof from) > 0;
  else {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirFd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, from, PATH_MAX - 1);
    isKnown = length > 0;
    if (isKnown) from[length] = 0;
  }
  errno = saved;
  if (!isKnown || strlen(from) + strlen(name) + 2 > PATH_MAX) return 0;
  size_t length = strlen(from);
  memcpy(path, from, length);
  path[length] = '/';
  strcpy(path + length + 1, name);
  return strncmp(path, folder, folderLength) == 0;
}

/* ---- faults ---- */

/* Counts a call; what shall become of it. */
static uint32_t fate(int kind, const char *path) {
  struct control *c = control;
  atomic_fetch_add(&c->seen[kind], 1);
  if (!(atomic_load(&c->kinds) & (1u << kind))) return ACT_NONE;
  if (c->only[0] && !strstr(path, c->only)) return ACT_NONE;
  int64_t nth = atomic_fetch_add(&c->counted, 1) + 1;
  uint32_t action = atomic_load(&c->action);
  if (action == ACT_NONE || nth < atomic_load(&c->from) || nth >= atomic_load(&c->to)) return ACT_NONE;
  if (action == ACT_SHORT && kind != WRITE) return ACT_NONE;
  if (atomic_fetch_add(&c->hits, 1) == 0)
    snprintf(c->firstHit, sizeof c->firstHit, "%s %s", kindNames[kind], path);
  return action;
}

static int failed(void) {
  errno = atomic_load(&control->error);
  return -1;
}

/* ---- what a power loss would take away ---- */

enum { REC_WRITE = 1, REC_SYNC, REC_SYNC_FAILED, REC_CREATED, REC_REMOVED, REC_RENAMED, REC_SYNC_FOLDER };

/* undo.ts draws the same. Behind it: both paths, then the old bytes. */
struct record {
  uint32_t length;
  uint32_t kind;
  uint64_t inode;
  /* Of a write: where, how much, and the size of the file before. A truncation writes nothing at its new end. */
  uint64_t at;
  uint64_t bytes;
  uint64_t oldSize;
  uint64_t newSize;
  /* Of a sync: it covers what the journal held below this. */
  uint64_t covers;
  uint64_t replaced;
  uint32_t pathLength;
  uint32_t otherLength;
};

static int keepsUndo(void) { return undoFd >= 0 && atomic_load(&control->keepsUndo); }

static void lockUndo(void) {
  pthread_mutex_lock(&undoMutex);
  while (syscall(SYS_flock, lockFd, LOCK_EX) != 0 && errno == EINTR) {
  }
}

static void unlockUndo(void) {
  syscall(SYS_flock, lockFd, LOCK_UN);
  pthread_mutex_unlock(&undoMutex);
}

static uint64_t journalEnd(void) {
  struct stat about;
  return fstat(undoFd, &about) == 0 ? (uint64_t)about.st_size : 0;
}

/* One write, so that a kill leaves a whole record or a torn last one, which is passed over. */
static void note(struct record r, const char *path, const char *other, const void *old, size_t oldLength) {
  r.pathLength = path ? (uint32_t)strlen(path) : 0;
  r.otherLength = other ? (uint32_t)strlen(other) : 0;
  r.length = (uint32_t)(sizeof r + r.pathLength + r.otherLength + oldLength);
  struct iovec parts[4] = {{&r, sizeof r},
                           {(void *)(path ? path : ""), r.pathLength},
                           {(void *)(other ? other : ""), r.otherLength},
                           {(void *)old, oldLength}};
  syscall(SYS_writev, undoFd, parts, 4);
}

/* Before bytes of a file are written over or cut off: keeps what stands there. */
static void noteChange(int fd, uint64_t at, uint64_t bytes, int isCut) {
  int saved = errno;
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    uint64_t size = (uint64_t)about.st_size;
    uint64_t end = isCut ? size : at + bytes;
    uint64_t newSize = isCut ? at : (end > size ? end : size);
    uint64_t oldEnd = end < size ? end : size;
    size_t oldLength = at < oldEnd ? (size_t)(oldEnd - at) : 0;
    char *old = oldLength ? malloc(oldLength) : NULL;
    size_t got = 0;
    if (old) {
      /* A file that was opened for writing only cannot be read by its descriptor. */
      char link[40];
      snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
      int readFd = rawOpen(link, O_RDONLY | O_CLOEXEC, 0);
      while (got < oldLength) {
        ssize_t n = syscall(SYS_pread64, readFd, old + got, oldLength - got, (off_t)(at + got));
        if (n <= 0) break;
        got += (size_t)n;
      }
      if (readFd >= 0) syscall(SYS_close, readFd);
    }
    struct record r = {.kind = REC_WRITE, .inode = about.st_ino, .at = at, .oldSize = size, .newSize = newSize};
    r.bytes = isCut ? (size > at ? size - at : 0) : bytes;
    lockUndo();
    note(r, NULL, NULL, old, got);
    unlockUndo();
    free(old);
  }
  errno = saved;
}

/* Keeps a file from vanishing with its last name: its inode stays, by a name in the undo folder. */
static void keepFile(const struct stat *about, const char *path) {
  char kept[PATH_MAX + 32];
  snprintf(kept, sizeof kept, "%s/%llu", undoFolder, (unsigned long long)about->st_ino);
  syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0);
}

static void noteCreated(int fd, const char *path) {
  int saved = errno;
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
    struct record r = {.kind = REC_CREATED, .inode = about.st_ino};
    lockUndo();
    note(r, path, NULL, NULL, 0);
    unlockUndo();
  }
  errno = saved;
}

static void noteRemoved(const char *path) {
  int saved = errno;
  struct stat about;
  if (lstat(path, &about) == 0 && S_ISREG(about.st_mode)) {
    struct record r = {.kind = REC_REMOVED, .inode = about.st_ino};
    keepFile(&about, path);
    lockUndo();
    note(r, path, NULL, NULL, 0);
    unlockUndo();
  }
  errno = saved;
}

static void noteRenamed(const char *from, const char *to) {
  int saved = errno;
  struct stat about, replaced;
  if (lstat(from, &about) == 0 && S_ISREG(about.st_mode)) {
    struct record r = {.kind = REC_RENAMED, .inode = about.st_ino};
    keepFile(&about, from);
    if (lstat(to, &replaced) == 0) {
      r.replaced = replaced.st_ino;
      keepFile(&replaced, to);
    }
    lockUndo();
    note(r, from, to, NULL, 0);
    unlockUndo();
  }
  errno = saved;
}

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

/* ---- time of day ---- */

#define NANOS 1000000000ll

static int64_t offset(void) { return controlled() ? atomic_load(&control->clockOffsetNs) : 0; }

static void move(struct timespec *time, int64_t by) {
  int64_t nanos = time->tv_nsec + by % NANOS;
  time->tv_sec += by / NANOS;
  if (nanos < 0) {
    nanos += NANOS;
    time->tv_sec--;
  } else if (nanos >= NANOS) {
    nanos -= NANOS;
    time->tv_sec++;
  }
  time->tv_nsec = nanos;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
    move(time, offset());
  return result;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  if (result == 0) *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  return result;
}
time_t time(time_t *into) {
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}
int timespec_get(struct timespec *time, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

/* The system waits by its own clock. Times of day lie far above any time since a boot. */
static const struct timespec *unmoved(const struct timespec *until, struct timespec *own) {
  if (until == NULL || until->tv_sec < 1000000000) return until;
  *own = *until;
  move(own, -offset());
  return own;
}
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  struct timespec own;
  if (!real) {
    void *found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!found) found = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))found;
  }
  return real(condition, mutex, unmoved(until, &own));
}
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  static int (*real)(sem_t *, const struct timespec *);
  struct timespec own;
  if (!real) real = (int (*)(sem_t *, const struct timespec *))dlsym(RTLD_NEXT, "sem_timedwait");
  return real(semaphore, unmoved(until, &own));
}
