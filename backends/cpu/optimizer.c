/* SPDX-License-Identifier: Apache-2.0 */
/* optimizer: SGD and ADAM, f32, plain: one sweep over the weights, their gradient and their state, with the factors that all elements share
 * made in double first. plugin.h has the formulas. May run in place of the gradient. */
#include <math.h>

#include "cpu.h"
#include "vec.h"

enum { CHUNK = 4096 }; /* floats a task; a multiple of every VL */
enum { W, GW, RATE };
enum { SGD_MOMENTUM = 3, SGD_SCALE = 4, ADAM_STEP = 3, ADAM_M = 4, ADAM_V = 5, ADAM_SCALE = 6 };

typedef struct step_kernel {
  cpu_kernel base;
  int32_t is_adam, state, scale; /* inputs: SGD's momentum, the gradient's scale; 0: absent */
  cvk_sgd_attr sgd;
  cvk_adam_attr adam;
  int64_t floats;
  double ns;
} step_kernel;

typedef struct step_job {
  const step_kernel *kernel;
  const float *w, *gw, *m, *v;
  float *new_w, *new_m, *new_v;                                 /* new_m, new_v: NULL where not wanted */
  float rate, scale, decay, keep, b1, one_b1, b2, one_b2, root; /* keep: what decoupled decay leaves of w; root: 1 / (1 - b2^t) */
} step_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *w = op->in[W];
  const double vectors = (double)cvk_count(w->rank, w->dim) / VL;
  double bytes = 0;
  (void)variant;
  if (w->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", w->dtype);
  if (!op->out[0]) return cpu_refuse(why, "output 0 is not wanted");
  for (int32_t i = 0; i < op->n_in; i++) bytes += op->in[i] ? (double)cvk_desc_bytes(op->in[i]) : 0;
  for (int32_t i = 0; i < op->n_out; i++) bytes += op->out[i] ? (double)cvk_desc_bytes(op->out[i]) : 0;
  c->inplace = GW;
  c->estimated_ns = cpu_ns_memory(device, bytes, 1) + cpu_ns_compute(device, vectors * (op->kind == CVK_OP_ADAM ? 25 : 4) * 2 * VL, 1) + 50;
  return 1;
}

static int32_t present(const cvk_op *op, int32_t i) {
  return i < op->n_in && op->in[i] ? i : 0;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  step_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->is_adam = op->kind == CVK_OP_ADAM;
  if (k->is_adam)
    k->adam = *(const cvk_adam_attr *)op->attr;
  else
    k->sgd = *(const cvk_sgd_attr *)op->attr;
  k->state = k->is_adam ? 0 : present(op, SGD_MOMENTUM);
  k->scale = present(op, k->is_adam ? ADAM_SCALE : SGD_SCALE);
  k->floats = cvk_count(op->in[W]->rank, op->in[W]->dim);
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI vf load(const float *p, int64_t n) {
  return n == VL ? v_load(p) : v_load_n(p, n);
}
VI void store(float *p, vf v, int64_t n) {
  if (n == VL)
    v_store(p, v);
  else
    v_store_n(p, v, n);
}

/* n <= VL elements from i on. */
VI void sgd(const step_job *j, int64_t i, int64_t n, int has_state, int nesterov) {
  const vf momentum = v_set1(j->b1), w = load(j->w + i, n);
  const vf step = v_fma(v_set1(j->decay), w, v_mul(v_set1(j->scale), load(j->gw + i, n)));
  const vf m = has_state ? v_fma(momentum, load(j->m + i, n), step) : step;
  if (j->new_m) store(j->new_m + i, m, n);
  store(j->new_w + i, v_fnma(v_set1(j->rate), nesterov ? v_fma(momentum, m, step) : m, w), n);
}

VI void adam(const step_job *j, int64_t i, int64_t n, int decoupled) {
  vf w = load(j->w + i, n), step = v_mul(v_set1(j->scale), load(j->gw + i, n));
  if (decoupled)
    w = v_mul(w, v_set1(j->keep));
  else
    step = v_fma(v_set1(j->decay), w, step);
  const vf m = v_fma(v_set1(j->b1), load(j->m + i, n), v_mul(v_set1(j->one_b1), step));
  const vf v = v_fma(v_set1(j->b2), load(j->v + i, n), v_mul(v_mul(v_set1(j->one_b2), step), step));
  if (j->new_m) store(j->new_m + i, m, n);
  if (j->new_v) store(j->new_v + i, v, n);
  const vf root = v_add(v_sqrt(v_mul(v, v_set1(j->root))), v_set1(j->kernel->adam.epsilon));
  store(j->new_w + i, v_sub(w, v_div(v_mul(v_set1(j->rate), m), root)), n);
}

VI void one(const step_job *j, int64_t i, int64_t n) {
  const step_kernel *k = j->kernel;
  if (k->is_adam && k->adam.decoupled)
    adam(j, i, n, 1);
  else if (k->is_adam)
    adam(j, i, n, 0);
  else if (k->sgd.nesterov)
    sgd(j, i, n, k->state != 0, 1);
  else
    sgd(j, i, n, k->state != 0, 0);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const step_job j = *(const step_job *)arg; /* a copy: what is stored can't change it */
  const int64_t end = cpu_min(j.kernel->floats, (index + 1) * CHUNK);
  int64_t i = index * CHUNK;
  (void)worker;
  for (; i + VL <= end; i += VL) one(&j, i, VL);
  if (i < end) one(&j, i, end - i);
}

static void adam_factors(const cvk_adam_attr *a, double rate, int64_t step, step_job *j) {
  const double b1 = (double)a->beta1, b2 = (double)a->beta2, t = (double)step;
  j->b1 = a->beta1;
  j->b2 = a->beta2;
  j->one_b1 = (float)(1 - b1);
  j->one_b2 = (float)(1 - b2);
  j->rate = (float)(rate / (1 - pow(b1, t)));
  j->root = (float)(1 / (1 - pow(b2, t)));
  j->decay = a->decay;
  j->keep = (float)(1 - rate * (double)a->decay);
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const step_kernel *k = (const step_kernel *)kernel;
  const int32_t n_out = k->base.n_out;
  step_job j = {.kernel = k, .w = in[W], .gw = in[GW], .new_w = out[0], .scale = k->scale ? *(const float *)in[k->scale] : 1};
  const float rate = *(const float *)in[RATE];
  (void)workspace;
  j.new_m = n_out > 1 ? out[1] : NULL;
  if (k->is_adam) {
    j.m = in[ADAM_M];
    j.v = in[ADAM_V];
    j.new_v = n_out > 2 ? out[2] : NULL;
    adam_factors(&k->adam, (double)rate, *(const int64_t *)in[ADAM_STEP], &j);
  } else {
    j.m = k->state ? in[k->state] : NULL;
    j.rate = rate;
    j.decay = k->sgd.decay;
    j.b1 = k->sgd.momentum;
  }
  cpu_parallel(kernel->device, cpu_ceil_div(k->floats, CHUNK), k->ns, run, &j);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(optimizer_row) = {.name = CVK_ISA_ROW("optimizer"),
                                           .kind = CVK_OP_SGD,
                                           .kind_last = CVK_OP_ADAM,
                                           .accepts = accepts,
                                           .prepare = prepare,
                                           .execute = execute};
