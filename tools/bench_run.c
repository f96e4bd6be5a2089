/* SPDX-License-Identifier: Apache-2.0 */
/* bench_run.c: see bench_run.h. */
#include "bench_run.h"

#include <stdlib.h>
#include <string.h>

#include "timing.h"

enum { RUNS_LEAST = 5, RUNS_MOST = 100000, WARM_UP_NS = 50000000 };

static int add_sample(bench_samples *s, int64_t ns) {
  if ((s->n & (s->n - 1)) == 0) { /* full at each power of two */
    int64_t *grown = realloc(s->ns, (size_t)(s->n ? 2 * s->n : 1) * sizeof *grown);
    if (grown == NULL) return 0;
    s->ns = grown;
  }
  s->ns[s->n++] = ns;
  return 1;
}

static cvk_status add_samples(bench_run *r, int64_t ns) {
  int ok = add_sample(&r->whole, ns);
  for (int32_t i = 0; i < r->n_ops && ok; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    const cvk_status status = cvk_session_op_report(r->session, i, &op);
    if (status != CVK_OK) return status;
    ok = add_sample(&r->op[i], op.ns);
  }
  return ok ? CVK_OK : CVK_NO_MEMORY;
}

/* After the first run, which plans. */
static cvk_status find_ops(bench_run *r) {
  cvk_session_report report = {.struct_size = sizeof report};
  const cvk_status status = cvk_session_report_get(r->session, &report);
  if (status != CVK_OK) return status;
  r->op = calloc((size_t)report.n_ops + 1, sizeof *r->op);
  if (r->op) r->n_ops = report.n_ops;
  return r->op ? CVK_OK : CVK_NO_MEMORY;
}

/* The same output tensors in every run: after the first one nothing is allocated. */
static cvk_status measure(bench_run *r, const bench_limits *limits, int profile, int32_t n_in, cvk_tensor *const *in, int32_t n_out,
                          cvk_tensor **out) {
  cvk_status status = cvk_session_run(r->session, n_in, in, n_out, out);
  if (status == CVK_OK && profile) status = find_ops(r);
  int64_t now = timing_now_ns();
  const int64_t warm = now + WARM_UP_NS, end = warm + (int64_t)(limits->seconds * 1e9);
  const int64_t least = limits->repeat ? limits->repeat : RUNS_LEAST, most = limits->repeat ? limits->repeat : RUNS_MOST;
  while (status == CVK_OK && now < warm) {
    status = cvk_session_run(r->session, n_in, in, n_out, out);
    now = timing_now_ns();
  }
  while (status == CVK_OK && (r->whole.n < least || (r->whole.n < most && now < end))) {
    const int64_t start = timing_now_ns();
    status = cvk_session_run(r->session, n_in, in, n_out, out);
    now = timing_now_ns();
    if (status == CVK_OK) status = add_samples(r, now - start);
  }
  return status;
}

cvk_status bench_run_graph(cvk_graph *g, const cvk_session_options *options, cvk_tensor *const *in, const bench_limits *limits,
                           bench_run *r) {
  const int32_t n_out = cvk_graph_output_count(g);
  *r = (bench_run){0};
  cvk_tensor **out = calloc((size_t)n_out + 1, sizeof *out);
  cvk_status status = out ? cvk_session_create(g, options, &r->session) : CVK_NO_MEMORY;
  if (status == CVK_OK) status = measure(r, limits, options->profile, cvk_graph_input_count(g), in, n_out, out);
  for (int32_t i = 0; out && i < n_out; i++) cvk_tensor_release(out[i]);
  free(out);
  return status;
}

void bench_run_free(bench_run *r) {
  for (int32_t i = 0; i < r->n_ops; i++) free(r->op[i].ns);
  free(r->op);
  free(r->whole.ns);
  cvk_session_release(r->session);
  *r = (bench_run){0};
}
