/* SPDX-License-Identifier: Apache-2.0 */
/* unary.c: the activations and unary functions of one input, CLIP included: one table row a kind. Reals are evaluated in double and rounded
 * once to the element type; a NaN stays a NaN everywhere but in SHRINK. Formulas are taken as ONNX writes them, so x sigmoid(x) and its kin
 * are NaN at -inf (-inf times 0). Integers, where ONNX allows them, wrap; SHRINK takes them as reals, truncates and saturates. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

typedef double (*real_function)(double x, double alpha, double beta);
typedef int64_t (*int_function)(int64_t x);

#define UNUSED_PARAMETERS (void)alpha, (void)beta

static double relu(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return x <= 0 ? 0 : x; /* -0 becomes 0 */
}

static double leaky_relu(double x, double alpha, double beta) {
  (void)beta;
  return x < 0 ? alpha * x : x;
}

/* exp of a negative number only, so that nothing overflows. */
static double sigmoid_of(double x) {
  if (x >= 0) return 1 / (1 + exp(-x));
  const double e = exp(x);
  return e / (1 + e);
}

static double softplus_of(double x) {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double sigmoid(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return sigmoid_of(x);
}

static double tangent(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return tanh(x);
}

static double elu(double x, double alpha, double beta) {
  (void)beta;
  return x < 0 ? alpha * expm1(x) : x;
}

static double selu(double x, double alpha, double beta) {
  return beta * (x <= 0 ? alpha * expm1(x) : x);
}

static double celu(double x, double alpha, double beta) {
  (void)beta;
  if (isnan(x)) return x;
  const double low = alpha * expm1(x / alpha);
  return (x > 0 ? x : 0) + (low < 0 ? low : 0);
}

/* ONNX: the upper limit is applied last, so it wins where the limits cross. */
static double clip(double x, double alpha, double beta) {
  const double raised = x < alpha ? alpha : x;
  return raised > beta ? beta : raised;
}

static double hard_sigmoid(double x, double alpha, double beta) {
  return clip(alpha * x + beta, 0, 1);
}

static double hard_swish(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return x * clip(x / 6 + 0.5, 0, 1);
}

static double softplus(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return softplus_of(x);
}

static double softsign(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return x / (1 + fabs(x));
}

/* erfc and sigmoid keep the digits of the far left, where 1 + erf and 1 + tanh would cancel. */
static double gelu(double x, double alpha, double beta) {
  (void)beta;
  if (alpha != 0) return x * sigmoid_of(2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
  return 0.5 * x * erfc(-x / sqrt(2.0));
}

static double swish(double x, double alpha, double beta) {
  (void)beta;
  return x * sigmoid_of(alpha * x);
}

static double mish(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return x * tanh(softplus_of(x));
}

static double thresholded_relu(double x, double alpha, double beta) {
  (void)beta;
  return x <= alpha ? 0 : x;
}

static double exponential(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return exp(x);
}

static double logarithm(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return log(x);
}

static double square_root(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return sqrt(x);
}

static double absolute(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return fabs(x);
}

static double negate(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return -x;
}

static double reciprocal(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return 1 / x;
}

static double error_function(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return erf(x);
}

static double round_down(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return floor(x);
}

static double round_up(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return ceil(x);
}

static double sine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return sin(x);
}

static double cosine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return cos(x);
}

static double tangent_of_angle(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return tan(x);
}

static double arc_sine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return asin(x);
}

static double arc_cosine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return acos(x);
}

static double arc_tangent(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return atan(x);
}

static double hyperbolic_sine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return sinh(x);
}

static double hyperbolic_cosine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return cosh(x);
}

static double area_sine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return asinh(x);
}

static double area_cosine(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return acosh(x);
}

static double area_tangent(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return atanh(x);
}

/* Halves go to the even neighbour: the rounding mode is never changed here. */
static double round_even(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return nearbyint(x);
}

static double sign(double x, double alpha, double beta) {
  UNUSED_PARAMETERS;
  return isnan(x) ? x : (double)((x > 0) - (x < 0));
}

/* Neither comparison holds for NaN, which becomes 0 as the formula has it. */
static double shrink(double x, double alpha, double beta) {
  if (x < -alpha) return x + beta;
  return x > alpha ? x - beta : 0;
}

static int64_t int_relu(int64_t x) {
  return x < 0 ? 0 : x;
}
static int64_t int_negate(int64_t x) {
  return (int64_t)(0 - (uint64_t)x);
}
static int64_t int_absolute(int64_t x) {
  return x < 0 ? int_negate(x) : x;
}
static int64_t int_same(int64_t x) {
  return x;
}
static int64_t int_not(int64_t x) {
  return x == 0;
}
static int64_t int_complement(int64_t x) {
  return ~x;
}
static int64_t int_not_zero(int64_t x) {
  return x != 0;
}
static int64_t int_sign(int64_t x) {
  return (x > 0) - (x < 0);
}

/* A kind without a function for a class of types is refused for those types. The defaults are what a NULL attribute stands for. */
typedef struct unary_row {
  int32_t kind;
  real_function real;
  int_function on_signed, on_unsigned, on_bool;
  float alpha, beta;
} unary_row;

static const unary_row rows[] = {
    {CVK_OP_RELU, relu, int_relu, int_same, NULL, 0, 0},
    {CVK_OP_LEAKY_RELU, leaky_relu, NULL, NULL, NULL, 0.01f, 0},
    {CVK_OP_SIGMOID, sigmoid, NULL, NULL, NULL, 0, 0},
    {CVK_OP_TANH, tangent, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ELU, elu, NULL, NULL, NULL, 1, 0},
    {CVK_OP_SELU, selu, NULL, NULL, NULL, 1.67326319217681884765625f, 1.05070102214813232421875f},
    {CVK_OP_CELU, celu, NULL, NULL, NULL, 1, 0},
    {CVK_OP_CLIP, clip, int_same, int_same, NULL, -INFINITY, INFINITY},
    {CVK_OP_HARD_SIGMOID, hard_sigmoid, NULL, NULL, NULL, 0.2f, 0.5f},
    {CVK_OP_HARD_SWISH, hard_swish, NULL, NULL, NULL, 0, 0},
    {CVK_OP_SOFTPLUS, softplus, NULL, NULL, NULL, 0, 0},
    {CVK_OP_SOFTSIGN, softsign, NULL, NULL, NULL, 0, 0},
    {CVK_OP_GELU, gelu, NULL, NULL, NULL, 0, 0},
    {CVK_OP_SWISH, swish, NULL, NULL, NULL, 1, 0},
    {CVK_OP_MISH, mish, NULL, NULL, NULL, 0, 0},
    {CVK_OP_THRESHOLDED_RELU, thresholded_relu, NULL, NULL, NULL, 1, 0},
    {CVK_OP_EXP, exponential, NULL, NULL, NULL, 0, 0},
    {CVK_OP_LOG, logarithm, NULL, NULL, NULL, 0, 0},
    {CVK_OP_SQRT, square_root, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ABS, absolute, int_absolute, int_same, NULL, 0, 0},
    {CVK_OP_NEG, negate, int_negate, NULL, NULL, 0, 0},
    {CVK_OP_RECIPROCAL, reciprocal, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ERF, error_function, NULL, NULL, NULL, 0, 0},
    {CVK_OP_FLOOR, round_down, NULL, NULL, NULL, 0, 0},
    {CVK_OP_CEIL, round_up, NULL, NULL, NULL, 0, 0},
    {CVK_OP_NOT, NULL, NULL, NULL, int_not, 0, 0},
    {CVK_OP_SIN, sine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_COS, cosine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_TAN, tangent_of_angle, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ASIN, arc_sine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ACOS, arc_cosine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ATAN, arc_tangent, NULL, NULL, NULL, 0, 0},
    {CVK_OP_SINH, hyperbolic_sine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_COSH, hyperbolic_cosine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ASINH, area_sine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ACOSH, area_cosine, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ATANH, area_tangent, NULL, NULL, NULL, 0, 0},
    {CVK_OP_ROUND, round_even, NULL, NULL, NULL, 0, 0},
    {CVK_OP_SIGN, sign, int_sign, int_not_zero, NULL, 0, 0},
    {CVK_OP_SHRINK, shrink, int_same, int_same, NULL, 0.5f, 0},
    {CVK_OP_BITWISE_NOT, NULL, int_complement, int_complement, NULL, 0, 0},
};

static const unary_row *find_row(int32_t kind) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == kind) return &rows[i];
  return NULL;
}

void cvk_defaults_unary(int32_t kind, cvk_any_attr *a) {
  const unary_row *row = find_row(kind);
  if (row == NULL) return;
  a->unary.alpha = row->alpha;
  a->unary.beta = row->beta;
}

static int_function int_function_of(const unary_row *row, int32_t dtype) {
  switch (cvk_dtype_class(dtype)) {
    case CVK_CLASS_SIGNED:
      return row->on_signed;
    case CVK_CLASS_UNSIGNED:
      return row->on_unsigned;
    case CVK_CLASS_BOOL:
      return row->on_bool;
    default:
      return NULL;
  }
}

cvk_status cvk_infer_unary(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16, CVK_I32,
                                  CVK_I64, CVK_U8,  CVK_U16, CVK_U32,  CVK_U64, CVK_BOOL};
  const int32_t n_types = (int32_t)(sizeof types / sizeof *types);
  const cvk_tensor_desc *x = call->in[0];
  const unary_row *row = find_row(call->kind);
  int32_t allowed[sizeof types / sizeof *types], n = 0;
  if (row == NULL) return cvk_fail(CVK_INTERNAL, "%s: no unary function", call->def->name);
  for (int32_t i = 0; i < n_types; i++)
    if (cvk_dtype_class(types[i]) == CVK_CLASS_REAL ? row->real != NULL : int_function_of(row, types[i]) != NULL) allowed[n++] = types[i];
  const cvk_status s = cvk_require_dtype(call, 0, n, allowed);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], call->def->name, x->dtype, x->rank, x->dim) : s;
}

/* One of CLIP's limits, given as a tensor: a single value of x's type. */
static cvk_status read_limit(const cvk_op_call *call, int32_t i, float *limit) {
  const cvk_tensor_desc *d = i < call->n_in ? call->in[i] : NULL;
  const char *what = i == 1 ? "min" : "max";
  char text[CVK_DIMS_TEXT];
  if (d == NULL) return CVK_OK;
  if (d->dtype != call->in[0]->dtype)
    return cvk_fail(CVK_INVALID_ARGUMENT, "clip: %s is %s, x is %s; both must be of one type", what, cvk_dtype_name(d->dtype),
                    cvk_dtype_name(call->in[0]->dtype));
  if (cvk_count(d->rank, d->dim) != 1)
    return cvk_fail(CVK_INVALID_SHAPE, "clip: %s has shape %s, must be one value", what, cvk_dims_text(d->rank, d->dim, text));
  if (d->const_data == NULL)
    return cvk_fail(CVK_UNSUPPORTED, "clip: the value of %s (input %d) must be known when the op is prepared", what, i);
  *limit = (float)cvk_load_real(d->dtype, d->const_data, 0);
  return CVK_OK;
}

cvk_status cvk_infer_clip(cvk_op_call *call) {
  cvk_status s = cvk_infer_unary(call);
  if (s == CVK_OK) s = read_limit(call, 1, &call->attr->unary.alpha);
  if (s == CVK_OK) s = read_limit(call, 2, &call->attr->unary.beta);
  return s;
}

/* A limit in full precision: the float attribute cannot hold every int64 or double. */
static const void *limit_data(const cvk_op *op, const void *const *in, int32_t i) {
  if (i >= op->n_in || op->in[i] == NULL) return NULL;
  return in[i] != NULL ? in[i] : op->in[i]->const_data;
}

static int32_t less(int64_t a, int64_t b, int32_t is_unsigned) {
  return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

static void clip_ints(const cvk_op *op, const void *const *in, void *y, int64_t count) {
  const int32_t dtype = op->in[0]->dtype, is_unsigned = cvk_dtype_class(dtype) == CVK_CLASS_UNSIGNED;
  const cvk_unary_attr *attr = op->attr;
  const double bound[2] = {(double)attr->alpha, (double)attr->beta};
  int64_t limit[2], v[CVK_RUN];
  for (int32_t i = 0; i < 2; i++) {
    const void *given = limit_data(op, in, i + 1);
    _Alignas(8) unsigned char storage[8]; /* one element of x's type, in which the attribute's limit saturates */
    if (given == NULL) cvk_store_reals(dtype, storage, 0, 1, 1, &bound[i]);
    cvk_load_ints(dtype, given != NULL ? given : storage, 0, 1, 1, &limit[i]);
  }
  for (int64_t first = 0; first < count; first += CVK_RUN) {
    const int64_t n = count - first < CVK_RUN ? count - first : CVK_RUN;
    cvk_load_ints(dtype, in[0], first, 1, n, v);
    for (int64_t i = 0; i < n; i++) {
      if (less(v[i], limit[0], is_unsigned)) v[i] = limit[0];
      if (less(limit[1], v[i], is_unsigned)) v[i] = limit[1];
    }
    cvk_store_ints(dtype, y, first, 1, n, v);
  }
}

static void run_ints(const cvk_op *op, int_function f, const void *x, void *y, int64_t count) {
  int64_t v[CVK_RUN];
  for (int64_t first = 0; first < count; first += CVK_RUN) {
    const int64_t n = count - first < CVK_RUN ? count - first : CVK_RUN;
    cvk_load_ints(op->in[0]->dtype, x, first, 1, n, v);
    for (int64_t i = 0; i < n; i++) v[i] = f(v[i]);
    cvk_store_ints(op->in[0]->dtype, y, first, 1, n, v);
  }
}

static void run_reals(const cvk_op *op, real_function f, const void *const *in, void *y, int64_t count) {
  const int32_t dtype = op->in[0]->dtype;
  const cvk_unary_attr *attr = op->attr;
  double v[CVK_RUN], parameter[2] = {attr != NULL ? (double)attr->alpha : 0, attr != NULL ? (double)attr->beta : 0};
  for (int32_t i = 0; op->kind == CVK_OP_CLIP && i < 2; i++) {
    const void *given = limit_data(op, in, i + 1);
    if (given != NULL) parameter[i] = cvk_load_real(dtype, given, 0);
  }
  for (int64_t first = 0; first < count; first += CVK_RUN) {
    const int64_t n = count - first < CVK_RUN ? count - first : CVK_RUN;
    cvk_load_reals(dtype, in[0], first, 1, n, v);
    for (int64_t i = 0; i < n; i++) v[i] = f(v[i], parameter[0], parameter[1]);
    cvk_store_reals(dtype, y, first, 1, n, v);
  }
}

cvk_status cvk_ref_unary(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const int64_t count = cvk_count(x->rank, x->dim);
  const unary_row *row = find_row(op->kind);
  if (row == NULL) return cvk_fail(CVK_INTERNAL, "op kind %d: no unary function", op->kind);
  if (out[0] == NULL) return CVK_OK;
  if (cvk_dtype_class(x->dtype) == CVK_CLASS_REAL || op->kind == CVK_OP_SHRINK)
    run_reals(op, row->real, in, out[0], count);
  else if (op->kind == CVK_OP_CLIP)
    clip_ints(op, in, out[0], count);
  else
    run_ints(op, int_function_of(row, x->dtype), in[0], out[0], count);
  return CVK_OK;
}
