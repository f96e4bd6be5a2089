/* SPDX-License-Identifier: Apache-2.0 */
/* cross_entropy: SOFTMAX_CROSS_ENTROPY and its gradient, x f32 and plain [outer, classes, inner], targets i64 or i32. A unit is VL
 * positions side by side: neighbours of the inner axis, or rows where that has one cell. Exponentials of a position are summed without the
 * target's, which joins in double: a sure prediction keeps its small loss and gradient. The losses are added in double, in their order. All
 * targets are checked before anything else is read. */
#include <math.h>

#include "cpu.h"
#include "fold.h"
#include "vmath.h"

enum { FLOATS_PER_TASK = 2048 };

typedef struct loss_kernel {
  cpu_kernel base;
  int64_t classes, inner, positions; /* inner: cells behind the classes */
  int64_t lane, step;                /* floats from position to position of a unit, from class to class */
  int64_t strips, units, units_per_task;
  int32_t is_grad, target_type, weighted;
  cvk_cross_entropy_attr attr;
  double ns;
} loss_kernel;

typedef struct loss_job {
  const loss_kernel *kernel;
  const float *x, *gy, *weight; /* weight: NULL for ones */
  const void *target;
  float *out; /* gx, or a loss for each position */
  double divisor, all_weights;
} loss_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[0];
  const int32_t is_grad = op->kind == CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD;
  (void)variant;
  if (x->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", x->dtype);
  const double n = (double)cvk_count(x->rank, x->dim), positions = (double)cvk_count(op->in[1]->rank, op->in[1]->dim);
  if (!is_grad && ((const cvk_cross_entropy_attr *)op->attr)->reduction != CVK_LOSS_NONE)
    c->workspace_bytes = (uint64_t)positions * sizeof(float);
  c->estimated_ns = cpu_ns_memory(device, (is_grad ? 16 : 8) * n, 1) + cpu_ns_compute(device, n * 2 * 60, 1) + 30 * positions + 50;
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  loss_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->is_grad = op->kind == CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD;
  k->attr = *(const cvk_cross_entropy_attr *)op->attr;
  k->target_type = op->in[1]->dtype;
  k->weighted = k->is_grad ? 3 : 2;
  if (op->n_in <= k->weighted || !op->in[k->weighted]) k->weighted = 0;
  k->classes = x->dim[1];
  k->inner = cvk_count(x->rank - 2, x->dim + 2);
  k->positions = cvk_count(op->in[1]->rank, op->in[1]->dim);
  k->lane = k->inner == 1 ? k->classes : 1;
  k->step = k->inner;
  const int64_t side = k->inner == 1 ? k->positions : k->inner; /* positions side by side */
  k->strips = cpu_ceil_div(side, VL);
  k->units = side > 0 ? k->positions / side * k->strips : 0;
  k->units_per_task = cpu_max(1, FLOATS_PER_TASK / cpu_max(1, k->classes * VL));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* VL positions or fewer. */
typedef struct unit {
  const float *x;
  int64_t lane, step, first, n; /* first: the number of the first position */
  int64_t target[VL];           /* -1: ignored */
} unit;

VI vf load(const unit *u, int64_t c) {
  const float *p = u->x + c * u->step;
  if (u->n == VL) return u->lane == 1 ? v_load(p) : v_load_strided(p, u->lane);
  return u->lane == 1 ? v_load_n(p, u->n) : v_load_strided_n(p, u->lane, u->n);
}

static float weight_of(const loss_job *j, int64_t c) {
  return j->weight ? j->weight[c] : 1;
}

static int64_t target_of(const loss_job *j, int64_t position) {
  return j->kernel->target_type == CVK_I64 ? ((const int64_t *)j->target)[position] : ((const int32_t *)j->target)[position];
}

static int32_t is_ignored(const loss_kernel *k, int64_t target) {
  return k->attr.has_ignore && target == k->attr.ignore_index;
}

static vf largest(const loss_kernel *k, const unit *u) {
  vf most = v_set1(-__builtin_inff());
  for (int64_t c = 0; c < k->classes; c++) most = v_max(most, load(u, c));
  return most;
}

/* For each position the sum of exp(x - most) over all classes but the target, and of weight (most - x) over all where it is wanted. The
 * gradient keeps the exponentials. */
static void sums(const loss_job *j, const unit *u, vf most, float *keep, double *others, double *spread) {
  const loss_kernel *k = j->kernel;
  float lane[VL], top[VL], x[VL];
  v_store(top, most);
  for (int i = 0; i < VL; i++) others[i] = 0;
  for (int i = 0; spread && i < VL; i++) spread[i] = 0;
  for (int64_t c = 0; c < k->classes;) {
    const int64_t end = cpu_min(k->classes, c + FOLD_BLOCK);
    vf part = v_zero();
    for (; c < end; c++) {
      const vf v = load(u, c);
      v_store(lane, v_exp(v_sub(v, most)));
      for (int64_t i = 0; keep && i < u->n; i++) keep[c * u->step + i * u->lane] = lane[i];
      for (int64_t i = 0; i < u->n; i++)
        if (u->target[i] == c) lane[i] = 0;
      part = v_add(part, v_load(lane));
      v_store(x, v);
      for (int i = 0; spread && i < VL; i++) spread[i] += (double)weight_of(j, c) * ((double)top[i] - (double)x[i]);
    }
    v_store(lane, part);
    for (int i = 0; i < VL; i++) others[i] += lane[i];
  }
}

static void losses(const loss_job *j, const unit *u, const float *most, const double *others, const double *spread) {
  const loss_kernel *k = j->kernel;
  const double smooth = (double)k->attr.label_smoothing;
  for (int64_t i = 0; i < u->n; i++) {
    float *loss = j->out + u->first + i;
    const int64_t t = u->target[i];
    *loss = 0;
    if (t < 0) continue;
    const double below = (double)u->x[t * u->step + i * u->lane] - (double)most[i], sum = log(others[i] + exp(below));
    double v = (double)weight_of(j, t) * (sum - below);
    if (smooth > 0) v = (1 - smooth) * v + smooth / (double)k->classes * (j->all_weights * sum + spread[i]);
    *loss = (float)v;
  }
}

/* gx holds the exponentials. */
static void gradients(const loss_job *j, const unit *u, const float *most, const double *others, float *gx) {
  const loss_kernel *k = j->kernel;
  const double smooth = (double)k->attr.label_smoothing, share = smooth / (double)k->classes;
  for (int64_t i = 0; i < u->n; i++) {
    float *to = gx + i * u->lane;
    const int64_t t = u->target[i];
    if (t < 0) {
      for (int64_t c = 0; c < k->classes; c++) to[c * u->step] = 0;
      continue;
    }
    const double own = exp((double)u->x[t * u->step + i * u->lane] - (double)most[i]), sum = others[i] + own;
    const double g = (double)j->gy[k->attr.reduction == CVK_LOSS_NONE ? u->first + i : 0] / j->divisor,
                 pull = g * (1 - smooth) * (double)weight_of(j, t);
    const double even = g * share * j->all_weights; /* all_weights is 0 where nothing is smoothed */
    const float factor = (float)((pull + even) / sum);
    for (int64_t c = 0; c < k->classes; c++) to[c * u->step] *= factor;
    to[t * u->step] = (float)(even * own / sum - pull * others[i] / sum);
    for (int64_t c = 0; smooth > 0 && c < k->classes; c++) to[c * u->step] -= (float)(g * share * (double)weight_of(j, c));
  }
}

static void run(void *arg, int64_t index, int32_t worker) {
  const loss_job *j = arg;
  const loss_kernel *k = j->kernel;
  const int64_t begin = index * k->units_per_task, end = cpu_min(k->units, begin + k->units_per_task);
  (void)worker;
  for (int64_t i = begin; i < end; i++) {
    const int64_t side = k->inner == 1 ? k->positions : k->inner, group = i / k->strips, at = i % k->strips * VL;
    const int64_t offset = group * k->classes * k->inner + at * k->lane;
    unit u = {.x = j->x + offset, .lane = k->lane, .step = k->step, .first = group * side + at, .n = cpu_min(VL, side - at)};
    double others[VL], spread[VL];
    float lane[VL];
    for (int64_t p = 0; p < u.n; p++) {
      const int64_t t = target_of(j, u.first + p);
      u.target[p] = is_ignored(k, t) ? -1 : t;
    }
    const vf most = largest(k, &u);
    v_store(lane, most);
    sums(j, &u, most, k->is_grad ? j->out + offset : NULL, others, !k->is_grad && k->attr.label_smoothing > 0 ? spread : NULL);
    if (k->is_grad)
      gradients(j, &u, lane, others, j->out + offset);
    else
      losses(j, &u, lane, others, spread);
  }
}

/* What a mean divides by; INVALID_ARGUMENT for a target out of range. */
static cvk_status divisor_of(const loss_job *j, double *out) {
  const loss_kernel *k = j->kernel;
  const int32_t is_mean = k->attr.reduction == CVK_LOSS_MEAN;
  *out = !is_mean;
  for (int64_t i = 0; i < k->positions; i++) {
    const int64_t t = target_of(j, i);
    if (is_ignored(k, t)) continue;
    if (t < 0 || t >= k->classes)
      return cpu_fail(k->base.device, CVK_INVALID_ARGUMENT, "softmax_cross_entropy: target %lld at position %lld, allowed 0 to %lld",
                      (long long)t, (long long)i, (long long)k->classes - 1);
    if (is_mean) *out += (double)weight_of(j, t);
  }
  return CVK_OK;
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const loss_kernel *k = (const loss_kernel *)kernel;
  const int32_t reduced = !k->is_grad && k->attr.reduction != CVK_LOSS_NONE;
  loss_job job = {.kernel = k,
                  .x = in[0],
                  .target = in[1],
                  .gy = k->is_grad ? in[2] : NULL,
                  .weight = k->weighted ? in[k->weighted] : NULL,
                  .out = reduced ? workspace : out[0]};
  double sum = 0;
  const cvk_status status = divisor_of(&job, &job.divisor);
  if (status != CVK_OK) return status;
  for (int64_t c = 0; k->attr.label_smoothing > 0 && c < k->classes; c++) job.all_weights += (double)weight_of(&job, c);
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  if (!reduced) return CVK_OK;
  for (int64_t i = 0; i < k->positions; i++) sum += (double)job.out[i];
  *(float *)out[0] = (float)(sum / job.divisor);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(cross_entropy_row) = {.name = CVK_ISA_ROW("cross_entropy"),
                                               .kind = CVK_OP_SOFTMAX_CROSS_ENTROPY,
                                               .kind_last = CVK_OP_SOFTMAX_CROSS_ENTROPY_GRAD,
                                               .accepts = accepts,
                                               .prepare = prepare,
                                               .execute = execute};
