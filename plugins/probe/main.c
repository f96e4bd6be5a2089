/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: convoke-probe, the program in which a plugin is tried before a program opens it. It forks: the child goes through trial.c, the parent
 * watches: time, number of processes, what becomes of the child and of all that it started. The child tells its steps over a pipe and ends with a
 * mark that it was given before the plugin was opened. Protocol with the library: ../probe_protocol.h. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trial.h"

enum { PIPE_FD = 200 /* out of the way of what a plugin opens */, LINE = CVK_PROBE_TEXT + 100 };
enum { MOST_PROCESSES = 64, MOST_THREADS = 1024, NICE = 10 };
enum { TICK_MS = 2, COUNT_MS = 2, LEAVE_MS = 200 /* for a process to end by itself */, REAP_MS = 2000 };

/* ---- the child ---- */

static int pipe_fd;
static pid_t own_pid;

/* Processes that the plugin forked come through here too: they are not heard. */
static void tell(const char *line) {
  if (getpid() != own_pid) _exit(0);
  const size_t n = strlen(line);
  if (write(pipe_fd, line, n) != (ssize_t)n) _exit(1);
}

static void stage(const char *what) {
  char line[200];
  snprintf(line, sizeof line, "@%s\n", what);
  tell(line);
}

static void set_limit(int what, rlim_t most) {
  const struct rlimit limit = {most, most};
  setrlimit(what, &limit);
}

/* Leaves room for so many threads more than the system has now; root is not held by it. */
static void limit_threads(void) {
  char text[100];
  long running, total;
  const int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
  if (fd >= 0) close(fd);
  text[n > 0 ? n : 0] = '\0';
  if (sscanf(text, "%*f %*f %*f %ld/%ld", &running, &total) == 2) set_limit(RLIMIT_NPROC, (rlim_t)total + MOST_THREADS);
}

/* First to go when memory runs out. */
static void volunteer(void) {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "1000", 4) != 4) errno = 0;
  close(fd);
}

static void child(trial *t, int out_fd, int seconds, uint64_t mark) {
  char line[LINE];
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_CPU, (rlim_t)seconds * 16); /* of all threads together: a compiler may use many */
  limit_threads();
  volunteer();
  if (nice(NICE) < 0) errno = 0; /* the parent comes first, however many run */
  dup2(out_fd, STDOUT_FILENO);
  own_pid = getpid();
  t->stage = stage;
  const int32_t result = trial_run(t);
  stage("its end");
  snprintf(line, sizeof line, "=%016llx %d %d %d %s\n", (unsigned long long)mark, (int)result, (int)t->status, (int)t->opencl, t->text);
  for (char *p = line; *p && p[1]; p++) {
    if (*p == '\n') *p = ' ';
  }
  tell(line);
  exit(0); /* what the plugin does at exit is part of the trial */
}

/* ---- the parent ---- */

typedef struct watch {
  pid_t pid;
  int pid_fd; /* readable when the child is gone; -1: this system has none, the ticks do */
  int fd, out_fd, seconds;
  uint64_t mark;
  char line[LINE];
  size_t used;
  char stage[100], text[CVK_PROBE_TEXT];
  int ended, strange, opencl; /* ended: the mark came; strange: something else did */
  int32_t result;
  cvk_status status;
} watch;

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void take_line(watch *w) {
  char *end;
  if (w->line[0] == '@') {
    snprintf(w->stage, sizeof w->stage, "%.99s", w->line + 1);
    return;
  }
  w->strange = 1;
  if (w->line[0] != '=' || strtoull(w->line + 1, &end, 16) != w->mark) return;
  w->result = (int32_t)strtol(end, &end, 10);
  w->status = (cvk_status)strtol(end, &end, 10);
  w->opencl = strtol(end, &end, 10) != 0;
  snprintf(w->text, sizeof w->text, "%s", *end == ' ' ? end + 1 : end);
  w->ended = 1;
  w->strange = 0;
}

/* 0: the pipe has no more. */
static int take(watch *w) {
  char block[512];
  const ssize_t n = read(w->fd, block, sizeof block);
  for (ssize_t i = 0; i < n; i++) {
    if (w->used + 1 < sizeof w->line) w->line[w->used++] = block[i];
    if (block[i] != '\n') continue;
    w->line[w->used - 1] = '\0';
    take_line(w);
    w->used = 0;
  }
  return n > 0;
}

/* The parent of a process; 0: it is gone. */
static pid_t parent_of(const char *pid) {
  char path[64], text[400];
  int parent = 0;
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
  if (fd >= 0) close(fd);
  text[n > 0 ? n : 0] = '\0';
  const char *after = strrchr(text, ')'); /* the name in brackets may hold anything */
  return after != NULL && sscanf(after + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Processes that this one started, and those these started, up to `most`. Children are listed behind their parents, as numbers grow. */
static int descendants(pid_t *list, int most) {
  DIR *dir = opendir("/proc");
  int n = 0;
  for (const struct dirent *e; dir != NULL && n < most && (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] < '1' || e->d_name[0] > '9') continue;
    const pid_t parent = parent_of(e->d_name);
    int ours = parent == getpid();
    for (int i = 0; i < n && !ours; i++) ours = list[i] == parent;
    if (ours) list[n++] = (pid_t)atoi(e->d_name);
  }
  if (dir != NULL) closedir(dir);
  return n;
}

/* Ends the child's group (at once: nobody in it gets to fork again) and all that left it; what lost its parent has become ours. */
static void clean_up(const watch *w) {
  const int64_t until = now_ms() + REAP_MS;
  pid_t list[MOST_PROCESSES];
  kill(-w->pid, SIGKILL);
  while (now_ms() < until) {
    pid_t got;
    while ((got = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    if (got < 0 && errno == ECHILD) return;
    for (int n = descendants(list, MOST_PROCESSES); n > 0; n--) kill(list[n - 1], SIGKILL);
    nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

static void __attribute__((format(printf, 3, 4))) blame(watch *w, cvk_status status, const char *format, ...) {
  va_list args;
  w->result = CVK_PROBE_HARMFUL;
  w->status = status;
  va_start(args, format);
  vsnprintf(w->text, sizeof w->text, format, args);
  va_end(args);
}

/* Processes that outlive the child by more than a moment. */
static int left_behind(void) {
  const int64_t until = now_ms() + LEAVE_MS;
  pid_t list[MOST_PROCESSES];
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    const int n = descendants(list, MOST_PROCESSES);
    if (n == 0 || now_ms() > until) return n;
    nanosleep(&(const struct timespec){.tv_nsec = 2000000}, NULL);
  }
}

static void judge(watch *w, int wait_status) {
  struct stat st;
  int left;
  const char *what = w->stage;
  if (WIFSIGNALED(wait_status)) {
    const int s = WTERMSIG(wait_status);
    blame(w, CVK_INTERNAL, "the process was killed by signal %d (%s) in: %s", s, strsignal(s), what);
  } else if (w->strange || w->used) {
    blame(w, CVK_INTERNAL, "the answer of the trial was forged or torn in: %s", what);
  } else if (!w->ended) {
    blame(w, CVK_INTERNAL, "it ended the process with status %d in: %s", WEXITSTATUS(wait_status), what);
  } else if (fstat(w->out_fd, &st) == 0 && st.st_size > 0) {
    blame(w, CVK_INTERNAL, "it wrote %lld bytes to standard output, which is the program's", (long long)st.st_size);
  } else if (w->result == CVK_PROBE_GOOD && (left = left_behind()) > 0) {
    blame(w, CVK_INTERNAL, "it leaves %d process%s running", left, left == 1 ? "" : "es");
  }
}

static void supervise(watch *w) {
  const struct sched_param least = {.sched_priority = 1};
  const int64_t until = now_ms() + (int64_t)w->seconds * 1000;
  int64_t count_at = now_ms() + COUNT_MS;
  pid_t list[MOST_PROCESSES + 1];
  int wait_status = 0;
  sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &least); /* where it may: of thousands of processes the next to run is this one */
  for (int more = 1;;) {
    struct pollfd p[] = {{.fd = more ? w->fd : -1, .events = POLLIN}, {.fd = w->pid_fd, .events = POLLIN}};
    if (poll(p, 2, TICK_MS) > 0 && p[0].revents) more = take(w);
    if (waitpid(w->pid, &wait_status, WNOHANG) == w->pid) {
      fcntl(w->fd, F_SETFL, O_NONBLOCK);
      while (more && take(w)) continue;
      judge(w, wait_status);
      return;
    }
    if (now_ms() > until) {
      blame(w, CVK_TIMEOUT, "no answer within %d s in: %s", w->seconds, w->stage);
      return;
    }
    const int64_t begin = now_ms();
    if (begin < count_at) continue;
    if (descendants(list, MOST_PROCESSES + 1) > MOST_PROCESSES) {
      blame(w, CVK_INTERNAL, "it started more than %d processes in: %s", MOST_PROCESSES, w->stage);
      return;
    }
    count_at = now_ms() + COUNT_MS + 4 * (now_ms() - begin); /* at most a fifth of the time */
  }
}

int main(int argc, char **argv) {
  watch w = {.stage = "its start", .status = CVK_INTERNAL};
  char answer[LINE];
  int ends[2];
  if (argc < 4) return 2;
  trial t = {.plugin = argv[3], .load_only = strcmp(argv[2], CVK_PROBE_MODE_LOAD) == 0, .n_settings = argc - 4, .settings = argv + 4};
  w.seconds = atoi(argv[1]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  w.out_fd = memfd_create("standard output", MFD_CLOEXEC);
  if (w.out_fd < 0 || pipe2(ends, O_CLOEXEC) != 0 || getrandom(&w.mark, sizeof w.mark, 0) != sizeof w.mark) return 1;
  pipe_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, PIPE_FD);
  w.fd = ends[0];
  close(ends[1]);
  w.pid = fork();
  if (w.pid < 0 || pipe_fd < 0) return 1;
  if (w.pid == 0) {
    close(CVK_PROBE_FD);
    close(w.fd);
    child(&t, w.out_fd, w.seconds, w.mark);
  }
  close(pipe_fd);
  setpgid(w.pid, w.pid);
  w.pid_fd = (int)syscall(SYS_pidfd_open, w.pid, 0);
  supervise(&w);
  clean_up(&w);
  const int n = snprintf(answer, sizeof answer, "%d %d %d %s\n", (int)w.result, (int)w.status, w.opencl, w.text);
  return write(CVK_PROBE_FD, answer, (size_t)n) == n ? 0 : 1;
}
