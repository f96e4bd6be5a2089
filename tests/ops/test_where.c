/* SPDX-License-Identifier: Apache-2.0 */
/* test_where.c: WHERE: three-way broadcasting, any element type, errors. */
#include "ref_run.h"

static cvk_status where(const ref_tensor *c, const ref_tensor *a, const ref_tensor *b, ref_tensor *y) {
  const ref_tensor *const in[] = {c, a, b};
  return ref_run(CVK_OP_WHERE, NULL, 3, in, 1, y);
}

START_TEST(the_three_broadcast) {
  ref_tensor c = ref_of(CVK_BOOL, SHAPE(2, 1), (uint8_t[]){1, 0}), a = ref_of(CVK_F32, SHAPE(3), (float[]){1, 2, 3}),
             b = ref_of(CVK_F32, SCALAR, (float[]){9}), y;
  ck_ok(where(&c, &a, &b, &y));
  ref_expect(&y, 0, SHAPE(2, 3), (float[]){1, 2, 3, 9, 9, 9});
  ref_free(&y), ref_free(&c), ref_free(&a), ref_free(&b);
}
END_TEST

START_TEST(any_type) {
  ref_tensor c = ref_of(CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1}), a = ref_of(CVK_I64, SHAPE(2), (int64_t[]){1, INT64_MIN}),
             b = ref_of(CVK_I64, SHAPE(2), (int64_t[]){INT64_MAX, 2}), y;
  ck_ok(where(&c, &a, &b, &y));
  ref_expect_i64(&y, SHAPE(2), (int64_t[]){INT64_MAX, INT64_MIN});
  ref_free(&y);
  ck_ok(where(&c, &c, &c, &y));
  ref_expect_bytes(&y, CVK_BOOL, SHAPE(2), (uint8_t[]){0, 1});
  ref_free(&y), ref_free(&c), ref_free(&a), ref_free(&b);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor c = ref_new(CVK_BOOL, SHAPE(2)), f = ref_new(CVK_F32, SHAPE(2)), d = ref_new(CVK_F64, SHAPE(2)),
             g = ref_new(CVK_F32, SHAPE(3)), y;
  ck_fails(where(&f, &f, &f, &y), CVK_INVALID_ARGUMENT, "allowed bool");
  ck_fails(where(&c, &f, &d, &y), CVK_INVALID_ARGUMENT, "b is float64");
  ck_fails(where(&c, &g, &g, &y), CVK_INVALID_SHAPE, "[2] and [3]");
  ref_free(&c), ref_free(&f), ref_free(&d), ref_free(&g);
}
END_TEST

SUITE("where", the_three_broadcast, any_type, bad_arguments)
