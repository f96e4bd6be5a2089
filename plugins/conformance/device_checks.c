/* SPDX-License-Identifier: Apache-2.0 */
/* device_checks.c: rules about what happens over time: memory that runs out or is not given back, several threads and instances, fork, queues and
 * buffers. They use the first case that the plugin supports. */
#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fp_mode.h"
#include "op_run.h"
#include "op_table.h"

typedef struct subject { /* a plugin with an op of its own */
  test_host host;
  plugin p;
  op_case c;
  cvk_candidate candidate;
  op_run run;
  void *first; /* its result */
  char why[TEXT_BYTES];
} subject;

static cvk_context *settings;

/* ---- a subject ---- */

static int load(subject *s, const group_arg *g) {
  memset(s, 0, sizeof *s);
  test_host_init(&s->host, settings);
  return plugin_load(&s->p, g->path, s->why, sizeof s->why);
}

/* The first case with more than one element that it supports, skipping `skip` of them. */
static int find_case(subject *s, int32_t skip) {
  cvk_candidate room[MOST_CANDIDATES];
  op_sample sample;
  int32_t n;
  for (int32_t i = 0; op_samples_at(i); i++) {
    for (int way = SAMPLE_WAYS - 1; way >= 0; way--) {
      if (!op_sample_parse(op_samples_at(i), &sample, s->why, sizeof s->why) || !op_case_make(&sample, way, 0, &s->c, s->why, sizeof s->why)) continue;
      if (plugin_ask(&s->p, &s->c.op, room, &n, s->why, sizeof s->why) && n > 0 && cvk_count(s->c.out_desc[0].rank, s->c.out_desc[0].dim) > 1 && skip-- == 0) {
        s->candidate = room[0];
        op_case_format(&s->c, &s->candidate);
        return 1;
      }
      op_case_free(&s->c);
    }
  }
  snprintf(s->why, sizeof s->why, "no case was supported");
  return 0;
}

static int fault(subject *s, const char *what, cvk_status status) {
  const char *said = s->p.host->said;
  snprintf(s->why, sizeof s->why, "%s: %s: %.300s", what, cvk_status_name(status), said);
  return 0;
}

static int open_run(subject *s) {
  s->run = (op_run){.p = &s->p, .c = &s->c, .candidate = &s->candidate, .mode = s->host.mode, .fp_mode = cvk_fp_mode_get()};
  const cvk_status status = op_run_make(&s->run, AT_END, 0);
  if (status == CVK_OK) return 1;
  return fault(s, "prepare", status);
}

/* Runs it once more and compares with its first result. */
static int same_again(subject *s) {
  const uint64_t bytes = op_run_bytes(&s->run, 0);
  int lanes;
  const cvk_status status = op_run_execute(&s->run, -1);
  void *data = status == CVK_OK ? calloc(1, (size_t)bytes + 8) : NULL;
  int ok = data != NULL && op_run_read(&s->run, 0, -1, data, &lanes) == CVK_OK;
  if (!ok) fault(s, "execute", status);
  if (ok && s->first == NULL) {
    s->first = data;
    return 1;
  }
  if (ok && memcmp(data, s->first, (size_t)bytes) != 0) {
    snprintf(s->why, sizeof s->why, "the results are others than alone");
    ok = 0;
  }
  free(data);
  return ok;
}

static void close_subject(subject *s) {
  op_run_release(&s->run);
  op_case_free(&s->c);
  plugin_close(&s->p);
  free(s->first);
  s->first = NULL;
}

/* Opened, its op made and run once. 0: told. */
static int start(subject *s, const group_arg *g) {
  if (!load(s, g) || !plugin_open(&s->p, &s->host, g->device, s->why, sizeof s->why)) {
    check_fail("%s", s->why);
    return 0;
  }
  if (!find_case(s, 0)) {
    check_skip("%s", s->why);
    plugin_close(&s->p);
    return 0;
  }
  child_at("case '%.200s', row %.60s", s->c.sample.text, s->candidate.row);
  if (open_run(s) && same_again(s)) return 1;
  check_fail("%s", s->why);
  return 0;
}

static void begin(void) { cvk_context_create(NULL, &settings); }

/* ---- manners ---- */

extern char **environ;

static uint64_t hash_text(uint64_t h, const char *text) {
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211ull;
  return h * 31 + 1;
}

static uint64_t environment(void) {
  uint64_t h = 0;
  for (char **e = environ; e && *e; e++) h += hash_text(14695981039346656037ull, *e);
  return h;
}

static int count_handlers(void) {
  int n = 0;
  for (int s = 1; s < 32; s++) {
    struct sigaction a;
    if (sigaction(s, NULL, &a) == 0 && a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN) n++;
  }
  return n;
}

/* What a process has that a library must leave alone, over opening, one op and closing. */
static void check_manners(const group_arg *g) {
  static subject s;
  begin();
  const uint64_t before = environment(), mode = cvk_fp_mode_get();
  const int handlers = count_handlers();
  char cwd[4096], now[4096];
  if (getcwd(cwd, sizeof cwd) == NULL) cwd[0] = 0;
  if (!start(&s, g)) return;
  close_subject(&s);
  if (cvk_fp_mode_get() != mode) check_fail("it changes the floating-point mode");
  /* drivers set variables and install handlers; a plugin has no say in that */
  if (environment() != before && s.p.host_memory) check_fail("it changes the environment");
  if (count_handlers() != handlers && s.p.host_memory) check_fail("it installs %d signal handlers", count_handlers() - handlers);
  if (getcwd(now, sizeof now) != NULL && strcmp(cwd, now) != 0) check_fail("it changes the working directory");
}

/* ---- memory ---- */

/* All of a life, with the allocation `fail_at` failing. The last status; OK: nothing failed. */
static cvk_status one_life(const group_arg *g, subject *s, int64_t fail_at, const op_case *like, const cvk_candidate *candidate) {
  cvk_kernel *kernel = NULL;
  cvk_pack *packs[CASE_IN] = {NULL};
  s->host.fail_at = fail_at;
  cvk_status status = s->p.table.instance_create(&s->host.table, &s->p.inst);
  if (status != CVK_OK) {
    s->p.inst = NULL;
    return status;
  }
  status = s->p.table.device_open(s->p.inst, g->device, &s->p.dev);
  if (status != CVK_OK) s->p.dev = NULL;
  for (int32_t i = 0; i < like->op.n_in && i < CVK_CANDIDATE_INPUTS && status == CVK_OK; i++) {
    if (candidate->pack[i]) status = s->p.table.pack_create(s->p.dev, &like->op, candidate, i, &packs[i]);
    if (status != CVK_OK) packs[i] = NULL;
  }
  if (status == CVK_OK) status = s->p.table.prepare(s->p.dev, &like->op, candidate, packs, &kernel);
  if (status == CVK_OK) s->p.table.kernel_free(kernel);
  for (int32_t i = 0; i < CASE_IN; i++) {
    if (packs[i]) s->p.table.pack_free(packs[i]);
  }
  plugin_close(&s->p);
  return status;
}

enum { MOST_FAILURES = 400 };

static void check_no_memory(const group_arg *g) {
  static subject first, s;
  begin();
  if (!start(&first, g)) return;
  for (int64_t n = 0; n < MOST_FAILURES; n++) {
    if (!load(&s, g)) return;
    child_at("allocation %lld fails", (long long)n);
    const cvk_status status = one_life(g, &s, n, &first.c, &first.candidate);
    if (s.host.live != 0) {
      check_fail("when allocation %lld fails, %lld blocks are not given back", (long long)n, (long long)s.host.live);
      return;
    }
    if (status == CVK_OK && s.host.calls <= n) break; /* there are no more */
    if (status == CVK_OK) continue;                   /* it went on without */
    if (status != CVK_NO_MEMORY && status != CVK_OUT_OF_DEVICE_MEMORY) {
      check_fail("when allocation %lld fails, the answer is %s, not NO_MEMORY", (long long)n, cvk_status_name(status));
      return;
    }
    if (s.host.said[0] == '\0') {
      check_fail("when allocation %lld fails, fail is not given a sentence", (long long)n);
      return;
    }
  }
  close_subject(&first);
}

static int32_t open_files(void) {
  DIR *dir = opendir("/proc/self/fd");
  int32_t n = 0;
  for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;) n += e->d_name[0] != '.';
  if (dir) closedir(dir);
  return n;
}

enum { WARM_LIVES = 6, LIVES = 16, KERNELS = 100 /* made in each */, SLACK_BYTES = 4096 /* a life may leave this much, of caches */ };

static void check_leaks(const group_arg *g) {
  static subject s;
  size_t used = 0;
  int32_t files = 0;
  begin();
  for (int i = 0; i < LIVES; i++) {
    child_at("life %d of %d", i, LIVES);
    if (!start(&s, g)) return;
    for (int k = 0; k < KERNELS && s.p.host_memory; k++) {
      op_run_release(&s.run);
      if (open_run(&s)) continue;
      check_fail("kernel %d of one instance: %s", k, s.why);
      return;
    }
    close_subject(&s);
    if (!test_host_is_clean(&s.host, s.why, sizeof s.why)) {
      check_fail("%s", s.why);
      return;
    }
    if (i + 1 != WARM_LIVES) continue;
    used = mallinfo2().uordblks;
    files = open_files();
  }
  const long long grown = (long long)mallinfo2().uordblks - (long long)used;
  if (grown / (LIVES - WARM_LIVES) > SLACK_BYTES && s.p.host_memory)
    check_fail("each instance leaves %lld bytes of malloc", grown / (LIVES - WARM_LIVES));
  else if (open_files() > files) check_fail("%d instances leave %d files open", LIVES - WARM_LIVES, open_files() - files);
}

/* ---- at once ---- */

enum { ROUNDS = 60, AT_ONCE = 3 };

static void *run_often(void *arg) {
  subject *s = arg;
  for (int i = 0; i < ROUNDS; i++) {
    if (!same_again(s)) return s;
  }
  return NULL;
}

static void run_at_once(subject *s, int32_t n) {
  pthread_t thread[AT_ONCE];
  void *bad = NULL, *one;
  child_at("%d ops in threads of their own", n);
  for (int32_t i = 0; i < n; i++) pthread_create(&thread[i], NULL, run_often, &s[i]);
  for (int32_t i = 0; i < n; i++) {
    pthread_join(thread[i], &one);
    if (one) bad = one;
  }
  if (bad) check_fail("%s", ((subject *)bad)->why);
}

/* Different kernels, each with a queue, of one device. */
static void check_kernels_at_once(const group_arg *g) {
  static subject s[AT_ONCE];
  int32_t n = 1;
  begin();
  if (!start(&s[0], g)) return;
  for (; n < AT_ONCE; n++) {
    subject *t = &s[n];
    memset(t, 0, sizeof *t);
    t->p = s[0].p; /* the same device */
    t->p.queue = NULL;
    if (t->p.table.queue_open && t->p.table.queue_open(t->p.dev, 0, &t->p.queue) != CVK_OK) {
      check_fail("a second queue cannot be opened: %.300s", s[0].host.said);
      return;
    }
    if (!find_case(t, n) && !find_case(t, 0)) break;
    if (!open_run(t) || !same_again(t)) {
      check_fail("%s", t->why);
      return;
    }
  }
  run_at_once(s, n);
  for (int32_t i = 1; i < n; i++) {
    op_run_release(&s[i].run);
    op_case_free(&s[i].c);
    if (s[i].p.queue) s[i].p.table.queue_close(s[i].p.queue);
    free(s[i].first);
  }
  close_subject(&s[0]);
}

static void check_instances_at_once(const group_arg *g) {
  static subject s[AT_ONCE];
  begin();
  for (int32_t i = 0; i < AT_ONCE; i++) {
    if (!start(&s[i], g)) return;
  }
  close_subject(&s[0]); /* the others stay */
  run_at_once(&s[1], AT_ONCE - 1);
  for (int32_t i = 1; i < AT_ONCE; i++) close_subject(&s[i]);
}

/* ---- fork ---- */

static void check_fork(const group_arg *g) {
  static subject s;
  int status = 0;
  begin();
  if (!start(&s, g)) return;
  child_at("an op in a child of fork()");
  const pid_t pid = fork();
  if (pid == 0) {
    cvk_arg none = {0};
    cvk_arg in[CASE_IN], out[SAMPLE_OUTPUTS];
    for (int32_t i = 0; i < CASE_IN; i++) in[i] = s.run.in[i].arg;
    for (int32_t i = 0; i < SAMPLE_OUTPUTS; i++) out[i] = s.run.out[i].arg;
    alarm(5);
    s.host.mode = IN_ORDER;
    const cvk_status got = s.p.table.execute(s.run.kernel, s.p.queue, in, out, s.run.workspace.arg.buffer ? &s.run.workspace.arg : &none, NULL, 0, NULL);
    _exit(got == CVK_OK || got == CVK_AFTER_FORK ? 0 : 1);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) check_fail("execute hangs in a child of fork()");
  else if (WIFSIGNALED(status)) check_fail("execute ends a child of fork() by signal %d", WTERMSIG(status));
  else if (WEXITSTATUS(status)) check_fail("execute in a child of fork() answers neither OK nor AFTER_FORK");
  else if (!same_again(&s)) check_fail("the parent, after fork(): %s", s.why);
  close_subject(&s);
}

/* ---- queues and buffers ---- */

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void check_queue(const group_arg *g) {
  static subject s;
  static const int64_t limits[] = {-1, 1000000000, 1}; /* the last may well pass: the device is lost then */
  cvk_status status = CVK_OK;
  begin();
  if (!start(&s, g)) return;
  if (s.p.queue == NULL) {
    check_skip("it has no queues");
    close_subject(&s);
    return;
  }
  for (int i = 0; i < 3; i++) {
    const int64_t at = now_ms();
    child_at("queue_finish of an empty queue, with a limit of %lld ns", (long long)limits[i]);
    status = s.p.table.queue_finish(s.p.queue, limits[i]);
    if (status != CVK_OK && (status != CVK_TIMEOUT || limits[i] != 1)) {
      check_fail("queue_finish with a limit of %lld ns answers %s", (long long)limits[i], cvk_status_name(status));
      return;
    }
    if (now_ms() - at > 2000) check_fail("queue_finish with a limit of %lld ns took %lld ms", (long long)limits[i], (long long)(now_ms() - at));
  }
  if (status == CVK_OK && !same_again(&s)) check_fail("after that: %s", s.why);
  if (status == CVK_OK) close_subject(&s);
}

static void check_buffers(const group_arg *g) {
  static subject s;
  enum { N = 256 };
  unsigned char data[N], back[N];
  cvk_buffer *a = NULL, *b = NULL;
  begin();
  if (!load(&s, g) || !plugin_open(&s.p, &s.host, g->device, s.why, sizeof s.why)) {
    check_fail("%s", s.why);
    return;
  }
  if (s.p.table.buffer_alloc == NULL) {
    check_skip("it works in host memory");
    plugin_close(&s.p);
    return;
  }
  for (int i = 0; i < N; i++) data[i] = (unsigned char)(i * 7 + 1);
  child_at("buffer_alloc of 2^60 bytes");
  if (s.p.table.buffer_alloc(s.p.dev, (uint64_t)1 << 60, &a) == CVK_OK) check_fail("buffer_alloc of 2^60 bytes answers OK");
  child_at("buffer_alloc, write, copy, fill, read");
  a = NULL;
  s.host.said[0] = '\0';
  const cvk_backend *t = &s.p.table;
  int ok = t->buffer_alloc(s.p.dev, N, &a) == CVK_OK && t->buffer_alloc(s.p.dev, N, &b) == CVK_OK;
  ok = ok && t->buffer_write(s.p.queue, a, 0, N, data) == CVK_OK && t->buffer_fill(s.p.queue, b, 0, N, 0x5b) == CVK_OK;
  ok = ok && t->buffer_copy(s.p.queue, a, 64, b, 128, 32) == CVK_OK && t->buffer_read(s.p.queue, b, 0, N, back) == CVK_OK && plugin_finish(&s.p) == CVK_OK;
  for (int i = 0; i < N && ok; i++) ok = back[i] == (i >= 128 && i < 160 ? data[i - 64] : 0x5b);
  if (!ok) check_fail("what was written, filled and copied does not come back: %.300s", s.host.said);
  if (a) t->buffer_free(a);
  if (b) t->buffer_free(b);
  plugin_close(&s.p);
}

const rule_check device_checks[] = {
    {"P6", "leaves environment, signals, directory and floating-point mode alone", check_manners},
    {"P16", "survives fork()", check_fork},
    {"P19", "answers NO_MEMORY with a sentence, and gives all back", check_no_memory},
    {"P20", "leaves nothing behind", check_leaks},
    {"P21", "runs different kernels at once", check_kernels_at_once},
    {"P22", "serves several instances at once", check_instances_at_once},
    {"P23", "queue_finish keeps its limit", check_queue},
    {"P24", "buffers hold what is put there", check_buffers},
    {NULL, NULL, NULL},
};
