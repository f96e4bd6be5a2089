/* SPDX-License-Identifier: Apache-2.0 */
/* binary: ADD .. MEAN and MOD with NumPy's broadcasting, f32, up to eight inputs folded from the left, piece by piece so that partial results stay
 * in cache. Plain: any broadcast. Blocked: each input is full, per channel ([N or 1, C, 1...] blocked or [C, 1...] plain) or one number. A
 * span reads an operand as a stream of vectors or as one vector again and again. */
#include "binary.h"

#include <math.h>

#include "strided.h"

enum { PIECE = 4096, MAX_INPUTS = ND_OPERANDS - 1 }; /* floats; a multiple of every VL */

/* step 1: a stream of n floats; step 0: VL floats, used for every vector. */
typedef void (*span_function)(const float *a, int32_t step_a, const float *b, int32_t step_b, float *y, int64_t n);

VI void span(vf f(vf, vf), const float *a, int step_a, const float *b, int step_b, float *y, int64_t n) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, f(v_load(a + i * step_a), v_load(b + i * step_b)));
  if (i < n) v_store_n(y + i, f(step_a ? v_load_n(a + i, n - i) : v_load(a), step_b ? v_load_n(b + i, n - i) : v_load(b)), n - i);
}

VI void span_any(vf f(vf, vf), const float *a, int32_t step_a, const float *b, int32_t step_b, float *y, int64_t n) {
  if (step_a && step_b)
    span(f, a, 1, b, 1, y, n);
  else if (step_a)
    span(f, a, 1, b, 0, y, n);
  else if (step_b)
    span(f, a, 0, b, 1, y, n);
  else
    span(f, a, 0, b, 0, y, n);
}

VI vf op_prelu(vf x, vf slope) {
  return v_sel(v_lt(x, v_zero()), v_mul(slope, x), x);
}

VI vf op_pow(vf a, vf b) {
  float x[VL], y[VL];
  if (!vm_any(v_ne(b, v_set1(2.0f)))) return v_mul(a, a);
  v_store(x, a);
  v_store(y, b);
  for (int i = 0; i < VL; i++) x[i] = powf(x[i], y[i]);
  return v_load(x);
}

/* fmod is exact; where the sign is to be b's, that of a zero too, the sum with b is rounded once. */
VI vf op_each_mod(vf a, vf b, int is_floor) {
  float x[VL], y[VL];
  v_store(x, a);
  v_store(y, b);
  for (int i = 0; i < VL; i++) {
    const float r = fmodf(x[i], y[i]);
    if (is_floor && r == 0)
      x[i] = copysignf(0, y[i]);
    else
      x[i] = is_floor && (r < 0) != (y[i] < 0) ? (float)((double)r + (double)y[i]) : r;
  }
  return v_load(x);
}
VI vf op_fmod(vf a, vf b) {
  return op_each_mod(a, b, 0);
}
VI vf op_floor_mod(vf a, vf b) {
  return op_each_mod(a, b, 1);
}

#define SPAN(NAME, F)                                                                                            \
  static void NAME##_span(const float *a, int32_t step_a, const float *b, int32_t step_b, float *y, int64_t n) { \
    span_any(F, a, step_a, b, step_b, y, n);                                                                     \
  }
SPAN(add, v_add)
SPAN(sub, v_sub)
SPAN(mul, v_mul)
SPAN(div, v_div)
SPAN(min, v_min)
SPAN(max, v_max)
SPAN(pow, op_pow)
SPAN(prelu, op_prelu)
SPAN(fmod, op_fmod)
SPAN(floor_mod, op_floor_mod)
#undef SPAN

typedef struct function {
  int32_t kind;
  int32_t keeps_zero; /* f(0, 0) is 0 */
  span_function span;
  double cycles; /* a vector, arithmetic only */
} function;

static const function functions[] = {
    {CVK_OP_ADD, 1, add_span, 1},  {CVK_OP_SUB, 1, sub_span, 1},     {CVK_OP_MUL, 1, mul_span, 1},       {CVK_OP_DIV, 0, div_span, 10},
    {CVK_OP_MIN, 1, min_span, 2},  {CVK_OP_MAX, 1, max_span, 2},     {CVK_OP_POW, 0, pow_span, 20 * VL}, {CVK_OP_SUM, 1, add_span, 1},
    {CVK_OP_MEAN, 1, add_span, 1}, {CVK_OP_PRELU, 1, prelu_span, 2},
    {CVK_OP_MOD, 0, floor_mod_span, 20 * VL},
};
static const function truncated_mod = {CVK_OP_MOD, 0, fmod_span, 20 * VL};

/* How a blocked row reads an input. */
enum { FULL, CHANNEL_BLOCKED, CHANNEL_PLAIN, SCALAR, UNKNOWN };

typedef struct binary_kernel {
  cpu_kernel base;
  span_function span;
  int32_t n, blocked;
  float divisor; /* of MEAN; 0: none */
  int64_t units, pieces, piece, units_per_task;
  double ns;
  nd_space space; /* plain: operand 0 is the output */
  int32_t mode[MAX_INPUTS];
  int64_t channels, plane;        /* blocked: floats of one channel block's plane */
  int64_t batch_step[MAX_INPUTS]; /* CHANNEL_BLOCKED: 0 where one image's factors serve all */
  int32_t zero_tail;
} binary_kernel;

typedef struct binary_job {
  const binary_kernel *kernel;
  const float *const *in;
  float *y;
} binary_job;

static const function *find(const cvk_op *op) {
  const int32_t kind = op->kind;
  if (kind == CVK_OP_MOD && ((const cvk_mod_attr *)op->attr)->fmod) return &truncated_mod;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (functions[i].kind == kind) return &functions[i];
  return NULL;
}

static int32_t blocked_mode(const cvk_tensor_desc *x, const cvk_tensor_desc *y) {
  int64_t spatial = 1;
  int32_t same = x->rank == y->rank;
  for (int32_t i = 0; same && i < y->rank; i++) same = x->dim[i] == y->dim[i];
  if (same) return FULL;
  if (cvk_count(x->rank, x->dim) == 1) return SCALAR;
  const int32_t channel = x->rank - (y->rank - 1); /* place of the channel axis in x's shape */
  if (channel < 0 || x->dim[channel] != y->dim[1]) return UNKNOWN;
  for (int32_t i = channel + 1; i < x->rank; i++) spatial *= x->dim[i];
  if (spatial != 1) return UNKNOWN;
  if (channel == 0) return CHANNEL_PLAIN;
  return x->dim[0] == 1 || x->dim[0] == y->dim[0] ? CHANNEL_BLOCKED : UNKNOWN;
}

static double estimate(const cpu_device *device, const cvk_op *op, double out_floats) {
  double bytes = 4 * out_floats;
  for (int32_t i = 0; i < op->n_in; i++) bytes += 4 * (double)cvk_count(op->in[i]->rank, op->in[i]->dim);
  return cpu_ns_memory(device, bytes, 1) + cpu_ns_compute(device, 2 * find(op)->cycles * op->n_in * out_floats, 1);
}

static int32_t is_full(const cvk_op *op, int32_t i) {
  return i < op->n_in && blocked_mode(op->in[i], op->out[0]) == FULL;
}

int32_t CVK_ISA_FN(binary_accepts)(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *y = op->out[0];
  int32_t full = 0;
  if (!find(op)) return cpu_refuse(why, "op kind %d is not in its table", op->kind);
  if (!cpu_all_f32(op, why)) return 0;
  if (op->n_in > MAX_INPUTS) return cpu_refuse(why, "%d inputs, at most %d are taken", op->n_in, MAX_INPUTS);
  if (variant == 1 && y->rank < 2) return cpu_refuse(why, "rank %d has no channels to block", y->rank);
  for (int32_t i = 0; variant == 1 && i < op->n_in; i++) {
    const int32_t mode = blocked_mode(op->in[i], y);
    if (mode == UNKNOWN) return cpu_refuse(why, "input %d broadcasts neither as a channel nor as a number", i);
    full += mode == FULL;
    c->in[i] = cpu_format(mode == FULL || mode == CHANNEL_BLOCKED ? VL : 0);
  }
  if (variant == 1 && full == 0) return cpu_refuse(why, "no input has the output's shape");
  c->out[0] = cpu_format(variant ? VL : 0);
  c->inplace = is_full(op, 0) ? 0 : is_full(op, 1) ? 1 : -1;
  cvk_tensor_desc d = *y;
  d.format = c->out[0];
  c->estimated_ns = estimate(device, op, (double)cvk_desc_bytes(&d) / 4);
  return 1;
}

static void plan_plain(binary_kernel *k, const cvk_op *op) {
  nd_broadcast(&k->space, op->out[0], op->n_in, op->in);
  const int64_t inner = nd_inner(&k->space);
  k->piece = cpu_min(inner, PIECE);
  k->pieces = inner > 0 ? cpu_ceil_div(inner, PIECE) : 0;
  k->units = nd_rows(&k->space) * k->pieces;
}

static void plan_blocked(binary_kernel *k, const cvk_op *op, const function *f) {
  const cvk_tensor_desc *y = op->out[0];
  const int64_t blocks = cpu_ceil_div(y->dim[1], VL), planes = y->dim[0] * blocks;
  k->blocked = 1;
  k->channels = y->dim[1];
  k->plane = planes > 0 ? (int64_t)(cvk_desc_bytes(y) / sizeof(float)) / planes : 0;
  k->zero_tail = !f->keeps_zero;
  for (int32_t i = 0; i < op->n_in; i++) {
    k->mode[i] = blocked_mode(op->in[i], y);
    k->zero_tail |= k->mode[i] != FULL;
    k->batch_step[i] = op->in[i]->dim[0] == 1 ? 0 : blocks * VL;
  }
  if (y->dim[1] % VL == 0) k->zero_tail = 0;
  k->piece = cpu_min(k->plane, PIECE);
  k->pieces = k->plane > 0 ? cpu_ceil_div(k->plane, PIECE) : 0;
  k->units = planes * k->pieces;
}

cvk_status CVK_ISA_FN(binary_prepare)(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const function *f = find(op);
  binary_kernel *k = cpu_kernel_new(device, sizeof *k);
  (void)c;
  if (!k) return CVK_NO_MEMORY;
  k->n = op->n_in;
  k->span = op->n_in == 1 ? max_span : f->span; /* one input: max(x, x) is x */
  k->divisor = op->kind == CVK_OP_MEAN && op->n_in > 1 ? (float)op->n_in : 0;
  if (op->out[0]->format.layout == CVK_BLOCKED)
    plan_blocked(k, op, f);
  else
    plan_plain(k, op);
  k->units_per_task = k->piece > 0 ? cpu_max(1, PIECE / k->piece) : 1;
  k->ns = estimate(device, op, (double)cvk_desc_bytes(op->out[0]) / 4);
  *out = &k->base;
  return CVK_OK;
}

/* One piece: the inputs folded into y. */
static void fold(const binary_kernel *k, const float *const *in, const int32_t *step, float *y, int64_t n) {
  const int32_t second = k->n > 1 ? 1 : 0;
  k->span(in[0], step[0], in[second], step[second], y, n);
  for (int32_t i = 2; i < k->n; i++) k->span(y, 1, in[i], step[i], y, n);
  if (k->divisor > 0) {
    float divisor[VL];
    v_store(divisor, v_set1(k->divisor));
    div_span(y, 1, divisor, 0, y, n);
  }
}

static void run_plain(void *arg, int64_t index, int32_t worker) {
  const binary_job *j = arg;
  const binary_kernel *k = j->kernel;
  const int64_t begin = index * k->units_per_task, end = cpu_min(k->units, begin + k->units_per_task), inner = nd_inner(&k->space);
  const int32_t last = k->space.rank - 1;
  float constant[MAX_INPUTS][VL];
  const float *in[MAX_INPUTS];
  int32_t step[MAX_INPUTS];
  nd_cursor at;
  (void)worker;
  nd_seek(&k->space, &at, begin / k->pieces);
  int64_t piece = begin % k->pieces;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = piece * k->piece;
    for (int32_t i = 0; i < k->n; i++) {
      step[i] = k->space.stride[i + 1][last] != 0;
      in[i] = j->in[i] + at.offset[i + 1] + (step[i] ? first : 0);
      if (step[i]) continue;
      v_store(constant[i], v_set1(*in[i]));
      in[i] = constant[i];
    }
    fold(k, in, step, j->y + at.offset[0] + first, cpu_min(k->piece, inner - first));
    if (++piece == k->pieces) {
      piece = 0;
      nd_next(&k->space, &at);
    }
  }
}

static void blocked_unit(const binary_kernel *k, const float *const *inputs, float *out, int64_t unit) {
  const int64_t plane = unit / k->pieces, first = unit % k->pieces * k->piece, n = cpu_min(k->piece, k->plane - first);
  const int64_t blocks = cpu_ceil_div(k->channels, VL), block = plane % blocks, image = plane / blocks;
  const int64_t lanes = cpu_min(VL, k->channels - block * VL);
  float constant[MAX_INPUTS][VL], *y = out + plane * k->plane + first;
  const float *in[MAX_INPUTS];
  int32_t step[MAX_INPUTS];
  for (int32_t i = 0; i < k->n; i++) {
    step[i] = k->mode[i] == FULL;
    in[i] = constant[i];
    if (k->mode[i] == FULL)
      in[i] = inputs[i] + plane * k->plane + first;
    else if (k->mode[i] == CHANNEL_BLOCKED)
      in[i] = inputs[i] + image * k->batch_step[i] + block * VL;
    else if (k->mode[i] == CHANNEL_PLAIN)
      v_store(constant[i], v_load_n(inputs[i] + block * VL, lanes));
    else
      v_store(constant[i], v_set1(*inputs[i]));
  }
  fold(k, in, step, y, n);
  if (k->zero_tail && lanes < VL)
    for (int64_t i = 0; i < n; i += VL) v_store(y + i, v_first(v_load(y + i), lanes));
}

static void run_blocked(void *arg, int64_t index, int32_t worker) {
  const binary_job *j = arg;
  const binary_kernel *k = j->kernel;
  const int64_t begin = index * k->units_per_task, end = cpu_min(k->units, begin + k->units_per_task);
  (void)worker;
  for (int64_t unit = begin; unit < end; unit++) blocked_unit(k, j->in, j->y, unit);
}

cvk_status CVK_ISA_FN(binary_execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const binary_kernel *k = (const binary_kernel *)kernel;
  const float *inputs[MAX_INPUTS];
  binary_job job = {k, inputs, out[0]};
  (void)workspace;
  for (int32_t i = 0; i < k->n; i++) inputs[i] = in[i];
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, k->blocked ? run_blocked : run_plain, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(binary_row) = {.name = CVK_ISA_ROW("binary"),
                                        .kind = CVK_OP_ADD,
                                        .kind_last = CVK_OP_MOD,
                                        .variants = 2,
                                        .accepts = CVK_ISA_FN(binary_accepts),
                                        .prepare = CVK_ISA_FN(binary_prepare),
                                        .execute = CVK_ISA_FN(binary_execute)};
