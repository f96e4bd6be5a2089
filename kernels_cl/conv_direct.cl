// SPDX-License-Identifier: Apache-2.0
// conv_direct.cl: direct 1-D and 2-D convolution, NCHWc16 to NCHWc16, any kernel, stride, dilation and pads; groups of whole blocks. Weights
// [group x output block][input block][kh][kw][16 in][16 out], zero where padded. Tile: 7 pixels of a row by 1 to 3 output blocks, up to 21
// accumulators; a work-item makes `per_item` tiles. Taps in the pad are skipped, never multiplied. The last tile of a row is moved left to be
// full; the pixels it shares are stored once. Products are summed over `chunk` taps before they join the total: that keeps the rounding error
// small.
// global: (ceil(rows x tiles a row / per_item), groups x parts of blocks_out, batch)
#include "post.cl"

#define TILE 7

typedef struct {
  long blocks_in, in_group, in_h, in_w, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, chunk;
  int pointwise; // 1x1 without pads
} conv_shape;

// One tap of pixels FROM..TO-1 over `terms` input channels, a multiple of 2.
#define TAP(NB, FROM, TO)                                                                                                    \
  for (long i = 0; i < terms; i += 2) {                                                                                      \
    _Pragma("unroll") for (int j = 0; j < 2; j++) {                                                                          \
      float16 weight[NB];                                                                                                    \
      _Pragma("unroll") for (int o = 0; o < NB; o++) weight[o] = wp[o * w_block + i + j];                                    \
      _Pragma("unroll") for (int p = (FROM); p < (TO); p++) {                                                                \
        const float16 v = (float16)(xp[p * step + i + j]);                                                                   \
        _Pragma("unroll") for (int o = 0; o < NB; o++) acc[o * TILE + p] = fma(v, weight[o], acc[o * TILE + p]);             \
      }                                                                                                                      \
    }                                                                                                                        \
  }

// The sums of one tile, onto `start` of each output block. plane: the group's first input block; w: the tile's first output block; w_block: vectors
// between output blocks.
#define SUMS(NAME, NB)                                                                                                       \
  static inline void NAME(const conv_shape *s, global const float *plane, global const float16 *w, long w_block, long oy, long ox, int valid, \
                          const float16 *start, float16 *sum) {                                                              \
    const long stride = s->stride_w, step = stride * 16, iy = oy * s->stride_h - s->pad_h, ix = ox * stride - s->pad_w;      \
    float16 acc[NB * TILE];                                                                                                  \
    long left = s->chunk, joined = 0;                                                                                        \
    _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) acc[i] = start[i / TILE];                                          \
    if (s->pointwise && valid == TILE) {                                                                                     \
      global const float *xp = plane + (iy * s->in_w + ix) * 16;                                                             \
      const long image = s->in_h * s->in_w * 16;                                                                             \
      for (long b = 0; b < s->blocks_in;) {                                                                                  \
        const long end = min(b + s->chunk, s->blocks_in);                                                                    \
        for (; b < end; b++, xp += image) {                                                                                  \
          const long terms = min(16L, (s->in_group - b * 16 + 1) & ~1L);                                                     \
          global const float16 *wp = w + b * 16;                                                                             \
          TAP(NB, 0, TILE)                                                                                                   \
        }                                                                                                                    \
        if (b < s->blocks_in || end > s->chunk) {                                                                            \
          _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) {                                                            \
            sum[i] = end > s->chunk ? sum[i] + acc[i] : acc[i];                                                              \
            acc[i] = (float16)(0.0f);                                                                                        \
          }                                                                                                                  \
        }                                                                                                                    \
      }                                                                                                                      \
      if (s->blocks_in <= s->chunk)                                                                                          \
        _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) sum[i] = acc[i];                                               \
      return;                                                                                                                \
    }                                                                                                                        \
    for (long b = 0; b < s->blocks_in; b++, plane += s->in_h * s->in_w * 16) {                                               \
      const long terms = min(16L, (s->in_group - b * 16 + 1) & ~1L);                                                         \
      for (long ky = 0; ky < s->kernel_h; ky++) {                                                                            \
        const long sy = iy + ky * s->dilation_h;                                                                             \
        if (sy < 0 || sy >= s->in_h) continue;                                                                               \
        for (long kx = 0; kx < s->kernel_w; kx++) {                                                                          \
          const long sx = ix + kx * s->dilation_w, right = s->in_w - sx;                                                     \
          global const float *xp = plane + (sy * s->in_w + sx) * 16;                                                         \
          global const float16 *wp = w + ((b * s->kernel_h + ky) * s->kernel_w + kx) * 16;                                   \
          if (sx >= 0 && right > (TILE - 1) * stride && valid == TILE) {                                                     \
            TAP(NB, 0, TILE)                                                                                                 \
          } else if (sx < 0 && sx >= -stride && right > (TILE - 1) * stride && valid == TILE) {                              \
            TAP(NB, 1, TILE)                                                                                                 \
          } else if (sx >= 0 && right > (TILE - 2) * stride && valid >= TILE - 1) {                                          \
            TAP(NB, 0, TILE - 1)                                                                                             \
          } else {                                                                                                           \
            _Pragma("unroll") for (int p = 0; p < TILE; p++) {                                                               \
              const long at = sx + p * stride;                                                                               \
              if (p >= valid || at < 0 || at >= s->in_w) continue;                                                           \
              for (long i = 0; i < terms; i++) {                                                                             \
                const float16 v = (float16)(xp[p * step + i]);                                                               \
                _Pragma("unroll") for (int o = 0; o < NB; o++) acc[o * TILE + p] = fma(v, wp[o * w_block + i], acc[o * TILE + p]); \
              }                                                                                                              \
            }                                                                                                                \
          }                                                                                                                  \
          if (--left == 0) {                                                                                                 \
            _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) {                                                          \
              sum[i] = joined ? sum[i] + acc[i] : acc[i];                                                                    \
              acc[i] = (float16)(0.0f);                                                                                      \
            }                                                                                                                \
            joined = 1;                                                                                                      \
            left = s->chunk;                                                                                                 \
          }                                                                                                                  \
        }                                                                                                                    \
      }                                                                                                                      \
    }                                                                                                                        \
    if (joined) {                                                                                                            \
      _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) sum[i] += acc[i];                                                \
    } else {                                                                                                                 \
      _Pragma("unroll") for (int i = 0; i < NB * TILE; i++) sum[i] = acc[i];                                                 \
    }                                                                                                                        \
  }

SUMS(sums1, 1)
SUMS(sums2, 2)
SUMS(sums3, 3)

// blocks_in, blocks_out, in_group: of one group. channels_out: of all groups.
kernel void conv_direct(global const float *x, ulong x_offset, global const float16 *w, ulong w_offset, global const float *bias,
                 ulong bias_offset, POST_PARAMETERS, global float *y, ulong y_offset, long blocks_in, long blocks_out, long groups,
                 long in_group, long channels_out, long in_h, long in_w, long out_h, long out_w, long kernel_h, long kernel_w,
                 long stride_h, long stride_w, long dilation_h, long dilation_w, long pad_h, long pad_w, long batch, long chunk, long parts,
                 long per_item) {
  const conv_shape s = {blocks_in, in_group, in_h, in_w, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, chunk,
                        kernel_h * kernel_w == 1 && pad_h == 0 && pad_w == 0 && (out_h - 1) * stride_h < in_h && (out_w - 1) * stride_w < in_w};
  const long tiles = (out_w + TILE - 1) / TILE, each = blocks_out / parts, wider = blocks_out % parts;
  const long begin = (long)get_global_id(0) * per_item, j = get_global_id(1), n = get_global_id(2);
  if (begin >= tiles * out_h || j >= parts * groups || n >= batch) return;
  const long g = j / parts, part = j - g * parts, b0 = g * blocks_out + part * each + min(part, wider), end = min(begin + per_item, tiles * out_h);
  const int nb = (int)(each + (part < wider));
  const long w_block = blocks_in * kernel_h * kernel_w * 16;
  global const float *plane = x + x_offset + (n * groups + g) * blocks_in * in_h * in_w * 16;
  global const float16 *wb = w + w_offset / 16 + b0 * w_block;
  float16 start[3];
  for (int o = 0; o < nb; o++)
    start[o] = load_if(bias, bias_offset + (b0 + o) * 16, channels_out - (b0 + o) * 16);
  long oy = begin / tiles, column = begin % tiles;
  for (long t = begin; t < end; t++) {
    const long first = column * TILE, ox = max(min(first, out_w - TILE), 0L);
    const int valid = (int)min((long)TILE, out_w - ox);
    float16 sum[3 * TILE];
    if (nb == 3)
      sums3(&s, plane, wb, w_block, oy, ox, valid, start, sum);
    else if (nb == 2)
      sums2(&s, plane, wb, w_block, oy, ox, valid, start, sum);
    else
      sums1(&s, plane, wb, w_block, oy, ox, valid, start, sum);
    for (int o = 0; o < nb; o++) {
      const long at = (((n * groups * blocks_out + b0 + o) * out_h + oy) * out_w + ox) * 16, lanes = channels_out - (b0 + o) * 16;
      store_pixels(sum + o * TILE, (int)(first - ox), valid, lanes, POST_ARGUMENTS, y + y_offset, at);
    }
    if (++column == tiles) {
      column = 0;
      oy++;
    }
  }
}

// Plain weights [out][in of a group][taps] into the layout above; one work-item a block of inputs and one of outputs.
kernel void conv_direct_pack(global const float *w, ulong w_offset, global float16 *packed, ulong packed_offset, long groups, long outs,
                             long ins, long taps) {
  const long blocks_in = (ins + 15) / 16, blocks_out = (outs + 15) / 16, item = get_global_id(0);
  if (item >= groups * blocks_out * blocks_in) return;
  const long in = item % blocks_in * 16, o = item / blocks_in, first = o % blocks_out * 16;
  const int lanes = (int)min(outs - first, 16L), some = (int)min(ins - in, 16L);
  global const float *from = w + w_offset + ((o / blocks_out * outs + first) * ins + in) * taps;
  global float16 *to = packed + packed_offset / 16 + item * taps * 16;
  for (long tap = 0; tap < taps; tap++, from++)
    for (int i = 0; i < 16; i++, to++) {
      float v[16] = {0};
      if (i < some)
        for (int lane = 0; lane < lanes; lane++) v[lane] = from[(lane * ins + i) * taps];
      *to = vload16(0, v);
    }
}
