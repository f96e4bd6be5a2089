/* SPDX-License-Identifier: Apache-2.0 */
/* net.h: small graphs for the tests of sessions: tensors of made-up values, contexts, a session's report as text. */
#ifndef CVK_TESTS_NET_H
#define CVK_TESTS_NET_H

#include "../harness.h"

#define DIMS(...) (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

/* A context with the built CPU backend only, found through the environment. threads 0: the default. */
cvk_context *net_context(int32_t threads);
/* A host tensor of f32 in -1..1; the same for the same seed. */
cvk_tensor *net_tensor(int32_t rank, const int64_t *dim, uint32_t seed);
cvk_tensor *net_ints(int64_t n, const int64_t *v);
/* The values of an f32 tensor, room for `most`. Returns their number. */
int64_t net_read(const cvk_tensor *t, float *v, int64_t most);
void net_equal(const cvk_tensor *a, const cvk_tensor *b);  /* the same bits */
void net_close(const cvk_tensor *a, const cvk_tensor *b);  /* max|a - b| <= 1e-5 max|b| */

cvk_graph *net_graph(cvk_context *ctx);
cvk_value net_input(cvk_graph *g, const char *name, int32_t rank, const int64_t *dim);
cvk_value net_constant(cvk_graph *g, cvk_tensor *t); /* takes over the caller's reference */
cvk_value net_op(cvk_graph *g, int32_t kind, int32_t n, const cvk_value *in); /* default attribute, one output */

cvk_session *net_session(cvk_graph *g, const char *device);
cvk_session_report net_report(cvk_session *s);
/* Executed ops in order as "conv+relu@cpu gemm@reference"; reorders and copies as "reorder", "copy". Static text. */
const char *net_ops(cvk_session *s);

/* Makes y the output of a graph with one input and holds what the cpu makes of it, fused, against the reference, op by op, for values in -scale..scale;
 * `ops`: what ran, as net_ops says it. */
void net_check(cvk_graph *g, cvk_value y, float scale, const char *ops);

#endif
