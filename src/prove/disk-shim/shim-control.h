/* What the shim is told: the mapped file, which paths it concerns, and what becomes of a call. Part of disk-shim.c. */

/* Kinds of calls; control.ts has the same list. */
enum { OPEN_READ, OPEN_WRITE, CREATE, WRITE, SYNC, TRUNCATE, RENAME, UNLINK, MKDIR, KINDS };
static const char *const kindNames[KINDS] = {"open", "open for writing", "create", "write", "sync",
                                             "truncate", "rename", "unlink", "mkdir"};
enum { ACT_NONE, ACT_FAIL, ACT_SHORT, ACT_KILL };

#define MOST_READERS 64

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
  /* Goes up with each jump of the clock; by it a process knows that it has not told of this one. */
  _Atomic uint32_t clockJump;
  /* Processes that have read the time of day since that jump. */
  _Atomic uint32_t clockReaders;
  _Atomic int32_t clockReader[MOST_READERS];
};
_Static_assert(offsetof(struct control, only) == 64 && offsetof(struct control, firstHit) == 256 &&
                   offsetof(struct control, clockJump) == 768, "control.ts draws it");
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
