// SPDX-License-Identifier: Apache-2.0
// conv_transpose_direct.cl: transposed 1-D and 2-D convolution of NCHWc16, any kernel, stride, dilation and pads. The outputs of one phase (ox mod
// stride_w) of a row meet the same taps, each in neighbouring input cells: a convolution of stride 1. A kernel column's next in the phase is `step`
// further on and meets the cell `back` before. Taps outside the input are skipped, never multiplied. Products are summed over `chunk` input blocks
// before they join the total: that keeps the rounding error small.
#include "post.cl"
#include "pack_lanes.cl"

#define TILE 7

typedef struct { // one spatial axis
  long in, taps, stride, dilation, pad, step, back;
} axis;

typedef struct { // the taps of an output position's phase: the first, and the input cell that it meets, which may lie outside
  long tap, cell;
} phase;

// Tap `taps` where there is none.
static inline phase phase_of(const axis *a, long at) {
  phase p = {0, at + a->pad};
  while (p.tap < a->taps && p.cell % a->stride != 0) {
    p.tap++;
    p.cell -= a->dilation;
  }
  p.cell /= a->stride;
  return p;
}

// One tap and input block at the tile's pixels that pass IF.
#define TAP(NB, IF)                                                                                                          \
  for (long i = 0; i < terms; i++) {                                                                                         \
    float16 weight[NB];                                                                                                      \
    _Pragma("unroll") for (int o = 0; o < NB; o++) weight[o] = wp[o * in_group + i];                                         \
    _Pragma("unroll") for (int p = 0; p < TILE; p++) {                                                                       \
      IF {                                                                                                                   \
        const float16 v = (float16)(xp[p * 16 + i]);                                                                         \
        _Pragma("unroll") for (int o = 0; o < NB; o++) acc[o * TILE + p] = fma(v, weight[o], acc[o * TILE + p]);             \
      }                                                                                                                      \
    }                                                                                                                        \
  }

// The sums of one tile, the first pixel of which is at the phases fy and fx, onto `start` of each output block. plane: the group's first input block;
// w: the tile's first output block; w_tap: vectors between taps.
#define SUMS(NAME, NB)                                                                                                       \
  static inline void NAME(const axis *h, const axis *r, long blocks_in, long in_group, long chunk, global const float *plane, \
                          global const float16 *w, long w_tap, phase fy, phase fx, int valid, const float16 *start, float16 *sum) { \
    float16 acc[NB * TILE];                                                                                                  \
    long left = chunk;                                                                                                       \
    _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) {                                                                  \
      sum[i] = start[i / TILE];                                                                                              \
      acc[i] = (float16)(0.0f);                                                                                              \
    }                                                                                                                        \
    for (long ky = fy.tap, sy = fy.cell; ky < h->taps; ky += h->step, sy -= h->back) {                                       \
      if (sy < 0 || sy >= h->in) continue;                                                                                   \
      for (long kx = fx.tap, sx = fx.cell; kx < r->taps; kx += r->step, sx -= r->back) {                                     \
        const long from = max(0L, -sx), to = min((long)valid, r->in - sx);                                                   \
        if (from >= to) continue;                                                                                            \
        for (long b = 0; b < blocks_in; b++) {                                                                               \
          const long terms = min(16L, in_group - b * 16);                                                                    \
          global const float *xp = plane + ((b * h->in + sy) * r->in + sx) * 16;                                             \
          global const float16 *wp = w + (ky * r->taps + kx) * w_tap + b * 16;                                               \
          if (to - from == TILE) {                                                                                           \
            TAP(NB, )                                                                                                        \
          } else {                                                                                                           \
            TAP(NB, if (p >= from && p < to))                                                                                \
          }                                                                                                                  \
          if (--left == 0) {                                                                                                 \
            _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) {                                                          \
              sum[i] += acc[i];                                                                                              \
              acc[i] = (float16)(0.0f);                                                                                      \
            }                                                                                                                \
            left = chunk;                                                                                                    \
          }                                                                                                                  \
        }                                                                                                                    \
      }                                                                                                                      \
    }                                                                                                                        \
    if (left < chunk) _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) sum[i] += acc[i];                                \
  }

SUMS(sums1, 1)
SUMS(sums2, 2)

#define SHAPE                                                                                                                \
  long in_h, long in_w, long out_h, long out_w, long kernel_h, long kernel_w, long stride_h, long stride_w, long dilation_h, \
      long dilation_w, long pad_h, long pad_w, long step_h, long step_w, long back_h, long back_w
#define AXES                                                                                                                 \
  const axis h = {in_h, kernel_h, stride_h, dilation_h, pad_h, step_h, back_h};                                              \
  const axis r = {in_w, kernel_w, stride_w, dilation_w, pad_w, step_w, back_w}

// NCHWc16 to NCHWc16, groups of whole blocks. Weights [group][kh][kw][output block][channel][16]. Tile: 7 pixels of one phase of a row by 1 or 2
// output blocks; a phase's last tile is moved left to be full, the pixels it shares are stored once. A work-item makes `per_item` tiles.
// blocks_in, blocks_out, in_group: of one group. channels_out: of all groups.
// global: (ceil(rows x phases x tiles a phase / per_item), groups x parts of blocks_out, batch)
kernel void conv_transpose_direct(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                                  ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, SHAPE, long batch, long chunk, long blocks_in,
                                  long blocks_out, long groups, long in_group, long channels_out, long parts, long per_item) {
  AXES;
  const long phases = min(stride_w, out_w), tiles = ((out_w + stride_w - 1) / stride_w + TILE - 1) / TILE, each = blocks_out / parts;
  const long begin = (long)get_global_id(0) * per_item, j = get_global_id(1), n = get_global_id(2), all = tiles * phases * out_h;
  if (begin >= all || j >= parts * groups || n >= batch) return;
  const long g = j / parts, part = j - g * parts, wider = blocks_out % parts, block = part * each + min(part, wider), b0 = g * blocks_out + block;
  const long end = min(begin + per_item, all), w_tap = blocks_out * in_group;
  const int nb = (int)(each + (part < wider));
  global const float *plane = x + x_offset + (n * groups + g) * blocks_in * in_h * in_w * 16;
  global const float16 *wb = w + w_offset / 16 + g * kernel_h * kernel_w * w_tap + block * in_group;
  float16 start[2];
  for (int o = 0; o < nb; o++)
    start[o] = load_if(bias, bias_offset + (b0 + o) * 16, channels_out - (b0 + o) * 16);
  long oy = begin / (tiles * phases), ox = begin / tiles % phases, column = begin % tiles;
  phase fy = phase_of(&h, oy), fx = phase_of(&r, ox);
  for (long t = begin; t < end; t++) {
    const long cells = (out_w - ox + stride_w - 1) / stride_w, first = column * TILE, q = max(min(first, cells - TILE), 0L);
    const int valid = first < cells ? (int)min((long)TILE, cells - q) : 0; // a phase may have a tile less than the first
    const phase at_q = {fx.tap, fx.cell + q};
    float16 sum[2 * TILE];
    if (nb == 2)
      sums2(&h, &r, blocks_in, in_group, chunk, plane, wb, w_tap, fy, at_q, valid, start, sum);
    else
      sums1(&h, &r, blocks_in, in_group, chunk, plane, wb, w_tap, fy, at_q, valid, start, sum);
    for (int o = 0; o < nb; o++) {
      const long at = (((n * groups * blocks_out + b0 + o) * out_h + oy) * out_w + ox + q * stride_w) * 16, lanes = channels_out - (b0 + o) * 16;
      for (int p = (int)(first - q); p < valid; p++)
        store_pixels(sum + o * TILE + p, 0, 1, lanes, POST_ARGUMENTS, y + y_offset, at + p * stride_w * 16);
    }
    if (++column < tiles) continue;
    column = 0;
    if (++ox == phases) {
      ox = 0;
      fy = phase_of(&h, ++oy);
    }
    fx = phase_of(&r, ox);
  }
}

static inline float sum_of(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

// Few output channels, NCHWc16 to plain, one group: lanes are input channels. Weights [kh][kw][input block][output][16 in], zero where
// padded. An item makes up to 16 pixels of one phase of a row of one channel.
// global: (rows x phases x segments of 16 pixels, outputs, batch)
kernel void conv_transpose_few(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                               ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, SHAPE, long batch, long chunk, long blocks_in,
                               long outs) {
  AXES;
  const long phases = min(stride_w, out_w), segments = ((out_w + stride_w - 1) / stride_w + 15) / 16;
  const long t = get_global_id(0), o = get_global_id(1), n = get_global_id(2), oy = t / (segments * phases), ox = t / segments % phases;
  if (oy >= out_h || o >= outs || n >= batch) return;
  const long q = t % segments * 16, valid = min(16L, (out_w - ox + stride_w - 1) / stride_w - q), image = in_h * in_w;
  const long at = ((n * outs + o) * out_h + oy) * out_w + ox + q * stride_w;
  const phase fy = phase_of(&h, oy), fx = phase_of(&r, ox);
  global const float16 *plane = (global const float16 *)(x + x_offset) + n * blocks_in * image, *wb = w + w_offset / 16 + o;
  float v[16] = {0}, other[16] = {0};
  for (long p = 0; p < valid; p++) {
    float16 sum = (float16)(0.0f);
    for (long ky = fy.tap, sy = fy.cell; ky < kernel_h; ky += step_h, sy -= back_h) {
      if (sy < 0 || sy >= in_h) continue;
      for (long kx = fx.tap, sx = fx.cell + q + p; kx < kernel_w; kx += step_w, sx -= back_w) {
        if (sx < 0 || sx >= in_w) continue;
        global const float16 *xp = plane + sy * in_w + sx, *wp = wb + (ky * kernel_w + kx) * blocks_in * outs;
        for (long b = 0; b < blocks_in;) {
          float16 acc = (float16)(0.0f);
          for (const long end = min(b + chunk, blocks_in); b < end; b++) acc = fma(xp[b * image], wp[b * outs], acc);
          sum += acc;
        }
      }
    }
    v[p] = sum_of(sum) + (bias ? bias[bias_offset + o] : 0.0f);
    if (add) other[p] = add[add_offset + at + p * stride_w];
  }
  vstore16(POST16(vload16(0, v), vload16(0, other)), 0, v);
  for (long p = 0; p < valid; p++) y[y_offset + at + p * stride_w] = v[p];
}
