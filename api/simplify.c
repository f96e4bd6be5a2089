/* SPDX-License-Identifier: Apache-2.0 */
/* simplify.c: ops that exporters write in several become one: swish, hard_swish, hard_sigmoid, mish and gelu from their parts, a pad before
 * a window op into its pads. The gradient of a relu before a max pool is taken before the pool's. Values that are another under the same shape
 * are read where they are. Rules look at one op and what it reads; the ops that no one reads any more go at the end. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "plan.h"

/* ---- looking at a graph backwards ---- */

/* The op that makes v for one reader, if it is of `kind`. */
static const cvk_plan_op *made_by(const cvk_plan *p, int32_t v, int32_t kind) {
  if (v < 0 || p->values[v].maker < 0 || p->values[v].uses != 1) return NULL;
  const cvk_plan_op *op = &p->ops[p->values[v].maker];
  return op->kind == kind ? op : NULL;
}

/* Whether v is a constant of one element that is x, or its neighbour in float32. */
static int32_t is_number(cvk_plan *p, int32_t v, double x) {
  if (v < 0 || p->values[v].constant == NULL || p->values[v].desc.dtype != CVK_F32) return 0;
  if (cvk_count(p->values[v].desc.rank, p->values[v].desc.dim) != 1 || cvk_plan_pin(p, v) != CVK_OK) return 0;
  const double c = (double)*(const float *)p->values[v].desc.const_data;
  return fabs(c - x) <= fabs(x) * 2 * (double)FLT_EPSILON;
}

static int32_t same_shape(const cvk_plan *p, int32_t a, int32_t b) {
  const cvk_tensor_desc *x = &p->values[a].desc, *y = &p->values[b].desc;
  return x->rank == y->rank && memcmp(x->dim, y->dim, sizeof x->dim) == 0;
}

/* The operand of `op` - an addition, multiplication or division - beside the number x, if the result has its shape; else -1. */
static int32_t beside(cvk_plan *p, const cvk_plan_op *op, int32_t kind, double x) {
  if (op == NULL || op->kind != kind) return -1;
  int32_t v = is_number(p, op->in[1], x) ? op->in[0] : kind != CVK_OP_DIV && is_number(p, op->in[0], x) ? op->in[1] : -1;
  return v >= 0 && p->values[v].desc.dtype == CVK_F32 && same_shape(p, v, op->out[0]) ? v : -1;
}

/* The operand that `op` multiplies by x or divides by 1 / x. */
static int32_t scaled(cvk_plan *p, const cvk_plan_op *op, double x) {
  const int32_t v = beside(p, op, CVK_OP_MUL, x);
  return v >= 0 ? v : beside(p, op, CVK_OP_DIV, 1 / x);
}

static const cvk_plan_op *maker(const cvk_plan *p, int32_t v) {
  return v >= 0 && p->values[v].maker >= 0 && p->values[v].uses == 1 ? &p->ops[p->values[v].maker] : NULL;
}

/* x of clip(x + 3, 0, 6), or -1. */
static int32_t relu6_of_x_plus_3(cvk_plan *p, int32_t v) {
  const cvk_plan_op *clip = made_by(p, v, CVK_OP_CLIP);
  if (clip == NULL || clip->attr.unary.alpha != 0 || clip->attr.unary.beta != 6) return -1;
  return beside(p, maker(p, clip->in[0]), CVK_OP_ADD, 3);
}

/* x of 1 + erf(x / sqrt 2), or -1. */
static int32_t one_plus_erf(cvk_plan *p, int32_t v) {
  const int32_t e = beside(p, maker(p, v), CVK_OP_ADD, 1);
  const cvk_plan_op *erf = e >= 0 ? made_by(p, e, CVK_OP_ERF) : NULL;
  return erf ? scaled(p, maker(p, erf->in[0]), sqrt(0.5)) : -1;
}

/* ---- rules: nonzero where `op` became something else ---- */

static int32_t becomes(cvk_plan *p, cvk_plan_op *op, int32_t kind, int32_t x, float alpha, float beta) {
  const cvk_op_def *def = cvk_op_def_find(kind);
  int32_t *in = cvk_arena_alloc(&p->memory, 1, sizeof *in);
  if (in == NULL || p->values[x].desc.dtype != CVK_F32 || !same_shape(p, x, op->out[0])) return 0;
  in[0] = x;
  op->kind = kind;
  op->has_attr = def->attr_bytes > 0;
  op->attr = (cvk_any_attr){.struct_size = sizeof(cvk_no_attr)};
  if (op->has_attr) op->attr.unary = (cvk_unary_attr){.struct_size = sizeof op->attr.unary, .alpha = alpha, .beta = beta};
  op->in = in;
  op->n_in = 1;
  return 1;
}

static int32_t is_hard_sigmoid_of_swish(const cvk_plan_op *op) {
  return fabs((double)op->attr.unary.alpha - 1.0 / 6) <= 1e-6 && op->attr.unary.beta == 0.5f;
}

/* x times a function of x. */
static int32_t gated(cvk_plan *p, cvk_plan_op *op) {
  for (int32_t k = 0; k < 2; k++) {
    const int32_t x = op->in[k], g = op->in[1 - k];
    const cvk_plan_op *gate = maker(p, g);
    if (gate == NULL || gate->n_in != 1) continue;
    if (gate->in[0] == x && gate->kind == CVK_OP_SIGMOID) return becomes(p, op, CVK_OP_SWISH, x, 1, 0);
    if (gate->in[0] == x && gate->kind == CVK_OP_HARD_SIGMOID && is_hard_sigmoid_of_swish(gate))
      return becomes(p, op, CVK_OP_HARD_SWISH, x, 0, 0);
    const cvk_plan_op *inner = gate->kind == CVK_OP_TANH ? made_by(p, gate->in[0], CVK_OP_SOFTPLUS) : NULL;
    if (inner && inner->in[0] == x) return becomes(p, op, CVK_OP_MISH, x, 0, 0);
  }
  return 0;
}

/* clip(x + 3, 0, 6) / 6; x clip(x + 3, 0, 6) / 6. */
static int32_t hard(cvk_plan *p, cvk_plan_op *op) {
  const int32_t v = scaled(p, op, 1.0 / 6), x = relu6_of_x_plus_3(p, v);
  if (x >= 0) return becomes(p, op, CVK_OP_HARD_SIGMOID, x, 1.0f / 6, 0.5f);
  const cvk_plan_op *product = v >= 0 ? made_by(p, v, CVK_OP_MUL) : NULL;
  for (int32_t k = 0; product && k < 2; k++) {
    if (relu6_of_x_plus_3(p, product->in[k]) == product->in[1 - k]) return becomes(p, op, CVK_OP_HARD_SWISH, product->in[1 - k], 0, 0);
  }
  return 0;
}

/* (x (1 + erf)) / 2, x ((1 + erf) / 2), (x / 2) (1 + erf). */
static int32_t gelu(cvk_plan *p, cvk_plan_op *op) {
  const int32_t v = scaled(p, op, 0.5);
  const cvk_plan_op *product = v >= 0 ? made_by(p, v, CVK_OP_MUL) : op->kind == CVK_OP_MUL ? op : NULL;
  for (int32_t k = 0; product && k < 2; k++) {
    int32_t x = product->in[k], g = product->in[1 - k];
    if (product == op) { /* the half is at one of its operands */
      const int32_t half_x = scaled(p, maker(p, x), 0.5), half_g = scaled(p, maker(p, g), 0.5);
      if (half_x >= 0)
        x = half_x;
      else if (half_g >= 0)
        g = half_g;
      else
        continue;
    }
    if (one_plus_erf(p, g) == x) return becomes(p, op, CVK_OP_GELU, x, 0, 0);
  }
  return 0;
}

/* A mean or largest element of each channel's cells, axes kept, is a global pool, which has blocked kernels. */
static int32_t reduced(cvk_plan *p, cvk_plan_op *op) {
  const int32_t rank = p->values[op->in[0]].desc.rank;
  const cvk_axes_attr *a = &op->attr.axes;
  if (cvk_count(rank, p->values[op->in[0]].desc.dim) == 0) return 0; /* of no cells a pool has no rule */
  if (rank < 3 || !a->keep_dims || a->n_axes != rank - 2) return 0;
  for (int32_t i = 0; i < a->n_axes; i++) {
    if (a->axis[i] != i + 2) return 0;
  }
  op->kind = op->kind == CVK_OP_REDUCE_MEAN ? CVK_OP_GLOBAL_AVG_POOL : CVK_OP_GLOBAL_MAX_POOL;
  op->has_attr = 0;
  op->attr = (cvk_any_attr){.struct_size = sizeof(cvk_no_attr)};
  op->n_in = 1; /* not the axes */
  return 1;
}

/* A sum of two can be a post-op, as an addition. */
static int32_t sum_of_two(cvk_plan *p, cvk_plan_op *op) {
  (void)p;
  if (op->n_in != 2) return 0;
  op->kind = CVK_OP_ADD;
  return 1;
}

/* Whether v has no negative element (NaN may be among them). */
static int32_t is_never_negative(const cvk_plan *p, int32_t v) {
  const cvk_plan_op *op = p->values[v].maker >= 0 ? &p->ops[p->values[v].maker] : NULL;
  if (op == NULL) return 0;
  return op->kind == CVK_OP_RELU || op->kind == CVK_OP_SIGMOID || op->kind == CVK_OP_HARD_SIGMOID ||
         (op->kind == CVK_OP_CLIP && op->attr.unary.alpha >= 0);
}

/* A convolution does not multiply the cells of its pads, so that an infinite or NaN weight would lose its NaN. */
static int32_t has_finite_weights(cvk_plan *p, const cvk_plan_op *conv) {
  const int32_t w = conv->in[1];
  if (!cvk_plan_constants(p, conv, 1) || cvk_plan_pin(p, w) != CVK_OK) return 0;
  return cvk_all_finite(p->values[w].desc.const_data, cvk_count(p->values[w].desc.rank, p->values[w].desc.dim));
}

/* A pad of zeros (where a maximum is taken: of what never wins) along the spatial axes becomes the window's own. */
static int32_t padded(cvk_plan *p, cvk_plan_op *op) {
  const cvk_plan_op *pad = made_by(p, op->in[0], CVK_OP_PAD);
  if (pad == NULL || pad->attr.pad.mode != CVK_PAD_CONSTANT) return 0;
  const cvk_pad_attr *a = &pad->attr.pad;
  const int32_t spatial = p->values[pad->in[0]].desc.rank - 2, x = pad->in[0], conv = op->kind == CVK_OP_CONV;
  int64_t *begin = conv ? op->attr.conv.pad_begin : op->attr.pool.pad_begin, *end = conv ? op->attr.conv.pad_end : op->attr.pool.pad_end;
  const int64_t *kernel = op->attr.pool.kernel;
  int32_t own = 0;
  if (a->begin[0] || a->begin[1] || a->end[0] || a->end[1] || op->n_out != 1) return 0;
  for (int32_t i = 0; i < spatial; i++) {
    if (a->begin[i + 2] < 0 || a->end[i + 2] < 0 || a->begin[i + 2] > INT32_MAX || a->end[i + 2] > INT32_MAX) return 0;
    own |= begin[i] != 0 || end[i] != 0;
    if (!conv && (begin[i] + a->begin[i + 2] >= kernel[i] || end[i] + a->end[i + 2] >= kernel[i])) return 0;
  }
  if (conv && (a->value != 0 || !has_finite_weights(p, op))) return 0;
  if (op->kind == CVK_OP_MAX_POOL && a->value != -(double)INFINITY && !(a->value == 0 && is_never_negative(p, x))) return 0;
  if (op->kind == CVK_OP_AVG_POOL && (a->value != 0 || op->attr.pool.ceil_mode || (own && !op->attr.pool.count_include_pad))) return 0;
  int32_t *in = cvk_arena_alloc(&p->memory, (size_t)op->n_in, sizeof *in);
  if (in == NULL) return 0;
  memcpy(in, op->in, (size_t)op->n_in * sizeof *in);
  in[0] = x;
  op->in = in;
  if (op->kind == CVK_OP_AVG_POOL) op->attr.pool.count_include_pad = 1;
  for (int32_t i = 0; i < spatial; i++) {
    begin[i] += a->begin[i + 2];
    end[i] += a->end[i + 2];
  }
  return 1;
}

/* The largest elements that max_pool with this attribute takes of v, if the graph has them before op `before`; else -1. */
static int32_t pooled(const cvk_plan *p, int32_t v, const cvk_pool_attr *a, int32_t before) {
  for (int32_t o = 0; o < before; o++) {
    const cvk_plan_op *op = &p->ops[o];
    if (op->kind == CVK_OP_MAX_POOL && op->in[0] == v && memcmp(&op->attr.pool, a, sizeof *a) == 0) return op->out[0];
  }
  return -1;
}

/* Gradients of a max pool behind a relu: where a window gives to a cell of y, that cell is what the pool made of it. So what the relu lets pass is
 * chosen among the pool's few cells before they are spread, with the same bits. */
static int32_t relu_after_pool(cvk_plan *p, cvk_plan_op *op) {
  const int32_t y = op->in[0], between = op->in[1];
  if (made_by(p, between, CVK_OP_MAX_POOL_GRAD) == NULL) return 0;
  const int32_t place = p->values[between].maker;
  cvk_plan_op *spread = &p->ops[place];
  const int32_t largest = spread->in[0] == y ? pooled(p, y, &spread->attr.pool, place) : -1;
  int32_t *in = cvk_arena_alloc(&p->memory, 5, sizeof *in), chosen;
  if (largest < 0 || in == NULL || cvk_plan_add_value(p, &p->values[largest].desc, NULL, &chosen) != CVK_OK) return 0;
  memcpy(in, (int32_t[]){y, chosen, largest, spread->in[1], chosen}, 5 * sizeof *in);
  op->kind = CVK_OP_MAX_POOL_GRAD;
  op->has_attr = 1;
  op->attr = spread->attr;
  op->in = in;
  spread->kind = CVK_OP_RELU_GRAD;
  spread->has_attr = 0;
  spread->attr = (cvk_any_attr){.struct_size = sizeof(cvk_no_attr)};
  spread->in = in + 2;
  spread->out = in + 4;
  p->values[chosen].maker = place;
  p->values[between].maker = -1;
  return 1;
}

static const struct {
  int32_t kind;
  int32_t (*rule)(cvk_plan *p, cvk_plan_op *op);
} rules[] = {
    {CVK_OP_REDUCE_MEAN, reduced},
    {CVK_OP_REDUCE_MAX, reduced},
    {CVK_OP_SUM, sum_of_two},
    {CVK_OP_MUL, gated},
    {CVK_OP_MUL, hard},
    {CVK_OP_DIV, hard},
    {CVK_OP_MUL, gelu},
    {CVK_OP_DIV, gelu},
    {CVK_OP_CONV, padded},
    {CVK_OP_MAX_POOL, padded},
    {CVK_OP_AVG_POOL, padded},
    {CVK_OP_RELU_GRAD, relu_after_pool},
};

/* A view under the same shape is read at its base. */
static void look_through(cvk_plan *p, cvk_plan_op *op) {
  for (int32_t i = 0; i < op->n_in; i++) {
    while (op->in[i] >= 0 && p->values[op->in[i]].view_of >= 0 && same_shape(p, op->in[i], p->values[op->in[i]].view_of)) {
      op->in[i] = p->values[op->in[i]].view_of;
    }
  }
}

cvk_status cvk_plan_simplify(cvk_plan *p) {
  for (int32_t o = 0; o < p->n_ops; o++) look_through(p, &p->ops[o]);
  cvk_plan_count_uses(p);
  cvk_plan_find_readers(p);
  for (int32_t o = 0; o < p->n_ops; o++) {
    cvk_plan_op *op = &p->ops[o];
    for (size_t r = 0; r < sizeof rules / sizeof *rules && !op->dead; r++) {
      if (rules[r].kind == op->kind && p->values[op->out[0]].desc.dtype == CVK_F32 && rules[r].rule(p, op)) break;
    }
  }
  cvk_plan_count_uses(p);
  return CVK_OK;
}
