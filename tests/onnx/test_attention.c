/* SPDX-License-Identifier: Apache-2.0 */
/* test_attention.c: Attention by small cases worked by hand. Scores are logarithms of small numbers, so that the softmax is of fractions:
 * ln 3 and 0 give 3/4 and 1/4. */
#include <math.h>

#include "one_node.h"

#define LN3 1.0986123f

/* q [1,1,2,1] = 1, 1; k [1,1,2,1] = ln 3, 0; v [1,1,2,1] = 4, 8; scale 1. */
static const array q = {CVK_F32, "1x1x2x1", (const float[]){1, 1}}, k = {CVK_F32, "1x1x2x1", (const float[]){LN3, 0}},
                   v = {CVK_F32, "1x1x2x1", (const float[]){4, 8}};

static bytes scaled(float scale) {
  bytes a = {0};
  attr_float(&a, "scale", scale);
  return a;
}

START_TEST(test_plain_and_causal) {
  bytes a = scaled(1);
  check_op(23, "Attention", &a, "a b c", IN(q, k, v), F32("1x1x2x1", 5, 5));
  a = scaled(1);
  attr_int(&a, "is_causal", 1);
  check_op(24, "Attention", &a, "a b c", IN(q, k, v), F32("1x1x2x1", 4, 5));
  /* the default scale is 1 / sqrt(d): d 4, every product 4 / 2 */
  const array ones = F32("1x1x1x4", 1, 1, 1, 1);
  bytes m = one(23, "Attention", NULL, "a b c", "y - - s", 3, (const array[]){ones, ones, ones});
  expect(&m, 3, (const array[]){ones, ones, ones}, 2, (const array[]){ones, F32("1x1x1x1", 2)});
}
END_TEST

START_TEST(test_masks) {
  bytes a = scaled(1);
  check_op(23, "Attention", &a, "a b c d", IN(q, k, v, BOOL("2x2", 0, 1, 1, 1)), F32("1x1x2x1", 8, 5));
  a = scaled(1); /* no key at all: zero, whatever the scores are */
  check_op(23, "Attention", &a, "a b c d", IN(q, F32("1x1x2x1", INFINITY, 0), v, BOOL("2x2", 0, 0, 0, 1)), F32("1x1x2x1", 0, NAN));
  a = scaled(1); /* numbers are added: ln 3 - ln 3 */
  check_op(23, "Attention", &a, "a b c d", IN(q, k, v, F32("2x2", -LN3, 0, 0, 0)), F32("1x1x2x1", 6, 5));
  a = scaled(1); /* one column for two keys: the second is out, also for numbers */
  check_op(24, "Attention", &a, "a b c d", IN(q, k, v, BOOL("2x1", 1, 1)), F32("1x1x2x1", 4, 4));
  a = scaled(1);
  check_op(24, "Attention", &a, "a b c d", IN(q, k, v, F32("1", 0)), F32("1x1x2x1", 4, 4));
  a = scaled(1);
  attr_int(&a, "is_causal", 1); /* both bar */
  check_op(23, "Attention", &a, "a b c d", IN(q, k, v, BOOL("2", 0, 1)), F32("1x1x2x1", 0, 8));
  a = scaled(1);
  check_refused(23, "Attention", &a, "a b c d", IN(q, k, v, BOOL("2x3", 1, 1, 1, 1, 1, 1)), CVK_INVALID_SHAPE, "add");
}
END_TEST

START_TEST(test_scores_are_an_output) {
  const array in[] = {q, k, v, BOOL("1x2", 1, 0)};
  const float capped = 2 * tanhf(LN3 / 2); /* 2 (3 - 1) / (3 + 1) */
  ck_assert_float_eq_tol(capped, 1, 1e-6f);
  const array want[] = {F32("1x1x2x2", LN3, 0, LN3, 0), F32("1x1x2x2", 1, 0, 1, 0), F32("1x1x2x2", 1, -INFINITY, 1, -INFINITY),
                        F32("1x1x2x2", 1, 0, 1, 0)};
  for (int64_t mode = 0; mode < 4; mode++) {
    bytes a = scaled(1);
    attr_float(&a, "softcap", 2);
    attr_int(&a, "qk_matmul_output_mode", mode);
    bytes m = one(24, "Attention", &a, "a b c d", "y - - s", 4, in);
    expect(&m, 4, in, 2, (const array[]){F32("1x1x2x1", 4, 4), want[mode]});
  }
}
END_TEST

/* Two heads of q over one of k; heads lie side by side in rank 3. */
START_TEST(test_heads) {
  bytes a = scaled(1);
  attr_int(&a, "q_num_heads", 2);
  attr_int(&a, "kv_num_heads", 1);
  const array in[] = {F32("1x1x2", 1, -1), F32("1x2x1", LN3, 0), F32("1x2x1", 4, 8)};
  check_op(23, "Attention", &a, "a b c", 3, in, F32("1x1x2", 5, 7));
  a = scaled(1);
  attr_int(&a, "q_num_heads", 2);
  attr_int(&a, "kv_num_heads", 2);
  const array two[] = {F32("1x1x2", 1, -1), F32("1x2x2", LN3, LN3, 0, 0), F32("1x2x2", 4, 40, 8, 80)};
  check_op(23, "Attention", &a, "a b c", 3, two, F32("1x1x2", 5, 70));
  a = scaled(1); /* rank 4 without attributes: head 0 and 1 of q share k's first, 2 and 3 its second */
  const array shared[] = {F32("1x4x1x1", 1, -1, 1, -1), F32("1x2x2x1", LN3, 0, 0, LN3), F32("1x2x2x1", 4, 8, 40, 80)};
  check_op(23, "Attention", &a, "a b c", 3, shared, F32("1x4x1x1", 5, 7, 70, 50));
  check_refused(23, "Attention", NULL, "a b c", 3, in, CVK_INVALID_ARGUMENT, "needs the attributes 'q_num_heads' and 'kv_num_heads'");
  attr_int(&a, "q_num_heads", 3);
  attr_int(&a, "kv_num_heads", 2);
  check_refused(23, "Attention", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "3 heads of q cannot share 2");
  check_refused(23, "Attention", NULL, "a b c", IN(F32("1x3x1x1", 1, 1, 1), shared[1], shared[2]), CVK_INVALID_SHAPE, "reshape");
}
END_TEST

START_TEST(test_past) {
  bytes a = scaled(1);
  attr_int(&a, "is_causal", 1); /* the query comes after the past's key and sees both */
  const array in[] = {F32("1x1x1x1", 1), F32("1x1x1x1", 0), F32("1x1x1x1", 8), F32("1x1x1x1", LN3), F32("1x1x1x1", 4)};
  bytes m = one(23, "Attention", &a, "a b c - d e", "y k v", 5, in);
  expect(&m, 5, in, 3, (const array[]){F32("1x1x1x1", 5), F32("1x1x2x1", LN3, 0), F32("1x1x2x1", 4, 8)});
  check_refused(23, "Attention", NULL, "a b c - d", 4, in, CVK_INVALID_ARGUMENT, "only given together");
  const array filled[] = {in[0], in[1], in[2], in[3], in[4], I64("1", 1)};
  check_refused(24, "Attention", NULL, "a b c - d e f", 6, filled, CVK_INVALID_ARGUMENT, "nonpad_kv_seqlen");
}
END_TEST

/* Of image 0 one key of two is filled, of image 1 both. */
START_TEST(test_filled_cache) {
  const array in[] = {F32("2x1x1x1", 1, 1), F32("2x1x2x1", LN3, 0, LN3, 0), F32("2x1x2x1", 4, 8, 4, 8), I64("2", 1, 2)};
  bytes a = scaled(1);
  check_op(24, "Attention", &a, "a b c - - - d", 4, in, F32("2x1x1x1", 4, 5));
  a = scaled(1); /* causal: two queries are one more than image 0 has keys, so its first sees none */
  attr_int(&a, "is_causal", 1);
  check_op(24, "Attention", &a, "a b c - - - d", IN(F32("2x1x2x1", 1, 1, 1, 1), in[1], in[2], in[3]), F32("2x1x2x1", 0, 4, 4, 5));
}
END_TEST

START_TEST(test_window) {
  const array in[] = {F32("1x1x3x1", 0, 0, 0), F32("1x1x3x1", 0, 0, 0), F32("1x1x3x1", 3, 6, 9)};
  bytes a = scaled(1);
  attr_int(&a, "left_window_size", 0);
  attr_int(&a, "right_window_size", 1);
  check_op(25, "Attention", &a, "a b c", 3, in, F32("1x1x3x1", 4.5f, 7.5f, 9));
  a = scaled(1);
  attr_int(&a, "left_window_size", 1);
  attr_int(&a, "is_causal", 1);
  check_op(25, "Attention", &a, "a b c", 3, in, F32("1x1x3x1", 3, 4.5f, 7.5f));
  a = scaled(1);
  attr_int(&a, "left_window_size", 1);
  check_refused(24, "Attention", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "'left_window_size' is unknown");
}
END_TEST

/* 1 + 2^-10 is a half; sums of products of halves are rounded once, at the end. */
START_TEST(test_half_is_rounded_once) {
  static const uint16_t one_[] = {0x3c00}, two[] = {0x3c00, 0x3c00}, values[] = {0x3c01, 0x3c02}; /* mean 1 + 1.5 * 2^-10: to even */
  bytes a = scaled(1);
  attr_int(&a, "softmax_precision", 1);
  check_op(23, "Attention", &a, "a b c",
           IN(((array){CVK_F16, "1x1x1x1", one_}), ((array){CVK_F16, "1x1x2x1", two}), ((array){CVK_F16, "1x1x2x1", values})),
           (array){CVK_F16, "1x1x1x1", (const uint16_t[]){0x3c02}});
  a = scaled(-1);
  check_refused(23, "Attention", &a, "a b c", IN(q, k, v), CVK_INVALID_ARGUMENT, "'scale' is -1");
  attr_int(&a, "softmax_precision", 7);
  check_refused(23, "Attention", &a, "a b c", IN(q, k, v), CVK_INVALID_ARGUMENT, "'softmax_precision' is 7");
}
END_TEST

SUITE("attention", test_plain_and_causal, test_masks, test_scores_are_an_output, test_heads, test_past, test_filled_cache, test_window,
      test_half_is_rounded_once)
