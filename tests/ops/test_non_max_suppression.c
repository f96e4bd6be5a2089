/* SPDX-License-Identifier: Apache-2.0 */
/* test_non_max_suppression.c: NON_MAX_SUPPRESSION by hand: overlaps, ties, thresholds, both kinds of boxes, batches and classes, errors. */
#include <math.h>

#include "ref_run.h"

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

SUITE("non_max_suppression", the_best_that_overlap_no_better_one, centres_and_batches, bad_boxes)
