/* SPDX-License-Identifier: Apache-2.0 */
/* test_reorder.c: REORDER: known layouts, round trips between all formats, zero tail lanes, private layouts refused. */
#include <stdlib.h>

#include "ref_run.h"

static cvk_status reorder(const ref_tensor *x, cvk_format to, ref_tensor *y) {
  const cvk_op_def *def = cvk_op_def_find(CVK_OP_REORDER);
  const cvk_tensor_desc *in = &x->desc, *out = &y->desc;
  y->desc = x->desc;
  y->desc.format = to;
  const uint64_t bytes = cvk_desc_bytes(&y->desc);
  y->data = bytes < UINT64_MAX ? malloc(bytes ? (size_t)bytes : 1) : NULL;
  if (y->data != NULL) memset(y->data, 0xa5, (size_t)bytes);
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = &in, .out = &out};
  return def->reference(&op, (const void *const[]){x->data}, (void *const[]){y->data});
}

START_TEST(nhwc_has_channels_fastest) {
  const float v[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, want[] = {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11};
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 3, 2, 2), v), y;
  ck_ok(reorder(&x, (cvk_format){CVK_NHWC, 0, 0}, &y));
  ck_assert_mem_eq(y.data, want, sizeof want);
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(blocks_end_in_zero_lanes) {
  const float v[] = {1, 2, 3, 4, 5, 6}, want[] = {1, 3, 2, 4, 5, 0, 6, 0};
  ref_tensor x = ref_of(CVK_F32, SHAPE(1, 3, 2), v), y;
  ck_ok(reorder(&x, (cvk_format){CVK_BLOCKED, 2, 0}, &y));
  ck_assert_mem_eq(y.data, want, sizeof want);
  ref_free(&x), ref_free(&y);
}
END_TEST

START_TEST(round_trips_of_every_pair) {
  static const cvk_format formats[] = {{CVK_PLAIN, 0, 0},   {CVK_NHWC, 0, 0},     {CVK_BLOCKED, 4, 0},
                                       {CVK_BLOCKED, 8, 0}, {CVK_BLOCKED, 16, 0}, {CVK_BLOCKED, 3, 0}};
  static const int32_t types[] = {CVK_U8, CVK_F16, CVK_F32, CVK_F64};
  uint32_t seed = 5;
  for (size_t t = 0; t < 4; t++) {
    ref_tensor x = ref_new(types[t], SHAPE(2, 17, 5, 7));
    for (uint64_t i = 0; i < cvk_desc_bytes(&x.desc); i++) ((unsigned char *)x.data)[i] = (unsigned char)ref_next(&seed, 256);
    for (size_t i = 0; i < 6; i++)
      for (size_t j = 0; j < 6; j++) {
        ref_tensor a, b, c;
        ck_ok(reorder(&x, formats[i], &a));
        ck_ok(reorder(&a, formats[j], &b));
        ck_ok(reorder(&b, formats[0], &c));
        ck_assert_mem_eq(c.data, x.data, (size_t)cvk_desc_bytes(&x.desc));
        ref_free(&a), ref_free(&b), ref_free(&c);
      }
    ref_free(&x);
  }
}
END_TEST

START_TEST(matrices_vectors_and_empty_tensors) {
  ref_tensor m = ref_of(CVK_F32, SHAPE(1, 3), (float[]){1, 2, 3}), v = ref_of(CVK_F32, SHAPE(2), (float[]){1, 2}),
             e = ref_new(CVK_F32, SHAPE(2, 0, 4)), y;
  ck_ok(reorder(&m, (cvk_format){CVK_BLOCKED, 4, 0}, &y));
  ck_assert_mem_eq(y.data, ((float[]){1, 2, 3, 0}), 16);
  ref_free(&y);
  ck_ok(reorder(&v, (cvk_format){CVK_NHWC, 0, 0}, &y));
  ck_assert_mem_eq(y.data, v.data, 8);
  ref_free(&y);
  ck_ok(reorder(&e, (cvk_format){CVK_BLOCKED, 8, 0}, &y));
  ref_free(&y), ref_free(&m), ref_free(&v), ref_free(&e);
}
END_TEST

START_TEST(formats_it_cannot_read) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(4)), y;
  ck_fails(reorder(&x, (cvk_format){CVK_PRIVATE, 0, 9}, &y), CVK_UNSUPPORTED, "output has layout 3");
  ref_free(&y);
  ck_fails(reorder(&x, (cvk_format){CVK_BLOCKED, 8, 0}, &y), CVK_INVALID_ARGUMENT, "rank 1");
  ref_free(&y), ref_free(&x);
}
END_TEST

SUITE("reorder", nhwc_has_channels_fastest, blocks_end_in_zero_lanes, round_trips_of_every_pair, matrices_vectors_and_empty_tensors,
      formats_it_cannot_read)
