/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm_train.cl: BATCH_NORM_TRAIN and its gradient, f32, in two kernels each: sums of `share` images of a channel, then the results, for which
 * every item adds up the parts of its channel in their order. parts: [part][2][width], width the channels, blocked those of whole blocks.
 *   forward: mean of the part, sum of (x - that)^2     gradient: sum gy, sum gy (x - mean)
 * Means of parts are joined as in Chan, Golub and LeVeque (1983). Plain kernels take a work-group a channel and part: see group.cl. */

#include "lane_math.cl"
#include "group.cl"

#define CHUNK 64 /* cells added plainly before the sum is compensated */

/* What a part has: its images. */
static inline long images_of(long part, long share, long batch) {
  return min(share, batch - part * share);
}

/* ---- NCHWc16, an item a block and part. global (blocks, parts) ---- */

kernel void batch_norm_sums_blocked(global const float *x, ulong x0, global const float *gy, ulong gy0, global const float *mean, ulong mean0,
                                    global float *parts, ulong parts0, long batch, long share, long channels, long cells, int grad) {
  const long block = get_global_id(0), part = get_global_id(1), blocks = get_global_size(0), images = images_of(part, share, batch);
  const long first = (part * share * blocks + block) * cells, image = blocks * cells;
  global const float16 *px = (global const float16 *)(x + x0) + first, *pg = px;
  global float16 *to = (global float16 *)(parts + parts0) + part * 2 * blocks + block;
  float16 m = (float16)(0.0f);
  if (grad) {
    sum16 bias = {m, m}, scale = bias;
    m = load_lanes(mean + mean0 + block * 16, channels - block * 16);
    pg = (global const float16 *)(gy + gy0) + first;
    for (long n = 0; n < images; n++)
      for (long p = 0; p < cells;) {
        float16 b = (float16)(0.0f), s = b;
        for (const long end = min(p + CHUNK, cells); p < end; p++) {
          const float16 g = pg[n * image + p];
          b += g;
          s += g * (px[n * image + p] - m);
        }
        bias = sum_add(bias, b);
        scale = sum_add(scale, s);
      }
    to[0] = bias.sum - bias.rest;
    to[blocks] = scale.sum - scale.rest;
    return;
  }
  sum16 sum = {m, m}, square = sum;
  for (long n = 0; n < images; n++)
    for (long p = 0; p < cells;) {
      float16 v = (float16)(0.0f);
      for (const long end = min(p + CHUNK, cells); p < end; p++) v += px[n * image + p];
      sum = sum_add(sum, v);
    }
  m = (sum.sum - sum.rest) / ((float)images * (float)cells);
  for (long n = 0; n < images; n++)
    for (long p = 0; p < cells;) {
      float16 v = (float16)(0.0f);
      for (const long end = min(p + CHUNK, cells); p < end; p++) {
        const float16 d = px[n * image + p] - m;
        v += d * d;
      }
      square = sum_add(square, v);
    }
  to[0] = m;
  to[blocks] = square.sum - square.rest;
}

/* The mean and variance of all parts of a channel or of 16: `step` from part to part, `other` to the second number. */
#define JOINED(NAME, REALS)                                                                                                                 \
  static inline void NAME(global const REALS *parts, long step, long other, long n_parts, long share, long batch, long cells, REALS *mean, REALS *var) { \
    const REALS first = parts[0];                                                                                                           \
    const float all = (float)batch * (float)cells;                                                                                          \
    REALS away = (REALS)(0.0f), square = (REALS)(0.0f);                                                                                     \
    for (long i = 0; i < n_parts; i++) away += ((float)images_of(i, share, batch) * (float)cells / all) * (parts[i * step] - first);        \
    for (long i = 0; i < n_parts; i++) {                                                                                                    \
      const REALS d = parts[i * step] - first - away;                                                                                       \
      square += parts[i * step + other] + (float)images_of(i, share, batch) * (float)cells * d * d;                                         \
    }                                                                                                                                       \
    *mean = first + away;                                                                                                                   \
    *var = square / all;                                                                                                                    \
  }
JOINED(joined_lanes, float16)
JOINED(joined_one, float)

#define TRAIN_PARAMETERS                                                                                                              \
  global const float *x, ulong x0, global const float *scale, ulong scale0, global const float *bias, ulong bias0,                    \
      global const float *old_mean, ulong old_mean0, global const float *old_var, ulong old_var0, global const float *parts, ulong parts0, \
      global float *y, ulong y0, global float *new_mean, ulong new_mean0, global float *new_var, ulong new_var0, global float *batch_mean, \
      ulong batch_mean0, global float *batch_var, ulong batch_var0, long batch, long share, long channels, long cells, long n_parts,  \
      float epsilon, float keep, int post, float alpha, float beta

/* keep: the share of the old running statistics. */
kernel void batch_norm_train_blocked(TRAIN_PARAMETERS) {
  const long block = get_global_id(0), part = get_global_id(1), blocks = get_global_size(0), c = block * 16, lanes = min(channels - c, 16L);
  const long images = images_of(part, share, batch);
  float16 m, v;
  joined_lanes((global const float16 *)(parts + parts0) + block, 2 * blocks, blocks, n_parts, share, batch, cells, &m, &v);
  if (part == 0) {
    if (new_mean) store_lanes(new_mean + new_mean0 + c, keep * load_if(old_mean, old_mean0 + c, lanes) + (1.0f - keep) * m, lanes);
    if (new_var) store_lanes(new_var + new_var0 + c, keep * load_if(old_var, old_var0 + c, lanes) + (1.0f - keep) * v, lanes);
    if (batch_mean) store_lanes(batch_mean + batch_mean0 + c, m, lanes);
    if (batch_var) store_lanes(batch_var + batch_var0 + c, v, lanes);
  }
  if (!y) return;
  const float16 factor = keep_lanes(load_lanes(scale + scale0 + c, lanes) / sqrt(v + epsilon), lanes), b = load_lanes(bias + bias0 + c, lanes);
  for (long n = 0; n < images; n++) {
    const long at = ((part * share + n) * blocks + block) * cells;
    global const float16 *px = (global const float16 *)(x + x0) + at;
    global float16 *py = (global float16 *)(y + y0) + at;
    for (long p = 0; p < cells; p++) py[p] = keep_lanes(simple16(post, (px[p] - m) * factor + b, alpha, beta), lanes);
  }
}

#define GRAD_PARAMETERS                                                                                                                \
  global const float *x, ulong x0, global const float *scale, ulong scale0, global const float *mean, ulong mean0, global const float *var, \
      ulong var0, global const float *gy, ulong gy0, global const float *parts, ulong parts0, global float *gx, ulong gx0,             \
      global float *gscale, ulong gscale0, global float *gbias, ulong gbias0, long batch, long share, long channels, long cells,       \
      long n_parts, float epsilon

kernel void batch_norm_grad_blocked(GRAD_PARAMETERS) {
  const long block = get_global_id(0), part = get_global_id(1), blocks = get_global_size(0), c = block * 16, lanes = min(channels - c, 16L);
  const long images = images_of(part, share, batch);
  global const float16 *from = (global const float16 *)(parts + parts0) + block;
  float16 of_bias = (float16)(0.0f), of_scale = (float16)(0.0f);
  for (long i = 0; i < n_parts; i++) {
    of_bias += from[i * 2 * blocks];
    of_scale += from[i * 2 * blocks + blocks];
  }
  const float16 d = sqrt(load_lanes(var + var0 + c, lanes) + epsilon), m = load_lanes(mean + mean0 + c, lanes);
  of_scale /= d;
  if (part == 0) {
    if (gscale) store_lanes(gscale + gscale0 + c, of_scale, lanes);
    if (gbias) store_lanes(gbias + gbias0 + c, of_bias, lanes);
  }
  if (!gx) return;
  const float all = (float)batch * (float)cells;
  const float16 factor = keep_lanes(load_lanes(scale + scale0 + c, lanes) / d, lanes), off = keep_lanes(of_bias / all, lanes);
  const float16 slope = keep_lanes(of_scale / all / d, lanes);
  for (long n = 0; n < images; n++) {
    const long at = ((part * share + n) * blocks + block) * cells;
    global const float16 *px = (global const float16 *)(x + x0) + at, *pg = (global const float16 *)(gy + gy0) + at;
    global float16 *to = (global float16 *)(gx + gx0) + at;
    for (long p = 0; p < cells; p++) to[p] = factor * (pg[p] - off - (px[p] - m) * slope);
  }
}

/* ---- plain; channel and part of a work-group: group % channels, group / channels. global (channels parts items) ---- */

#define GROUP                                                                                                                 \
  const int id = get_local_id(0), items = get_local_size(0);                                                                  \
  const long c = get_group_id(0) % channels, part = get_group_id(0) / channels, first = (part * share * channels + c) * cells; \
  const uint count = (uint)(images_of(part, share, batch) * cells), plane = (uint)cells;

/* Element i of the group's, counted through the planes. */
#define ELEMENT(I) (first + (long)((I) / plane) * channels * cells + (I) % plane)

kernel void batch_norm_sums(global const float *x, ulong x0, global const float *gy, ulong gy0, global const float *mean, ulong mean0,
                            global float *parts, ulong parts0, long batch, long share, long channels, long cells, int grad, local float2 *part_sums) {
  GROUP
  float2 sum = (float2)(0.0f), other = (float2)(0.0f);
  float m = grad ? mean[mean0 + c] : 0.0f, of_sum, of_other;
  x += x0;
  if (grad) {
    for (uint i = id; i < count; i += items) {
      const float g = gy[gy0 + ELEMENT(i)];
      sum = added(sum, g);
      other = added(other, g * (x[ELEMENT(i)] - m));
    }
    of_sum = group_sum(sum, part_sums);
  } else {
    for (uint i = id; i < count; i += items) sum = added(sum, x[ELEMENT(i)]);
    of_sum = m = group_sum(sum, part_sums) / (float)count;
    for (uint i = id; i < count; i += items) {
      const float d = x[ELEMENT(i)] - m;
      other = added(other, d * d);
    }
  }
  of_other = group_sum(other, part_sums);
  if (id != 0) return;
  parts[parts0 + part * 2 * channels + c] = of_sum;
  parts[parts0 + (part * 2 + 1) * channels + c] = of_other;
}

static inline float simple1(int post, float v, float alpha, float beta) {
  return post ? simple16(post, (float16)(v), alpha, beta).s0 : v;
}

kernel void batch_norm_train(TRAIN_PARAMETERS) {
  GROUP
  float m, v;
  joined_one(parts + parts0 + c, 2 * channels, channels, n_parts, share, batch, cells, &m, &v);
  if (part == 0 && id == 0) {
    if (new_mean) new_mean[new_mean0 + c] = keep * (old_mean ? old_mean[old_mean0 + c] : 0.0f) + (1.0f - keep) * m;
    if (new_var) new_var[new_var0 + c] = keep * (old_var ? old_var[old_var0 + c] : 0.0f) + (1.0f - keep) * v;
    if (batch_mean) batch_mean[batch_mean0 + c] = m;
    if (batch_var) batch_var[batch_var0 + c] = v;
  }
  if (!y) return;
  const float factor = scale[scale0 + c] / sqrt(v + epsilon), b = bias[bias0 + c];
  for (uint i = id; i < count; i += items) y[y0 + ELEMENT(i)] = simple1(post, (x[x0 + ELEMENT(i)] - m) * factor + b, alpha, beta);
}

kernel void batch_norm_grad(GRAD_PARAMETERS) {
  GROUP
  global const float *from = parts + parts0 + c;
  float of_bias = 0.0f, of_scale = 0.0f;
  for (long i = 0; i < n_parts; i++) {
    of_bias += from[i * 2 * channels];
    of_scale += from[i * 2 * channels + channels];
  }
  const float d = sqrt(var[var0 + c] + epsilon), m = mean[mean0 + c], all = (float)batch * (float)cells;
  of_scale /= d;
  if (part == 0 && id == 0) {
    if (gscale) gscale[gscale0 + c] = of_scale;
    if (gbias) gbias[gbias0 + c] = of_bias;
  }
  if (!gx) return;
  const float factor = scale[scale0 + c] / d, off = of_bias / all, slope = of_scale / all / d;
  for (uint i = id; i < count; i += items) gx[gx0 + ELEMENT(i)] = factor * (gy[gy0 + ELEMENT(i)] - off - (x[x0 + ELEMENT(i)] - m) * slope);
}
