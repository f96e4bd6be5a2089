/* SPDX-License-Identifier: Apache-2.0 */
/* test_tensor.c: creation, wrapping, views, reading and writing, write counters, what is refused. */
#include <stdlib.h>

#include "memory.h"
#include "net.h"

/* The sanitizer's allocator stops a program that asks for too much, unless told. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static int released;
static void count_release(void *arg) { released += *(int *)arg; }

START_TEST(create_copies_its_data) {
  float v[6] = {1, 2, 3, 4, 5, 6}, got[6];
  cvk_tensor *t = NULL, *zero = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 2, (int64_t[]){2, 3}, v, &t));
  v[0] = 9;
  ck_assert_int_eq(net_read(t, got, 6), 6);
  ck_assert(got[0] == 1 && got[5] == 6);
  ck_assert_int_eq(cvk_tensor_rank(t), 2);
  ck_assert_uint_eq(cvk_tensor_bytes(t), 24);
  ck_assert_ptr_null(cvk_tensor_device(t));
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 0, NULL, NULL, &zero));
  ck_assert_int_eq(cvk_tensor_count(zero), 1);
  net_read(zero, got, 1);
  ck_assert(got[0] == 0);
  cvk_tensor_release(t);
  cvk_tensor_release(zero);
  cvk_tensor_release(NULL);
}
END_TEST

/* Blocks from the heap and mappings of their own alike. */
START_TEST(memory_is_zero_and_aligned) {
  for (uint64_t bytes = 0; bytes < (uint64_t)9 << 20; bytes = bytes * 3 + 1) {
    for (uint64_t alignment = 1; alignment <= (uint64_t)4 << 20; alignment *= 16) {
      unsigned char *p = cvk_memory_alloc(bytes, alignment, 1);
      ck_assert_ptr_nonnull(p);
      ck_assert_uint_eq((uintptr_t)p % (alignment < 64 ? 64 : alignment), 0);
      for (uint64_t i = 0; i < bytes; i += 61) ck_assert(p[i] == 0);
      memset(p, 1, (size_t)bytes);
      cvk_memory_free(p);
    }
  }
  ck_assert_ptr_null(cvk_memory_alloc(UINT64_MAX - 7, 64, 0));
  ck_assert_ptr_null(cvk_memory_alloc((uint64_t)1 << 61, 64, 0));
  ck_assert_ptr_null(cvk_memory_alloc(8, 48, 0));
  cvk_memory_free(NULL);
}
END_TEST

START_TEST(empty_tensors) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, CVK_F32, 3, (int64_t[]){2, 0, 3}, NULL, &t));
  ck_assert_int_eq(cvk_tensor_count(t), 0);
  ck_assert_uint_eq(cvk_tensor_bytes(t), 0);
  ck_ok(cvk_tensor_read(t, NULL, 0));
  ck_ok(cvk_tensor_write(t, NULL, 0));
  cvk_tensor_release(t);
}
END_TEST

START_TEST(wrapping_uses_the_callers_memory) {
  float v[4] = {1, 2, 3, 4};
  int one = 1;
  cvk_tensor *t = NULL, *view = NULL;
  released = 0;
  ck_ok(cvk_tensor_wrap(CVK_F32, 1, (int64_t[]){4}, v, count_release, &one, &t));
  v[2] = 7;
  float got[4];
  net_read(t, got, 4);
  ck_assert(got[2] == 7);
  ck_ok(cvk_tensor_write(t, (float[]){5, 5, 5, 5}, sizeof v));
  ck_assert(v[3] == 5);
  ck_ok(cvk_tensor_view(t, 2, (int64_t[]){2, 2}, &view));
  cvk_tensor_release(t);
  ck_assert_int_eq(released, 0); /* the view keeps it alive */
  cvk_tensor_release(view);
  ck_assert_int_eq(released, 1);
  ck_fails(cvk_tensor_wrap(CVK_F32, 1, (int64_t[]){1}, (char *)v + 1, NULL, NULL, &t), CVK_INVALID_ARGUMENT, "4 bytes");
  ck_fails(cvk_tensor_wrap(CVK_F32, 1, (int64_t[]){1}, NULL, NULL, NULL, &t), CVK_INVALID_ARGUMENT, "NULL");
}
END_TEST

START_TEST(views_share_memory_and_counter) {
  cvk_tensor *t = net_tensor(DIMS(2, 6), 1), *view = NULL;
  float got[12];
  ck_ok(cvk_tensor_view(t, 3, (int64_t[]){3, 2, 2}, &view));
  ck_assert_uint_eq(cvk_tensor_write_count(t), 0);
  float v[12] = {[11] = 3};
  ck_ok(cvk_tensor_write(view, v, sizeof v));
  ck_assert_uint_eq(cvk_tensor_write_count(t), 1);
  net_read(t, got, 12);
  ck_assert(got[11] == 3 && got[0] == 0);
  ck_fails(cvk_tensor_view(t, 1, (int64_t[]){11}, &view), CVK_INVALID_SHAPE, "11");
  cvk_tensor_release(view);
  cvk_tensor_release(t);
}
END_TEST

START_TEST(wrong_sizes_are_told_with_numbers) {
  cvk_tensor *t = net_tensor(DIMS(3), 1), *none = NULL;
  float got[4];
  ck_fails(cvk_tensor_read(t, got, 16), CVK_INVALID_ARGUMENT, "12");
  ck_fails(cvk_tensor_write(t, got, 8), CVK_INVALID_ARGUMENT, "12");
  ck_assert_uint_eq(cvk_tensor_write_count(t), 0);
  ck_fails(cvk_tensor_create(NULL, 99, 1, (int64_t[]){1}, NULL, &none), CVK_INVALID_ARGUMENT, "99");
  ck_fails(cvk_tensor_create(NULL, CVK_F32, 9, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, NULL, &none), CVK_INVALID_SHAPE, "9");
  ck_fails(cvk_tensor_create(NULL, CVK_F32, 1, (int64_t[]){-1}, NULL, &none), CVK_INVALID_SHAPE, "-1");
  ck_fails(cvk_tensor_create(NULL, CVK_F32, 2, (int64_t[]){1LL << 40, 1LL << 40}, NULL, &none), CVK_SIZE_OVERFLOW, "1099511627776");
  ck_fails(cvk_tensor_create(NULL, CVK_F32, 1, NULL, NULL, &none), CVK_INVALID_ARGUMENT, "dim");
  ck_fails(cvk_tensor_create(NULL, CVK_F32, 1, (int64_t[]){1LL << 58}, NULL, &none), CVK_NO_MEMORY, "1152921504606846976");
  ck_assert_ptr_null(none);
  cvk_tensor_release(t);
}
END_TEST

START_TEST(retain_keeps_alive) {
  cvk_tensor *t = net_tensor(DIMS(3), 1);
  ck_assert_ptr_eq(cvk_tensor_retain(t), t);
  cvk_tensor_release(t);
  ck_assert_int_eq(cvk_tensor_count(t), 3);
  cvk_tensor_release(t);
}
END_TEST

START_TEST(a_devices_tensor_keeps_it_open) {
  cvk_context *ctx = net_context(1);
  cvk_device *dev = NULL;
  cvk_tensor *t = NULL;
  float got[2];
  ck_ok(cvk_device_open(ctx, "cpu", &dev));
  ck_ok(cvk_tensor_create(dev, CVK_F32, 1, (int64_t[]){2}, (float[]){3, 4}, &t));
  ck_assert_ptr_eq(cvk_tensor_device(t), dev);
  cvk_device_release(dev);
  cvk_context_release(ctx);
  net_read(t, got, 2);
  ck_assert(got[0] == 3 && got[1] == 4);
  cvk_tensor_release(t);
}
END_TEST

SUITE("tensor", create_copies_its_data, memory_is_zero_and_aligned, empty_tensors, wrapping_uses_the_callers_memory, views_share_memory_and_counter,
      wrong_sizes_are_told_with_numbers, retain_keeps_alive, a_devices_tensor_keeps_it_open)
