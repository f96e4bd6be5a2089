/* SPDX-License-Identifier: Apache-2.0 */
/* test_recurrent.c: the row of LSTM, GRU and RNN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mini_host.h"
#include "row_check.h"

typedef struct net {
  int32_t kind, gates, n_in, n_out, linear;
} net;

static const net nets[] = {{CVK_OP_LSTM, 4, 7, 3, 0}, {CVK_OP_GRU, 3, 6, 2, 0}, {CVK_OP_GRU, 3, 6, 2, 1}, {CVK_OP_RNN, 1, 6, 2, 0}};
enum { NETS = sizeof nets / sizeof *nets };

static row_tensor scaled(int32_t rank, const int64_t *dim, uint32_t seed, float by) {
  row_tensor t = row_random(CVK_F32, rank, dim, seed);
  for (int64_t i = 0; i < cvk_count(rank, dim); i++) ((float *)t.data)[i] *= by;
  return t;
}

/* All inputs that the row takes, weights so that sums stay near 1, as in networks that are trained; they are known at prepare where `value`
 * is 1. */
static row_case make(const net *n, const cvk_recurrent_attr *a, int64_t time, int64_t batch, int64_t inputs, int64_t hidden,
                     int32_t value) {
  const int64_t directions = a->direction == CVK_BIDIRECTIONAL ? 2 : 1, rows = n->gates * hidden;
  row_case k = {
      .kind = n->kind, .n_in = n->n_in, .n_out = n->n_out, .attr = a, .row = "recurrent", .relative = 64 * 0x1p-24, .absolute = 0x1p-18};
  k.in[0] = a->layout ? scaled(DIMS(batch, time, inputs), 1, 0.5f) : scaled(DIMS(time, batch, inputs), 1, 0.5f);
  k.in[1] = scaled(DIMS(directions, rows, inputs), 2, 0.5f / sqrtf((float)inputs + 1));
  k.in[2] = scaled(DIMS(directions, rows, hidden), 3, 0.5f / sqrtf((float)hidden + 1));
  k.in[3] = scaled(DIMS(directions, 2 * rows), 4, 0.5f);
  for (int32_t i = 5; i < n->n_in; i++) {
    const int64_t dim[] = {a->layout ? batch : directions, a->layout ? directions : batch, hidden};
    k.in[i] = scaled(3, dim, (uint32_t)i, 0.25f);
  }
  k.in[1].value = k.in[2].value = value;
  return k;
}

static cvk_recurrent_attr attr_of(const net *n, int32_t direction) {
  return (cvk_recurrent_attr){.struct_size = sizeof(cvk_recurrent_attr), .direction = direction, .linear_before_reset = n->linear};
}

static void drop(row_tensor *t) {
  free(t->data);
  *t = (row_tensor){0};
}

/* Blocks of units with and without a rest, rows that fill register tiles and do not, each direction, weights packed and not. */
START_TEST(shapes) {
  static const int64_t hiddens[] = {1, 5, 17, 33}, batches[] = {1, 3, 7};
  for (int n = 0; n < NETS; n++)
    for (int h = 0; h < 4; h++)
      for (int b = 0; b < 3; b++)
        for (int32_t direction = 0; direction <= CVK_BIDIRECTIONAL; direction++) {
          const cvk_recurrent_attr a = attr_of(&nets[n], direction);
          row_case k = make(&nets[n], &a, 5, batches[b], 3 + 2 * h, hiddens[h], direction != CVK_REVERSE);
          row_check(&k);
        }
}
END_TEST

/* More products than a chain holds, a number of them that no tile divides, and enough work to wake the threads. */
START_TEST(long_sums) {
  for (int n = 0; n < NETS; n++) {
    const cvk_recurrent_attr a = attr_of(&nets[n], CVK_BIDIRECTIONAL);
    row_case k = make(&nets[n], &a, 7, 1, 131, 163, 1);
    row_check(&k);
    k = make(&nets[n], &a, 3, 4, 67, 99, 0);
    row_check(&k);
  }
}
END_TEST

/* Steps so large that three threads share each of them. */
START_TEST(shared_steps) {
  for (int n = 0; n < NETS; n++) {
    const cvk_recurrent_attr a = attr_of(&nets[n], CVK_BIDIRECTIONAL);
    row_case k = make(&nets[n], &a, 3, 1, 3, 4000 / nets[n].gates / (nets[n].gates > 1 ? 1 : 3), 1);
    row_check(&k);
  }
}
END_TEST

START_TEST(absent_inputs) {
  for (int n = 0; n < NETS; n++)
    for (int present = 0; present < 3; present++) { /* none, biases alone, first hidden states alone */
      const cvk_recurrent_attr a = attr_of(&nets[n], CVK_BIDIRECTIONAL);
      row_case k = make(&nets[n], &a, 4, 3, 5, 17, 1);
      if (present != 1) drop(&k.in[3]);
      if (present != 2) drop(&k.in[5]);
      if (nets[n].n_in > 6) drop(&k.in[6]);
      if (present == 0) k.n_in = 3;
      row_check(&k);
    }
}
END_TEST

START_TEST(absent_outputs) {
  for (int n = 0; n < NETS; n++)
    for (uint32_t unwanted = 1; unwanted + 1 < 1u << nets[n].n_out; unwanted++) {
      const cvk_recurrent_attr a = attr_of(&nets[n], CVK_REVERSE);
      row_case k = make(&nets[n], &a, 4, 3, 5, 17, 1);
      k.unwanted = unwanted;
      row_check(&k);
    }
}
END_TEST

/* Sequences of their own lengths, an empty one among them, and all as long as the axis; i64 and i32. */
START_TEST(lengths) {
  static const int64_t values[][4] = {{4, 0, 2, 5}, {5, 5, 5, 5}, {1, 1, 1, 1}};
  for (int n = 0; n < NETS; n++)
    for (int i = 0; i < 3; i++)
      for (int32_t direction = 0; direction <= CVK_BIDIRECTIONAL; direction++)
        for (int32_t layout = 0; layout < 2; layout++) {
          cvk_recurrent_attr a = attr_of(&nets[n], direction);
          a.layout = layout;
          row_case k = make(&nets[n], &a, 5, 4, 3, 17, 1);
          k.in[4] = row_ints(4, values[i], 0);
          if (layout == 0) {
            const int32_t narrow[] = {(int32_t)values[i][0], (int32_t)values[i][1], (int32_t)values[i][2], (int32_t)values[i][3]};
            memcpy(k.in[4].data, narrow, sizeof narrow);
            k.in[4].dtype = CVK_I32;
          }
          row_check(&k);
        }
}
END_TEST

/* The batch first, in x, y and the states. */
START_TEST(batch_first) {
  for (int n = 0; n < NETS; n++)
    for (int64_t batch = 1; batch <= 8; batch += 7) {
      cvk_recurrent_attr a = attr_of(&nets[n], CVK_BIDIRECTIONAL);
      a.layout = 1;
      row_case k = make(&nets[n], &a, 5, batch, 3, 17, 1);
      row_check(&k);
    }
}
END_TEST

/* Lengths past the time axis or below 0 fail before anything is computed. */
START_TEST(bad_lengths) {
  static float x[4 * 2 * 3], w[5 * 3], r[5 * 5], y[4 * 2 * 5];
  static const int64_t dims[5][3] = {{4, 2, 3}, {1, 5, 3}, {1, 5, 5}, {0}, {2}}, values[][2] = {{4, 5}, {-1, 4}};
  for (int bad = 0; bad < 2; bad++) {
    int64_t length[] = {values[bad][0], values[bad][1]};
    cvk_tensor_desc in[5], out = {0};
    const cvk_tensor_desc *in_ptr[] = {&in[0], &in[1], &in[2], NULL, &in[4]}, *out_ptr[] = {&out};
    for (int i = 0; i < 5; i++) {
      in[i] = (cvk_tensor_desc){.struct_size = sizeof *in, .dtype = i == 4 ? CVK_I64 : CVK_F32, .rank = i == 4 ? 1 : 3};
      memcpy(in[i].dim, dims[i], sizeof dims[i]);
    }
    mini_host h;
    cvk_any_attr attr;
    cvk_candidate c = {.struct_size = sizeof c}, *list[] = {&c};
    cvk_kernel *kernel = NULL;
    int32_t n = 1;
    ck_assert(mini_host_open(&h, "scalar", 1));
    ck_ok(cvk_op_resolve(CVK_OP_RNN, NULL, 5, in_ptr, 1, &out, &attr));
    const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_RNN, .n_in = 5, .n_out = 1, .in = in_ptr, .out = out_ptr, .attr = &attr};
    ck_assert_int_eq(h.backend->supports(h.device, &op, list, &n), CVK_OK);
    ck_assert_int_eq(h.backend->prepare(h.device, &op, &c, NULL, &kernel), CVK_OK);
    void *work = malloc((size_t)c.workspace_bytes);
    const cvk_arg args[] = {{x, 0, sizeof x}, {w, 0, sizeof w}, {r, 0, sizeof r}, {0}, {length, 0, sizeof length}},
                  result = {y, 0, sizeof y}, workspace = {work, 0, c.workspace_bytes};
    ck_assert_int_eq(h.backend->execute(kernel, NULL, args, &result, &workspace, NULL, 0, NULL), CVK_INVALID_ARGUMENT);
    ck_assert_msg(strstr(h.message, bad ? "length -1 (batch 0), allowed 0 to 4" : "length 5 (batch 1), allowed 0 to 4") != NULL, "%s",
                  h.message);
    h.backend->kernel_free(kernel);
    free(work);
    mini_host_close(&h);
  }
}
END_TEST

/* Without a step the last states are the first ones; without inputs the biases are all there is. */
START_TEST(empty) {
  static const int64_t sizes[][4] = {{0, 3, 5, 17}, {4, 0, 5, 17}, {4, 3, 0, 17}, {4, 3, 5, 0}};
  for (int n = 0; n < NETS; n++)
    for (int i = 0; i < 4; i++)
      for (int32_t value = 0; value < 2; value++) {
        const cvk_recurrent_attr a = attr_of(&nets[n], CVK_BIDIRECTIONAL);
        row_case k = make(&nets[n], &a, sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], value);
        row_check(&k);
      }
}
END_TEST

/* NaN and infinities of x go to the units that see them and no further; huge sums saturate. */
START_TEST(special_values) {
  for (int n = 0; n < NETS; n++)
    for (int which = 0; which < 4; which++) {
      static const float special[] = {NAN, INFINITY, -INFINITY, 1e30f};
      const cvk_recurrent_attr a = attr_of(&nets[n], CVK_BIDIRECTIONAL);
      row_case k = make(&nets[n], &a, 6, 3, 5, 17, 1);
      ((float *)k.in[0].data)[(2 * 3 + 1) * 5 + 2] = special[which]; /* step 2 of sequence 1 */
      row_check(&k);
      k = make(&nets[n], &a, 6, 1, 5, 33, 1);
      ((float *)k.in[1].data)[7] = special[which];
      ((float *)k.in[2].data)[9] = special[which];
      row_check(&k);
    }
}
END_TEST

typedef struct refusal {
  cvk_recurrent_attr attr;
  int32_t input; /* given besides x, w, r; 0: none */
  const char *why;
} refusal;

static char logged[512];
static void keep_log(void *ctx, int32_t level, const char *text) {
  (void)ctx, (void)level;
  snprintf(logged, sizeof logged, "%s", text);
}

/* What the row leaves to the reference, and why. */
START_TEST(refused) {
  static const refusal refusals[] = {
      {{.clip = 0.5f}, 0, "clip 0.5"},
      {{.input_forget = 1}, 0, "input_forget 1"},
      {{.activation = {0, CVK_GATE_RELU}}, 0, "activation 1 is 1"},
      {{.direction = CVK_BIDIRECTIONAL, .activation = {0, 0, 0, 0, 0, CVK_GATE_RELU}}, 0, "activation 5 is 1"},
      {{.layout = 0}, 7, "peepholes"},
  };
  mini_host h;
  ck_assert(mini_host_open(&h, "scalar", 1));
  h.host.log = keep_log;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const refusal *r = &refusals[i];
    const int64_t d = r->attr.direction == CVK_BIDIRECTIONAL ? 2 : 1,
                  dims[8][3] = {{4, 4, 3}, {d, 20, 3}, {d, 20, 5}, {0}, {4}, {0}, {0}, {d, 15}};
    static const int32_t ranks[8] = {3, 3, 3, 0, 1, 0, 0, 2};
    cvk_tensor_desc in[8], out = {0};
    const cvk_tensor_desc *in_ptr[8] = {0}, *out_ptr[1] = {&out};
    for (int32_t k = 0; k < 8; k++) {
      in[k] = (cvk_tensor_desc){.struct_size = sizeof *in, .dtype = k == 4 ? CVK_I32 : CVK_F32, .rank = ranks[k]};
      memcpy(in[k].dim, dims[k], sizeof dims[k]);
      if (k < 3 || k == r->input) in_ptr[k] = &in[k];
    }
    cvk_any_attr attr;
    cvk_candidate c = {.struct_size = sizeof c}, *list[] = {&c};
    int32_t n = 1;
    ck_ok(cvk_op_resolve(CVK_OP_LSTM, &r->attr, 8, in_ptr, 1, &out, &attr));
    const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_LSTM, .n_in = 8, .n_out = 1, .in = in_ptr, .out = out_ptr, .attr = &attr};
    ck_assert_int_eq(h.backend->supports(h.device, &op, list, &n), CVK_UNSUPPORTED);
    ck_assert_msg(strstr(logged, r->why) != NULL, "'%s' lacks '%s'", logged, r->why);
  }
  mini_host_close(&h);
}
END_TEST

SUITE("cpu recurrent", shapes, long_sums, shared_steps, refused, absent_inputs, absent_outputs, lengths, bad_lengths, batch_first, empty,
      special_values)
