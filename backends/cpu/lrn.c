/* SPDX-License-Identifier: Apache-2.0 */
/* lrn: local response normalisation across channels, f32: y = x (bias + alpha / size sum x^2)^-beta over channels c - (size-1)/2 ..
 * c + size/2. Plain: vectors run over neighbouring cells. Blocked: the squares of a cell's three channel blocks stand side by side
 * in a small window, from which each tap is one shifted load. beta 3/4, 1/2 and 1 need no logarithm. */
#include "cpu.h"
#include "vmath.h"

enum { PIECE = 1024, CELLS = 64 }; /* cells a task, plain and blocked */

typedef vf (*power_function)(vf base, vf minus_beta);

typedef struct lrn_kernel {
  cpu_kernel base;
  int64_t images, channels, blocks, cells, pieces;
  int64_t before, after; /* channels of the window on either side */
  int32_t blocked;
  float scale, bias, minus_beta;
  power_function power;
  double ns;
} lrn_kernel;

typedef struct lrn_job {
  const lrn_kernel *kernel;
  const float *x;
  float *y;
} lrn_job;

static vf power_any(vf base, vf minus_beta) {
  return v_exp(v_mul(minus_beta, v_log(base)));
}
static vf power_quarters(vf base, vf minus_beta) {
  const vf root = v_sqrt(base);
  (void)minus_beta;
  return v_div(v_set1(1.0f), v_mul(root, v_sqrt(root)));
}
static vf power_half(vf base, vf minus_beta) {
  (void)minus_beta;
  return v_div(v_set1(1.0f), v_sqrt(base));
}
static vf power_one(vf base, vf minus_beta) {
  (void)minus_beta;
  return v_div(v_set1(1.0f), base);
}

static power_function power_of(float beta) {
  return beta == 0.75f ? power_quarters : beta == 0.5f ? power_half : beta == 1.0f ? power_one : power_any;
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_norm_attr *a = op->attr;
  if (!cpu_all_f32(op, why)) return 0;
  if (op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channel axis", op->in[0]->rank);
  if (variant == 1 && a->size > 2 * VL) return cpu_refuse(why, "size %lld is above two blocks of %d channels", (long long)a->size, VL);
  c->in[0] = c->out[0] = cpu_format(variant ? VL : 0);
  cvk_tensor_desc d = *op->in[0];
  d.format = c->in[0];
  const double bytes = (double)cvk_desc_bytes(&d);
  c->estimated_ns = cpu_ns_memory(device, 2 * bytes, 1) + cpu_ns_compute(device, bytes / 4 * 2 * (20 + 2.0 * (double)a->size), 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  const cvk_norm_attr *a = op->attr;
  lrn_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->blocked = x->format.layout == CVK_BLOCKED;
  k->images = x->dim[0];
  k->channels = x->dim[1];
  k->blocks = cpu_ceil_div(x->dim[1], VL);
  k->cells = cvk_count(x->rank - 2, x->dim + 2);
  k->pieces = cpu_ceil_div(k->cells, k->blocked ? CELLS : PIECE);
  k->before = (a->size - 1) / 2;
  k->after = a->size / 2;
  k->scale = a->alpha / (float)a->size;
  k->bias = a->bias;
  k->minus_beta = -a->beta;
  k->power = power_of(a->beta);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

static vf respond(const lrn_kernel *k, vf x, vf sum) {
  return v_mul(x, k->power(v_add(v_set1(k->bias), v_mul(v_set1(k->scale), sum)), v_set1(k->minus_beta)));
}

/* A task: one channel's piece. */
static void run_plain(void *arg, int64_t index, int32_t worker) {
  const lrn_job *j = arg;
  const lrn_kernel *k = j->kernel;
  const int64_t plane = index / k->pieces, first = index % k->pieces * PIECE, end = cpu_min(k->cells, first + PIECE);
  const int64_t c = plane % k->channels, low = cpu_max(0, c - k->before), high = cpu_min(k->channels - 1, c + k->after);
  const float *image = j->x + (plane - c) * k->cells;
  (void)worker;
  for (int64_t i = first; i < end; i += VL) {
    const int64_t n = cpu_min(VL, end - i);
    vf sum = v_zero();
    for (int64_t t = low; t <= high; t++) {
      const vf v = v_load_n(image + t * k->cells + i, n);
      sum = v_fma(v, v, sum);
    }
    v_store_n(j->y + plane * k->cells + i, respond(k, v_load_n(image + c * k->cells + i, n), sum), n);
  }
}

/* A task: one channel block's piece. Blocks outside of the tensor count as zeros, as do lanes past the last channel. All squares are stored
 * before the first shifted load, which would wait for a store that it only partly overlaps. */
static void run_blocked(void *arg, int64_t index, int32_t worker) {
  const lrn_job *j = arg;
  const lrn_kernel *k = j->kernel;
  const int64_t plane = index / k->pieces, first = index % k->pieces * CELLS, n = cpu_min(CELLS, k->cells - first);
  const int64_t block = plane % k->blocks, lanes = cpu_min(VL, k->channels - block * VL), step = k->cells * VL;
  const float *x = j->x + plane * step + first * VL;
  float *y = j->y + plane * step + first * VL, square[CELLS][3][VL];
  (void)worker;
  for (int b = 0; b < 3; b++) {
    const int inside = block + b - 1 >= 0 && block + b - 1 < k->blocks;
    for (int64_t i = 0; i < n; i++) {
      const vf v = inside ? v_load(x + (b - 1) * step + i * VL) : v_zero();
      v_store(square[i][b], v_mul(v, v));
    }
  }
  for (int64_t i = 0; i < n; i++) {
    vf sum = v_zero();
    for (int64_t t = -k->before; t <= k->after; t++) sum = v_add(sum, v_load(square[i][1] + t));
    v_store(y + i * VL, v_first(respond(k, v_load(x + i * VL), sum), lanes));
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const lrn_kernel *k = (const lrn_kernel *)kernel;
  lrn_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, k->images * (k->blocked ? k->blocks : k->channels) * k->pieces, k->ns, k->blocked ? run_blocked : run_plain,
               &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(lrn_row) = {
    .name = CVK_ISA_ROW("lrn"), .kind = CVK_OP_LRN, .variants = 2, .accepts = accepts, .prepare = prepare, .execute = execute};
