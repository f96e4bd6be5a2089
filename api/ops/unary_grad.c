/* SPDX-License-Identifier: Apache-2.0 */
/* unary_grad.c: gradients of the functions of one input: a rule a kind, which makes gx out of gy, x and y. Where a function is made of pieces its
 * gradient is that of the piece that the formula in ops.def takes at x; pieces are chosen by WHERE, so that what is infinite in the other one makes
 * no NaN. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

typedef struct args {
  cvk_gradient *c;
  int32_t dtype;
  cvk_value g, x, y;
  double alpha, beta;
} args;

/* ---- a formula's parts ---- */

static cvk_value of(const args *r, int32_t kind, cvk_value v) { return cvk_grad_op1(r->c, kind, v); }
static cvk_value add(const args *r, cvk_value a, cvk_value b) { return cvk_grad_op2(r->c, CVK_OP_ADD, a, b); }
static cvk_value mul(const args *r, cvk_value a, cvk_value b) { return cvk_grad_op2(r->c, CVK_OP_MUL, a, b); }
static cvk_value over(const args *r, cvk_value a, cvk_value b) { return cvk_grad_op2(r->c, CVK_OP_DIV, a, b); }
static cvk_value number(const args *r, double k) { return cvk_grad_scalar(r->c, r->dtype, k); }
static cvk_value times(const args *r, cvk_value a, double k) { return mul(r, a, number(r, k)); }
static cvk_value plus(const args *r, cvk_value a, double k) { return add(r, a, number(r, k)); }
static cvk_value from(const args *r, double k, cvk_value a) { return cvk_grad_op2(r->c, CVK_OP_SUB, number(r, k), a); } /* k - a */
static cvk_value square(const args *r, cvk_value a) { return mul(r, a, a); }
static cvk_value below(const args *r, cvk_value a, double k) { return cvk_grad_op2(r->c, CVK_OP_LESS, a, number(r, k)); }
static cvk_value above(const args *r, cvk_value a, double k) { return cvk_grad_op2(r->c, CVK_OP_GREATER, a, number(r, k)); }
static cvk_value choose(const args *r, cvk_value condition, cvk_value a, cvk_value b) { return cvk_grad_where(r->c, condition, a, b); }
static cvk_value zero(const args *r) { return number(r, 0); }

/* ---- activations ---- */

static cvk_value relu(const args *r) { return cvk_grad_op2(r->c, CVK_OP_RELU_GRAD, r->y, r->g); }

static cvk_value leaky_relu(const args *r) { return choose(r, below(r, r->x, 0), times(r, r->g, r->alpha), r->g); }

static cvk_value sigmoid(const args *r) { return mul(r, r->g, mul(r, r->y, from(r, 1, r->y))); }

static cvk_value tangent(const args *r) { return mul(r, r->g, from(r, 1, square(r, r->y))); }

static cvk_value elu(const args *r) {
  return choose(r, below(r, r->x, 0), mul(r, r->g, times(r, of(r, CVK_OP_EXP, r->x), r->alpha)), r->g);
}

static cvk_value selu(const args *r) {
  return choose(r, above(r, r->x, 0), times(r, r->g, r->beta), mul(r, r->g, times(r, of(r, CVK_OP_EXP, r->x), r->alpha * r->beta)));
}

static cvk_value celu(const args *r) {
  return choose(r, above(r, r->x, 0), r->g, mul(r, r->g, of(r, CVK_OP_EXP, times(r, r->x, 1 / r->alpha))));
}

/* Passes on the limits themselves. Beyond one of crossed limits lies every x: nothing passes. */
static cvk_value clip(const args *r) {
  cvk_value g = r->g;
  if (!(isinf(r->alpha) && r->alpha < 0)) g = choose(r, below(r, r->x, r->alpha), zero(r), g);
  return isinf(r->beta) && r->beta > 0 ? g : choose(r, above(r, r->x, r->beta), zero(r), g);
}

static cvk_value hard_sigmoid(const args *r) {
  return choose(r, above(r, r->y, 0), choose(r, below(r, r->y, 1), times(r, r->g, r->alpha), zero(r)), zero(r));
}

static cvk_value hard_swish(const args *r) {
  const cvk_value inside = mul(r, r->g, plus(r, times(r, r->x, 1.0 / 3), 0.5));
  return choose(r, below(r, r->x, -3), zero(r), choose(r, above(r, r->x, 3), r->g, inside));
}

static cvk_value softplus(const args *r) { return mul(r, r->g, of(r, CVK_OP_SIGMOID, r->x)); }

static cvk_value softsign(const args *r) { return over(r, r->g, square(r, plus(r, of(r, CVK_OP_ABS, r->x), 1))); }

/* Phi(x) + x phi(x); of the tanh form y = x s(u), u = 2 k (x + 0.044715 x^3): s + y (1 - s) u'. */
static cvk_value gelu(const args *r) {
  const double k = sqrt(2 / M_PI);
  const cvk_value xx = square(r, r->x);
  if (r->alpha == 0) {
    const cvk_value cdf = times(r, plus(r, of(r, CVK_OP_ERF, times(r, r->x, sqrt(0.5))), 1), 0.5);
    const cvk_value pdf = times(r, of(r, CVK_OP_EXP, times(r, xx, -0.5)), k / 2);
    return mul(r, r->g, add(r, cdf, mul(r, r->x, pdf)));
  }
  const cvk_value s = of(r, CVK_OP_SIGMOID, mul(r, r->x, plus(r, times(r, xx, 2 * k * 0.044715), 2 * k)));
  const cvk_value slope = plus(r, times(r, xx, 6 * k * 0.044715), 2 * k);
  return mul(r, r->g, add(r, s, mul(r, mul(r, r->y, from(r, 1, s)), slope)));
}

static cvk_value swish(const args *r) {
  const cvk_value s = of(r, CVK_OP_SIGMOID, times(r, r->x, r->alpha));
  return mul(r, r->g, add(r, s, mul(r, times(r, r->y, r->alpha), from(r, 1, s))));
}

static cvk_value mish(const args *r) {
  const cvk_value t = of(r, CVK_OP_TANH, of(r, CVK_OP_SOFTPLUS, r->x)), s = of(r, CVK_OP_SIGMOID, r->x);
  return mul(r, r->g, add(r, t, mul(r, mul(r, r->x, s), from(r, 1, square(r, t)))));
}

static cvk_value thresholded_relu(const args *r) { return choose(r, above(r, r->x, r->alpha), r->g, zero(r)); }

static cvk_value shrink(const args *r) {
  return choose(r, below(r, r->x, -r->alpha), r->g, choose(r, above(r, r->x, r->alpha), r->g, zero(r)));
}

/* ---- functions ---- */

static cvk_value exponential(const args *r) { return mul(r, r->g, r->y); }
static cvk_value logarithm(const args *r) { return over(r, r->g, r->x); }
static cvk_value square_root(const args *r) { return over(r, r->g, times(r, r->y, 2)); }
static cvk_value negate(const args *r) { return of(r, CVK_OP_NEG, r->g); }
static cvk_value reciprocal(const args *r) { return of(r, CVK_OP_NEG, mul(r, r->g, square(r, r->y))); }
static cvk_value sine(const args *r) { return mul(r, r->g, of(r, CVK_OP_COS, r->x)); }
static cvk_value cosine(const args *r) { return of(r, CVK_OP_NEG, mul(r, r->g, of(r, CVK_OP_SIN, r->x))); }
static cvk_value tangent_of_angle(const args *r) { return mul(r, r->g, plus(r, square(r, r->y), 1)); }
static cvk_value hyperbolic_sine(const args *r) { return mul(r, r->g, of(r, CVK_OP_COSH, r->x)); }
static cvk_value hyperbolic_cosine(const args *r) { return mul(r, r->g, of(r, CVK_OP_SINH, r->x)); }
static cvk_value arc_tangent(const args *r) { return over(r, r->g, plus(r, square(r, r->x), 1)); }
static cvk_value area_sine(const args *r) { return over(r, r->g, of(r, CVK_OP_SQRT, plus(r, square(r, r->x), 1))); }

static cvk_value absolute(const args *r) {
  return choose(r, above(r, r->x, 0), r->g, choose(r, below(r, r->x, 0), negate(r), zero(r)));
}

static cvk_value error_function(const args *r) {
  return mul(r, r->g, times(r, of(r, CVK_OP_EXP, of(r, CVK_OP_NEG, square(r, r->x))), 2 / sqrt(M_PI)));
}

/* (1 - x) (1 + x): 1 - x^2 without the loss of digits near 1. */
static cvk_value one_less_square(const args *r) { return mul(r, from(r, 1, r->x), plus(r, r->x, 1)); }

static cvk_value arc_sine(const args *r) { return over(r, r->g, of(r, CVK_OP_SQRT, one_less_square(r))); }
static cvk_value arc_cosine(const args *r) { return of(r, CVK_OP_NEG, arc_sine(r)); }
static cvk_value area_tangent(const args *r) { return over(r, r->g, one_less_square(r)); }
static cvk_value area_cosine(const args *r) { return over(r, r->g, of(r, CVK_OP_SQRT, mul(r, plus(r, r->x, -1), plus(r, r->x, 1)))); }

typedef struct rule {
  int32_t kind;
  cvk_value (*gradient)(const args *r);
} rule;

static const rule rules[] = {
    {CVK_OP_RELU, relu},
    {CVK_OP_LEAKY_RELU, leaky_relu},
    {CVK_OP_SIGMOID, sigmoid},
    {CVK_OP_TANH, tangent},
    {CVK_OP_ELU, elu},
    {CVK_OP_SELU, selu},
    {CVK_OP_CELU, celu},
    {CVK_OP_CLIP, clip},
    {CVK_OP_HARD_SIGMOID, hard_sigmoid},
    {CVK_OP_HARD_SWISH, hard_swish},
    {CVK_OP_SOFTPLUS, softplus},
    {CVK_OP_SOFTSIGN, softsign},
    {CVK_OP_GELU, gelu},
    {CVK_OP_SWISH, swish},
    {CVK_OP_MISH, mish},
    {CVK_OP_THRESHOLDED_RELU, thresholded_relu},
    {CVK_OP_EXP, exponential},
    {CVK_OP_LOG, logarithm},
    {CVK_OP_SQRT, square_root},
    {CVK_OP_ABS, absolute},
    {CVK_OP_NEG, negate},
    {CVK_OP_RECIPROCAL, reciprocal},
    {CVK_OP_ERF, error_function},
    {CVK_OP_SIN, sine},
    {CVK_OP_COS, cosine},
    {CVK_OP_TAN, tangent_of_angle},
    {CVK_OP_ASIN, arc_sine},
    {CVK_OP_ACOS, arc_cosine},
    {CVK_OP_ATAN, arc_tangent},
    {CVK_OP_SINH, hyperbolic_sine},
    {CVK_OP_COSH, hyperbolic_cosine},
    {CVK_OP_ASINH, area_sine},
    {CVK_OP_ACOSH, area_cosine},
    {CVK_OP_ATANH, area_tangent},
    {CVK_OP_SHRINK, shrink},
};

cvk_status cvk_grad_unary(cvk_gradient *c) {
  const int32_t has_attr = c->def->attr_bytes != 0;
  const args r = {c, c->in[0]->dtype, c->gy[0], c->x[0], c->y[0], has_attr ? (double)c->attr->unary.alpha : 0,
                  has_attr ? (double)c->attr->unary.beta : 0};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].kind == c->def->kind) c->gx[0] = rules[i].gradient(&r);
  return c->status;
}

/* A limit given as a tensor, in full precision: the attribute is a float. */
static double limit(const cvk_gradient *c, int32_t i, float given) {
  const cvk_tensor_desc *d = i < c->n_in ? c->in[i] : NULL;
  return d && d->const_data ? cvk_load_real(d->dtype, d->const_data, 0) : (double)given;
}

cvk_status cvk_grad_clip(cvk_gradient *c) {
  const args r = {c, c->in[0]->dtype, c->gy[0], c->x[0], c->y[0], limit(c, 1, c->attr->unary.alpha), limit(c, 2, c->attr->unary.beta)};
  for (int32_t i = 1; i < c->n_in; i++)
    if (c->wanted[i]) return cvk_fail(CVK_UNSUPPORTED, "clip has no gradient in its limits");
  c->gx[0] = clip(&r);
  return c->status;
}
