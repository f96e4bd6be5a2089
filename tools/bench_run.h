/* SPDX-License-Identifier: Apache-2.0 */
/* bench_run.h: runs a graph over and over and keeps the time of each run, or of each op of it. */
#ifndef CVK_BENCH_RUN_H
#define CVK_BENCH_RUN_H

#include <convoke/convoke.h>

typedef struct bench_samples { /* ns[0..n-1] */
  int64_t *ns, n;
} bench_samples;

typedef struct bench_limits {
  int64_t repeat; /* runs; 0: as many as fit into `seconds`, and at least five */
  double seconds;
} bench_limits;

typedef struct bench_run {
  cvk_session *session;
  bench_samples whole; /* runs from the call to the return */
  int32_t n_ops;       /* entries of the session's report; 0 without options->profile */
  bench_samples *op;   /* one an entry */
} bench_run;

/* Plans g, warms up and measures; in: a tensor for each input of g. bench_run_free() also on failure. */
cvk_status bench_run_graph(cvk_graph *g, const cvk_session_options *options, cvk_tensor *const *in, const bench_limits *limits,
                           bench_run *out);
void bench_run_free(bench_run *r);

#endif
