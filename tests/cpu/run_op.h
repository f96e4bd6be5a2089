/* SPDX-License-Identifier: Apache-2.0 */
/* run_op.h: runs one op on chosen rows of the CPU backend under the mini host, for tests. Data is given and read in plain
 * format; it is rearranged as the candidate asks by plain loops of its own. Buffers end at (or begin behind) a page that faults, which also
 * gives them odd alignments. */
#ifndef CVK_TESTS_RUN_OP_H
#define CVK_TESTS_RUN_OP_H

#include "mini_host.h"

#define RUN_ARGS 16
#define RUN_CANDIDATES 32

typedef struct run_op {
  int32_t kind, n_in, n_out, n_post;
  uint32_t flags;
  const void *attr;
  cvk_tensor_desc in[RUN_ARGS], out[RUN_ARGS]; /* plain; rank < 0: absent */
  const void *in_data[RUN_ARGS];               /* plain */
  void *out_data[RUN_ARGS];                    /* plain, filled by run_row */
  int32_t constant[RUN_ARGS];                  /* input i is known at prepare */
  cvk_post_op post[8];
} run_op;

enum { RUN_END, RUN_BEGIN, RUN_ALIGNED }; /* where buffers lie: end at a guard page, begin behind one, on cache lines */

cvk_tensor_desc run_desc(int32_t dtype, int32_t rank, const int64_t *dim);
/* Candidates of the op, best first; returns how many. */
int run_candidates(mini_host *m, const run_op *op, cvk_candidate *c);
/* Prepares, executes `runs` times and brings the outputs back. ns (may be NULL): the fastest run. Tail lanes of blocked outputs that are
 * not zero give CVK_INTERNAL. */
cvk_status run_row(mini_host *m, const run_op *op, const cvk_candidate *c, int placement, int runs, double *ns);
/* A REORDER from one format to another of plain data: fills in.format, out.format for rows that read them. */
void run_set_formats(run_op *op, cvk_format in, cvk_format out);

/* Deterministic values in -1..1, or in 0.5..1.5 for `positive`. */
void run_fill(float *p, int64_t n, uint32_t seed, int positive);

#endif
