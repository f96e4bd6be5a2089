/* SPDX-License-Identifier: Apache-2.0 */
/* speed.c: the time of an op on one thread, and the cpu backend's for the same, each with the best row that it offers and in the formats of that row.
 * Ops without a line here are timed on the largest of their cases. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fp_mode.h"
#include "op_run.h"
#include "op_table.h"

static const char *const lines[] = {
    "conv 1x64x28x28 64x64x3x3 64 pad=1,1,1,1",
    "conv_transpose 1x32x14x14 32x32x2x2 32 stride=2,2",
    "gemm 64x512 512x512 512",
    "matmul 64x512 512x512",
    "max_pool 1x64x56x56 kernel=3,3 stride=2,2 pad=1,1,1,1",
    "avg_pool 1x64x28x28 kernel=2,2 stride=2,2",
    "global_avg_pool 1x512x7x7",
    "batch_norm 1x64x28x28 64 64 64 64@pos",
    "pad 1x64x28x28 pad=0,0,1,1,0,0,1,1",
    "relu 1x64x56x56",
    "leaky_relu 1x64x56x56 alpha=0.1",
    "sigmoid 1x64x56x56",
    "add 1x64x56x56 1x64x56x56",
    "mul 1x64x56x56 1x64x56x56",
    "softmax 1x1000",
};

enum { MOST_ROUNDS = 200 };
#define BUDGET_NS 60e6

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median time of an execution; 0: it cannot be run. */
static double time_case(plugin *p, const op_sample *s) {
  cvk_candidate room[MOST_CANDIDATES];
  double times[MOST_ROUNDS];
  op_case *c = malloc(sizeof *c);
  char why[TEXT_BYTES];
  int32_t n = 0, rounds = 0;
  double result = 0;
  for (int way = SAMPLE_WAYS - 1; c && way >= 0 && n == 0; way--) {
    if (!op_case_make(s, way, 0, c, why, sizeof why)) continue;
    if (!plugin_ask(p, &c->op, room, &n, why, sizeof why)) n = 0;
    if (n == 0) op_case_free(c);
  }
  if (n > 0) {
    op_run r = {.p = p, .c = c, .candidate = &room[0], .mode = IN_ORDER, .unwatched = 1, .fp_mode = cvk_fp_mode_get()};
    op_case_format(c, &room[0]);
    int ok = op_run_make(&r, AT_END, 0) == CVK_OK;
    for (const double begin = now_ns(); ok && rounds < MOST_ROUNDS && (rounds < 5 || now_ns() - begin < BUDGET_NS); rounds++) {
      const double at = now_ns();
      ok = op_run_execute(&r, -1) == CVK_OK;
      times[rounds] = now_ns() - at;
    }
    op_run_release(&r);
    op_case_free(c);
    if (ok) {
      qsort(times, (size_t)rounds, sizeof *times, by_value);
      result = times[rounds / 2];
    }
  }
  free(c);
  return result;
}

/* The line of the kind, else its case of most elements. */
static int find_line(int32_t kind, op_sample *s) {
  char why[TEXT_BYTES];
  const char *best = NULL;
  uint64_t most = 0;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (op_sample_parse(lines[i], s, why, sizeof why) && s->step[0].kind == kind) return 1;
  }
  for (int32_t i = 0; op_case_text(kind, i); i++) {
    if (!op_sample_parse(op_case_text(kind, i), s, why, sizeof why)) continue;
    if (best != NULL && op_sample_bytes(s, 0) <= most) continue;
    best = op_case_text(kind, i);
    most = op_sample_bytes(s, 0);
  }
  return best != NULL && op_sample_parse(best, s, why, sizeof why);
}

static double time_on(const char *path, int32_t device, const op_sample *s) {
  static test_host hosts[2];
  static int n;
  cvk_context *ctx = NULL;
  plugin p;
  char why[TEXT_BYTES];
  test_host *host = &hosts[n++ % 2];
  cvk_context_create(NULL, &ctx);
  test_host_init(host, ctx);
  if (!plugin_load(&p, path, why, sizeof why) || !plugin_open(&p, host, device, why, sizeof why)) return 0;
  const double ns = time_case(&p, s);
  plugin_close(&p);
  return ns;
}

void speed_group(void *arg) {
  const group_arg *g = arg;
  op_sample s;
  child_at("its time");
  if (!find_line(g->kind, &s)) return;
  const double ns = time_on(g->path, g->device, &s);
  child_tell("S\t%.0f\t%.0f", ns, ns > 0 && g->cpu_path ? time_on(g->cpu_path, 0, &s) : 0);
}
