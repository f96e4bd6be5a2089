/* SPDX-License-Identifier: Apache-2.0 */
/* test_deform_conv.c: DEFORM_CONV: values of the onnx package's reference implementation, the same as CONV where nothing is moved, far and
 * odd offsets, errors. */
#include <math.h>

#include "ref_run.h"

START_TEST(moved_and_masked) {
  float moves[32] = {0}, weights[16];
  moves[0] = 0.5f;           /* tap 0 of output 0: down */
  moves[4] = 0.25f;          /* right */
  moves[6 * 4 + 3] = -1.5f;  /* tap 3 of output 3 */
  moves[3 * 4 + 1] = 5;      /* tap 1 of output 1 leaves x */
  moves[5 * 4 + 2] = -1.25f; /* tap 2 of output 2 */
  for (int i = 0; i < 16; i++) weights[i] = i / 4 == 1 ? 0.5f : 1;
  weights[2 * 4 + 1] = 0;
  ref_tensor x = ref_ramp(1, 1, 10, 0, 1, SHAPE(1, 1, 3, 3)), w = ref_ramp(1, 1, 10, 0, 1, SHAPE(1, 1, 2, 2)), y;
  ref_tensor offset = ref_of(CVK_F32, SHAPE(1, 8, 2, 2), moves), b = ref_of(CVK_F32, SHAPE(1), (float[]){10}),
             mask = ref_of(CVK_F32, SHAPE(1, 4, 2, 2), weights);
  const ref_tensor *const in[] = {&x, &w, &offset, &b, &mask};
  ck_ok(ref_run(CVK_OP_DEFORM_CONV, NULL, 3, in, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 1, 2, 2), (float[]){38.75f, 41, 46, 59});
  ref_free(&y);
  ck_ok(ref_run(CVK_OP_DEFORM_CONV, NULL, 5, in, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 1, 2, 2), (float[]){46.75f, 36, 51, 63});
  ref_free(&y);
  ((float *)offset.data)[0] = INFINITY;
  ((float *)offset.data)[1] = NAN;
  ck_ok(ref_run(CVK_OP_DEFORM_CONV, NULL, 3, in, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 1, 2, 2), (float[]){2 * 2 + 3 * 4 + 4 * 5, NAN, 46, 59});
  ref_free(&y);
  ref_free(&x), ref_free(&w), ref_free(&offset), ref_free(&b), ref_free(&mask);
}
END_TEST

START_TEST(groups_strides_and_pads) {
  const cvk_deform_conv_attr two = {.offset_group = 2, .stride = {2, 2}}, apart = {.group = 2, .pad_begin = {1, 1}, .pad_end = {1, 1}};
  ref_tensor x = ref_ramp(1, 0, 18, 0, 1, SHAPE(1, 2, 3, 3)), w = ref_of(CVK_F32, SHAPE(2, 2, 1, 1), (float[]){1, -1, 2, 0.5f});
  ref_tensor offset = ref_ramp(1, 0, 5, 2, 4, SHAPE(1, 4, 2, 2)), y;
  const ref_tensor *in[] = {&x, &w, &offset};
  ck_ok(ref_run(CVK_OP_DEFORM_CONV, &two, 3, in, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 2, 2), (float[]){-9.5f, -8.25f, -9.5f, -9.75f, 5.375f, 6.9375f, 16, 19.875f});
  ref_free(&y), ref_free(&w), ref_free(&offset);
  const float want[] = {0,    0.5f,   1.5f, 1,  0,      1.5f, 4,      6,      3.5f,   0,      4.5f,   10,    12, 6.5f,   0,  3,  6.5f,
                        7.5f, 4,      0,    0,  0,      0,    0,      0,      6.75f,  14.25f, 15.75f, 8.25f, 0,  15.75f, 33, 36, 18.75f,
                        0,    20.25f, 42,   45, 23.25f, 0,    11.25f, 23.25f, 24.75f, 12.75f, 0,      0,     0,  0,      0,  0};
  w = ref_of(CVK_F32, SHAPE(2, 1, 1, 1), (float[]){2, 3});
  offset = ref_ramp(0, 1, 10, 0, 2, SHAPE(1, 2, 5, 5)); /* 0.5 everywhere */
  ck_ok(ref_run(CVK_OP_DEFORM_CONV, &apart, 3, in, 1, &y));
  ref_expect(&y, 1e-6, SHAPE(1, 2, 5, 5), want);
  ref_free(&y), ref_free(&x), ref_free(&w), ref_free(&offset);
}
END_TEST

START_TEST(a_convolution_where_nothing_moves) {
  uint32_t seed = 4;
  const cvk_deform_conv_attr attr = {
      .group = 2, .offset_group = 1, .stride = {2, 1}, .dilation = {1, 2}, .pad_begin = {1, 0}, .pad_end = {0, 2}};
  const cvk_conv_attr same = {.group = 2, .stride = {2, 1}, .dilation = {1, 2}, .pad_begin = {1, 0}, .pad_end = {0, 2}};
  ref_tensor x = ref_random(&seed, SHAPE(2, 4, 5, 6)), w = ref_random(&seed, SHAPE(6, 2, 3, 2)), b = ref_random(&seed, SHAPE(6)), want, y;
  ck_ok(ref_run(CVK_OP_CONV, &same, 3, (const ref_tensor *const[]){&x, &w, &b}, 1, &want));
  ref_tensor offset = ref_new(CVK_F32, SHAPE(2, 12, want.desc.dim[2], want.desc.dim[3]));
  ck_ok(ref_run(CVK_OP_DEFORM_CONV, &attr, 4, (const ref_tensor *const[]){&x, &w, &offset, &b}, 1, &y));
  ref_expect(&y, 1e-6, 4, want.desc.dim, want.data);
  ref_free(&x), ref_free(&w), ref_free(&b), ref_free(&want), ref_free(&offset), ref_free(&y);
}
END_TEST

START_TEST(bad_shapes) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 4, 5, 5)), w = ref_new(CVK_F32, SHAPE(2, 4, 2, 2)), offset = ref_new(CVK_F32, SHAPE(1, 8, 4, 4)),
             small = ref_new(CVK_F32, SHAPE(1, 8, 3, 4)), b = ref_new(CVK_F32, SHAPE(3)), half = ref_new(CVK_F16, SHAPE(1, 8, 4, 4)), y;
  const ref_tensor *in[] = {&x, &w, &small, &b};
  ck_fails(ref_run(CVK_OP_DEFORM_CONV, NULL, 3, in, 1, &y), CVK_INVALID_SHAPE, "the offset has shape [1,8,3,4], wanted [1,8,4,4]");
  in[2] = &offset;
  ck_fails(ref_run(CVK_OP_DEFORM_CONV, NULL, 4, in, 1, &y), CVK_INVALID_SHAPE, "the bias has shape [3], wanted [2]");
  ck_fails(ref_run(CVK_OP_DEFORM_CONV, &(cvk_deform_conv_attr){.group = 2}, 3, in, 1, &y), CVK_INVALID_SHAPE,
           "4 channels, weights for 4 of them and 2 outputs do not fit group 2");
  ck_fails(ref_run(CVK_OP_DEFORM_CONV, &(cvk_deform_conv_attr){.offset_group = 3}, 3, in, 1, &y), CVK_INVALID_SHAPE, "offset_group 3");
  ck_fails(ref_run(CVK_OP_DEFORM_CONV, &(cvk_deform_conv_attr){.kernel = {3, 2}}, 3, in, 1, &y), CVK_INVALID_SHAPE,
           "attribute says kernel extent 3 on axis 2, weights have 2");
  in[2] = &half;
  ck_fails(ref_run(CVK_OP_DEFORM_CONV, NULL, 3, in, 1, &y), CVK_INVALID_ARGUMENT, "input 2 has type float16");
  ref_free(&x), ref_free(&w), ref_free(&offset), ref_free(&small), ref_free(&b), ref_free(&half);
}
END_TEST

SUITE("deform_conv", moved_and_masked, groups_strides_and_pads, a_convolution_where_nothing_moves, bad_shapes)
