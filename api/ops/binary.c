/* SPDX-License-Identifier: Apache-2.0 */
/* binary.c: ADD SUB MUL DIV POW MOD, BIT_SHIFT and BITWISE_AND OR XOR, and the comparisons EQUAL LESS GREATER, broadcasting as NumPy's: one
 * table row a kind, with a function for each class of types. Reals are computed in double and rounded once, which for + - * / of float32 is
 * float32 arithmetic. Integers wrap; division truncates; a zero divisor, and zero to a negative power, is INVALID_ARGUMENT. POW takes b of
 * another type; the result is a's. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "strided.h"
#include "train/gradient.h"

typedef double (*real_function)(double a, double b);
typedef int64_t (*int_function)(int64_t a, int64_t b);

static double add(double a, double b) {
  return a + b;
}
static double subtract(double a, double b) {
  return a - b;
}
static double multiply(double a, double b) {
  return a * b;
}
static double divide(double a, double b) {
  return a / b;
}
/* The sign of b, zeros included (Mod-28). */
static double floored_remainder(double a, double b) {
  const double r = fmod(a, b);
  if (r == 0) return copysign(0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}
static double equal(double a, double b) {
  return a == b;
}
static double less(double a, double b) {
  return a < b;
}
static double greater(double a, double b) {
  return a > b;
}

static int64_t int_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
static int64_t int_subtract(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a - (uint64_t)b);
}
static int64_t int_multiply(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}
static int64_t signed_divide(int64_t a, int64_t b) {
  return b == -1 ? int_subtract(0, a) : a / b;
}
static int64_t unsigned_divide(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a / (uint64_t)b);
}
/* The sign of a. */
static int64_t signed_remainder(int64_t a, int64_t b) {
  return b == -1 ? 0 : a % b;
}
static int64_t signed_floored_remainder(int64_t a, int64_t b) {
  const int64_t r = signed_remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static int64_t unsigned_remainder(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a % (uint64_t)b);
}
/* By the type's width or more, or a negative number, nothing is left; below 64 bits the store cuts what went past the type. */
static int64_t shift_left(int64_t a, int64_t b) {
  return (uint64_t)b < 64 ? (int64_t)((uint64_t)a << b) : 0;
}
static int64_t shift_right(int64_t a, int64_t b) {
  return (uint64_t)b < 64 ? (int64_t)((uint64_t)a >> b) : 0;
}
/* Copies of the sign come in: all that is left of a shift by the width or more, or by a negative number. */
static int64_t arithmetic_shift_right(int64_t a, int64_t b) {
  const int64_t distance = (uint64_t)b < 64 ? b : 63;
  return a < 0 ? ~(~a >> distance) : a >> distance;
}
static int64_t bitwise_and(int64_t a, int64_t b) {
  return a & b;
}
static int64_t bitwise_or(int64_t a, int64_t b) {
  return a | b;
}
static int64_t bitwise_xor(int64_t a, int64_t b) {
  return a ^ b;
}
static int64_t int_equal(int64_t a, int64_t b) {
  return a == b;
}
static int64_t signed_less(int64_t a, int64_t b) {
  return a < b;
}
static int64_t unsigned_less(int64_t a, int64_t b) {
  return (uint64_t)a < (uint64_t)b;
}
static int64_t signed_greater(int64_t a, int64_t b) {
  return a > b;
}
static int64_t unsigned_greater(int64_t a, int64_t b) {
  return (uint64_t)a > (uint64_t)b;
}

static int64_t unsigned_power(int64_t a, int64_t b) {
  uint64_t result = 1, base = (uint64_t)a;
  for (uint64_t e = (uint64_t)b; e > 0; e >>= 1) {
    if (e & 1) result *= base;
    base *= base;
  }
  return (int64_t)result;
}

/* The exponent is signed. A negative one leaves 1 and -1 as they are and truncates everything else to 0. */
static int64_t signed_power(int64_t a, int64_t b) {
  if (b >= 0) return unsigned_power(a, b);
  if (a == 1) return 1;
  return a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
}

typedef struct binary_row {
  int32_t kind;
  real_function real;
  int_function on_signed, on_unsigned, on_bool;
} binary_row;

static const binary_row rows[] = {
    {CVK_OP_ADD, add, int_add, int_add, NULL},
    {CVK_OP_SUB, subtract, int_subtract, int_subtract, NULL},
    {CVK_OP_MUL, multiply, int_multiply, int_multiply, NULL},
    {CVK_OP_DIV, divide, signed_divide, unsigned_divide, NULL},
    {CVK_OP_POW, pow, signed_power, unsigned_power, NULL},
    {CVK_OP_MOD, floored_remainder, signed_floored_remainder, unsigned_remainder, NULL},
    {CVK_OP_BIT_SHIFT, NULL, shift_left, shift_left, NULL},
    {CVK_OP_BITWISE_AND, NULL, bitwise_and, bitwise_and, NULL},
    {CVK_OP_BITWISE_OR, NULL, bitwise_or, bitwise_or, NULL},
    {CVK_OP_BITWISE_XOR, NULL, bitwise_xor, bitwise_xor, NULL},
    {CVK_OP_EQUAL, equal, int_equal, int_equal, int_equal},
    {CVK_OP_LESS, less, signed_less, unsigned_less, NULL},
    {CVK_OP_GREATER, greater, signed_greater, unsigned_greater, NULL},
};

static const int32_t number_types[] = {CVK_F32, CVK_F64, CVK_I32, CVK_I64, CVK_F16, CVK_BF16, CVK_I8,
                                       CVK_I16, CVK_U8,  CVK_U16, CVK_U32, CVK_U64, CVK_BOOL};
enum { ALL_TYPES = sizeof number_types / sizeof *number_types, NUMBER_TYPES = ALL_TYPES - 1 /* bool comes last */ };

/* What an attribute makes of two kinds. */
static const binary_row truncated_mod = {CVK_OP_MOD, fmod, signed_remainder, unsigned_remainder, NULL};
static const binary_row right_shift = {CVK_OP_BIT_SHIFT, NULL, arithmetic_shift_right, shift_right, NULL};

static const binary_row *find_row(int32_t kind) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == kind) return &rows[i];
  return NULL;
}

static const binary_row *row_of(const cvk_op *op) {
  if (op->kind == CVK_OP_MOD && ((const cvk_mod_attr *)op->attr)->fmod) return &truncated_mod;
  if (op->kind == CVK_OP_BIT_SHIFT && ((const cvk_bit_shift_attr *)op->attr)->right) return &right_shift;
  return find_row(op->kind);
}

static cvk_status infer_broadcast(cvk_op_call *call, int32_t dtype) {
  const cvk_tensor_desc *a = call->in[0], *b = call->in[1];
  int64_t dim[CVK_MAX_RANK];
  int32_t rank;
  const cvk_status s = cvk_broadcast(call->def->name, a->rank, a->dim, b->rank, b->dim, &rank, dim);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], call->def->name, dtype, rank, dim) : s;
}

static cvk_status check_same_type(const cvk_op_call *call) {
  const int32_t a = call->in[0]->dtype, b = call->in[1]->dtype;
  return a == b ? CVK_OK
                : cvk_fail(CVK_INVALID_ARGUMENT, "%s: a is %s, b is %s; both must be of one type", call->def->name, cvk_dtype_name(a),
                           cvk_dtype_name(b));
}

cvk_status cvk_infer_binary(cvk_op_call *call) {
  cvk_status s = cvk_require_dtype(call, 0, NUMBER_TYPES, number_types);
  if (s == CVK_OK) s = call->kind == CVK_OP_POW ? cvk_require_dtype(call, 1, NUMBER_TYPES, number_types) : check_same_type(call);
  return s == CVK_OK ? infer_broadcast(call, call->in[0]->dtype) : s;
}

cvk_status cvk_infer_mod(cvk_op_call *call) {
  cvk_mod_attr *attr = &call->attr->mod;
  if (attr->fmod != 0 && attr->fmod != 1) return cvk_fail(CVK_INVALID_ARGUMENT, "mod: fmod is %d, allowed 0 and 1", attr->fmod);
  return cvk_infer_binary(call);
}

cvk_status cvk_infer_bitwise(cvk_op_call *call) {
  static const int32_t types[] = {CVK_I8, CVK_I16, CVK_I32, CVK_I64, CVK_U8, CVK_U16, CVK_U32, CVK_U64};
  cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  if (s == CVK_OK) s = check_same_type(call);
  return s == CVK_OK ? infer_broadcast(call, call->in[0]->dtype) : s;
}

cvk_status cvk_infer_compare(cvk_op_call *call) {
  cvk_status s = cvk_require_dtype(call, 0, call->kind == CVK_OP_EQUAL ? ALL_TYPES : NUMBER_TYPES, number_types);
  if (s == CVK_OK) s = check_same_type(call);
  return s == CVK_OK ? infer_broadcast(call, CVK_BOOL) : s;
}

/* A run of at most CVK_RUN results. */
typedef struct span {
  int64_t first[3], step[3]; /* y, a, b */
  int64_t n;
} span;

static void run_reals(const cvk_op *op, const binary_row *row, const span *r, const void *const *in, void *y) {
  double a[CVK_RUN], b[CVK_RUN];
  cvk_load_reals(op->in[0]->dtype, in[0], r->first[1], r->step[1], r->n, a);
  cvk_load_reals(op->in[1]->dtype, in[1], r->first[2], r->step[2], r->n, b);
  for (int64_t i = 0; i < r->n; i++) a[i] = row->real(a[i], b[i]);
  cvk_store_reals(op->out[0]->dtype, y, r->first[0], r->step[0], r->n, a);
}

/* What integers have no answer for, found before the function is called. */
static cvk_status check_ints(const cvk_op *op, int64_t n, const int64_t *a, const int64_t *b) {
  const int32_t signed_exponent = cvk_dtype_class(op->in[1]->dtype) == CVK_CLASS_SIGNED;
  for (int64_t i = 0; (op->kind == CVK_OP_DIV || op->kind == CVK_OP_MOD) && i < n; i++)
    if (b[i] == 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "%s: %lld is divided by 0; integer divisors must not be 0",
                      op->kind == CVK_OP_DIV ? "div" : "mod", (long long)a[i]);
  for (int64_t i = 0; op->kind == CVK_OP_POW && signed_exponent && i < n; i++)
    if (a[i] == 0 && b[i] < 0) return cvk_fail(CVK_INVALID_ARGUMENT, "pow: integer 0 to the power %lld, allowed >= 0", (long long)b[i]);
  return CVK_OK;
}

static cvk_status run_ints(const cvk_op *op, int_function f, const span *r, const void *const *in, void *y) {
  int64_t a[CVK_RUN], b[CVK_RUN];
  cvk_load_ints(op->in[0]->dtype, in[0], r->first[1], r->step[1], r->n, a);
  cvk_load_ints(op->in[1]->dtype, in[1], r->first[2], r->step[2], r->n, b);
  const cvk_status s = check_ints(op, r->n, a, b);
  if (s != CVK_OK) return s;
  for (int64_t i = 0; i < r->n; i++) a[i] = f(a[i], b[i]);
  cvk_store_ints(op->out[0]->dtype, y, r->first[0], r->step[0], r->n, a);
  return CVK_OK;
}

/* NULL: in reals. b's class decides, because POW's exponent may be of another type than a; elsewhere both are of one type. */
static int_function choose_ints(const cvk_op *op, const binary_row *row) {
  if (cvk_dtype_class(op->in[0]->dtype) == CVK_CLASS_REAL) return NULL;
  switch (cvk_dtype_class(op->in[1]->dtype)) {
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

cvk_status cvk_ref_binary(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *y = op->out[0];
  const binary_row *row = row_of(op);
  cvk_status s = CVK_OK;
  cvk_walk w;
  if (row == NULL) return cvk_fail(CVK_INTERNAL, "op kind %d: no binary function", op->kind);
  if (out[0] == NULL) return CVK_OK;
  const int_function f = choose_ints(op, row);
  cvk_walk_begin(&w, y->rank, y->dim);
  cvk_walk_add_broadcast(&w, y->rank, y->dim);
  for (int32_t k = 0; k < 2; k++) cvk_walk_add_broadcast(&w, op->in[k]->rank, op->in[k]->dim);
  for (int32_t more = cvk_walk_start(&w); s == CVK_OK && more; more = cvk_walk_next(&w))
    for (int64_t done = 0; s == CVK_OK && done < w.run; done += CVK_RUN) {
      span r = {.n = w.run - done < CVK_RUN ? w.run - done : CVK_RUN};
      for (int32_t k = 0; k < 3; k++) {
        r.step[k] = w.step[k];
        r.first[k] = w.offset[k] + done * w.step[k];
      }
      if (f == NULL)
        run_reals(op, row, &r, in, out[0]);
      else
        s = run_ints(op, f, &r, in, out[0]);
    }
  return s;
}

/* ---- gradients: the product with the derivative, summed over what was broadcast ---- */

static void give(cvk_gradient *c, int32_t i, cvk_value v) { c->gx[i] = cvk_grad_sum_to(c, v, &c->out[0], c->in[i]); }

cvk_status cvk_grad_add(cvk_gradient *c) {
  for (int32_t i = 0; i < 2; i++) {
    if (c->wanted[i]) give(c, i, c->gy[0]);
  }
  return c->status;
}

cvk_status cvk_grad_sub(cvk_gradient *c) {
  if (c->wanted[0]) give(c, 0, c->gy[0]);
  if (c->wanted[1]) give(c, 1, cvk_grad_op1(c, CVK_OP_NEG, c->gy[0]));
  return c->status;
}

cvk_status cvk_grad_mul(cvk_gradient *c) {
  for (int32_t i = 0; i < 2; i++) {
    if (c->wanted[i]) give(c, i, cvk_grad_op2(c, CVK_OP_MUL, c->gy[0], c->x[1 - i]));
  }
  return c->status;
}

cvk_status cvk_grad_div(cvk_gradient *c) {
  const cvk_value by_a = cvk_grad_op2(c, CVK_OP_DIV, c->gy[0], c->x[1]);
  if (c->wanted[0]) give(c, 0, by_a);
  if (c->wanted[1]) give(c, 1, cvk_grad_op1(c, CVK_OP_NEG, cvk_grad_op2(c, CVK_OP_MUL, by_a, c->y[0])));
  return c->status;
}

static cvk_value to_type(cvk_gradient *c, cvk_value v, int32_t from, int32_t to) {
  const cvk_cast_attr a = {.struct_size = sizeof a, .dtype = to};
  return from == to ? v : cvk_grad_op(c, CVK_OP_CAST, &a, 1, &v);
}

/* a^b: gy b a^(b - 1), 0 where b is; in b gy y log(a), 0 where a is. b is taken in a's type, as its result is. */
cvk_status cvk_grad_pow(cvk_gradient *c) {
  const int32_t dtype = c->in[0]->dtype;
  const cvk_value zero = cvk_grad_scalar(c, dtype, 0), gy = c->gy[0], a = c->x[0], b = to_type(c, c->x[1], c->in[1]->dtype, dtype);
  if (c->wanted[0]) {
    const cvk_value power = cvk_grad_op2(c, CVK_OP_POW, a, cvk_grad_op2(c, CVK_OP_SUB, b, cvk_grad_scalar(c, dtype, 1)));
    const cvk_value slope = cvk_grad_op2(c, CVK_OP_MUL, gy, cvk_grad_op2(c, CVK_OP_MUL, b, power));
    give(c, 0, cvk_grad_where(c, cvk_grad_op2(c, CVK_OP_EQUAL, b, zero), zero, slope));
  }
  if (c->wanted[1]) {
    const cvk_value slope = cvk_grad_op2(c, CVK_OP_MUL, gy, cvk_grad_op2(c, CVK_OP_MUL, c->y[0], cvk_grad_op1(c, CVK_OP_LOG, a)));
    give(c, 1, cvk_grad_where(c, cvk_grad_op2(c, CVK_OP_EQUAL, a, zero), zero, slope));
    c->gx[1] = to_type(c, c->gx[1], dtype, c->in[1]->dtype);
  }
  return c->status;
}

/* y = a - q b with a whole number q. */
cvk_status cvk_grad_mod(cvk_gradient *c) {
  if (c->wanted[0]) give(c, 0, c->gy[0]);
  if (c->wanted[1]) {
    const cvk_value q = cvk_grad_op2(c, CVK_OP_DIV, cvk_grad_op2(c, CVK_OP_SUB, c->y[0], c->x[0]), c->x[1]);
    give(c, 1, cvk_grad_op2(c, CVK_OP_MUL, c->gy[0], cvk_grad_op1(c, CVK_OP_ROUND, q)));
  }
  return c->status;
}
