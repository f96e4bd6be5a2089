/* SPDX-License-Identifier: Apache-2.0 */
/* learn.cl: the ops of training that go element by element or row by row, f32: RELU_GRAD, DROPOUT_TRAIN, SGD, ADAM, and SOFTMAX_CROSS_ENTROPY with
 * its gradient. The element-wise ones take WIDE elements at a time: 16 on devices of class cpu, else 1, so that neighbours touch neighbouring
 * memory. The formulas are those of convoke/plugin.h. */

#include "lane_math.cl"
#include "group.cl"

#if WIDE == 16
typedef float16 reals;
#define LOAD(P, I, N) load_lanes((P) + (I), N)
#define STORE(P, I, V, N) store_lanes((P) + (I), V, N)
#else
typedef float reals;
#define LOAD(P, I, N) (P)[I]
#define STORE(P, I, V, N) (P)[I] = (V)
#endif
#define EACH_STEP(I) \
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, length); \
  for (long I = begin; I < end; I += WIDE)

/* global (ceil(length / per_item)), as the next two. A tensor of any layout: lanes past the last channel are zeros and stay so. */
kernel void relu_grad(global const float *y, ulong y0, global const float *gy, ulong gy0, global float *gx, ulong gx0, long length, long per_item) {
  EACH_STEP(i) {
    const reals g = LOAD(gy + gy0, i, end - i), v = LOAD(y + y0, i, end - i);
    STORE(gx + gx0, i, select((reals)(0.0f), g, v > 0.0f), end - i);
  }
}

kernel void sgd(global const float *w, ulong w0, global const float *gw, ulong gw0, global const float *rate, ulong rate0, global const float *m,
                ulong m0, global const float *scale, ulong scale0, global float *new_w, ulong new_w0, global float *new_m, ulong new_m0,
                long length, long per_item, float momentum, float decay, int nesterov) {
  const float r = rate[rate0], s = scale ? scale[scale0] : 1.0f;
  EACH_STEP(i) {
    const reals v = LOAD(w + w0, i, end - i), step = s * LOAD(gw + gw0, i, end - i) + decay * v;
    reals moved = step;
    if (m) moved = momentum * LOAD(m + m0, i, end - i) + step;
    if (new_m) STORE(new_m + new_m0, i, moved, end - i);
    if (nesterov) moved = step + momentum * moved;
    STORE(new_w + new_w0, i, v - r * moved, end - i);
  }
}

/* rest1, rest2: 1 - beta. log1, log2: the logarithms of both, so that 1 - beta^t keeps its digits. */
kernel void adam(global const float *w, ulong w0, global const float *gw, ulong gw0, global const float *rate, ulong rate0, global const long *step,
                 ulong step0, global const float *m, ulong m0, global const float *v, ulong v0, global const float *scale, ulong scale0,
                 global float *new_w, ulong new_w0, global float *new_m, ulong new_m0, global float *new_v, ulong new_v0, long length, long per_item,
                 float beta1, float rest1, float log1, float beta2, float rest2, float log2, float epsilon, float decay, int decoupled) {
  const float r = rate[rate0], s = scale ? scale[scale0] : 1.0f, t = (float)step[step0];
  const float first = -expm1(t * log1), second = -expm1(t * log2), kept = decoupled ? 1.0f - r * decay : 1.0f, onto = decoupled ? 0.0f : decay;
  EACH_STEP(i) {
    const reals old = LOAD(w + w0, i, end - i), g = s * LOAD(gw + gw0, i, end - i) + onto * old;
    const reals mean = beta1 * LOAD(m + m0, i, end - i) + rest1 * g, square = beta2 * LOAD(v + v0, i, end - i) + rest2 * g * g;
    if (new_m) STORE(new_m + new_m0, i, mean, end - i);
    if (new_v) STORE(new_v + new_v0, i, square, end - i);
    STORE(new_w + new_w0, i, kept * old - r * (mean / first) / (sqrt(square / second) + epsilon), end - i);
  }
}

/* Philox-4x32-10: cvk_philox of convoke/plugin.h. */
static inline uint4 philox(uint4 c, uint2 k) {
  for (int round = 0; round < 10; round++) {
    const uint high0 = mul_hi(c.x, 0xD2511F53u), low0 = c.x * 0xD2511F53u, high1 = mul_hi(c.z, 0xCD9E8D57u), low1 = c.z * 0xCD9E8D57u;
    c = (uint4)(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
    k += (uint2)(0x9E3779B9u, 0xBB67AE85u);
  }
  return c;
}

/* Plain tensors, the four elements of a block at a time. least: what a word must be for its element to stay.
 * global (ceil(blocks / per_item)) */
kernel void dropout_train(global const float *x, ulong x0, global const long *seed, ulong seed0, global float *y, ulong y0, long length, long per_item,
                          long stream, uint least, float scale) {
  const ulong key = (ulong)seed[seed0];
  const long begin = get_global_id(0) * per_item, end = min(begin + per_item, (length + 3) / 4);
  for (long i = begin; i < end; i++) {
    const uint4 word = philox((uint4)((uint)i, (uint)((ulong)i >> 32), (uint)stream, (uint)((ulong)stream >> 32)), (uint2)((uint)key, (uint)(key >> 32)));
    global const float *from = x + x0 + i * 4;
    global float *to = y + y0 + i * 4;
    const long n = length - i * 4;
    to[0] = word.x >= least ? from[0] * scale : 0.0f;
    if (n > 1) to[1] = word.y >= least ? from[1] * scale : 0.0f;
    if (n > 2) to[2] = word.z >= least ? from[2] * scale : 0.0f;
    if (n > 3) to[3] = word.w >= least ? from[3] * scale : 0.0f;
  }
}

/* ---- cross-entropy: a work-group a row; see group.cl ---- */

#define IGNORED -1
#define WRONG -2 /* a class that does not exist: a kernel can't fail, so its row becomes NaN */

/* The class of a row. Targets are numbers of 64 bits or, where wide is NULL, of 32. */
static inline long target_of(global const long *wide, ulong wide0, global const int *narrow, ulong narrow0, long row, long classes, int has_ignore,
                             long ignore) {
  long t;
  if (wide)
    t = wide[wide0 + row];
  else
    t = narrow[narrow0 + row];
  return has_ignore && t == ignore ? IGNORED : t < 0 || t >= classes ? WRONG : t;
}

#define TARGET_PARAMETERS                                                                                                                   \
  global const long *wide, ulong wide0, global const int *narrow, ulong narrow0, global const float *weight, ulong weight0, long classes, \
      int has_ignore, long ignore
#define TARGET_OF(ROW) target_of(wide, wide0, narrow, narrow0, ROW, classes, has_ignore, ignore)
#define WEIGHT_OF(C) (weight ? weight[weight0 + (C)] : 1.0f)

/* loss[row * step] and, where step is 2, the weight of the row's target beside it. x: [n][classes][cells]. global (n cells items) */
kernel void cross_entropy_rows(global const float *x, ulong x0, TARGET_PARAMETERS, global float *loss, ulong loss0, int step, long cells, float smooth,
                               local float2 *part) {
  const int id = get_local_id(0), items = get_local_size(0);
  const long row = get_group_id(0), t = TARGET_OF(row);
  float2 total = (float2)(0.0f), spread = (float2)(0.0f);
  float top = -INFINITY;
  x += x0 + row / cells * classes * cells + row % cells;
  for (long c = id; c < classes; c += items) top = max_one(top, x[c * cells]);
  top = group_max(top, part);
  for (long c = id; c < classes; c += items) total = added(total, exp(x[c * cells] - top));
  const float of_all = log(group_sum(total, part));
  if (smooth > 0.0f)
    for (long c = id; c < classes; c += items) spread = added(spread, WEIGHT_OF(c) * (of_all - (x[c * cells] - top)));
  const float spread_sum = group_sum(spread, part);
  if (id != 0) return;
  float value = t == WRONG ? NAN : 0.0f;
  if (t >= 0) {
    value = WEIGHT_OF(t) * (of_all - (x[t * cells] - top));
    if (smooth > 0.0f) value = (1.0f - smooth) * value + smooth / (float)classes * spread_sum;
  }
  loss[loss0 + row * step] = value;
  if (step == 2) loss[loss0 + row * 2 + 1] = t >= 0 ? WEIGHT_OF(t) : 0.0f;
}

/* y = the sum of all rows' losses, with `mean` over that of their weights. One work-group. */
kernel void cross_entropy_sum(global const float *rows, ulong rows0, global float *y, ulong y0, long n, int mean, local float2 *part) {
  float2 loss = (float2)(0.0f), weights = (float2)(0.0f);
  rows += rows0;
  for (long i = get_local_id(0); i < n; i += get_local_size(0)) {
    loss = added(loss, rows[2 * i]);
    weights = added(weights, rows[2 * i + 1]);
  }
  const float sum = group_sum(loss, part), divisor = group_sum(weights, part);
  if (get_local_id(0) == 0) y[y0] = mean ? sum / divisor : sum;
}

/* The sum of the weights of n rows' targets. One work-group. */
kernel void cross_entropy_divisor(TARGET_PARAMETERS, global float *divisor, ulong divisor0, long n, local float2 *part) {
  float2 weights = (float2)(0.0f);
  for (long i = get_local_id(0); i < n; i += get_local_size(0)) {
    const long t = TARGET_OF(i);
    if (t >= 0) weights = added(weights, WEIGHT_OF(t));
  }
  const float sum = group_sum(weights, part);
  if (get_local_id(0) == 0) divisor[divisor0] = sum;
}

/* divisor: the number at its pointer or, where that is NULL, `count`. each: gy has a number for each row. global (n cells items) */
kernel void cross_entropy_grad(global const float *x, ulong x0, TARGET_PARAMETERS, global const float *gy, ulong gy0, global const float *divisor,
                               ulong divisor0, global float *gx, ulong gx0, float count, int each, long cells, float smooth, local float2 *part) {
  const int id = get_local_id(0), items = get_local_size(0);
  const long row = get_group_id(0), t = TARGET_OF(row), at = row / cells * classes * cells + row % cells;
  float2 total = (float2)(0.0f), weights = (float2)(0.0f);
  float top = -INFINITY;
  x += x0 + at;
  gx += gx0 + at;
  for (long c = id; c < classes; c += items) top = max_one(top, x[c * cells]);
  top = group_max(top, part);
  for (long c = id; c < classes; c += items) {
    total = added(total, exp(x[c * cells] - top));
    if (smooth > 0.0f) weights = added(weights, WEIGHT_OF(c));
  }
  const float sum = group_sum(total, part), all_weights = group_sum(weights, part);
  const float g = gy[gy0 + (each ? row : 0)] / (divisor ? divisor[divisor0] : count), share = smooth / (float)classes;
  for (long c = id; c < classes; c += items) {
    const float p = exp(x[c * cells] - top) / sum;
    float v = t == WRONG ? NAN : 0.0f;
    if (t >= 0) {
      v = (1.0f - smooth) * WEIGHT_OF(t) * (p - (c == t ? 1.0f : 0.0f));
      if (smooth > 0.0f) v += share * (p * all_weights - WEIGHT_OF(c));
      v *= g;
    }
    gx[c * cells] = v;
  }
}
