/* SPDX-License-Identifier: Apache-2.0 */
/* sample_run.h: runs a case of selftest on a device, and what it must give: the outputs of the plain-C reference and, an element each, how far
 * from them a result may be. The measures are those of docs: exact for what moves or selects, a few units in the last place for functions,
 * 4 * 2^-24 * sum|x||w| for sums of products (found by running the reference on absolute values); errors travel along a chain of ops. */
#ifndef CVK_SAMPLE_RUN_H
#define CVK_SAMPLE_RUN_H

#include "op_sample.h"

enum { SAMPLE_WINOGRAD_SCALE = 16 }; /* of the bound, for rows of that error class: k = 64 against 4 */
enum { SAMPLE_ALL_RUN_TIME, SAMPLE_CONSTANTS, SAMPLE_WAYS }; /* which tensors are inputs: all; the first, and operands that a chain adds */

typedef struct sample_expected {
  int32_t n_out;
  cvk_tensor *out[SAMPLE_OUTPUTS];
  double *bound[SAMPLE_OUTPUTS]; /* NULL: equal bits, but for the sign of zero and NaN's payload */
} sample_expected;

cvk_status sample_expect(cvk_context *ctx, const op_sample *s, sample_expected *out);
void sample_expected_free(sample_expected *e);

/* Whether the second way differs from the first. */
int sample_has_constants(const op_sample *s);
/* The case as a graph and the tensors of its inputs, at most SAMPLE_TENSORS; both are the caller's even on failure (*g may be NULL). */
cvk_status sample_graph(cvk_context *ctx, const op_sample *s, int way, cvk_graph **g, cvk_tensor **inputs, int32_t *n_inputs);
/* Runs the case; out: the last step's outputs, the caller's. *session (for its report) is the caller's even on failure; it may be NULL. */
cvk_status sample_run(cvk_context *ctx, const cvk_session_options *options, const op_sample *s, int way, cvk_tensor **out, cvk_session **session);

/* 1: within scale * bound. *worst becomes the largest error in units of the unscaled bound, where that is larger. */
int sample_compare(const sample_expected *e, cvk_tensor *const *out, double scale, double *worst, char *why, size_t why_bytes);

#endif
