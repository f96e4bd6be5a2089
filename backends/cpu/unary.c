/* SPDX-License-Identifier: Apache-2.0 */
/* unary: the activations and unary functions (CVK_OP_RELU .. CVK_OP_SHRINK but PRELU and NOT) in a plain or blocked format; may run in place.
 * A blocked tensor is walked one channel block's plane at a time, and where f(0) is not 0 the lanes past the last channel are zeroed again.
 */
#include "activation.h"
#include "cpu.h"

enum { CHUNK = 8192 }; /* floats a task; a multiple of every VL */

VI void span(vf f(vf, vf, vf), const float *x, float *y, int64_t n, float a, float b) {
  const vf va = v_set1(a), vb = v_set1(b);
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, f(v_load(x + i), va, vb));
  if (i < n) v_store_n(y + i, f(v_load_n(x + i, n - i), va, vb), n - i);
}

#define SPAN(NAME)                                                                 \
  static void NAME##_span(const float *x, float *y, int64_t n, float a, float b) { \
    span(act_##NAME, x, y, n, a, b);                                               \
  }
SPAN(relu)
SPAN(leaky_relu)
SPAN(sigmoid)
SPAN(tanh)
SPAN(elu)
SPAN(selu)
SPAN(celu)
SPAN(clip)
SPAN(hard_sigmoid)
SPAN(hard_swish)
SPAN(softplus)
SPAN(softsign)
SPAN(gelu)
SPAN(gelu_tanh)
SPAN(swish)
SPAN(mish)
SPAN(thresholded_relu)
SPAN(exp)
SPAN(log)
SPAN(sqrt)
SPAN(abs)
SPAN(neg)
SPAN(reciprocal)
SPAN(erf)
SPAN(floor)
SPAN(ceil)
SPAN(sin)
SPAN(cos)
SPAN(tan)
SPAN(asin)
SPAN(acos)
SPAN(atan)
SPAN(sinh)
SPAN(cosh)
SPAN(asinh)
SPAN(acosh)
SPAN(atanh)
SPAN(round)
SPAN(sign)
SPAN(shrink)
#undef SPAN

typedef struct function {
  int32_t kind;
  int32_t keeps_zero; /* f(0) is +0 whatever the attribute */
  span_function span;
  double cycles; /* a vector, arithmetic only */
} function;

static const function functions[] = {
    {CVK_OP_RELU, 1, relu_span, 1},
    {CVK_OP_LEAKY_RELU, 1, leaky_relu_span, 2},
    {CVK_OP_SIGMOID, 0, sigmoid_span, 30},
    {CVK_OP_TANH, 1, tanh_span, 25},
    {CVK_OP_ELU, 1, elu_span, 20},
    {CVK_OP_SELU, 1, selu_span, 20},
    {CVK_OP_CELU, 1, celu_span, 30},
    {CVK_OP_CLIP, 0, clip_span, 1},
    {CVK_OP_HARD_SIGMOID, 0, hard_sigmoid_span, 2},
    {CVK_OP_HARD_SWISH, 1, hard_swish_span, 3},
    {CVK_OP_SOFTPLUS, 0, softplus_span, 70},
    {CVK_OP_SOFTSIGN, 1, softsign_span, 10},
    {CVK_OP_GELU, 1, gelu_span, 80},
    {CVK_OP_SWISH, 1, swish_span, 30},
    {CVK_OP_MISH, 1, mish_span, 35},
    {CVK_OP_THRESHOLDED_RELU, 1, thresholded_relu_span, 2},
    {CVK_OP_EXP, 0, exp_span, 18},
    {CVK_OP_LOG, 0, log_span, 25},
    {CVK_OP_SQRT, 1, sqrt_span, 16},
    {CVK_OP_ABS, 1, abs_span, 1},
    {CVK_OP_NEG, 0, neg_span, 1},
    {CVK_OP_RECIPROCAL, 0, reciprocal_span, 10},
    {CVK_OP_ERF, 1, erf_span, 70},
    {CVK_OP_FLOOR, 1, floor_span, 1},
    {CVK_OP_CEIL, 1, ceil_span, 1},
    {CVK_OP_SIN, 1, sin_span, 20 * VL},
    {CVK_OP_COS, 0, cos_span, 20 * VL},
    {CVK_OP_TAN, 1, tan_span, 20 * VL},
    {CVK_OP_ASIN, 1, asin_span, 20 * VL},
    {CVK_OP_ACOS, 0, acos_span, 20 * VL},
    {CVK_OP_ATAN, 1, atan_span, 20 * VL},
    {CVK_OP_SINH, 1, sinh_span, 20 * VL},
    {CVK_OP_COSH, 0, cosh_span, 20 * VL},
    {CVK_OP_ASINH, 1, asinh_span, 20 * VL},
    {CVK_OP_ACOSH, 0, acosh_span, 20 * VL},
    {CVK_OP_ATANH, 1, atanh_span, 20 * VL},
    {CVK_OP_ROUND, 1, round_span, 1},
    {CVK_OP_SIGN, 1, sign_span, 3},
    {CVK_OP_SHRINK, 0, shrink_span, 4},
};
static const function gelu_tanh = {CVK_OP_GELU, 1, gelu_tanh_span, 40};

typedef struct unary_kernel {
  cpu_kernel base;
  span_function span;
  float a, b;
  int64_t planes, plane; /* the tensor as planes of floats; 1 plane where no lane needs care */
  int64_t blocks, lanes; /* every blocks-th plane has only so many lanes; 0: all planes are full */
  int64_t pieces;        /* tasks a plane */
  double ns;
} unary_kernel;

typedef struct unary_job {
  const unary_kernel *kernel;
  const float *x;
  float *y;
} unary_job;

static const function *find_kind(int32_t kind, float alpha) {
  if (kind == CVK_OP_GELU && alpha != 0) return &gelu_tanh;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (functions[i].kind == kind) return &functions[i];
  return NULL;
}

static const function *find(const cvk_op *op) {
  const cvk_unary_attr *attr = op->attr;
  return find_kind(op->kind, attr ? attr->alpha : 0);
}

span_function CVK_ISA_FN(activation_span)(int32_t kind, float alpha) {
  const function *f = find_kind(kind, alpha);
  return f ? f->span : NULL;
}

static double estimate(const cpu_device *device, const function *f, double floats) {
  return cpu_ns_memory(device, 8 * floats, 1) + cpu_ns_compute(device, f->cycles * 2 * floats, 1);
}

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const function *f = find(op);
  if (!f) return cpu_refuse(why, "op kind %d is not in its table", op->kind);
  if (!cpu_all_f32(op, why)) return 0;
  const cvk_unary_attr *attr = op->attr;
  if (op->kind == CVK_OP_CELU && !(attr->alpha > 0)) return cpu_refuse(why, "celu: alpha %g is not above 0", attr->alpha);
  if (variant == 1 && op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", op->in[0]->rank);
  c->in[0] = c->out[0] = cpu_format(variant ? VL : 0);
  c->inplace = 0;
  cvk_tensor_desc d = *op->in[0];
  d.format = c->in[0];
  c->estimated_ns = estimate(device, f, (double)cvk_desc_bytes(&d) / 4);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const function *f = find(op);
  const cvk_unary_attr *attr = op->attr;
  const cvk_tensor_desc *x = op->in[0];
  unary_kernel *k = cpu_kernel_new(device, sizeof *k);
  (void)c;
  if (!k) return CVK_NO_MEMORY;
  const int64_t floats = (int64_t)(cvk_desc_bytes(x) / sizeof(float));
  k->span = f->span;
  k->a = attr ? attr->alpha : 0;
  k->b = attr ? attr->beta : 0;
  k->planes = 1;
  k->plane = floats;
  if (x->format.layout == CVK_BLOCKED && x->dim[1] % VL != 0 && !f->keeps_zero && floats > 0) {
    k->blocks = cpu_ceil_div(x->dim[1], VL);
    k->lanes = x->dim[1] % VL;
    k->planes = x->dim[0] * k->blocks;
    k->plane = floats / k->planes;
  }
  k->pieces = cpu_ceil_div(k->plane, CHUNK);
  k->ns = estimate(device, f, (double)floats);
  *out = &k->base;
  return CVK_OK;
}

static void run(void *arg, int64_t index, int32_t worker) {
  const unary_job *j = arg;
  const unary_kernel *k = j->kernel;
  const int64_t plane = index / k->pieces, first = index % k->pieces * CHUNK, n = cpu_min(CHUNK, k->plane - first);
  float *y = j->y + plane * k->plane + first;
  (void)worker;
  k->span(j->x + plane * k->plane + first, y, n, k->a, k->b);
  if (k->blocks > 0 && plane % k->blocks == k->blocks - 1)
    for (int64_t i = 0; i < n; i += VL) v_store(y + i, v_first(v_load(y + i), k->lanes));
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const unary_kernel *k = (const unary_kernel *)kernel;
  unary_job job = {k, in[0], out[0]};
  (void)workspace;
  cpu_parallel(kernel->device, k->planes * k->pieces, k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(unary_row) = {.name = CVK_ISA_ROW("unary"),
                                       .kind = CVK_OP_RELU,
                                       .kind_last = CVK_OP_SHRINK,
                                       .variants = 2,
                                       .accepts = accepts,
                                       .prepare = prepare,
                                       .execute = execute};
