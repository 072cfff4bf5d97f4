/* What a power loss would take away, written down. Part of disk-shim.c; undo.ts and journal.ts read it. */

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
