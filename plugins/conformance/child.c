/* SPDX-License-Identifier: Apache-2.0 */
/* child.c: a group of checks in a process of its own. Lines on the pipe: "@STEP" what it is at, "." the end, else a result. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance.h"

enum { LINE = 2048 };

static int pipe_fd = -1;

static void write_line(const char *line, size_t n) {
  while (n > 0) {
    const ssize_t done = write(pipe_fd, line, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) _exit(3);
    line += done;
    n -= (size_t)done;
  }
}

static void send_line(const char *mark, const char *fmt, va_list args) {
  char line[LINE];
  int n = snprintf(line, sizeof line, "%s", mark);
  n += vsnprintf(line + n, sizeof line - 2 - (size_t)n, fmt, args);
  if (n > LINE - 2) n = LINE - 2;
  for (int i = 0; i < n; i++) {
    if (line[i] == '\n') line[i] = ' ';
  }
  line[n++] = '\n';
  write_line(line, (size_t)n);
}

void child_at(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  send_line("@", fmt, args);
  va_end(args);
}

void child_tell(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  send_line("", fmt, args);
  va_end(args);
}

static void run_child(void (*group)(void *), void *arg, int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  group(arg);
  fflush(NULL);
  write_line(".\n", 2);
  _exit(0);
}

typedef struct reader {
  char line[LINE], at[LINE];
  size_t used;
  line_sink sink;
  child_end *end;
} reader;

static int take(reader *r, int fd) {
  char chunk[4096];
  const ssize_t n = read(fd, chunk, sizeof chunk);
  for (ssize_t i = 0; i < n; i++) {
    if (chunk[i] != '\n') {
      if (r->used + 1 < sizeof r->line) r->line[r->used++] = chunk[i];
      continue;
    }
    r->line[r->used] = '\0';
    r->used = 0;
    if (r->line[0] == '@') snprintf(r->at, sizeof r->at, "%s", r->line + 1);
    else if (strcmp(r->line, ".") == 0) r->end->complete = 1;
    else r->sink.take(r->sink.arg, r->line);
  }
  return n > 0 || (n < 0 && errno == EINTR);
}

static int64_t bytes_of(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void judge(reader *r, int hung, int status, int32_t seconds) {
  const size_t n = sizeof r->end->what;
  const int s = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (hung) snprintf(r->end->what, n, "no answer within %d s in: %.500s", seconds, r->at);
  else if (s) snprintf(r->end->what, n, "killed by signal %d (%s) in: %.500s", s, strsignal(s), r->at);
  else if (!r->end->complete) snprintf(r->end->what, n, "the process was ended with status %d in: %.500s", WEXITSTATUS(status), r->at);
  if (hung || s) r->end->complete = 0;
}

void child_run(void (*group)(void *arg), void *arg, int32_t seconds, line_sink sink, child_end *end) {
  reader r = {.at = "its start", .sink = sink, .end = end};
  const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
  int ends[2], status = 0, hung = 0;
  *end = (child_end){.what = "no process could be started"};
  if (out < 0 || err < 0 || pipe2(ends, O_CLOEXEC) != 0) return;
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    setpgid(0, 0);
    pipe_fd = ends[1];
    run_child(group, arg, out, err);
  }
  close(ends[1]);
  for (int more = pid > 0; more && !hung;) {
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    const int ready = poll(&p, 1, seconds * 1000);
    hung = ready == 0;
    if (ready > 0) more = take(&r, ends[0]);
  }
  if (hung) kill(pid, SIGKILL);
  if (pid > 0 && waitpid(pid, &status, 0) == pid) judge(&r, hung, status, seconds);
  if (pid > 0) kill(-pid, SIGKILL); /* what it started */
  end->out_bytes = bytes_of(out);
  end->err_bytes = bytes_of(err);
  close(ends[0]);
  close(out);
  close(err);
}
