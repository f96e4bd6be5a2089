/* SPDX-License-Identifier: Apache-2.0 */
/* test_roi_align.c: ROI_ALIGN and NON_MAX_SUPPRESSION. ROI_ALIGN against values of the onnx package's reference implementation, far and
 * empty regions, errors; NON_MAX_SUPPRESSION by hand: overlaps, ties, thresholds, batches and classes. */
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

/* Boxes of height 1 beside each other on a line: y1 x1 y2 x2. */
static const float line[] = {0, 0, 1, 10, 0, 1, 1, 11, 1, 20, 0, 10, 0, 5, 1, 15, 0, 0, 0, 3};
static const float scores[] = {0.5f, 0.9f, 0.7f, 0.7f, 0.1f, NAN, -INFINITY, 1, 2, 3};

static void expect_nms(const cvk_nms_attr *attr, int32_t n_in, const ref_tensor *const *more, int64_t n, const int64_t *want) {
  ref_tensor boxes = ref_of(CVK_F32, SHAPE(1, 5, 4), line), s = ref_of(CVK_F32, SHAPE(1, 2, 5), scores), y;
  const ref_tensor *in[] = {&boxes, &s, n_in > 2 ? more[0] : NULL, n_in > 3 ? more[1] : NULL, n_in > 4 ? more[2] : NULL};
  ck_ok(ref_run(CVK_OP_NON_MAX_SUPPRESSION, attr, n_in, in, 1, &y));
  ref_expect_i64(&y, SHAPE(n, 3), want);
  ref_free(&boxes), ref_free(&s), ref_free(&y);
}

START_TEST(the_best_that_overlap_no_better_one) {
  cvk_nms_attr attr = {.most = 9, .iou_threshold = 0.5f, .score_threshold = -INFINITY};
  /* boxes 0 and 1 share 9 of 11; 1 and 3: 6 of 14; 0 and 3: 5 of 15; 2 and 3: 5 of 15; box 4 has no area */
  expect_nms(&attr, 2, NULL, 8, (int64_t[]){0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 1, 4, 0, 1, 3, 0, 1, 2, 0, 1, 1});
  attr.iou_threshold = 0.4f; /* 3 goes, for 1 in class 0; in class 1 it is before it */
  expect_nms(&attr, 2, NULL, 6, (int64_t[]){0, 0, 1, 0, 0, 2, 0, 0, 4, 0, 1, 4, 0, 1, 3, 0, 1, 2});
  attr.score_threshold = 0.7f; /* more, not as much */
  expect_nms(&attr, 2, NULL, 4, (int64_t[]){0, 0, 1, 0, 1, 4, 0, 1, 3, 0, 1, 2});
  attr.most = 1;
  expect_nms(&attr, 2, NULL, 2, (int64_t[]){0, 0, 1, 0, 1, 4});
  expect_nms(NULL, 2, NULL, 0, NULL); /* no number of boxes asks for none */
  ref_tensor most = ref_of(CVK_I64, SCALAR, (int64_t[]){2}), iou = ref_of(CVK_F32, SHAPE(1), (float[]){1.0f / 3}),
             least = ref_of(CVK_F32, SHAPE(1), (float[]){0.6f});
  expect_nms(NULL, 5, (const ref_tensor *const[]){&most, &iou, &least}, 4, (int64_t[]){0, 0, 1, 0, 0, 2, 0, 1, 4, 0, 1, 3});
  ref_free(&most), ref_free(&iou), ref_free(&least);
}
END_TEST

START_TEST(centres_and_batches) {
  /* x y width height; in the second batch the boxes are apart */
  const float v[] = {5, 5, 10, 10, 6, 5, 10, 10, 5, 5, 2, 2, 20, 20, 2, 2};
  const cvk_nms_attr attr = {.center_point_box = 1, .most = 5, .iou_threshold = 0.5f, .score_threshold = -INFINITY};
  ref_tensor boxes = ref_of(CVK_F32, SHAPE(2, 2, 4), v), s = ref_of(CVK_F32, SHAPE(2, 1, 2), (float[]){1, 2, 2, 1}), y;
  ck_ok(ref_run2(CVK_OP_NON_MAX_SUPPRESSION, &attr, &boxes, &s, &y));
  ref_expect_i64(&y, SHAPE(3, 3), (int64_t[]){0, 0, 1, 1, 0, 0, 1, 0, 1});
  ref_free(&y), ref_free(&boxes), ref_free(&s);
  boxes = ref_new(CVK_F32, SHAPE(1, 0, 4)), s = ref_new(CVK_F32, SHAPE(1, 3, 0));
  ck_ok(ref_run2(CVK_OP_NON_MAX_SUPPRESSION, &attr, &boxes, &s, &y));
  ref_expect_shape(&y.desc, SHAPE(0, 3));
  ref_free(&y), ref_free(&boxes), ref_free(&s);
}
END_TEST

START_TEST(bad_boxes) {
  ref_tensor boxes = ref_new(CVK_F32, SHAPE(1, 5, 4)), s = ref_new(CVK_F32, SHAPE(1, 2, 4)), five = ref_new(CVK_F32, SHAPE(1, 2, 5)), y;
  ck_fails(ref_run2(CVK_OP_NON_MAX_SUPPRESSION, NULL, &boxes, &s, &y), CVK_INVALID_SHAPE, "boxes [1,5,4] and scores [1,2,4]");
  ck_fails(ref_run2(CVK_OP_NON_MAX_SUPPRESSION, &(cvk_nms_attr){.iou_threshold = 1.5f}, &boxes, &five, &y), CVK_INVALID_ARGUMENT,
           "iou_threshold is 1.5, allowed 0 to 1");
  ck_fails(ref_run2(CVK_OP_NON_MAX_SUPPRESSION, &(cvk_nms_attr){.center_point_box = 2}, &boxes, &five, &y), CVK_INVALID_ARGUMENT,
           "center_point_box is 2");
  const cvk_tensor_desc *const in[] = {&boxes.desc, &five.desc};
  cvk_tensor_desc d;
  ck_fails(ref_infer(CVK_OP_NON_MAX_SUPPRESSION, NULL, 2, in, &d), CVK_UNSUPPORTED, "the boxes must be known when the op is prepared");
  ref_free(&boxes), ref_free(&s), ref_free(&five);
}
END_TEST

SUITE("roi_align", means_and_maxima, far_and_empty_regions, the_best_that_overlap_no_better_one, centres_and_batches, bad_boxes)
