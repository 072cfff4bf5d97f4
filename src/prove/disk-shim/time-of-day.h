/* The time of day, moved. Part of disk-shim.c. */

#define NANOS 1000000000ll

/* Tells once for each jump that this process has read the time of day behind it. */
static void tellReader(void) {
  static _Atomic uint32_t told;
  uint32_t jump = atomic_load(&control->clockJump);
  uint32_t before = atomic_load(&told);
  if (before >= jump || !atomic_compare_exchange_strong(&told, &before, jump)) return;
  uint32_t place = atomic_fetch_add(&control->clockReaders, 1);
  if (place < MOST_READERS) atomic_store(&control->clockReader[place], (int32_t)syscall(SYS_getpid));
}

static int64_t offset(void) {
  if (!controlled()) return 0;
  tellReader();
  return atomic_load(&control->clockOffsetNs);
}

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
