/* SPDX-License-Identifier: Apache-2.0 */
/* lane_math.cl: included by the programs without a product in them (element-wise, pools, norms, softmax, reductions, movement): maxima in
 * which NaN wins, compensated sums, the activations that are cheap enough to ride on another op. */

#include "lanes.cl"

/* Element i of a vector that the host passed by value. */
long at(long8 v, int i) {
  const long *p = (const long *)&v;
  return p[i];
}

/* NaN wins wherever it sits. */
static inline float16 max_lanes(float16 a, float16 b) {
  const float16 most = b > a ? b : a;
  return isnan(b) ? b : most;
}
static inline float16 min_lanes(float16 a, float16 b) {
  const float16 least = b < a ? b : a;
  return isnan(b) ? b : least;
}
static inline float max_one(float a, float b) {
  return a >= b || isnan(a) ? a : b;
}
static inline float min_one(float a, float b) {
  return a <= b || isnan(a) ? a : b;
}

static inline float max_across(float16 v) {
  float e[16], m;
  vstore16(v, 0, e);
  m = e[0];
  for (int i = 1; i < 16; i++) m = max_one(m, e[i]);
  return m;
}

static inline float min_across(float16 v) {
  float e[16], m;
  vstore16(v, 0, e);
  m = e[0];
  for (int i = 1; i < 16; i++) m = min_one(m, e[i]);
  return m;
}

/* Compensated sums keep the error of any count at one rounding: sum carries the value, rest what its rounding lost. An infinite
 * sum would turn rest into NaN (inf - inf), so rest is dropped there; NaN itself stays in sum. */
typedef struct {
  float16 sum, rest;
} sum16;

static inline sum16 sum_add(sum16 s, float16 x) {
  const float16 y = x - s.rest, t = s.sum + y;
  const float16 lost = (t - s.sum) - y;
  s.rest = select((float16)(0.0f), lost, isfinite(t));
  s.sum = t;
  return s;
}

/* The 16 lanes of a compensated sum as one number: neighbours are added in four steps, each with what its rounding lost. */
static inline float sum_across(sum16 s) {
  float e[16], r[16];
  vstore16(s.sum, 0, e);
  vstore16(-s.rest, 0, r);
  for (int n = 8; n > 0; n /= 2)
    for (int i = 0; i < n; i++) {
      const float a = e[i], b = e[i + n], t = a + b, v = t - a;
      r[i] += r[i + n] + ((a - (t - v)) + (b - v));
      e[i] = t;
    }
  return isfinite(e[0]) ? e[0] + r[0] : e[0];
}

/* Activations cheap enough to ride on another op; kinds of convoke/plugin.h, any other is the identity. NaN stays NaN. */
/* clang-format off */
static inline float16 simple16(int kind, float16 x, float alpha, float beta) {
  switch (kind) {
    case 32: return select(x, (float16)(0.0f), x < 0.0f);   /* RELU */
    case 33: return select(x, alpha * x, x < 0.0f);         /* LEAKY_RELU */
    case 40: x = select(x, (float16)(alpha), x < alpha);    /* CLIP: an upper bound below the lower one wins */
             return select(x, (float16)(beta), x > beta);
    case 41: x = alpha * x + beta;                          /* HARD_SIGMOID */
             return select(select(x, (float16)(0.0f), x < 0.0f), (float16)(1.0f), x > 1.0f);
    case 42: {                                              /* HARD_SWISH */
      const float16 h = x / 6.0f + 0.5f;
      return x * select(select(h, (float16)(0.0f), h < 0.0f), (float16)(1.0f), h > 1.0f);
    }
    default: return x;
  }
}
/* clang-format on */

/* Sums of single numbers for work-groups: x the sum, y what its rounding lost: a number more, and two of them together. */
static inline float2 added(float2 s, float v) {
  const float term = v + s.y, sum = s.x + term;
  return (float2)(sum, isfinite(sum) ? term - (sum - s.x) : 0.0f);
}
static inline float2 joined(float2 a, float2 b) {
  const float sum = a.x + b.x, part = sum - a.x, lost = (a.x - (sum - part)) + (b.x - part);
  return (float2)(sum, isfinite(sum) ? a.y + b.y + lost : 0.0f);
}
