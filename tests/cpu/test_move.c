/* SPDX-License-Identifier: Apache-2.0 */
/* test_move.c: the rows that move elements: renames, transpose, concat, split, slice, expand, tile, gather, and shape. */
#include "mini_host.h"
#include "row_check.h"

static const int32_t dtypes[] = {CVK_F32, CVK_U8, CVK_I16, CVK_I64};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static void check1(int32_t kind, const void *attr, row_tensor x, const char *row, int32_t blocked) {
  row_case c = {.kind = kind, .n_in = 1, .attr = attr, .in = {x}, .row = row, .blocked = blocked};
  row_check(&c);
}

START_TEST(renames) {
  const cvk_axis_attr axis = {.struct_size = sizeof axis, .axis = 2};
  const cvk_shape_attr shape = {.struct_size = sizeof shape, .rank = 2, .dim = {-1, 6}};
  const cvk_axes_attr all = {.struct_size = sizeof all};
  for (int i = 0; i < DTYPES; i++) {
    check1(CVK_OP_IDENTITY, NULL, row_random(dtypes[i], DIMS(2, 17, 3, 5), 1), "move", dtypes[i] == CVK_F32);
    check1(CVK_OP_FLATTEN, &axis, row_random(dtypes[i], DIMS(2, 3, 4, 5), 1), "move", 0);
    check1(CVK_OP_RESHAPE, &shape, row_random(dtypes[i], DIMS(2, 3, 5), 1), "move", 0);
    check1(CVK_OP_SQUEEZE, &all, row_random(dtypes[i], DIMS(1, 3, 1, 5), 1), "move", 0);
  }
  check1(CVK_OP_DROPOUT, NULL, row_random(CVK_F32, DIMS(2, 17, 3, 5), 1), "dropout", 1);
  check1(CVK_OP_IDENTITY, NULL, row_random(CVK_F32, DIMS(1, 16, 100, 100), 1), "move", 1);
}
END_TEST

START_TEST(transposes) {
  static const int32_t orders[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {1, 0, 2, 3}, {3, 2, 1, 0}, {0, 1, 2, 3}, {0, 1, 3, 2}, {2, 3, 0, 1}};
  for (int o = 0; o < 7; o++)
    for (int i = 0; i < DTYPES; i++) {
      cvk_axes_attr a = {.struct_size = sizeof a, .n_axes = 4};
      for (int j = 0; j < 4; j++) a.axis[j] = orders[o][j];
      check1(CVK_OP_TRANSPOSE, &a, row_random(dtypes[i], DIMS(2, 3, 5, 7), 1), "move", 0);
      check1(CVK_OP_TRANSPOSE, &a, row_random(dtypes[i], DIMS(3, 33, 17, 18), 1), "move", 0);
    }
  check1(CVK_OP_TRANSPOSE, NULL, row_random(CVK_F32, DIMS(300, 217), 1), "move", 0);
  check1(CVK_OP_TRANSPOSE, NULL, row_random(CVK_F32, DIMS(0, 3), 1), "move", 0);
}
END_TEST

static void concat_case(int32_t axis, const int64_t *extents, int n, int32_t dtype, int32_t blocked) {
  const cvk_axis_attr a = {.struct_size = sizeof a, .axis = axis};
  row_case c = {.kind = CVK_OP_CONCAT, .n_in = n, .attr = &a, .row = "move", .blocked = blocked};
  for (int i = 0; i < n; i++) {
    int64_t dim[4] = {2, 17, 3, 5};
    dim[axis] = extents[i];
    c.in[i] = row_random(dtype, 4, dim, (uint32_t)i);
  }
  row_check(&c);
}

START_TEST(concats) {
  for (int i = 0; i < DTYPES; i++)
    for (int32_t axis = 0; axis < 4; axis++) concat_case(axis, (int64_t[]){3, 1, 0, 4}, 4, dtypes[i], dtypes[i] == CVK_F32 && axis != 1);
  concat_case(1, (int64_t[]){16, 32, 7}, 3, CVK_F32, 1);
  concat_case(1, (int64_t[]){64, 48}, 2, CVK_F32, 1);
  concat_case(2, (int64_t[]){300, 1, 500}, 3, CVK_F32, 1);
  concat_case(0, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 10, CVK_F32, 1);
}
END_TEST

static void split_case(int32_t axis, const int64_t *sizes, int n, uint32_t unwanted, int32_t blocked) {
  cvk_split_attr a = {.struct_size = sizeof a, .axis = axis, .n_split = n};
  int64_t dim[4] = {2, 17, 3, 5};
  dim[axis] = 0;
  for (int i = 0; i < n; i++) dim[axis] += a.size[i] = sizes[i];
  row_case c = {.kind = CVK_OP_SPLIT,
                .n_in = 1,
                .n_out = n,
                .attr = &a,
                .in = {row_random(CVK_F32, 4, dim, 1)},
                .row = "move",
                .blocked = blocked,
                .unwanted = unwanted};
  row_check(&c);
}

START_TEST(splits) {
  for (int32_t axis = 0; axis < 4; axis++) split_case(axis, (int64_t[]){1, 3, 0, 2}, 4, 0, axis != 1);
  split_case(1, (int64_t[]){16, 32, 5}, 3, 0, 1);
  split_case(1, (int64_t[]){16, 32, 5}, 3, 2, 1);
  split_case(1, (int64_t[]){16, 32, 5}, 3, 1, 1);
}
END_TEST

START_TEST(slices) {
  for (int i = 0; i < DTYPES; i++) {
    const cvk_slice_attr a = {
        .struct_size = sizeof a, .n_axes = 2, .axis = {2, 3}, .start = {1, -1}, .end = {INT64_MAX, INT64_MIN}, .step = {1, -2}};
    check1(CVK_OP_SLICE, &a, row_random(dtypes[i], DIMS(2, 17, 5, 7), 1), "move", dtypes[i] == CVK_F32);
    const cvk_slice_attr b = {.struct_size = sizeof b, .n_axes = 2, .axis = {1, 3}, .start = {1, 2}, .end = {9, 2}, .step = {3, 1}};
    check1(CVK_OP_SLICE, &b, row_random(dtypes[i], DIMS(2, 17, 5, 7), 1), "move", 0);
    const cvk_slice_attr d = {.struct_size = sizeof d, .n_axes = 1, .axis = {3}, .start = {0}, .end = {67}, .step = {2}};
    check1(CVK_OP_SLICE, &d, row_random(dtypes[i], DIMS(3, 2, 1, 67), 1), "move", 0);
  }
  const cvk_slice_attr c = {.struct_size = sizeof c, .n_axes = 1, .axis = {1}, .start = {16}, .end = {48}, .step = {1}};
  check1(CVK_OP_SLICE, &c, row_random(CVK_F32, DIMS(2, 50, 3, 5), 1), "move", 1);
  const cvk_slice_attr e = {.struct_size = sizeof e, .n_axes = 1, .axis = {1}, .start = {32}, .end = {50}, .step = {1}};
  check1(CVK_OP_SLICE, &e, row_random(CVK_F32, DIMS(2, 50, 3, 5), 1), "move", 1);
}
END_TEST

START_TEST(expand_and_tile) {
  const cvk_shape_attr to = {.struct_size = sizeof to, .rank = 4, .dim = {2, 3, 1, 67}},
                       times = {.struct_size = sizeof times, .rank = 3, .dim = {2, 3, 4}};
  for (int i = 0; i < DTYPES; i++) {
    check1(CVK_OP_EXPAND, &to, row_random(dtypes[i], DIMS(3, 5, 1), 1), "move", 0);
    check1(CVK_OP_EXPAND, &to, row_random(dtypes[i], DIMS(1), 1), "move", 0);
    check1(CVK_OP_TILE, &times, row_random(dtypes[i], DIMS(2, 1, 5), 1), "move", 0);
    check1(CVK_OP_TILE, &times, row_random(dtypes[i], DIMS(1, 3, 1), 1), "move", 0);
  }
}
END_TEST

START_TEST(gathers) {
  static const int64_t at[] = {2, -1, 0, 0, -3, 1};
  static const int32_t at32[] = {2, -1, 0, 0, -3, 1};
  for (int32_t axis = 0; axis < 3; axis++)
    for (int i = 0; i < DTYPES; i++)
      for (int wide = 0; wide < 2; wide++) {
        const cvk_axis_attr a = {.struct_size = sizeof a, .axis = axis};
        row_case c = {.kind = CVK_OP_GATHER,
                      .n_in = 2,
                      .attr = &a,
                      .row = "gather",
                      .in = {row_random(dtypes[i], DIMS(3, 4, 3), 1), row_random(wide ? CVK_I64 : CVK_I32, DIMS(2, 3), 1)}};
        memcpy(c.in[1].data, wide ? (const void *)at : at32, wide ? sizeof at : sizeof at32);
        row_check(&c);
      }
}
END_TEST

START_TEST(gather_out_of_range) {
  mini_host h;
  ck_assert(mini_host_open(&h, "scalar", 1));
  const cvk_axis_attr a = {.struct_size = sizeof a};
  const cvk_tensor_desc x = {.struct_size = sizeof x, .dtype = CVK_F32, .rank = 1, .dim = {3}},
                        i = {.struct_size = sizeof i, .dtype = CVK_I64, .rank = 1, .dim = {2}},
                        y = {.struct_size = sizeof y, .dtype = CVK_F32, .rank = 1, .dim = {2}};
  const cvk_tensor_desc *in[] = {&x, &i}, *out[] = {&y};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_GATHER, .n_in = 2, .n_out = 1, .in = in, .out = out, .attr = &a};
  cvk_candidate c = {.struct_size = sizeof c}, *list[] = {&c};
  int32_t n = 1;
  cvk_kernel *k;
  float data[3] = {1, 2, 3}, got[2] = {-5, -5};
  int64_t at[2] = {0, 3};
  const cvk_arg args[] = {{data, 0, sizeof data}, {at, 0, sizeof at}}, result = {got, 0, sizeof got}, none = {0};
  ck_assert(h.backend->supports(h.device, &op, list, &n) == CVK_OK &&
            h.backend->prepare(h.device, &op, &c, (cvk_pack *[2]){0}, &k) == CVK_OK);
  ck_assert(h.backend->execute(k, NULL, args, &result, &none, NULL, 0, NULL) == CVK_INVALID_ARGUMENT);
  ck_assert_msg(strstr(h.message, "index 3") && strstr(h.message, "-3 to 2"), "%s", h.message);
  ck_assert(got[0] == -5 && got[1] == -5);
  h.backend->kernel_free(k);
  mini_host_close(&h);
}
END_TEST

START_TEST(shapes) {
  const cvk_cast_attr a = {.struct_size = sizeof a, .start = 1, .end = -1};
  check1(CVK_OP_SHAPE, NULL, row_random(CVK_F32, DIMS(2, 0, 4, 5), 1), "shape", 1);
  check1(CVK_OP_SHAPE, &a, row_random(CVK_U8, DIMS(2, 3, 4, 5), 1), "shape", 0);
}
END_TEST

SUITE("cpu_move", renames, transposes, concats, splits, slices, expand_and_tile, gathers, gather_out_of_range, shapes)
