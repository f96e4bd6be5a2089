/* SPDX-License-Identifier: Apache-2.0 */
/* reduce: REDUCE_MEAN, SUM, MAX, MIN and PROD over any axes, f32, plain. Kept axes and reduced axes are two strided spaces. Where the innermost
 * axis is reduced, an output is a fold of contiguous rows (fold.h); where it is kept, STRIP neighbouring outputs are folded together. Sums
 * end in double, so the error does not grow with the count. The sum of nothing is 0, its mean NaN, its extreme an infinity, its
 * product 1; products are formed in double. */
#include "cpu.h"
#include "fold.h"
#include "strided.h"

enum { STRIP = 64, FLOATS_PER_TASK = 8192 };

typedef struct reduce_kernel {
  cpu_kernel base;
  nd_space kept;                         /* operands: output, input */
  nd_space reduced;                      /* operand: input */
  int64_t rows, n, step;                 /* the reduced space: rows of n inputs, step apart */
  int64_t strips, units, units_per_task; /* a unit: one output, or a strip of outputs */
  int32_t kind, inner_kept;
  double count;
  double ns;
} reduce_kernel;

typedef struct reduce_job {
  const reduce_kernel *kernel;
  const float *x;
  float *y;
} reduce_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  (void)variant;
  if (!op->in[0] || op->in[0]->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", op->in[0] ? op->in[0]->dtype : 0);
  c->estimated_ns = cpu_ns_memory(device, (double)cvk_desc_bytes(op->in[0]) + (double)cvk_desc_bytes(op->out[0]), 1);
  return 1;
}

/* Bit a: axis a is reduced. */
static uint32_t reduced_axes(const cvk_op *op) {
  const cvk_axes_attr *a = op->attr;
  uint32_t bits = 0;
  if (a->n_axes == 0) return a->noop_with_empty_axes ? 0 : (1u << op->in[0]->rank) - 1;
  for (int32_t i = 0; i < a->n_axes; i++) bits |= 1u << a->axis[i];
  return bits;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  const uint32_t reduced = reduced_axes(op);
  int64_t dense[CVK_MAX_RANK], out_step[CVK_MAX_RANK], step = 1;
  reduce_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  nd_dense(x->rank, x->dim, dense);
  for (int32_t i = x->rank - 1; i >= 0; i--) {
    out_step[i] = step;
    if (!(reduced >> i & 1)) step *= x->dim[i];
  }
  nd_init(&k->kept, 2);
  nd_init(&k->reduced, 1);
  k->count = 1;
  for (int32_t i = 0; i < x->rank; i++) {
    if (reduced >> i & 1) {
      nd_axis(&k->reduced, x->dim[i], &dense[i]);
      k->count *= (double)x->dim[i];
    } else {
      nd_axis(&k->kept, x->dim[i], (int64_t[]){out_step[i], dense[i]});
    }
  }
  nd_collapse(&k->kept);
  nd_collapse(&k->reduced);
  const int64_t inner = nd_inner(&k->kept);
  k->rows = nd_rows(&k->reduced);
  k->n = nd_inner(&k->reduced);
  k->step = k->reduced.stride[0][k->reduced.rank - 1];
  k->kind = op->kind;
  k->inner_kept = inner > 1 && k->kept.stride[1][k->kept.rank - 1] == 1 && !(k->n > 1 && k->step == 1);
  k->strips = k->inner_kept ? cpu_ceil_div(inner, STRIP) : inner;
  k->units = nd_rows(&k->kept) * k->strips;
  k->units_per_task = cpu_max(1, FLOATS_PER_TASK / (int64_t)(1 + k->count * (k->inner_kept ? STRIP : 1)));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static int is_extreme(int32_t kind) {
  return kind == CVK_OP_REDUCE_MAX || kind == CVK_OP_REDUCE_MIN;
}

static float one_output(const reduce_kernel *k, const float *x) {
  const int64_t n = k->n, step = k->step;
  const int is_max = k->kind == CVK_OP_REDUCE_MAX;
  float best = is_max ? -__builtin_inff() : __builtin_inff();
  const int is_product = k->kind == CVK_OP_REDUCE_PROD;
  double total = is_product;
  nd_cursor at;
  nd_seek(&k->reduced, &at, 0);
  for (int64_t r = 0; r < k->rows; r++) {
    const float *line = x + at.offset[0];
    if (is_product) {
      for (int64_t i = 0; i < n; i++) total *= (double)line[i * step];
    } else if (is_extreme(k->kind)) {
      if (step == 1)
        best = fold_better(fold_extreme(line, n, is_max), best, is_max);
      else
        for (int64_t i = 0; i < n; i++) best = fold_better(line[i * step], best, is_max);
    } else if (step == 1) {
      total += fold_sum(line, n);
    } else {
      for (int64_t i = 0; i < n; i++) total += line[i * step];
    }
    if (r + 1 < k->rows) nd_next(&k->reduced, &at);
  }
  if (is_extreme(k->kind)) return best;
  return (float)(k->kind == CVK_OP_REDUCE_MEAN ? total / k->count : total);
}

/* n neighbouring outputs at y: products of the inputs at x. */
static void product_strip(const reduce_kernel *k, const float *x, float *y, int64_t n) {
  double total[STRIP];
  nd_cursor at;
  nd_seek(&k->reduced, &at, 0);
  for (int i = 0; i < STRIP; i++) total[i] = 1;
  for (int64_t r = 0; r < k->rows; r++) {
    for (int64_t t = 0; t < k->n; t++) {
      const float *line = x + at.offset[0] + t * k->step;
      for (int64_t i = 0; i < n; i++) total[i] *= (double)line[i];
    }
    if (r + 1 < k->rows) nd_next(&k->reduced, &at);
  }
  for (int64_t i = 0; i < n; i++) y[i] = (float)total[i];
}

/* n neighbouring outputs at y from the inputs at x. */
static void strip(const reduce_kernel *k, const float *x, float *y, int64_t n) {
  const int64_t step = k->step;
  const int is_max = k->kind == CVK_OP_REDUCE_MAX, extreme = is_extreme(k->kind);
  double total[STRIP] = {0};
  float part[STRIP];
  int64_t in_part = 0;
  nd_cursor at;
  nd_seek(&k->reduced, &at, 0);
  for (int i = 0; i < STRIP; i++) part[i] = !extreme ? 0 : is_max ? -__builtin_inff() : __builtin_inff();
  for (int64_t r = 0; r < k->rows; r++) {
    for (int64_t t = 0; t < k->n; t++) {
      const float *line = x + at.offset[0] + t * step;
      for (int64_t i = 0; i < n; i += VL) {
        const int64_t lanes = cpu_min(VL, n - i);
        const vf v = v_load_n(line + i, lanes), old = v_load(part + i);
        v_store(part + i, !extreme ? v_add(old, v) : is_max ? v_max(old, v) : v_min(old, v));
      }
      if (extreme || ++in_part < FOLD_BLOCK) continue;
      for (int i = 0; i < STRIP; i++) total[i] += part[i], part[i] = 0;
      in_part = 0;
    }
    if (r + 1 < k->rows) nd_next(&k->reduced, &at);
  }
  const double divisor = k->kind == CVK_OP_REDUCE_MEAN ? k->count : 1;
  for (int64_t i = 0; i < n; i++) y[i] = extreme ? part[i] : (float)((total[i] + part[i]) / divisor);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const reduce_job *j = arg;
  const reduce_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->units, (index + 1) * k->units_per_task), inner = nd_inner(&k->kept);
  const int32_t last = k->kept.rank - 1;
  (void)worker;
  nd_cursor at;
  nd_seek(&k->kept, &at, index * k->units_per_task / k->strips);
  int64_t strip_index = index * k->units_per_task % k->strips;
  for (int64_t unit = index * k->units_per_task; unit < end; unit++) {
    const int64_t first = strip_index * (k->inner_kept ? STRIP : 1);
    const float *x = j->x + at.offset[1] + first * k->kept.stride[1][last];
    float *y = j->y + at.offset[0] + first * k->kept.stride[0][last];
    if (k->inner_kept)
      (k->kind == CVK_OP_REDUCE_PROD ? product_strip : strip)(k, x, y, cpu_min(STRIP, inner - first));
    else
      *y = one_output(k, x);
    if (++strip_index < k->strips) continue;
    strip_index = 0;
    nd_next(&k->kept, &at);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const reduce_kernel *k = (const reduce_kernel *)kernel;
  reduce_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(reduce_row) = {.name = CVK_ISA_ROW("reduce"),
                                        .kind = CVK_OP_REDUCE_MEAN,
                                        .kind_last = CVK_OP_REDUCE_PROD,
                                        .accepts = accepts,
                                        .prepare = prepare,
                                        .execute = execute};
