/* SPDX-License-Identifier: Apache-2.0 */
/* dense_clblast.c: the row of GEMM and MATMUL on CLBlast's Sgemm. The library is loaded when a product is large enough to ask for it; its
 * first call in a process compiles for seconds, so on CPU-class devices, where our own tiles are faster, the row is there to be chosen by
 * name. How it sums is its own affair: it is offered under the wider error bound, and not where exact results are asked for. */
#include <clblast_c.h>
#include <dlfcn.h>
#include <stdio.h>

#include "dense.h"

#define LIBRARY "libclblast.so.1"
#define CPU_CLASS_PENALTY 20            /* measured on PoCL: 12 to 24 GFLOP/s untuned */
#define LEAST_PRODUCTS (32.0 * 32 * 32) /* below, the call itself costs more than the product */
#define LEAST_GROUP 256                 /* the library asks for no more, and has no smaller kernels to fall back on */

typedef CLBlastStatusCode (*sgemm_fn)(CLBlastLayout, CLBlastTranspose, CLBlastTranspose, size_t, size_t, size_t, float, cl_mem, size_t,
                                      size_t, cl_mem, size_t, size_t, float, cl_mem, size_t, size_t, cl_command_queue *, cl_event *);
typedef CLBlastStatusCode (*clear_fn)(void);

static struct {
  pthread_once_t once;
  sgemm_fn sgemm;
  clear_fn clear;
  char why[200]; /* not loaded */
} library = {.once = PTHREAD_ONCE_INIT};

typedef struct call_state { /* of a prepared kernel */
  ocl_dense dense;
} call_state;

static void load(void) {
  void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char *why = handle ? NULL : dlerror();
  if (handle) {
    library.sgemm = (sgemm_fn)dlsym(handle, "CLBlastSgemm");
    library.clear = (clear_fn)dlsym(handle, "CLBlastClearCache");
  }
  if (why) snprintf(library.why, sizeof library.why, "%s", why);
  if (!library.sgemm && !why) snprintf(library.why, sizeof library.why, "%s lacks CLBlastSgemm", LIBRARY);
}

int32_t dense_clblast_accepts(ocl_query *q) {
  ocl_dense d;
  if (!ocl_dense_accept(q, &d)) return 0;
  if (q->op->flags & CVK_EXACT) return ocl_refuse(q, "exact results were asked for");
  if (q->op->n_post) return ocl_refuse(q, "takes no post-op");
  if (d.batch != 1 || d.b_batch != 1) return ocl_refuse(q, "%lld matrices, takes 1", (long long)d.batch);
  const double products = (double)d.rows * (double)d.columns * (double)d.depth;
  if (products < LEAST_PRODUCTS)
    return ocl_refuse(q, "%lldx%lldx%lld is too small", (long long)d.rows, (long long)d.columns, (long long)d.depth);
  if (q->dev->max_group < LEAST_GROUP)
    return ocl_refuse(q, "work-groups of %zu items at most, CLBlast's want %d", q->dev->max_group, LEAST_GROUP);
  pthread_once(&library.once, load);
  if (!library.sgemm) return ocl_refuse(q, "%s", library.why);
  q->candidate->error_class = CVK_ERROR_WINOGRAD;
  q->candidate->estimated_ns = ocl_estimate(q->dev, 2 * products, (double)(d.columns * d.depth) * sizeof(float), 0.5);
  if (q->dev->cpu_class) q->candidate->estimated_ns *= CPU_CLASS_PENALTY;
  return 1;
}

cvk_status dense_clblast_prepare(ocl_build *b) {
  const cvk_host *host = b->dev->host;
  call_state *state = host->alloc(host->ctx, sizeof *state, sizeof(void *));
  if (!state) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a kernel of row %s", b->dev->label, b->row->name);
  ocl_dense_read(b->op, &state->dense);
  b->kernel->state = state;
  atomic_store(&b->dev->shared->clblast_used, 1);
  const ocl_dense *d = &state->dense;
  if (!d->has_c) return CVK_OK;
  ocl_launch *l = ocl_launch_begin(b, "dense", "", "dense_start");
  ocl_arg_in(l, b, 2);
  ocl_arg_out(l, b, 0);
  ocl_arg_longs(l, 4, (int64_t[]){d->rows, d->columns, d->c_row, d->c_column});
  ocl_arg_float(l, d->beta);
  return ocl_launch_end(b, l, 2, (int64_t[]){(d->columns + 15) / 16, d->rows}, (size_t[]){8, 8});
}

cvk_status dense_clblast_execute(cvk_kernel *kernel, const ocl_call *call) {
  const ocl_dense *d = &((const call_state *)kernel->state)->dense;
  const cvk_buffer *a = call->in[0].buffer, *b = call->in[1].buffer, *y = call->out[0].buffer;
  cl_command_queue queue = call->queue->queue;
  cvk_status status;
  if (d->has_c) {
    status = ocl_enqueue_launches(kernel, call, NULL);
  } else { /* what stands in y could be NaN */
    const float zero = 0;
    status = ocl_check(kernel->dev,
                       clEnqueueFillBuffer(queue, y->mem, &zero, sizeof zero, call->out[0].offset_bytes,
                                           (size_t)(d->rows * d->columns) * sizeof(float), 0, NULL, NULL),
                       "clEnqueueFillBuffer");
  }
  if (status != CVK_OK) return status;
  const CLBlastStatusCode code =
      library.sgemm(CLBlastLayoutRowMajor, d->a_transposed ? CLBlastTransposeYes : CLBlastTransposeNo,
                    d->b_transposed ? CLBlastTransposeYes : CLBlastTransposeNo, (size_t)d->rows, (size_t)d->columns, (size_t)d->depth,
                    d->alpha, a->mem, call->in[0].offset_bytes / sizeof(float), (size_t)(d->a_transposed ? d->rows : d->depth), b->mem,
                    call->in[1].offset_bytes / sizeof(float), (size_t)(d->b_transposed ? d->depth : d->columns), 1.0f, y->mem,
                    call->out[0].offset_bytes / sizeof(float), (size_t)d->columns, &queue, NULL);
  if (code == CLBlastSuccess) return CVK_OK;
  return ocl_fail(kernel->dev->host, code < 0 && code > -100 ? ocl_error_status(code) : CVK_INTERNAL,
                  "%s: CLBlastSgemm %lldx%lldx%lld failed with %d", kernel->dev->label, (long long)d->rows, (long long)d->columns,
                  (long long)d->depth, (int)code);
}

void dense_clblast_forget(ocl_shared *shared) {
  if (atomic_load(&shared->clblast_used) && library.clear) library.clear();
}
