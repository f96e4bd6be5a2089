/* SPDX-License-Identifier: Apache-2.0 */
/* test_recurrent.c: LSTM, GRU and RNN against values that ONNX Runtime 1.32.0 computed from the same ramps; layout 1 against layout 0; bad
 * input. */
#include "ref_run.h"

enum { D = 2, H = 2, I = 3, T = 3, N = 2 };

/* Directions and which optional inputs there are: letters of "blhcp". */
static cvk_status run(int32_t kind, int32_t directions, const char *optional, const cvk_recurrent_attr *attr, int32_t n_out,
                      ref_tensor *y) {
  const int32_t gates = kind == CVK_OP_LSTM ? 4 : kind == CVK_OP_GRU ? 3 : 1;
  ref_tensor t[] = {ref_ramp(7, 3, 11, 5, 4, SHAPE(T, N, I)),
                    ref_ramp(5, 1, 13, 6, 8, SHAPE(directions, gates * H, I)),
                    ref_ramp(3, 2, 7, 3, 6, SHAPE(directions, gates * H, H)),
                    ref_ramp(4, 1, 9, 4, 10, SHAPE(directions, 2 * gates * H)),
                    ref_of(CVK_I32, SHAPE(N), (int32_t[]){3, 1}),
                    ref_ramp(2, 1, 5, 2, 4, SHAPE(directions, N, H)),
                    ref_ramp(3, 1, 7, 3, 4, SHAPE(directions, N, H)),
                    ref_ramp(3, 2, 5, 2, 8, SHAPE(directions, 3 * H))};
  const ref_tensor *in[8] = {&t[0], &t[1], &t[2]};
  const char letters[] = "blhcp";
  int32_t n_in = 3;
  for (int32_t i = 0; letters[i]; i++)
    if (strchr(optional, letters[i])) in[3 + i] = &t[3 + i], n_in = 4 + i;
  const cvk_status s = ref_run(kind, attr, n_in, in, n_out, y);
  for (int32_t i = 0; i < 8; i++) ref_free(&t[i]);
  return s;
}

static void free_all(int32_t n, ref_tensor *y) {
  for (int32_t i = 0; i < n; i++) ref_free(&y[i]);
}

#define TOLERANCE 2e-6

START_TEST(lstm_without_options) {
  ref_tensor y[3];
  ck_ok(run(CVK_OP_LSTM, 1, "", NULL, 3, y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, 1, N, H),
             (float[]){0.1278657f, 0.2065609f, 0.1596899f, 0.1863863f, 0.248165f, 0.2214606f, 0.2768883f, 0.1796033f, 0.02545863f,
                       -0.130754f, 0.05191561f, -0.1841078f});
  ref_expect(&y[1], TOLERANCE, SHAPE(1, N, H), (float[]){0.02545863f, -0.130754f, 0.05191561f, -0.1841078f});
  ref_expect(&y[2], TOLERANCE, SHAPE(1, N, H), (float[]){0.04592873f, -0.2039864f, 0.09316339f, -0.3069188f});
  free_all(3, y);
}
END_TEST

START_TEST(lstm_with_all_inputs) {
  ref_tensor y[3];
  ck_ok(run(CVK_OP_LSTM, 2, "blhcp", &(cvk_recurrent_attr){.direction = CVK_BIDIRECTIONAL, .hidden_size = H, .clip = 0.8f}, 3, y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, D, N, H),
             (float[]){0.1232759f,  0.2310686f,   0.07071885f, 0.1731441f, 0.1568162f, 0.1828532f,  0.1483576f, 0.04171373f,
                       0.2605825f,  0.2191264f,   0,           0,          0.1706392f, 0.1369318f,  0,          0,
                       0.06129923f, 0.004536627f, 0,           0,          0.3318824f, 0.08838267f, 0,          0});
  ref_expect(&y[1], TOLERANCE, SHAPE(D, N, H),
             (float[]){0.06129923f, 0.004536627f, 0.07071885f, 0.1731441f, 0.1568162f, 0.1828532f, 0.1483576f, 0.04171373f});
  ref_expect(&y[2], TOLERANCE, SHAPE(D, N, H),
             (float[]){0.1277714f, 0.008163005f, 0.1116686f, 0.3692523f, 0.5570923f, 0.6773597f, 0.5210806f, 0.134557f});
  free_all(3, y);
}
END_TEST

START_TEST(lstm_with_coupled_gates_and_other_functions) {
  ref_tensor y[3];
  const cvk_recurrent_attr attr = {.direction = CVK_REVERSE,
                                   .input_forget = 1,
                                   .activation = {CVK_GATE_HARD_SIGMOID, CVK_GATE_SOFTSIGN, CVK_GATE_SCALED_TANH},
                                   .alpha = {0.3f, 0, 1.5f},
                                   .beta = {0.4f, 0, 0.5f}};
  ck_ok(run(CVK_OP_LSTM, 1, "b", &attr, 3, y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, 1, N, H),
             (float[]){0.09902622f, 0.09161568f, 0.1095226f, 0.08269204f, 0.07708324f, 0.03124812f, 0.08410969f, 0.02472664f, 0,
                       -0.06527279f, 0, -0.07090323f});
  ref_expect(&y[2], TOLERANCE, SHAPE(1, N, H), (float[]){0.2845204f, 0.2298672f, 0.3095514f, 0.2267835f});
  free_all(3, y);
}
END_TEST

START_TEST(gru) {
  ref_tensor y[2];
  ck_ok(run(CVK_OP_GRU, 1, "", NULL, 2, y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, 1, N, H),
             (float[]){-0.2879738f, -0.2603197f, -0.2768779f, -0.2546374f, -0.4483637f, -0.4049327f, -0.4288377f, -0.3949097f, 0.1320713f,
                       0.00139983f, 0.1781825f, -0.08085985f});
  free_all(2, y);
  ck_ok(run(CVK_OP_GRU, 1, "bl", &(cvk_recurrent_attr){.direction = CVK_REVERSE}, 2, y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, 1, N, H),
             (float[]){-0.02086639f, -0.558503f, -0.1483005f, -0.3436424f, 0.2107123f, -0.3409975f, 0, 0, 0.5215427f, 0, 0, 0});
  ref_expect(&y[1], TOLERANCE, SHAPE(1, N, H), (float[]){-0.02086639f, -0.558503f, -0.1483005f, -0.3436424f});
  free_all(2, y);
  ck_ok(run(CVK_OP_GRU, 2, "blh", &(cvk_recurrent_attr){.direction = CVK_BIDIRECTIONAL, .linear_before_reset = 1}, 2, y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, D, N, H),
             (float[]){-0.3546559f, -0.1947127f,  -0.5001782f, -0.2956073f, -0.4182515f,  -0.1029894f, -0.2467428f, -0.5051333f,
                       -0.3688921f, -0.4068416f,  0,           0,           -0.05920459f, 0.06922045f, 0,           0,
                       0.4371221f,  -0.09308676f, 0,           0,           0.3112712f,   0.3432989f,  0,           0});
  ref_expect(&y[1], TOLERANCE, SHAPE(D, N, H),
             (float[]){0.4371221f, -0.09308676f, -0.5001782f, -0.2956073f, -0.4182515f, -0.1029894f, -0.2467428f, -0.5051333f});
  free_all(2, y);
}
END_TEST

START_TEST(rnn) {
  ref_tensor y[2];
  ck_ok(run(CVK_OP_RNN, 1, "bh", &(cvk_recurrent_attr){.direction = CVK_REVERSE, .activation = {CVK_GATE_LEAKY_RELU}, .alpha = {0.5f}}, 2,
            y));
  ref_expect(&y[0], TOLERANCE, SHAPE(T, 1, N, H),
             (float[]){0.1666667f, 0.5994792f, 0.2413194f, 0.8329861f, 0.04791662f, 1.217708f, 0.1381944f, 1.486806f, -0.9125f, 0.38125f,
                       -0.9333333f, 0.6416667f});
  free_all(2, y);
  const cvk_recurrent_attr both = {
      .direction = CVK_BIDIRECTIONAL, .activation = {CVK_GATE_TANH, CVK_GATE_AFFINE}, .alpha = {0, 0.5f}, .beta = {0, 0.25f}};
  ck_ok(run(CVK_OP_RNN, 2, "l", &both, 2, y));
  ref_expect(&y[1], TOLERANCE, SHAPE(D, N, H),
             (float[]){-0.8127183f, 0.09853995f, 0.4371887f, 0.4863361f, 0.4169922f, 0.7236328f, 0.546875f, 0.578125f});
  free_all(2, y);
}
END_TEST

/* The same numbers with the batch first, in inputs and outputs. */
START_TEST(batch_first) {
  ref_tensor x = ref_ramp(7, 3, 11, 5, 4, SHAPE(T, N, I)), xb = ref_new(CVK_F32, SHAPE(N, T, I)),
             w = ref_ramp(5, 1, 13, 6, 8, SHAPE(D, 4 * H, I)), r = ref_ramp(3, 2, 7, 3, 6, SHAPE(D, 4 * H, H)),
             h = ref_ramp(2, 1, 5, 2, 4, SHAPE(D, N, H)), hb = ref_new(CVK_F32, SHAPE(N, D, H)), y[3], z[3];
  for (int32_t t = 0; t < T; t++)
    for (int32_t b = 0; b < N; b++) memcpy((float *)xb.data + (b * T + t) * I, (float *)x.data + (t * N + b) * I, I * sizeof(float));
  for (int32_t d = 0; d < D; d++)
    for (int32_t b = 0; b < N; b++) memcpy((float *)hb.data + (b * D + d) * H, (float *)h.data + (d * N + b) * H, H * sizeof(float));
  const cvk_recurrent_attr attr = {.direction = CVK_BIDIRECTIONAL}, first = {.direction = CVK_BIDIRECTIONAL, .layout = 1};
  ck_ok(ref_run(CVK_OP_LSTM, &attr, 6, (const ref_tensor *const[]){&x, &w, &r, NULL, NULL, &h}, 3, y));
  ck_ok(ref_run(CVK_OP_LSTM, &first, 6, (const ref_tensor *const[]){&xb, &w, &r, NULL, NULL, &hb}, 3, z));
  ref_expect_shape(&z[0].desc, SHAPE(N, T, D, H));
  ref_expect_shape(&z[1].desc, SHAPE(N, D, H));
  for (int32_t d = 0; d < D; d++)
    for (int32_t b = 0; b < N; b++)
      for (int32_t j = 0; j < H; j++) {
        for (int32_t t = 0; t < T; t++)
          ck_assert_float_eq(((float *)z[0].data)[((b * T + t) * D + d) * H + j], ((float *)y[0].data)[((t * D + d) * N + b) * H + j]);
        for (int32_t o = 1; o < 3; o++)
          ck_assert_float_eq(((float *)z[o].data)[(b * D + d) * H + j], ((float *)y[o].data)[(d * N + b) * H + j]);
      }
  free_all(3, y), free_all(3, z);
  ref_free(&x), ref_free(&xb), ref_free(&w), ref_free(&r), ref_free(&h), ref_free(&hb);
}
END_TEST

START_TEST(sequences_of_no_step) {
  ref_tensor x = ref_ramp(1, 0, 5, 2, 2, SHAPE(1, 1, 1)), none = ref_new(CVK_F32, SHAPE(0, 1, 1)),
             w = ref_ramp(1, 1, 5, 0, 2, SHAPE(1, 1, 1)), h = ref_of(CVK_F32, SHAPE(1, 1, 1), (float[]){0.75f}),
             zero = ref_new(CVK_I32, SHAPE(1)), y[2];
  ck_ok(ref_run(CVK_OP_RNN, NULL, 6, (const ref_tensor *const[]){&x, &w, &w, NULL, &zero, &h}, 2, y));
  ref_expect(&y[0], 0, SHAPE(1, 1, 1, 1), (float[]){0});
  ref_expect(&y[1], 0, SHAPE(1, 1, 1), (float[]){0.75f});
  free_all(2, y);
  ck_ok(ref_run(CVK_OP_RNN, NULL, 6, (const ref_tensor *const[]){&none, &w, &w, NULL, NULL, &h}, 2, y));
  ref_expect_shape(&y[0].desc, SHAPE(0, 1, 1, 1));
  ref_expect(&y[1], 0, SHAPE(1, 1, 1), (float[]){0.75f});
  free_all(2, y), ref_free(&x), ref_free(&none), ref_free(&w), ref_free(&h), ref_free(&zero);
}
END_TEST

START_TEST(bad_arguments) {
  ref_tensor x = ref_new(CVK_F32, SHAPE(2, 1, 3)), w = ref_new(CVK_F32, SHAPE(1, 8, 3)), r = ref_new(CVK_F32, SHAPE(1, 8, 2)),
             far = ref_of(CVK_I32, SHAPE(1), (int32_t[]){3}), flat = ref_new(CVK_F32, SHAPE(2, 3)), d = ref_new(CVK_F64, SHAPE(1, 8, 3)),
             y[3];
  const ref_tensor *const in[] = {&x, &w, &r, NULL, &far};
  ck_fails(ref_run(CVK_OP_LSTM, NULL, 5, in, 1, y), CVK_INVALID_ARGUMENT, "lstm: length 3 (batch 0), allowed 0 to 2");
  ck_fails(ref_run(CVK_OP_GRU, NULL, 3, in, 1, y), CVK_INVALID_SHAPE, "gru: w (input 1) has shape [1,8,3], must have [1,6,3]");
  ck_fails(ref_run(CVK_OP_LSTM, &(cvk_recurrent_attr){.hidden_size = 3}, 3, in, 1, y), CVK_INVALID_SHAPE, "must have [1,12,3]");
  ck_fails(ref_run(CVK_OP_LSTM, &(cvk_recurrent_attr){.direction = 3}, 3, in, 1, y), CVK_INVALID_ARGUMENT, "direction is 3");
  ck_fails(ref_run(CVK_OP_LSTM, &(cvk_recurrent_attr){.layout = 2}, 3, in, 1, y), CVK_INVALID_ARGUMENT, "layout is 2");
  ck_fails(ref_run(CVK_OP_LSTM, &(cvk_recurrent_attr){.clip = -1}, 3, in, 1, y), CVK_INVALID_ARGUMENT, "clip is -1");
  ck_fails(ref_run(CVK_OP_LSTM, &(cvk_recurrent_attr){.activation = {0, 12}}, 3, in, 1, y), CVK_INVALID_ARGUMENT,
           "activation 1 is 12, allowed 0 to 11");
  ck_fails(ref_run(CVK_OP_LSTM, NULL, 3, (const ref_tensor *const[]){&flat, &w, &r}, 1, y), CVK_INVALID_SHAPE, "x has rank 2 and r 3");
  ck_fails(ref_run(CVK_OP_LSTM, NULL, 3, (const ref_tensor *const[]){&x, &d, &r}, 1, y), CVK_INVALID_ARGUMENT,
           "w (input 1) is float64, x is float32");
  ck_fails(ref_run(CVK_OP_LSTM, NULL, 3, (const ref_tensor *const[]){&far, &w, &r}, 1, y), CVK_INVALID_ARGUMENT, "input 0 has type int32");
  ref_free(&x), ref_free(&w), ref_free(&r), ref_free(&far), ref_free(&flat), ref_free(&d);
}
END_TEST

SUITE("recurrent", lstm_without_options, lstm_with_all_inputs, lstm_with_coupled_gates_and_other_functions, gru, rnn, batch_first,
      sequences_of_no_step, bad_arguments)
