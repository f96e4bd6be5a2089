/* SPDX-License-Identifier: Apache-2.0 */
/* test_opencl_move.c: transposes, concats, splits, slices, gathers, expands, tiles, copies and casts, for elements of 1 to 8 bytes. */
#include <math.h>

#include "ref_case.h"

static const int32_t types[] = {CVK_F32, CVK_U8, CVK_I64, CVK_F16};
#define N_TYPES (sizeof types / sizeof *types)
static const case_options exact = {0};

static void check1(int32_t kind, const void *attr, const case_tensor *x, const char *const *rows) {
  case_check(kind, attr, 1, &x, 1, rows, &exact);
}

/* Each type with random bytes, as bits: floats are compared as the numbers that casts of small integers are. */
static case_tensor any(int32_t dtype, int32_t rank, const int64_t *dim, uint32_t seed) {
  return dtype == CVK_F32 ? case_random(rank, dim, seed) : case_typed(dtype, rank, dim, seed);
}

START_TEST(transposes) {
  if (!mini_open()) return;
  static const int32_t orders[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 2, 1, 0}, {0, 1, 2, 3}, {2, 0, 1, 3}, {1, 0, 3, 2}};
  static const int64_t dims[][4] = {{2, 3, 4, 5}, {1, 19, 33, 17}, {2, 16, 1, 48}, {0, 3, 2, 2}};
  for (size_t t = 0; t < N_TYPES; t++)
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
      case_tensor x = any(types[t], 4, dims[d], (uint32_t)d);
      for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        cvk_axes_attr attr = {.struct_size = sizeof attr, .n_axes = 4};
        memcpy(attr.axis, orders[o], sizeof orders[o]);
        check1(CVK_OP_TRANSPOSE, &attr, &x, ROWS("move_plain"));
      }
      case_free(&x);
    }
  case_tensor x = case_random(DIMS(70, 45), 1);
  check1(CVK_OP_TRANSPOSE, NULL, &x, ROWS("move_plain"));
  case_free(&x);
  mini_close();
}
END_TEST

static void check_joint(int32_t dtype, int64_t a, int64_t b, int64_t c, int32_t axis, int32_t constant, const char *const *rows) {
  int64_t dim[3][4] = {{2, 16, 3, 5}, {2, 16, 3, 5}, {2, 16, 3, 5}}, size[3] = {a, b, c};
  case_tensor t[3], whole;
  const case_tensor *in[3];
  for (int32_t i = 0; i < 3; i++) {
    dim[i][axis] = size[i];
    t[i] = any(dtype, 4, dim[i], (uint32_t)i);
    in[i] = &t[i];
  }
  case_check(CVK_OP_CONCAT, &(cvk_axis_attr){.struct_size = sizeof(cvk_axis_attr), .axis = axis}, 3, in, 1, rows,
             &(case_options){.constants = constant ? 2 : 0});
  for (int32_t i = 0; i < 3; i++) case_free(&t[i]);
  dim[0][axis] = a + b + c;
  whole = any(dtype, 4, dim[0], 9);
  const cvk_split_attr split = {.struct_size = sizeof split, .axis = axis, .n_split = 3, .size = {a, b, c}};
  const case_tensor *x = &whole;
  const char *const *split_rows = strcmp(rows[0], "concat_blocked") == 0 ? ROWS("split_blocked", "split_plain") : ROWS("split_plain");
  case_check(CVK_OP_SPLIT, &split, 1, &x, 3, split_rows, &exact);
  case_check(CVK_OP_SPLIT, &split, 1, &x, 3, split_rows, &(case_options){.absent_outputs = 2});
  case_free(&whole);
}

START_TEST(concats_and_splits) {
  if (!mini_open()) return;
  for (size_t t = 0; t < N_TYPES; t++)
    for (int32_t axis = 0; axis < 4; axis++) {
      check_joint(types[t], 3, 1, 7, axis, 0, ROWS("concat_plain"));
      check_joint(types[t], 3, 0, 2, axis, 1, ROWS("concat_plain"));
    }
  check_joint(CVK_F32, 16, 32, 7, 1, 0, ROWS("concat_blocked", "concat_plain"));
  check_joint(CVK_F32, 16, 16, 16, 1, 1, ROWS("concat_blocked", "concat_plain"));
  check_joint(CVK_F32, 3, 1, 2, 2, 1, ROWS("concat_blocked", "concat_plain"));
  check_joint(CVK_F32, 3, 1, 2, 0, 0, ROWS("concat_blocked", "concat_plain"));
  mini_close();
}
END_TEST

START_TEST(slices) {
  if (!mini_open()) return;
  for (size_t t = 0; t < N_TYPES; t++) {
    case_tensor x = any(types[t], DIMS(3, 20, 37), 1);
    check1(CVK_OP_SLICE, &(cvk_slice_attr){.struct_size = sizeof(cvk_slice_attr), .n_axes = 1, .axis = {2}, .start = {1}, .end = {36}}, &x,
           ROWS("move_plain"));
    check1(
        CVK_OP_SLICE,
        &(cvk_slice_attr){
            .struct_size = sizeof(cvk_slice_attr), .n_axes = 2, .axis = {1, 2}, .start = {-1, 30}, .end = {INT64_MIN, 2}, .step = {-3, -7}},
        &x, ROWS("move_plain"));
    check1(CVK_OP_SLICE,
           &(cvk_slice_attr){
               .struct_size = sizeof(cvk_slice_attr), .n_axes = 1, .axis = {0}, .start = {1}, .end = {INT64_MAX}, .step = {INT64_MAX}},
           &x, ROWS("move_plain"));
    check1(CVK_OP_SLICE, &(cvk_slice_attr){.struct_size = sizeof(cvk_slice_attr), .n_axes = 1, .axis = {1}, .start = {5}, .end = {5}}, &x,
           ROWS("move_plain"));
    case_free(&x);
  }
  mini_close();
}
END_TEST

START_TEST(expands_and_tiles) {
  if (!mini_open()) return;
  for (size_t t = 0; t < N_TYPES; t++) {
    case_tensor x = any(types[t], DIMS(3, 1, 17), 1), one = any(types[t], DIMS(1), 2);
    check1(CVK_OP_EXPAND, &(cvk_shape_attr){.struct_size = sizeof(cvk_shape_attr), .rank = 4, .dim = {2, 3, 5, 17}}, &x,
           ROWS("move_plain"));
    check1(CVK_OP_EXPAND, &(cvk_shape_attr){.struct_size = sizeof(cvk_shape_attr), .rank = 2, .dim = {4, 33}}, &one, ROWS("move_plain"));
    check1(CVK_OP_EXPAND, &(cvk_shape_attr){.struct_size = sizeof(cvk_shape_attr), .rank = 3, .dim = {3, 0, 17}}, &x, ROWS("move_plain"));
    check1(CVK_OP_TILE, &(cvk_shape_attr){.struct_size = sizeof(cvk_shape_attr), .rank = 3, .dim = {2, 3, 2}}, &x, ROWS("move_plain"));
    check1(CVK_OP_TILE, &(cvk_shape_attr){.struct_size = sizeof(cvk_shape_attr), .rank = 3, .dim = {1, 0, 2}}, &x, ROWS("move_plain"));
    case_free(&x);
    case_free(&one);
  }
  mini_close();
}
END_TEST

START_TEST(gathers_take_known_indices) {
  if (!mini_open()) return;
  static const int32_t wide[] = {CVK_F32, CVK_I64};
  for (size_t t = 0; t < 2; t++)
    for (int32_t axis = 0; axis < 3; axis++) {
      case_tensor x = any(wide[t], DIMS(4, 5, 19), 1), index = case_longs(4, (int64_t[]){0, -1, 3, -4}),
                  narrow = case_new(CVK_I32, DIMS(2, 1)), none = case_new(CVK_I64, DIMS(0));
      ((int32_t *)narrow.data)[0] = -2;
      const cvk_axis_attr attr = {.struct_size = sizeof attr, .axis = axis};
      case_check(CVK_OP_GATHER, &attr, 2, (const case_tensor *[]){&x, &index}, 1, ROWS("gather_plain"), &(case_options){.constants = 2});
      case_check(CVK_OP_GATHER, &attr, 2, (const case_tensor *[]){&x, &narrow}, 1, ROWS("gather_plain"), &(case_options){.constants = 2});
      case_check(CVK_OP_GATHER, &attr, 2, (const case_tensor *[]){&x, &none}, 1, ROWS("gather_plain"), &(case_options){.constants = 2});
      case_refused(CVK_OP_GATHER, &attr, 2, (const case_tensor *[]){&x, &index}, 1, "run time");
      case_free(&x);
      case_free(&index);
      case_free(&narrow);
      case_free(&none);
    }
  mini_close();
}
END_TEST

START_TEST(copies_change_the_shape_only) {
  if (!mini_open()) return;
  for (size_t t = 0; t < N_TYPES; t++) {
    case_tensor x = any(types[t], DIMS(2, 19, 3, 5), 1);
    check1(CVK_OP_RESHAPE, &(cvk_shape_attr){.struct_size = sizeof(cvk_shape_attr), .rank = 2, .dim = {0, -1}}, &x, ROWS("copy_plain"));
    check1(CVK_OP_FLATTEN, &(cvk_axis_attr){.struct_size = sizeof(cvk_axis_attr), .axis = 1}, &x, ROWS("copy_plain"));
    check1(CVK_OP_UNSQUEEZE, &(cvk_axes_attr){.struct_size = sizeof(cvk_axes_attr), .n_axes = 1, .axis = {0}}, &x, ROWS("copy_plain"));
    check1(CVK_OP_IDENTITY, NULL, &x, ROWS("copy_plain", "copy_blocked", "copy_nhwc"));
    case_free(&x);
  }
  case_tensor x = case_random(DIMS(2, 19, 3, 5), 1), empty = case_new(CVK_F32, DIMS(0, 3));
  check1(CVK_OP_DROPOUT, NULL, &x, ROWS("copy_plain", "copy_blocked", "copy_nhwc"));
  check1(CVK_OP_FLATTEN, NULL, &empty, ROWS("copy_plain"));
  case_free(&x);
  case_free(&empty);
  mini_close();
}
END_TEST

START_TEST(casts_between_all_types) {
  if (!mini_open()) return;
  static const int32_t all[] = {CVK_F32, CVK_U8, CVK_I32, CVK_I64, CVK_BOOL, CVK_F16};
  case_tensor f = case_floats(DIMS(20), (float[]){0,      -0.0f,    0.9f,      -0.9f,         1.5f,          -1.5f,          255,
                                                  256,    -1,       300.7f,    2147483520.0f, 2147483648.0f, -2147483648.0f, 1e10f,
                                                  -1e10f, INFINITY, -INFINITY, NAN,           1e30f,         16777217});
  case_tensor halves = case_floats(DIMS(14), (float[]){65504, 65519, 65520, 1e6f, -1e6f, 6e-8f, 2.9e-8f, 2.98023224e-8f, NAN, INFINITY,
                                                       1.0009765625f, 1.00048828125f, 1.00146484375f, -0.0f});
  case_tensor l = case_longs(8, (int64_t[]){0, -1, 255, 256, INT32_MAX, INT32_MIN, 16777217, -5});
  for (size_t from = 0; from < 6; from++)
    for (size_t to = 0; to < 6; to++) {
      const cvk_cast_attr attr = {.struct_size = sizeof attr, .dtype = all[to]};
      case_tensor x = case_typed(all[from], DIMS(7, 13), 3);
      if (all[from] != CVK_F32 && !(all[from] == CVK_I64 && all[to] == CVK_F16)) check1(CVK_OP_CAST, &attr, &x, ROWS("cast_plain"));
      case_free(&x);
      if (from == 0) {
        check1(CVK_OP_CAST, &attr, &f, ROWS("cast_plain"));
        check1(CVK_OP_CAST, &attr, &halves, ROWS("cast_plain"));
        if (all[to] != CVK_F16) check1(CVK_OP_CAST, &attr, &l, ROWS("cast_plain"));
      }
    }
  case_free(&f);
  case_free(&halves);
  case_free(&l);
  mini_close();
}
END_TEST

SUITE("opencl_move", transposes, concats_and_splits, slices, expands_and_tiles, gathers_take_known_indices, copies_change_the_shape_only,
      casts_between_all_types)
