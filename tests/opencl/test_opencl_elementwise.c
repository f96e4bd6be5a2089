/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_elementwise.c: activations, unary functions, broadcasting arithmetic, comparisons and choices. */
#include <math.h>

#include "ref_case.h"

#define BLOCKED "elementwise_unary_blocked"
#define PLAIN "elementwise_unary_plain"
#define NHWC "elementwise_unary_nhwc"
#define BINARY_BLOCKED "elementwise_binary_blocked"
#define BINARY_PLAIN "elementwise_binary_plain"
#define BINARY_NHWC "elementwise_binary_nhwc"

static const float edges[] = {-100,   -20,      -10,       -1,  0,    1,     10,    19.8f,  20,  50,    100, 1e30f,
                              -1e30f, INFINITY, -INFINITY, NAN, 0.5f, -0.5f, -0.0f, 3e-39f, -88, 88.5f, 6,   -3};
#define N_EDGES (int64_t)(sizeof edges / sizeof *edges)

static const struct {
  int32_t kind;
  float alpha, beta;
} unary[] = {
    {CVK_OP_RELU, 0, 0},       {CVK_OP_LEAKY_RELU, 0.1f, 0},
    {CVK_OP_SIGMOID, 0, 0},    {CVK_OP_TANH, 0, 0},
    {CVK_OP_ELU, 1.5f, 0},     {CVK_OP_SELU, 1.67f, 1.05f},
    {CVK_OP_CELU, 2, 0},       {CVK_OP_CLIP, 0.25f, 6},
    {CVK_OP_CLIP, -1, 1},      {CVK_OP_HARD_SIGMOID, 0.2f, 0.5f},
    {CVK_OP_HARD_SWISH, 0, 0}, {CVK_OP_SOFTPLUS, 0, 0},
    {CVK_OP_SOFTSIGN, 0, 0},   {CVK_OP_GELU, 0, 0},
    {CVK_OP_GELU, 1, 0},       {CVK_OP_SWISH, 1.5f, 0},
    {CVK_OP_MISH, 0, 0},       {CVK_OP_THRESHOLDED_RELU, 0.5f, 0},
    {CVK_OP_EXP, 0, 0},        {CVK_OP_LOG, 0, 0},
    {CVK_OP_SQRT, 0, 0},       {CVK_OP_ABS, 0, 0},
    {CVK_OP_NEG, 0, 0},        {CVK_OP_RECIPROCAL, 0, 0},
    {CVK_OP_ERF, 0, 0},        {CVK_OP_FLOOR, 0, 0},
    {CVK_OP_CEIL, 0, 0},       {CVK_OP_SIN, 0, 0},
    {CVK_OP_COS, 0, 0},        {CVK_OP_TAN, 0, 0},
    {CVK_OP_ASIN, 0, 0},       {CVK_OP_ACOS, 0, 0},
    {CVK_OP_ATAN, 0, 0},       {CVK_OP_SINH, 0, 0},
    {CVK_OP_COSH, 0, 0},       {CVK_OP_ASINH, 0, 0},
    {CVK_OP_ACOSH, 0, 0},      {CVK_OP_ATANH, 0, 0},
    {CVK_OP_ROUND, 0, 0},      {CVK_OP_SIGN, 0, 0},
    {CVK_OP_SHRINK, 0.5f, 0},  {CVK_OP_SHRINK, -1, 2},
};

/* What OpenCL's functions promise at least (16 units for erf) fits in 16 eps of max(1, |y|). */
#define UNARY_ERROR (16 * 0x1p-23)

static void check_unary(size_t k, const case_tensor *x, const char *const *rows) {
  const cvk_unary_attr attr = {.struct_size = sizeof attr, .alpha = unary[k].alpha, .beta = unary[k].beta};
  case_check1(unary[k].kind, cvk_op_def_find(unary[k].kind)->attr_bytes ? &attr : NULL, x, rows, UNARY_ERROR);
}

START_TEST(unary_functions_agree_on_edge_values) {
  if (!mini_open()) return;
  for (size_t k = 0; k < sizeof unary / sizeof *unary; k++) {
    case_tensor x = case_floats(DIMS(N_EDGES), edges);
    check_unary(k, &x, ROWS(PLAIN));
    case_free(&x);
  }
  mini_close();
}
END_TEST

/* To the right and in the left tail, where the result is far below 1: against erfc in double precision, relatively. */
START_TEST(gelu_is_precise_on_both_sides) {
  enum { N = 5201 }; /* steps of 1/200 */
  static float x[N], y[N];
  if (!mini_open()) return;
  const cvk_unary_attr attr = {.struct_size = sizeof attr};
  mini_op op = {.kind = CVK_OP_GELU, .attr = &attr, .n_in = 1, .n_out = 1};
  for (int i = 0; i < N; i++) x[i] = (float)(i - N / 2) / 200;
  op.in[0] = mini_f32(1, (int64_t[]){N}, x);
  op.out[0] = mini_f32(1, (int64_t[]){N}, y);
  mini_must_run(PLAIN, &op);
  for (int i = 0; i < N; i++) {
    const double want = 0.5 * x[i] * erfc(-(double)x[i] * sqrt(0.5));
    ck_assert_msg(fabs(y[i] - want) <= 16 * MINI_EPS * fabs(want), "gelu(%g) = %.9g, want %.9g", x[i], y[i], want);
  }
  mini_close();
}
END_TEST

START_TEST(unary_functions_keep_the_unused_lanes_zero) {
  if (!mini_open()) return;
  static const int64_t channels[] = {1, 15, 16, 17, 35};
  for (size_t k = 0; k < sizeof unary / sizeof *unary; k++)
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++) {
      case_tensor x = case_random(DIMS(2, channels[c], 3, 5), (uint32_t)c);
      check_unary(k, &x, ROWS(BLOCKED, PLAIN, NHWC));
      case_free(&x);
    }
  mini_close();
}
END_TEST

START_TEST(unary_functions_take_any_size) {
  if (!mini_open()) return;
  for (int64_t n = 0; n < 70; n++) {
    case_tensor x = case_random(DIMS(n), (uint32_t)n);
    check_unary(0, &x, ROWS(PLAIN));
    check_unary(2, &x, ROWS(PLAIN));
    case_free(&x);
  }
  case_tensor big = case_random(DIMS(1, 3, 251, 257), 5), empty = case_new(CVK_F32, DIMS(2, 5, 0, 3));
  check_unary(2, &big, ROWS(BLOCKED, PLAIN, NHWC));
  check_unary(2, &empty, ROWS(BLOCKED, PLAIN));
  case_free(&big);
  case_free(&empty);
  mini_close();
}
END_TEST

static const int32_t arithmetic[] = {CVK_OP_ADD, CVK_OP_SUB, CVK_OP_MUL, CVK_OP_DIV, CVK_OP_POW,
                                     CVK_OP_MIN, CVK_OP_MAX, CVK_OP_SUM, CVK_OP_MEAN};
#define N_ARITHMETIC (sizeof arithmetic / sizeof *arithmetic)

static void check_mod(const case_tensor *a, const case_tensor *b, const char *const *rows) {
  const case_tensor *in[] = {a, b};
  for (int32_t truncates = 0; truncates < 2; truncates++) {
    const cvk_mod_attr attr = {.struct_size = sizeof attr, .fmod = truncates};
    case_check(CVK_OP_MOD, &attr, 2, in, 1, rows, &(case_options){0});
  }
}

static void check_binary(int32_t kind, const case_tensor *a, const case_tensor *b, uint32_t constants, const char *const *rows) {
  const case_tensor *in[] = {a, b};
  case_check(kind, NULL, 2, in, 1, rows, &(case_options){.relative = 16 * 0x1p-23, .absolute = 0x1p-23, .constants = constants});
}

static void check_pair(int32_t ra, const int64_t *a_dim, int32_t rb, const int64_t *b_dim, const char *const *rows) {
  case_tensor a = case_random(ra, a_dim, 3), b = case_random(rb, b_dim, 4);
  for (size_t k = 0; k < N_ARITHMETIC; k++)
    for (uint32_t constants = 0; constants < 3; constants += 2) check_binary(arithmetic[k], &a, &b, constants, rows);
  case_free(&a);
  case_free(&b);
}

START_TEST(arithmetic_broadcasts) {
  if (!mini_open()) return;
  check_pair(DIMS(37), DIMS(37), ROWS(BINARY_PLAIN));
  check_pair(DIMS(2, 3, 5), DIMS(1), ROWS(BINARY_PLAIN));
  check_pair(0, NULL, 0, NULL, ROWS(BINARY_PLAIN));
  check_pair(DIMS(1), DIMS(4, 19), ROWS(BINARY_PLAIN));
  check_pair(DIMS(2, 3, 4, 5), DIMS(5), ROWS(BINARY_PLAIN));
  check_pair(DIMS(4, 1, 17), DIMS(3, 1), ROWS(BINARY_PLAIN));
  check_pair(DIMS(2, 1, 2, 1, 2, 1, 2, 3), DIMS(1, 2, 1, 2, 1, 2, 1, 3), ROWS(BINARY_PLAIN));
  check_pair(DIMS(2, 0, 3), DIMS(3), ROWS(BINARY_PLAIN));
  check_pair(DIMS(3, 1), DIMS(1, 100), ROWS(BINARY_PLAIN));
  mini_close();
}
END_TEST

START_TEST(blocked_arithmetic_broadcasts_and_keeps_lanes_zero) {
  if (!mini_open()) return;
  static const int64_t channels[] = {1, 13, 16, 37};
  for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
    const int64_t c = channels[i];
    check_pair(DIMS(2, c, 3, 5), DIMS(2, c, 3, 5), ROWS(BINARY_BLOCKED, BINARY_PLAIN, BINARY_NHWC));
    check_pair(DIMS(2, c, 3, 5), DIMS(1, c, 1, 1), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(2, c, 3, 5), DIMS(2, c, 1, 1), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(2, c, 3, 5), DIMS(c, 1, 1), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(2, c, 3, 5), DIMS(1), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(1), DIMS(2, c, 3, 5), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(2, c, 3, 5), DIMS(2, 1, 3, 5), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(2, c, 3, 5), DIMS(3, 5), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
    check_pair(DIMS(2, c, 0, 5), DIMS(2, c, 0, 5), ROWS(BINARY_BLOCKED, BINARY_PLAIN));
  }
  mini_close();
}
END_TEST

START_TEST(arithmetic_follows_ieee_on_edge_values) {
  if (!mini_open()) return;
  case_tensor a = case_floats(DIMS(N_EDGES, 1), edges), b = case_floats(DIMS(1, N_EDGES), edges);
  static const int32_t kinds[] = {CVK_OP_ADD, CVK_OP_SUB, CVK_OP_MUL, CVK_OP_DIV, CVK_OP_MIN, CVK_OP_MAX, CVK_OP_POW};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) check_binary(kinds[k], &a, &b, 0, ROWS(BINARY_PLAIN));
  case_free(&a);
  case_free(&b);
  mini_close();
}
END_TEST

START_TEST(n_ary_ops_chain) {
  if (!mini_open()) return;
  static const int32_t kinds[] = {CVK_OP_SUM, CVK_OP_MEAN, CVK_OP_MIN, CVK_OP_MAX};
  for (size_t k = 0; k < 4; k++)
    for (int32_t n = 1; n <= 5; n++) {
      case_tensor t[5];
      const case_tensor *in[5];
      for (int32_t i = 0; i < n; i++) {
        t[i] = case_random(DIMS(2, 19, 4, 3), (uint32_t)i);
        in[i] = &t[i];
      }
      case_check(kinds[k], NULL, n, in, 1, ROWS(BINARY_BLOCKED, BINARY_PLAIN, BINARY_NHWC),
                 &(case_options){.relative = 8 * MINI_EPS, .absolute = 8 * MINI_EPS});
      if (n == 3) {
        case_tensor small = case_random(DIMS(19, 1, 1), 9), first = case_random(DIMS(3), 10);
        const case_tensor *mixed[] = {&first, &small, in[0]};
        case_check(kinds[k], NULL, 3, mixed, 1, ROWS(BINARY_PLAIN), &(case_options){.relative = 8 * MINI_EPS, .absolute = 8 * MINI_EPS});
        case_free(&small);
        case_free(&first);
      }
      for (int32_t i = 0; i < n; i++) case_free(&t[i]);
    }
  mini_close();
}
END_TEST

START_TEST(activations_ride_on_arithmetic) {
  if (!mini_open()) return;
  static const cvk_unary_attr leaky = {.struct_size = sizeof leaky, .alpha = 0.1f},
                              six = {.struct_size = sizeof six, .alpha = 0.25f, .beta = 6};
  static const struct {
    int32_t kind;
    const cvk_unary_attr *attr;
  } post[] = {{CVK_OP_RELU, NULL}, {CVK_OP_LEAKY_RELU, &leaky}, {CVK_OP_CLIP, &six}, {CVK_OP_HARD_SWISH, NULL}};
  case_tensor a = case_random(DIMS(2, 19, 4, 3), 1), b = case_random(DIMS(2, 19, 4, 3), 2), c = case_random(DIMS(19, 1, 1), 3);
  for (size_t k = 0; k < sizeof post / sizeof *post; k++) {
    const case_options o = {.post = post[k].kind, .post_attr = post[k].attr, .relative = 8 * MINI_EPS, .absolute = 8 * MINI_EPS};
    case_check(CVK_OP_ADD, NULL, 2, (const case_tensor *[]){&a, &b}, 1, ROWS(BINARY_BLOCKED, BINARY_PLAIN, BINARY_NHWC), &o);
    case_check(CVK_OP_MUL, NULL, 2, (const case_tensor *[]){&a, &c}, 1, ROWS(BINARY_BLOCKED, BINARY_PLAIN), &o);
    case_check(CVK_OP_SUM, NULL, 3, (const case_tensor *[]){&a, &b, &a}, 1, ROWS(BINARY_BLOCKED, BINARY_PLAIN), &o);
  }
  case_free(&a);
  case_free(&b);
  case_free(&c);
  mini_close();
}
END_TEST

START_TEST(prelu_takes_slopes_of_any_shape) {
  if (!mini_open()) return;
  case_tensor x = case_random(DIMS(2, 19, 4, 3), 1), per_channel = case_random(DIMS(19, 1, 1), 2), one = case_random(DIMS(1), 3),
              full = case_random(DIMS(2, 19, 4, 3), 4);
  check_binary(CVK_OP_PRELU, &x, &per_channel, 2, ROWS(BINARY_BLOCKED, BINARY_PLAIN));
  check_binary(CVK_OP_PRELU, &x, &one, 0, ROWS(BINARY_BLOCKED, BINARY_PLAIN));
  check_binary(CVK_OP_PRELU, &x, &full, 0, ROWS(BINARY_BLOCKED, BINARY_PLAIN, BINARY_NHWC));
  case_free(&x);
  case_free(&per_channel);
  case_free(&one);
  case_free(&full);
  mini_close();
}
END_TEST

START_TEST(remainders_are_exact) {
  if (!mini_open()) return;
  case_tensor a = case_floats(DIMS(N_EDGES, 1), edges), b = case_floats(DIMS(1, N_EDGES), edges), c = case_random(DIMS(2, 19, 4, 3), 1),
              d = case_random(DIMS(2, 19, 4, 3), 2), per_channel = case_random(DIMS(19, 1, 1), 3);
  check_mod(&a, &b, ROWS(BINARY_PLAIN));
  check_mod(&c, &d, ROWS(BINARY_BLOCKED, BINARY_PLAIN, BINARY_NHWC));
  check_mod(&c, &per_channel, ROWS(BINARY_BLOCKED, BINARY_PLAIN));
  case_free(&a);
  case_free(&b);
  case_free(&c);
  case_free(&d);
  case_free(&per_channel);
  mini_close();
}
END_TEST

START_TEST(not_turns_bools_round) {
  if (!mini_open()) return;
  for (int64_t n = 0; n < 70; n += 23) {
    case_tensor x = case_typed(CVK_BOOL, DIMS(n, 3), 1);
    const case_tensor *in = &x;
    case_check(CVK_OP_NOT, NULL, 1, &in, 1, ROWS("elementwise_not"), &(case_options){0});
    case_free(&x);
  }
  mini_close();
}
END_TEST

START_TEST(comparisons_give_bools) {
  if (!mini_open()) return;
  case_tensor a = case_floats(DIMS(N_EDGES, 1), edges), b = case_floats(DIMS(N_EDGES), edges);
  const case_tensor *in[] = {&a, &b};
  for (int32_t kind = CVK_OP_EQUAL; kind <= CVK_OP_GREATER; kind++)
    case_check(kind, NULL, 2, in, 1, ROWS("elementwise_compare"), &(case_options){0});
  case_free(&a);
  case_free(&b);
  mini_close();
}
END_TEST

START_TEST(where_chooses_words_of_any_type) {
  if (!mini_open()) return;
  static const int32_t types[] = {CVK_F32, CVK_I32, CVK_I64};
  for (size_t k = 0; k < 3; k++) {
    case_tensor c = case_typed(CVK_BOOL, DIMS(3, 1, 5), 1), a = case_typed(types[k], DIMS(4, 5), 2), b = case_typed(types[k], DIMS(1), 3);
    const case_tensor *in[] = {&c, &a, &b};
    case_check(CVK_OP_WHERE, NULL, 3, in, 1, ROWS("elementwise_where"), &(case_options){0});
    case_free(&c);
    case_free(&a);
    case_free(&b);
  }
  mini_close();
}
END_TEST

SUITE("opencl_elementwise", unary_functions_agree_on_edge_values, gelu_is_precise_on_both_sides, unary_functions_keep_the_unused_lanes_zero,
      unary_functions_take_any_size, arithmetic_broadcasts, blocked_arithmetic_broadcasts_and_keeps_lanes_zero,
      arithmetic_follows_ieee_on_edge_values, n_ary_ops_chain, activations_ride_on_arithmetic, prelu_takes_slopes_of_any_shape,
      comparisons_give_bools, where_chooses_words_of_any_type, remainders_are_exact, not_turns_bools_round)
