/* SPDX-License-Identifier: Apache-2.0 */
/* test_dataset.c: what a dataset is made of, what it says of its samples, what is refused, and how long things live. */
#include <math.h>

#include "harness.h"

static cvk_tensor *tensor(int32_t dtype, int32_t rank, const int64_t *dim) {
  cvk_tensor *t = NULL;
  ck_ok(cvk_tensor_create(NULL, dtype, rank, dim, NULL, &t));
  return t;
}

static cvk_context *context(void) {
  cvk_context *ctx = NULL;
  ck_ok(cvk_context_create(&(cvk_context_options){.no_env = 1}, &ctx));
  return ctx;
}

START_TEST(samples_are_described) {
  static const struct {
    int32_t x, target, target_rank, handed_out;
  } kinds[] = {{CVK_U8, CVK_U8, 1, CVK_I64}, {CVK_F32, CVK_I32, 1, CVK_I64}, {CVK_U8, CVK_I64, 3, CVK_I64}, {CVK_F32, CVK_F32, 2, CVK_F32}};
  cvk_context *ctx = context();
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    cvk_dataset *ds = NULL;
    cvk_tensor *x = tensor(kinds[i].x, 4, (int64_t[]){5, 3, 8, 6}),
               *target = tensor(kinds[i].target, kinds[i].target_rank, (int64_t[]){5, 7, 2});
    ck_ok(cvk_dataset_create(ctx, x, target, NULL, &ds));
    ck_assert_int_eq(cvk_dataset_count(ds), 5);
    ck_assert_int_eq(cvk_dataset_x(ds)->dtype, CVK_F32);
    ck_assert_int_eq(cvk_dataset_x(ds)->rank, 3);
    ck_assert_mem_eq(cvk_dataset_x(ds)->dim, ((int64_t[]){3, 8, 6, 0}), 4 * sizeof(int64_t));
    ck_assert_int_eq(cvk_dataset_target(ds)->dtype, kinds[i].handed_out);
    ck_assert_int_eq(cvk_dataset_target(ds)->rank, kinds[i].target_rank - 1);
    for (int32_t d = 0; d + 1 < kinds[i].target_rank; d++) ck_assert_int_eq(cvk_dataset_target(ds)->dim[d], d ? 2 : 7);
    cvk_tensor_release(x);
    cvk_tensor_release(target);
    cvk_dataset_release(ds);
  }
  cvk_dataset_release(NULL);
  cvk_context_release(ctx);
}
END_TEST

static void refused(int32_t x_dtype, int32_t x_rank, const int64_t *x_dim, int32_t t_dtype, int32_t t_rank, const int64_t *t_dim,
                    const cvk_dataset_options *options, cvk_status status, const char *text) {
  cvk_context *ctx = context();
  cvk_dataset *ds = NULL;
  cvk_tensor *x = tensor(x_dtype, x_rank, x_dim), *target = tensor(t_dtype, t_rank, t_dim);
  ck_fails(cvk_dataset_create(ctx, x, target, options, &ds), status, text);
  ck_assert_ptr_null(ds);
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  cvk_context_release(ctx);
}

START_TEST(tensors_that_do_not_fit) {
  const int64_t d[] = {4, 1, 8, 8}, five[] = {5}, none[] = {0, 8}, hollow[] = {4, 0};
  refused(CVK_U8, 4, d, CVK_U8, 1, five, NULL, CVK_INVALID_SHAPE, "x has 4 samples, target 5");
  refused(CVK_F64, 4, d, CVK_U8, 1, d, NULL, CVK_INVALID_ARGUMENT, "x is float64");
  refused(CVK_U8, 4, d, CVK_I16, 1, d, NULL, CVK_INVALID_ARGUMENT, "target is int16");
  refused(CVK_U8, 0, NULL, CVK_U8, 1, d, NULL, CVK_INVALID_SHAPE, "x has rank 0");
  refused(CVK_U8, 4, d, CVK_U8, 0, NULL, NULL, CVK_INVALID_SHAPE, "target has rank 0");
  refused(CVK_U8, 2, none, CVK_U8, 1, none, NULL, CVK_INVALID_ARGUMENT, "0 samples");
  refused(CVK_U8, 2, hollow, CVK_U8, 1, d, NULL, CVK_INVALID_SHAPE, "no elements: [0]");
}
END_TEST

START_TEST(options_out_of_range) {
  const int64_t d[] = {4, 1, 8, 8}, flat[] = {4, 64};
  static const struct {
    cvk_dataset_options o;
    const char *text;
  } bad[] = {
      {{.rotate_degrees = 181}, "rotate_degrees is 181, the range is 0..180"},
      {{.rotate_degrees = -1}, "rotate_degrees is -1"},
      {{.translate = 1.5f}, "translate is 1.5"},
      {{.zoom = 1}, "zoom is 1"},
      {{.zoom = NAN}, "zoom is nan"},
      {{.shear_degrees = 90}, "shear_degrees is 90"},
      {{.scale = INFINITY}, "scale is inf"},
      {{.offset = NAN}, "offset is nan"},
      {{.fill = -INFINITY}, "fill is -inf"},
      {{.threads = -1}, "threads is -1"},
      {{.threads = 100000}, "threads is 100000"},
      {{.struct_size = 2}, "struct_size is 2"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(CVK_U8, 4, d, CVK_U8, 1, d, &bad[i].o, CVK_INVALID_ARGUMENT, bad[i].text);
  refused(CVK_U8, 2, flat, CVK_U8, 1, flat, &(cvk_dataset_options){.zoom = 0.1f}, CVK_INVALID_SHAPE, "[C,H,W]");
  refused(CVK_U8, 4, (int64_t[]){1, 1, 1, 32769}, CVK_U8, 1, (int64_t[]){1}, &(cvk_dataset_options){.flip = 1}, CVK_INVALID_SHAPE,
          "[1,1,32769]");
}
END_TEST

static cvk_status read_nothing(void *arg, int64_t index, void *x, void *target) {
  (void)arg, (void)index, (void)x, (void)target;
  return CVK_OK;
}
static void count(void *arg) {
  ++*(int *)arg;
}

START_TEST(sources_that_do_not_fit) {
  cvk_context *ctx = context();
  cvk_dataset *ds = NULL;
  int released = 0;
  cvk_tensor_desc x = {.dtype = CVK_F32, .rank = 1, .dim = {3}}, label = {.dtype = CVK_I64};
  ck_fails(cvk_dataset_create_from(ctx, 5, NULL, &label, read_nothing, count, &released, NULL, &ds), CVK_INVALID_ARGUMENT, "x is NULL");
  ck_fails(cvk_dataset_create_from(ctx, 5, &x, NULL, read_nothing, count, &released, NULL, &ds), CVK_INVALID_ARGUMENT, "target is NULL");
  ck_fails(cvk_dataset_create_from(ctx, 5, &x, &label, NULL, count, &released, NULL, &ds), CVK_INVALID_ARGUMENT, "read is NULL");
  ck_fails(cvk_dataset_create_from(NULL, 5, &x, &label, read_nothing, count, &released, NULL, &ds), CVK_INVALID_ARGUMENT,
           "context is NULL");
  ck_fails(cvk_dataset_create_from(ctx, 5, &x, &label, read_nothing, count, &released, NULL, NULL), CVK_INVALID_ARGUMENT, "out is NULL");
  ck_fails(cvk_dataset_create_from(ctx, -1, &x, &label, read_nothing, count, &released, NULL, &ds), CVK_INVALID_ARGUMENT, "-1 samples");
  ck_fails(cvk_dataset_create(ctx, NULL, NULL, NULL, &ds), CVK_INVALID_ARGUMENT, "x is NULL");
  x.rank = 8;
  ck_fails(cvk_dataset_create_from(ctx, 5, &x, &label, read_nothing, count, &released, NULL, &ds), CVK_INVALID_SHAPE, "rank 8");
  x.rank = 2;
  x.dim[0] = x.dim[1] = INT64_MAX / 2;
  ck_assert_int_ne(cvk_dataset_create_from(ctx, 5, &x, &label, read_nothing, count, &released, NULL, &ds), CVK_OK);
  x.dim[0] = -1;
  ck_assert_int_ne(cvk_dataset_create_from(ctx, 5, &x, &label, read_nothing, count, &released, NULL, &ds), CVK_OK);
  ck_assert_ptr_null(ds);
  ck_assert_int_eq(released, 0); /* on failure it stays the caller's */
  cvk_context_release(ctx);
}
END_TEST

START_TEST(the_last_reference_ends_it) {
  cvk_context *ctx = context();
  cvk_dataset *ds = NULL;
  cvk_batches *b = NULL;
  cvk_tensor *x = NULL, *target = NULL;
  int released = 0, x_gone = 0;
  float data[4] = {1, 2, 3, 4};
  ck_ok(cvk_dataset_create_from(ctx, 5, &(cvk_tensor_desc){.dtype = CVK_F32, .rank = 1, .dim = {3}}, &(cvk_tensor_desc){.dtype = CVK_I64},
                                read_nothing, count, &released, NULL, &ds));
  cvk_dataset_retain(ds);
  cvk_dataset_release(ds);
  ck_ok(cvk_dataset_batches(ds, &(cvk_batches_options){.batch = 2}, &b));
  cvk_context_release(ctx); /* the dataset has its own reference, and the batches have theirs to it */
  cvk_dataset_release(ds);
  ck_assert_int_eq(released, 0);
  cvk_batches_release(b);
  ck_assert_int_eq(released, 1);

  ctx = context();
  ck_ok(cvk_tensor_wrap(CVK_F32, 2, (int64_t[]){4, 1}, data, count, &x_gone, &x));
  target = tensor(CVK_U8, 1, (int64_t[]){4});
  ck_ok(cvk_dataset_create(ctx, x, target, NULL, &ds));
  cvk_tensor_release(x);
  cvk_tensor_release(target);
  ck_assert_int_eq(x_gone, 0);
  cvk_dataset_release(ds);
  ck_assert_int_eq(x_gone, 1);
  cvk_context_release(ctx);
}
END_TEST

SUITE("dataset", samples_are_described, tensors_that_do_not_fit, options_out_of_range, sources_that_do_not_fit, the_last_reference_ends_it)
