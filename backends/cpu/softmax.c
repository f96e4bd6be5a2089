/* SPDX-License-Identifier: Apache-2.0 */
/* softmax: SOFTMAX and LOG_SOFTMAX along any axis, f32, plain. The tensor is [outer, extent, inner]. inner 1: a task is some rows. Else up
 * to STRIP neighbours of the inner axis go together. The maximum is taken off first; a row with NaN or +inf, or of -inf only, is NaN
 * throughout. */
#include "cpu.h"
#include "fold.h"
#include "vmath.h"

enum { STRIP = 64, FLOATS_PER_TASK = 2048 }; /* STRIP: a multiple of every VL */

typedef struct softmax_kernel {
  cpu_kernel base;
  int64_t outer, extent, inner, strips, units, units_per_task;
  int32_t is_log;
  double ns;
} softmax_kernel;

typedef struct softmax_job {
  const softmax_kernel *kernel;
  const float *x;
  float *y;
} softmax_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  if (!cpu_all_f32(op, why)) return 0;
  const double n = (double)cvk_count(op->in[0]->rank, op->in[0]->dim);
  c->inplace = 0;
  c->estimated_ns = cpu_ns_memory(device, 20 * n, 1) + cpu_ns_compute(device, n * 2 * 22, 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  const int32_t axis = ((const cvk_axis_attr *)op->attr)->axis;
  softmax_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->outer = cvk_count(axis, x->dim);
  k->extent = x->rank > 0 ? x->dim[axis] : 1;
  k->inner = x->rank > 0 ? cvk_count(x->rank - axis - 1, x->dim + axis + 1) : 1;
  k->strips = cpu_ceil_div(k->inner, STRIP);
  k->units = k->extent > 0 ? k->outer * k->strips : 0;
  k->units_per_task = cpu_max(1, FLOATS_PER_TASK / cpu_max(1, k->extent * cpu_min(k->inner, STRIP)));
  k->is_log = op->kind == CVK_OP_LOG_SOFTMAX;
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static float log_of(double x) {
  float lane[VL];
  v_store(lane, v_log(v_set1((float)x)));
  return lane[0];
}

/* y = exp(x - most); the caller's sum runs over what was stored. */
static void exponentials(const float *x, float *y, int64_t n, float most) {
  const vf m = v_set1(most);
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_exp(v_sub(v_load(x + i), m)));
  if (i < n) v_store_n(y + i, v_exp(v_sub(v_load_n(x + i, n - i), m)), n - i);
}

static double exponential_sum(const float *x, int64_t n, float most) {
  float part[STRIP];
  double total = 0;
  for (int64_t i = 0; i < n; i += STRIP) {
    exponentials(x + i, part, cpu_min(STRIP, n - i), most);
    total += fold_sum(part, cpu_min(STRIP, n - i));
  }
  return total;
}

static void row(const softmax_kernel *k, const float *x, float *y) {
  const int64_t n = k->extent;
  const float most = fold_extreme(x, n, 1);
  if (k->is_log) {
    const vf m = v_set1(most), shift = v_set1(log_of(exponential_sum(x, n, most)));
    int64_t i = 0;
    for (; i + VL <= n; i += VL) v_store(y + i, v_sub(v_sub(v_load(x + i), m), shift));
    if (i < n) v_store_n(y + i, v_sub(v_sub(v_load_n(x + i, n - i), m), shift), n - i);
    return;
  }
  exponentials(x, y, n, most);
  const vf sum = v_set1((float)fold_sum(y, n));
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_div(v_load(y + i), sum));
  if (i < n) v_store_n(y + i, v_div(v_load_n(y + i, n - i), sum), n - i);
}

/* One vector of the inner axis (the first `lanes` of it), all along the softmax axis. */
static void column(const softmax_kernel *k, const float *x, float *y, int64_t lanes) {
  const int64_t step = k->inner;
  double total[VL] = {0};
  float lane[VL];
  vf most = v_set1(-__builtin_inff());
  for (int64_t i = 0; i < k->extent; i++) most = v_max(most, v_load_n(x + i * step, lanes));
  for (int64_t i = 0; i < k->extent;) {
    const int64_t end = cpu_min(k->extent, i + FOLD_BLOCK);
    vf part = v_zero();
    for (; i < end; i++) {
      const vf e = v_exp(v_sub(v_load_n(x + i * step, lanes), most));
      part = v_add(part, e);
      if (!k->is_log) v_store_n(y + i * step, e, lanes);
    }
    v_store(lane, part);
    for (int u = 0; u < VL; u++) total[u] += lane[u];
  }
  for (int u = 0; u < VL; u++) lane[u] = (float)total[u];
  const vf sum = v_load(lane), shift = v_log(sum);
  for (int64_t i = 0; i < k->extent; i++) {
    const vf v = k->is_log ? v_sub(v_sub(v_load_n(x + i * step, lanes), most), shift) : v_div(v_load_n(y + i * step, lanes), sum);
    v_store_n(y + i * step, v, lanes);
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const softmax_job *j = arg;
  const softmax_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->units, (index + 1) * k->units_per_task);
  (void)worker;
  for (int64_t unit = index * k->units_per_task; unit < end; unit++) {
    const int64_t first = unit % k->strips * STRIP, offset = unit / k->strips * k->extent * k->inner + first;
    const int64_t n = cpu_min(STRIP, k->inner - first);
    if (k->inner == 1)
      row(k, j->x + offset, j->y + offset);
    else
      for (int64_t i = 0; i < n; i += VL) column(k, j->x + offset + i, j->y + offset + i, cpu_min(VL, n - i));
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const softmax_kernel *k = (const softmax_kernel *)kernel;
  softmax_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(softmax_row) = {.name = CVK_ISA_ROW("softmax"),
                                         .kind = CVK_OP_SOFTMAX,
                                         .kind_last = CVK_OP_LOG_SOFTMAX,
                                         .accepts = accepts,
                                         .prepare = prepare,
                                         .execute = execute};
