/* SPDX-License-Identifier: Apache-2.0 */
/* probe_run.c: see probe_run.h. The child gets none of our files, a process group of its own, default signals, and is gone when we return. */
#define _GNU_SOURCE
#include "probe_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 5000, REAP_MS = 2000, MOST_SETTINGS = 16 };
#define VENDORS "OCL_ICD_VENDORS="

extern char **environ;

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Our environment with another OCL_ICD_VENDORS. free() it and, where it is not NULL, *own. NULL: no memory. */
static char **environment(const char *vendors, char **own) {
  size_t n = 0, kept = 0;
  while (environ != NULL && environ[n] != NULL) n++;
  char **list = calloc(n + 2, sizeof *list);
  *own = NULL;
  if (list == NULL) return NULL;
  for (size_t i = 0; i < n; i++) {
    if (vendors == NULL || strncmp(environ[i], VENDORS, strlen(VENDORS)) != 0) list[kept++] = environ[i];
  }
  if (vendors == NULL) return list;
  if (asprintf(own, VENDORS "%s", vendors) < 0) {
    *own = NULL;
    free(list);
    return NULL;
  }
  list[kept] = *own;
  return list;
}

static int attributes(posix_spawnattr_t *a) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  return posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
         posix_spawnattr_setpgroup(a, 0) == 0 && posix_spawnattr_setsigmask(a, &none) == 0 && posix_spawnattr_setsigdefault(a, &all) == 0;
}

static int files(posix_spawn_file_actions_t *f, int answer) {
  int ok = posix_spawn_file_actions_adddup2(f, answer, CVK_PROBE_FD) == 0 && /* first: `answer` may be one of those below */
           posix_spawn_file_actions_addopen(f, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_addopen(f, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
           posix_spawn_file_actions_addopen(f, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0;
#if __GLIBC_PREREQ(2, 34)
  ok = ok && posix_spawn_file_actions_addclosefrom_np(f, CVK_PROBE_FD + 1) == 0;
#endif
  return ok;
}

/* The new process, or -1. */
static pid_t start(const char *program, char *const *argv, char *const *envp, int answer) {
  posix_spawn_file_actions_t f;
  posix_spawnattr_t a;
  pid_t pid = -1;
  if (posix_spawn_file_actions_init(&f) != 0) return -1;
  if (posix_spawnattr_init(&a) == 0) {
    if (!files(&f, answer) || !attributes(&a) || posix_spawn(&pid, program, &f, &a, argv, envp) != 0) pid = -1;
    posix_spawnattr_destroy(&a);
  }
  posix_spawn_file_actions_destroy(&f);
  return pid;
}

/* One line, without its newline. 0: none came. */
static int read_line(int fd, int64_t until, char *line, size_t bytes) {
  size_t used = 0;
  for (;;) {
    const int64_t left = until - now_ms();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    const int ready = left > 0 ? poll(&p, 1, left > 1000 ? 1000 : (int)left) : -1;
    if (ready < 0 && (left <= 0 || errno != EINTR)) return 0;
    if (ready <= 0) continue;
    const ssize_t n = read(fd, line + used, bytes - 1 - used);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    used += (size_t)n;
    line[used] = '\0';
    if (line[used - 1] == '\n') return line[used - 1] = '\0', 1;
    if (used + 1 == bytes) return 0;
  }
}

/* The program watches its child; this is for the case that it hangs itself. Its own child dies with it. */
static void reap(pid_t pid) {
  const int64_t until = now_ms() + REAP_MS;
  int64_t pause_ns = 50000;
  int killed = 0;
  for (;;) {
    const pid_t got = waitpid(pid, NULL, WNOHANG);
    if (got == pid || (got < 0 && errno != EINTR)) return;
    const int64_t now = now_ms();
    if (now > until + REAP_MS) return;
    if (now > until && !killed) killed = kill(-pid, SIGKILL) == 0;
    nanosleep(&(const struct timespec){.tv_nsec = pause_ns}, NULL);
    if (pause_ns < 5000000) pause_ns *= 2;
  }
}

static void take_answer(const char *line, cvk_probe_answer *out) {
  char *end;
  out->result = (int32_t)strtol(line, &end, 10);
  out->status = (cvk_status)strtol(end, &end, 10);
  out->opencl = strtol(end, &end, 10) != 0;
  snprintf(out->text, sizeof out->text, "%s", *end == ' ' ? end + 1 : end);
}

int cvk_probe_run(const char *program, int32_t seconds, const char *mode, const char *plugin, const char *const *settings, const char *vendors,
                  cvk_probe_answer *out) {
  char limit[16], line[CVK_PROBE_TEXT + 64], *own;
  char *argv[MOST_SETTINGS + 5] = {(char *)program, limit, (char *)mode, (char *)plugin};
  int ends[2];
  for (int i = 0; settings != NULL && settings[i] != NULL && i < MOST_SETTINGS; i++) argv[4 + i] = (char *)settings[i];
  snprintf(limit, sizeof limit, "%d", (int)seconds);
  if (pipe2(ends, O_CLOEXEC) != 0) return 0;
  char **envp = environment(vendors, &own);
  const pid_t pid = envp != NULL ? start(program, argv, envp, ends[1]) : -1;
  free(envp);
  free(own);
  close(ends[1]);
  if (pid > 0) {
    if (read_line(ends[0], now_ms() + (int64_t)seconds * 1000 + GRACE_MS, line, sizeof line)) {
      take_answer(line, out);
    } else {
      *out = (cvk_probe_answer){.result = CVK_PROBE_HARMFUL, .status = CVK_INTERNAL, .text = "the trial gave no answer"};
      kill(-pid, SIGKILL);
    }
    reap(pid);
  }
  close(ends[0]);
  return pid > 0;
}
