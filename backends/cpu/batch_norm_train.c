/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm_train: BATCH_NORM_TRAIN and BATCH_NORM_GRAD, f32, plain or blocked; vectors of channels are plain. Two sweeps: sums of each
 * plane (a channel, or a channel block, of an image), in double from short sums in f32; then y or gx. Between them the planes of a channel
 * are joined in the order of the images, so that the bits do not depend on the threads. A plane's squares are of distances from its own
 * mean, read again while it is in cache, and planes are joined as Chan et al. 1979 do: nothing cancels, and x is read from memory twice. */
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "fold.h"
#include "post.h"

enum { FLOATS_PER_TASK = 8192 };
enum { X, SCALE, BIAS, MEAN, VAR };
enum { GRAD_MEAN = 2, GRAD_VAR = 3, GY = 4 };
enum { MEANS, FACTOR, SHIFT, SLOPE, COEFFICIENTS };

typedef struct train_kernel {
  cpu_kernel base;
  int32_t blocked, is_grad, running;
  int64_t images, channels, blocks, padded; /* blocks of VL channels or of one; padded: channels of all blocks */
  int64_t planes, cells, planes_per_task;   /* cells of a plane, each of VL lanes or of one */
  float lo, hi;                             /* y is clamped to lo..hi: its post-ops */
  double epsilon, keep;                     /* keep: the share of the old running statistics */
  double ns;
} train_kernel;

/* Two sums a plane and channel: sum[image][channel]; then what the second sweep needs of each channel. */
typedef struct train_job {
  const train_kernel *kernel;
  const float *x, *gy, *mean; /* mean: of the gradient's input */
  float *out;
  double *first, *second; /* mean and squares from it; or gy and gy (x - mean) */
  float *factor[COEFFICIENTS];
} train_job;

static int64_t lanes_of(const train_kernel *k) {
  return k->blocked ? VL : 1;
}

static uint64_t workspace_of(int64_t images, int64_t padded) {
  const int64_t doubles = 2 * images + COEFFICIENTS / 2 + 2;
  return cpu_product(3, (int64_t[]){doubles, padded, sizeof(double)});
}

/* The clamp that the post-ops are. Zero stays zero, as the lanes past the last channel must. */
static int32_t clamp_of(const cvk_op *op, float *lo, float *hi, cpu_reason *why) {
  cpu_post post;
  *lo = -__builtin_inff();
  *hi = __builtin_inff();
  if (op->n_post == 0) return 1;
  if (!cpu_post_read(op, &post, why)) return 0;
  if (op->kind != CVK_OP_BATCH_NORM_TRAIN || post.n > 0 || post.add_input >= 0 || !post.clamp || post.lo > 0 || post.hi < 0)
    return cpu_refuse(why, "takes clamps about zero alone as post-ops");
  *lo = post.lo;
  *hi = post.hi;
  return 1;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[X];
  const int32_t is_grad = op->kind == CVK_OP_BATCH_NORM_GRAD;
  float lo, hi;
  if (!cpu_all_f32(op, why) || !clamp_of(op, &lo, &hi, why)) return 0;
  c->in[X] = c->out[0] = cpu_format(variant ? VL : 0);
  if (is_grad) c->in[GY] = c->in[X];
  c->inplace = is_grad ? GY : X;
  c->workspace_bytes = workspace_of(x->dim[0], variant ? cpu_ceil_div(x->dim[1], VL) * VL : x->dim[1]);
  cvk_tensor_desc d = *x;
  d.format = c->in[X];
  const double planes = (double)x->dim[0] * (double)(variant ? cpu_ceil_div(x->dim[1], VL) : x->dim[1]);
  c->estimated_ns =
      cpu_ns_memory(device, (is_grad ? 5.0 : 3.0) * (double)cvk_desc_bytes(&d), 0.8) + planes * (variant ? VL : 1) * 2 + planes * 10 + 100;
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[X];
  const cvk_norm_attr *a = op->attr;
  train_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  clamp_of(op, &k->lo, &k->hi, &why);
  k->blocked = x->format.layout == CVK_BLOCKED;
  k->is_grad = op->kind == CVK_OP_BATCH_NORM_GRAD;
  k->running = !k->is_grad && op->n_in > VAR && op->in[MEAN] && op->in[VAR];
  k->images = x->dim[0];
  k->channels = x->dim[1];
  k->blocks = cpu_ceil_div(x->dim[1], lanes_of(k));
  k->padded = k->blocks * lanes_of(k);
  k->planes = k->images * k->blocks;
  k->cells = cvk_count(x->rank - 2, x->dim + 2);
  k->planes_per_task = cpu_max(1, FLOATS_PER_TASK / cpu_max(1, k->cells * lanes_of(k)));
  k->epsilon = (double)a->epsilon;
  k->keep = k->running ? (double)a->alpha : 0;
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* ---- sums of a plane ------------------------------------------------------------------------------------------------ */

VI vf load(const float *p, int64_t n) {
  return n == VL ? v_load(p) : v_load_n(p, n);
}

/* A short sum joins the total of the plane, or of each channel. */
VI void add_to(double *total, vf sum, int blocked) {
  float lane[VL];
  if (!blocked) {
    *total += (double)v_sum(sum);
    return;
  }
  v_store(lane, sum);
  for (int i = 0; i < VL; i++) total[i] += (double)lane[i];
}

/* The sum of x. */
VI void sum_cells(const float *x, int64_t n, double *total, int blocked) {
  for (int i = 0; i < (blocked ? VL : 1); i++) total[i] = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = cpu_min(n, i + FOLD_BLOCK * VL);
    vf a[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    for (; i + 4 * VL <= end; i += 4 * VL)
      for (int u = 0; u < 4; u++) a[u] = v_add(a[u], v_load(x + i + u * VL));
    for (; i < end; i += VL) a[0] = v_add(a[0], load(x + i, cpu_min(VL, end - i)));
    i = end;
    add_to(total, v_add(v_add(a[0], a[1]), v_add(a[2], a[3])), blocked);
  }
}

/* The sums of d = x - near and of d^2. */
VI void sum_distances(const float *x, int64_t n, vf near, double *total, double *squares, int blocked) {
  for (int i = 0; i < (blocked ? VL : 1); i++) total[i] = squares[i] = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = cpu_min(n, i + FOLD_BLOCK * VL);
    vf a[2] = {v_zero(), v_zero()}, b[2] = {v_zero(), v_zero()};
    for (; i + 2 * VL <= end; i += 2 * VL)
      for (int u = 0; u < 2; u++) {
        const vf d = v_sub(v_load(x + i + u * VL), near);
        a[u] = v_add(a[u], d);
        b[u] = v_fma(d, d, b[u]);
      }
    for (; i < end; i += VL) {
      const int64_t m = cpu_min(VL, end - i);
      const vf d = v_first(v_sub(load(x + i, m), near), m);
      a[0] = v_add(a[0], d);
      b[0] = v_fma(d, d, b[0]);
    }
    i = end;
    add_to(total, v_add(a[0], a[1]), blocked);
    add_to(squares, v_add(b[0], b[1]), blocked);
  }
}

/* The mean in f32 is only near it; what is left, and what that adds to the squares, comes out of the distances. */
VI void statistics(const train_job *j, int64_t plane, int blocked) {
  const int64_t lanes = blocked ? VL : 1, n = j->kernel->cells * lanes;
  const double cells = (double)j->kernel->cells;
  const float *x = j->x + plane * n;
  double *mean = j->first + plane * lanes, *square = j->second + plane * lanes;
  float near[VL] = {0};
  sum_cells(x, n, mean, blocked);
  for (int64_t i = 0; i < lanes; i++) near[i] = (float)(mean[i] / cells);
  sum_distances(x, n, blocked ? v_load(near) : v_set1(*near), mean, square, blocked);
  for (int64_t i = 0; i < lanes; i++) {
    const double left = mean[i] / cells;
    square[i] -= cells * left * left;
    mean[i] = (double)near[i] + left;
  }
}

/* The sums of gy and of gy (x - mean). */
VI void gradient_sums(const train_job *j, int64_t plane, int blocked) {
  const int64_t lanes = blocked ? VL : 1, n = j->kernel->cells * lanes;
  const float *x = j->x + plane * n, *gy = j->gy + plane * n, *from = j->factor[MEANS] + plane % j->kernel->blocks * lanes;
  const vf mean = blocked ? v_load(from) : v_set1(*from);
  double *first = j->first + plane * lanes, *second = j->second + plane * lanes;
  for (int64_t i = 0; i < lanes; i++) first[i] = second[i] = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = cpu_min(n, i + FOLD_BLOCK * VL);
    vf a[2] = {v_zero(), v_zero()}, b[2] = {v_zero(), v_zero()};
    for (; i + 2 * VL <= end; i += 2 * VL)
      for (int u = 0; u < 2; u++) {
        const vf g = v_load(gy + i + u * VL);
        a[u] = v_add(a[u], g);
        b[u] = v_fma(g, v_sub(v_load(x + i + u * VL), mean), b[u]);
      }
    for (; i < end; i += VL) {
      const int64_t m = cpu_min(VL, end - i);
      const vf g = load(gy + i, m);
      a[0] = v_add(a[0], g);
      b[0] = v_add(b[0], v_first(v_mul(g, v_sub(load(x + i, m), mean)), m));
    }
    i = end;
    add_to(first, v_add(a[0], a[1]), blocked);
    add_to(second, v_add(b[0], b[1]), blocked);
  }
}

static void run_sums(void *arg, int64_t index, int32_t worker) {
  const train_job *j = arg;
  const train_kernel *k = j->kernel;
  const int64_t begin = index * k->planes_per_task, end = cpu_min(k->planes, begin + k->planes_per_task);
  (void)worker;
  for (int64_t plane = begin; plane < end; plane++) {
    if (k->is_grad && k->blocked)
      gradient_sums(j, plane, 1);
    else if (k->is_grad)
      gradient_sums(j, plane, 0);
    else if (k->blocked)
      statistics(j, plane, 1);
    else
      statistics(j, plane, 0);
  }
}

/* ---- the second sweep ----------------------------------------------------------------------------------------------- */

VI vf load_factor(const train_job *j, int i, int64_t block) {
  return j->kernel->blocked ? v_load(j->factor[i] + block * VL) : v_set1(j->factor[i][block]);
}

/* y = (x - mean) factor + shift, clamped */
VI vf normalised(const float *x, vf mean, vf factor, vf shift, vf lo, vf hi, int64_t n) {
  return v_clamp(v_fma(v_sub(load(x, n), mean), factor, shift), lo, hi);
}

/* gx = factor (gy - share - (x - mean) slope) */
VI vf gradient(const float *x, const float *gy, vf mean, vf factor, vf share, vf slope, int64_t n) {
  const vf d = v_sub(load(x, n), mean), g = v_sub(load(gy, n), share);
  return v_mul(factor, v_fnma(d, slope, g));
}

static void run_cells(void *arg, int64_t index, int32_t worker) {
  const train_job *j = arg;
  const train_kernel *k = j->kernel;
  const int64_t begin = index * k->planes_per_task, end = cpu_min(k->planes, begin + k->planes_per_task), n = k->cells * lanes_of(k);
  const vf lo = v_set1(k->lo), hi = v_set1(k->hi);
  (void)worker;
  for (int64_t plane = begin; plane < end; plane++) {
    const int64_t block = plane % k->blocks;
    const float *x = j->x + plane * n, *gy = j->gy + (k->is_grad ? plane * n : 0);
    float *out = j->out + plane * n;
    const vf mean = load_factor(j, MEANS, block), factor = load_factor(j, FACTOR, block);
    const vf shift = load_factor(j, SHIFT, block), slope = load_factor(j, SLOPE, block);
    int64_t i = 0;
    if (k->is_grad) {
      for (; i + VL <= n; i += VL) v_store(out + i, gradient(x + i, gy + i, mean, factor, shift, slope, VL));
      if (i < n) v_store_n(out + i, gradient(x + i, gy + i, mean, factor, shift, slope, n - i), n - i);
    } else {
      for (; i + VL <= n; i += VL) v_store(out + i, normalised(x + i, mean, factor, shift, lo, hi, VL));
      if (i < n) v_store_n(out + i, normalised(x + i, mean, factor, shift, lo, hi, n - i), n - i);
    }
  }
}

/* ---- between them ---------------------------------------------------------------------------------------------------- */

static void put(void *const *out, int32_t n_out, int32_t i, int64_t c, double v) {
  if (i < n_out && out[i]) ((float *)out[i])[c] = (float)v;
}

/* total[c]: the sum of value[image][c]. */
static void join(const train_kernel *k, const double *value, double *total) {
  for (int64_t c = 0; c < k->padded; c++) total[c] = 0;
  for (int64_t i = 0; i < k->images; i++)
    for (int64_t c = 0; c < k->padded; c++) total[c] += value[i * k->padded + c];
}

static void join_statistics(const train_job *j, const void *const *in, void *const *out, double *mean, double *square) {
  const train_kernel *k = j->kernel;
  const float *scale = in[SCALE], *bias = in[BIAS], *old_mean = k->running ? in[MEAN] : NULL, *old_var = k->running ? in[VAR] : NULL;
  const double count = (double)k->images * (double)k->cells;
  join(k, j->first, mean);
  for (int64_t c = 0; c < k->padded; c++) mean[c] /= (double)k->images;
  join(k, j->second, square);
  for (int64_t i = 0; i < k->images; i++)
    for (int64_t c = 0; c < k->padded; c++) {
      const double d = j->first[i * k->padded + c] - mean[c];
      square[c] += (double)k->cells * d * d;
    }
  for (int64_t c = 0; c < k->channels; c++) {
    const double var = square[c] / count, factor = (double)scale[c] / sqrt(var + k->epsilon);
    j->factor[MEANS][c] = (float)mean[c];
    j->factor[FACTOR][c] = (float)factor;
    j->factor[SHIFT][c] =
        (float)((double)bias[c] + ((double)j->factor[MEANS][c] - mean[c]) * factor); /* with what rounding took from the mean */
    put(out, k->base.n_out, 1, c, k->keep * (old_mean ? (double)old_mean[c] : 0) + (1 - k->keep) * mean[c]);
    put(out, k->base.n_out, 2, c, k->keep * (old_var ? (double)old_var[c] : 0) + (1 - k->keep) * var);
    put(out, k->base.n_out, 3, c, mean[c]);
    put(out, k->base.n_out, 4, c, var);
  }
}

/* sum, product: of gy and of gy (x - mean) over a channel. */
static void join_gradients(const train_job *j, const void *const *in, void *const *out, double *sum, double *product) {
  const train_kernel *k = j->kernel;
  const float *scale = in[SCALE], *var = in[GRAD_VAR];
  const double count = (double)k->images * (double)k->cells;
  join(k, j->first, sum);
  join(k, j->second, product);
  for (int64_t c = 0; c < k->channels; c++) {
    const double deviation = sqrt((double)var[c] + k->epsilon), gscale = product[c] / deviation;
    j->factor[FACTOR][c] = (float)((double)scale[c] / deviation);
    j->factor[SHIFT][c] = (float)(sum[c] / count);
    j->factor[SLOPE][c] = (float)(gscale / count / deviation);
    put(out, k->base.n_out, 1, c, gscale);
    put(out, k->base.n_out, 2, c, sum[c]);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const train_kernel *k = (const train_kernel *)kernel;
  const int64_t tasks = cpu_ceil_div(k->planes, k->planes_per_task);
  double *doubles = workspace, *totals = doubles + 2 * k->images * k->padded;
  float *factors = (float *)(totals + 2 * k->padded);
  train_job job = {.kernel = k, .x = in[X], .gy = k->is_grad ? in[GY] : NULL, .out = out[0], .first = doubles};
  job.second = doubles + k->images * k->padded;
  for (int32_t i = 0; i < COEFFICIENTS; i++) job.factor[i] = factors + i * k->padded;
  memset(factors, 0, (size_t)(COEFFICIENTS * k->padded) * sizeof *factors); /* lanes past the last channel give zeros */
  if (k->is_grad) memcpy(job.factor[MEANS], in[GRAD_MEAN], (size_t)k->channels * sizeof *factors);
  cpu_parallel(kernel->device, tasks, k->ns / 2, run_sums, &job);
  (k->is_grad ? join_gradients : join_statistics)(&job, in, out, totals, totals + k->padded);
  if (out[0]) cpu_parallel(kernel->device, tasks, k->ns / 2, run_cells, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(batch_norm_train_row) = {.name = CVK_ISA_ROW("batch_norm_train"),
                                                  .kind = CVK_OP_BATCH_NORM_TRAIN,
                                                  .kind_last = CVK_OP_BATCH_NORM_GRAD,
                                                  .variants = 2,
                                                  .takes_post = 1,
                                                  .accepts = accepts,
                                                  .prepare = prepare,
                                                  .execute = execute};
