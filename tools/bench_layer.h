/* SPDX-License-Identifier: Apache-2.0 */
/* bench_layer.h: a layer of `convoke bench --layers`: a line of CSV, and the graph of it. */
#ifndef CVK_BENCH_LAYER_H
#define CVK_BENCH_LAYER_H

#include <convoke/convoke.h>

#define BENCH_LAYER_HEADER "name,op,N,C,H,W,K,kh,kw,sh,sw,ph,pw,groups"

typedef struct bench_layer {
  char name[64], op[24];
  int64_t n, c, h, w, k, kh, kw, sh, sw, ph, pw, groups; /* C inputs to K outputs; pads are the same at both ends */
} bench_layer;

enum { BENCH_NCHW, BENCH_BLOCKED };

/* Reads a line. 1, or 0 with a clause in `why`. */
int bench_layer_parse(const char *line, bench_layer *out, char *why, size_t why_bytes);
/* The layer as a graph with one input and one output; its op has the layer's name. BENCH_NCHW: by itself. BENCH_BLOCKED: between two
 * depthwise convolutions, as inside a network, where tensors lie in the layouts that the planner chose. */
cvk_status bench_layer_graph(cvk_context *ctx, const bench_layer *l, int layout, cvk_graph **out);
/* Deterministic values for an input or a constant: a host tensor, the caller's. */
cvk_status bench_tensor(int32_t rank, const int64_t *dim, uint32_t seed, cvk_tensor **out);

#endif
