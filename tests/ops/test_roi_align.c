/* SPDX-License-Identifier: Apache-2.0 */
/* test_roi_align.c: ROI_ALIGN: values of the onnx package's reference implementation, far and empty regions, errors. */
#include <math.h>

#include "ref_run.h"

static const float regions[] = {0, 0, 4, 3, 1.5f, 0.5f, 2, 6};

static cvk_status align(const cvk_roi_align_attr *attr, const float *rois, int64_t batch0, ref_tensor *y) {
  ref_tensor x = ref_ramp(1, 0, 7, 0, 1, SHAPE(1, 1, 4, 5)), r = ref_of(CVK_F32, SHAPE(2, 4), rois),
             batch = ref_of(CVK_I64, SHAPE(2), (int64_t[]){batch0, 0});
  const ref_tensor *const in[] = {&x, &r, &batch};
  const cvk_status s = ref_run(CVK_OP_ROI_ALIGN, attr, 3, in, 1, y);
  ref_free(&x), ref_free(&r), ref_free(&batch);
  return s;
}

static void expect_align(cvk_roi_align_attr attr, const float *want) {
  ref_tensor y;
  attr.out[0] = attr.out[1] = 2;
  ck_ok(align(&attr, regions, 0, &y));
  ref_expect(&y, 1e-6, SHAPE(2, 1, 2, 2), want);
  ref_free(&y);
}

START_TEST(means_and_maxima) {
  expect_align((cvk_roi_align_attr){.half_pixel = 1, .spatial_scale = 1},
               (float[]){2.0625f, 1.875f, 4, 3.8125f, 3.795139f, 3.413194f, 0.7083333f, 0.7916667f});
  expect_align((cvk_roi_align_attr){.spatial_scale = 1},
               (float[]){3.21875f, 1.828125f, 3.390625f, 3.96875f, 3.006944f, 2.875f, 0.9166667f, 1.083333f});
  expect_align((cvk_roi_align_attr){.half_pixel = 1, .spatial_scale = 1, .is_max = 1, .sampling_ratio = 2},
               (float[]){3.75f, 3, 3.75f, 5.25f, 3.867188f, 2.835938f, 1.875f, 1.375f});
  expect_align((cvk_roi_align_attr){.half_pixel = 1, .spatial_scale = 0.5f, .sampling_ratio = 1},
               (float[]){0, 1, 3.125f, 4.125f, 2.5f, 2.625f, 3.6875f, 3.8125f});
}
END_TEST

START_TEST(far_and_empty_regions) {
  const float odd[] = {100, 100, 104, 104, 3, 3, 1, 1};
  cvk_roi_align_attr attr = {.half_pixel = 1, .spatial_scale = 1};
  ref_tensor y;
  ck_ok(align(&attr, odd, 0, &y)); /* outside; turned around, so without samples */
  ref_expect(&y, 0, SHAPE(2, 1, 1, 1), (float[]){0, 0});
  ref_free(&y);
  ck_fails(align(&attr, (float[]){0, 0, 1, 1, 0, NAN, 1, 1}, 0, &y), CVK_INVALID_ARGUMENT,
           "region 1 is nan to 1 along axis 2, must be finite");
  ck_fails(align(&attr, (float[]){0, 0, 1e30f, 1, 0, 0, 1, 1}, 0, &y), CVK_INVALID_ARGUMENT, "region 0 asks for 1.67772e+07 samples");
  ck_fails(align(&attr, odd, 1, &y), CVK_INVALID_ARGUMENT, "batch index 1 of region 0 is outside x, allowed 0 to 0");
  ck_fails(align(&attr, odd, -1, &y), CVK_INVALID_ARGUMENT, "batch index -1 of region 0");
  attr.sampling_ratio = -1;
  ck_fails(align(&attr, odd, 0, &y), CVK_INVALID_ARGUMENT, "sampling_ratio is -1");
  ref_tensor x = ref_new(CVK_F32, SHAPE(1, 2, 3, 3)), none = ref_new(CVK_F32, SHAPE(0, 4)), no_batch = ref_new(CVK_I64, SHAPE(0)),
             five = ref_new(CVK_F32, SHAPE(1, 5)), one = ref_new(CVK_I64, SHAPE(1)), half = ref_new(CVK_F16, SHAPE(1, 4));
  ck_ok(ref_run(CVK_OP_ROI_ALIGN, NULL, 3, (const ref_tensor *const[]){&x, &none, &no_batch}, 1, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 2, 1, 1));
  ref_free(&y);
  ck_fails(ref_run(CVK_OP_ROI_ALIGN, NULL, 3, (const ref_tensor *const[]){&x, &five, &one}, 1, &y), CVK_INVALID_SHAPE,
           "shape [1,5], wanted [regions, 4]");
  ck_fails(ref_run(CVK_OP_ROI_ALIGN, NULL, 3, (const ref_tensor *const[]){&x, &none, &one}, 1, &y), CVK_INVALID_SHAPE,
           "shape [1], wanted [0]");
  ck_fails(ref_run(CVK_OP_ROI_ALIGN, NULL, 3, (const ref_tensor *const[]){&x, &half, &one}, 1, &y), CVK_INVALID_ARGUMENT,
           "input 1 has type float16");
  ref_free(&x), ref_free(&none), ref_free(&no_batch), ref_free(&five), ref_free(&one), ref_free(&half);
}
END_TEST

SUITE("roi_align", means_and_maxima, far_and_empty_regions)
