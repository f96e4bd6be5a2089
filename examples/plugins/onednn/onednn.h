/* SPDX-License-Identifier: Apache-2.0 */
/* onednn.h: what the files of this plugin share. A plan is an op told to oneDNN: the primitive that it would run, and in which formats. conv.c,
 * pool.c and matmul.c make plans (each op has a few variants, best first), plan.c holds what they have in common, plugin.c runs them. */
#ifndef CONVOKE_ONEDNN_H
#define CONVOKE_ONEDNN_H

#include <convoke/plugin.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/types.h>

struct cvk_backend_device {
  const cvk_host *host;
  dnnl_engine_t engine;
  pid_t process; /* that opened it: libgomp's threads do not live on in a child */
};

/* A max pool by plain loops: oneDNN's drops NaN and starts from -FLT_MAX, so inputs that are not finite come here. */
typedef struct max_window {
  int64_t planes, block; /* N x C / block; channels a block (1: plain) */
  int64_t in[3], out[3], kernel[3], stride[3], pad[3];
} max_window;

typedef struct plan {
  const char *row;
  dnnl_primitive_desc_t desc; /* the plan's own */
  int32_t x_block, y_block;   /* 0: plain */
  int32_t n_in;               /* inputs that the primitive reads: x, weights, bias */
  int32_t packs;              /* the weights are constant and wanted in oneDNN's order */
  int32_t threads;
  int64_t depth;              /* products in one sum; 0: no sum */
  double work;                /* multiply-adds */
  max_window window;          /* MAX_POOL */
} plan;

#define ONEDNN_VARIANTS 5

/* Each fills *p (to be given to plan_free) and returns NULL, or says why variant number `variant` does not take the op. */
const char *plan_read(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p);
const char *plan_conv(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p);
const char *plan_pool(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p);
const char *plan_gemm(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p);
const char *plan_matmul(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p);
void plan_free(plan *p);

/* Makes p->desc from an operation descriptor of oneDNN's. */
const char *plan_ask(const cvk_backend_device *dev, const void *op_desc, plan *p);
const dnnl_memory_desc_t *plan_arg(const plan *p, int arg); /* what the primitive wants as DNNL_ARG_... */
int32_t plan_error_class(const plan *p);

void dims_of(int32_t n, const int64_t *from, dnnl_dims_t to); /* oneDNN's arrays are of twelve */
int32_t md_plain(dnnl_memory_desc_t *md, int32_t rank, const int64_t *dim);
int32_t md_blocked(dnnl_memory_desc_t *md, int32_t rank, const int64_t *dim, int32_t block); /* block 0: plain, 8 or 16 */
int32_t md_any(dnnl_memory_desc_t *md, int32_t rank, const int64_t *dim);
uint64_t md_number(const dnnl_memory_desc_t *md); /* for cvk_candidate.pack: equal for equal formats, never 0 */

int32_t threads_enter(int32_t n); /* for oneDNN calls by this thread; returns what to hand to threads_enter afterwards */
int32_t all_finite(const float *v, int64_t n);
void max_pool_plain(const max_window *w, const float *x, float *y);

#endif
