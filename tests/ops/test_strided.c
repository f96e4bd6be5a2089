/* SPDX-License-Identifier: Apache-2.0 */
/* test_strided.c: the index iterator: axes merge, every position is visited once, empty shapes have no run, copies follow any strides. */
#include "ops/strided.h"
#include "ref_run.h"

START_TEST(equal_shapes_are_one_run) {
  const int64_t dim[] = {2, 1, 3, 4};
  cvk_walk w;
  cvk_walk_begin(&w, 4, dim);
  cvk_walk_add_broadcast(&w, 4, dim);
  cvk_walk_add_broadcast(&w, 4, dim);
  ck_assert(cvk_walk_start(&w));
  ck_assert_int_eq(w.run, 24);
  ck_assert_int_eq(w.step[0], 1);
  ck_assert(!cvk_walk_next(&w));
}
END_TEST

START_TEST(scalars_have_one_run_and_empty_shapes_none) {
  cvk_walk w;
  cvk_walk_begin(&w, 0, NULL);
  cvk_walk_add(&w, NULL, 7);
  ck_assert(cvk_walk_start(&w));
  ck_assert(w.run == 1 && w.offset[0] == 7);
  ck_assert(!cvk_walk_next(&w));
  cvk_walk_begin(&w, 2, (const int64_t[]){3, 0});
  cvk_walk_add(&w, (const int64_t[]){1, 1}, 0);
  ck_assert(!cvk_walk_start(&w));
}
END_TEST

/* Row [3] and column [2,1] against [2,3]: offsets come out as i and j; a restart begins anew. */
START_TEST(broadcast_offsets) {
  const int64_t dim[] = {2, 3};
  cvk_walk w;
  cvk_walk_begin(&w, 2, dim);
  cvk_walk_add_broadcast(&w, 2, dim);
  cvk_walk_add_broadcast(&w, 1, (const int64_t[]){3});
  cvk_walk_add_broadcast(&w, 2, (const int64_t[]){2, 1});
  for (int32_t round = 0; round < 2; round++) {
    int64_t seen = 0;
    for (int32_t more = cvk_walk_start(&w); more; more = cvk_walk_next(&w))
      for (int64_t i = 0; i < w.run; i++, seen++) {
        ck_assert_int_eq(w.offset[0] + i * w.step[0], seen);
        ck_assert_int_eq(w.offset[1] + i * w.step[1], seen % 3);
        ck_assert_int_eq(w.offset[2] + i * w.step[2], seen / 3);
      }
    ck_assert_int_eq(seen, 6);
  }
}
END_TEST

START_TEST(copies_of_every_size) {
  for (uint64_t bytes = 1; bytes <= 8; bytes *= 2) {
    unsigned char x[6 * 8], y[6 * 8];
    for (int i = 0; i < 48; i++) x[i] = (unsigned char)i;
    cvk_copy_strided(bytes, 2, (const int64_t[]){3, 2}, y, (const int64_t[]){2, 1}, 0, x, (const int64_t[]){1, 3}, 0); /* a transpose */
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 2; j++) ck_assert_mem_eq(y + (size_t)(i * 2 + j) * bytes, x + (size_t)(j * 3 + i) * bytes, bytes);
    cvk_copy_run(bytes, 6, y, 0, 1, x, 5, -1);
    for (int i = 0; i < 6; i++) ck_assert_mem_eq(y + (size_t)i * bytes, x + (size_t)(5 - i) * bytes, bytes);
  }
}
END_TEST

SUITE("strided", equal_shapes_are_one_run, scalars_have_one_run_and_empty_shapes_none, broadcast_offsets, copies_of_every_size)
