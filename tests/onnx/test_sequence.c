/* SPDX-License-Identifier: Apache-2.0 */
/* test_sequence.c: RotaryEmbedding, CausalConvWithState and LinearAttention by small cases worked by hand. */
#include <math.h>

#include "one_node.h"

/* Angles by cosine and sine 0.6 and 0.8 at position 0, a quarter turn at position 1. */
static const array cosines = {CVK_F32, "2x1", (const float[]){0.6f, 0}}, sines = {CVK_F32, "2x1", (const float[]){0.8f, 1}};

START_TEST(test_rotary) {
  const array x = F32("1x1x2x2", 1, 2, 3, 4), ids = I64("1x2", 1, 0);
  const array cos3 = F32("1x2x1", 0.6f, 0), sin3 = F32("1x2x1", 0.8f, 1);
  check_op(23, "RotaryEmbedding", NULL, "a b c", IN(x, cos3, sin3), F32("1x1x2x2", -1, 2, -4, 3));
  check_op(23, "RotaryEmbedding", NULL, "a b c d", IN(x, cosines, sines, ids), F32("1x1x2x2", -2, 1, -1.4f, 4.8f));
  bytes a = {0}; /* two heads of one pair at the only token; the turned cells are halves or neighbours */
  attr_int(&a, "num_heads", 2);
  check_op(23, "RotaryEmbedding", &a, "a b c d", IN(F32("1x1x4", 1, 2, 3, 4), cosines, sines, I64("1x1", 1)), F32("1x1x4", -2, 1, -4, 3));
  const array wide = F32("1x1x1x5", 1, 2, 3, 4, 5), c2 = F32("1x1x2", 0, 1), s2 = F32("1x1x2", 1, 0);
  attr_int(&a, "rotary_embedding_dim", 4);
  check_op(23, "RotaryEmbedding", &a, "a b c", IN(wide, c2, s2), F32("1x1x1x5", -3, 2, 1, 4, 5));
  attr_int(&a, "rotary_embedding_dim", 4);
  attr_int(&a, "interleaved", 1);
  check_op(23, "RotaryEmbedding", &a, "a b c", IN(wide, c2, s2), F32("1x1x1x5", -2, 1, 3, 4, 5));
  check_refused(23, "RotaryEmbedding", NULL, "a b c", IN(F32("1x1x2", 1, 2), c2, s2), CVK_INVALID_ARGUMENT,
                "needs the attribute 'num_heads'");
  check_refused(23, "RotaryEmbedding", NULL, "a b c", IN(x, c2, s2), CVK_INVALID_SHAPE, "reshape");
  check_refused(23, "RotaryEmbedding", NULL, "a b c d", IN(x, cosines, sines, I64("1x2", 0, 2)), CVK_INVALID_ARGUMENT, "gather");
}
END_TEST

START_TEST(test_causal_conv) {
  const array x = F32("1x2x3", 1, 2, 3, 4, 5, 6), w = F32("2x1x2", 10, 1, 0, 2), b = F32("2", 0, 100), past = F32("1x2x1", 7, 8);
  bytes m = one(27, "CausalConvWithState", NULL, "a b", "y p", 2, (const array[]){x, w});
  expect(&m, 2, (const array[]){x, w}, 2, (const array[]){F32("1x2x3", 1, 12, 23, 8, 10, 12), F32("1x2x1", 3, 6)});
  m = one(27, "CausalConvWithState", NULL, "a b c d", "y p", 4, (const array[]){x, w, b, past});
  expect(&m, 4, (const array[]){x, w, b, past}, 2, (const array[]){F32("1x2x3", 71, 12, 23, 108, 110, 112), F32("1x2x1", 3, 6)});
  bytes a = {0}; /* a kernel longer than the sequence: the state keeps zeros */
  attr_text(&a, "activation", "silu");
  const array longer = F32("1x1x3", 0, 0, 1), shorter = F32("1x1x1", 2);
  m = one(27, "CausalConvWithState", &a, "a b", "y p", 2, (const array[]){shorter, longer});
  expect(&m, 2, (const array[]){shorter, longer}, 2, (const array[]){F32("1x1x1", 2 / (1 + expf(-2))), F32("1x1x2", 0, 2)});
  attr_text(&a, "activation", "relu");
  check_refused(27, "CausalConvWithState", &a, "a b", IN(x, w), CVK_INVALID_ARGUMENT, "'activation' is 'relu'");
}
END_TEST

/* One head of one cell: 2 * 5 = 10, then 10 + 3 * 7. */
START_TEST(test_linear_attention) {
  const array in[] = {F32("1x2x1", 1, 2), F32("1x2x1", 2, 3), F32("1x2x1", 5, 7), F32("1x2x1", 1, 1)};
  bytes a = {0};
  attr_int(&a, "q_num_heads", 1);
  attr_int(&a, "kv_num_heads", 1);
  attr_text(&a, "update_rule", "linear");
  bytes m = one(27, "LinearAttention", &a, "a b c", "y s", 3, in);
  expect(&m, 3, in, 2, (const array[]){F32("1x2x1", 10, 62), F32("1x1x1x1", 31)});
  attr_int(&a, "q_num_heads", 1);
  attr_int(&a, "kv_num_heads", 1);
  attr_int(&a, "chunk_size", 16);
  attr_float(&a, "scale", 10);
  check_refused(27, "LinearAttention", &a, "a b c - - d", 4, in, CVK_INVALID_ARGUMENT,
                "rule 3 takes a decay and a beta, given are 0 and 1");
  attr_int(&a, "q_num_heads", 1);
  check_refused(27, "LinearAttention", &a, "a b c", 3, in, CVK_INVALID_ARGUMENT, "'kv_num_heads' is missing");
}
END_TEST

SUITE("sequence", test_rotary, test_causal_conv, test_linear_attention)
