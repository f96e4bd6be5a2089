// SPDX-License-Identifier: Apache-2.0
// conv_winograd.cl: 3x3 convolution of stride 1 by Winograd's F(OUT x OUT, 3x3), OUT 4 or 2, NCHWc16 to NCHWc16, groups of whole blocks; for CPU devices. Tiles of
// SIDE x SIDE input cells become SIDE^2 planes V, each a matrix of tiles by channels; their products with U make S, whose tiles become OUT x OUT
// outputs. V [plane][input block of all groups][tile][16], S [plane][block of the panel][tile][16]; a panel is two output blocks. U and behind it the five taps
// that are not its corners: [output block][plane][channel][16]. Points of F(4x4): 0, +-sqrt(1/2), +-sqrt(2), infinity, which leave a third of the
// rounding errors of the usual 0, +-1, +-2, infinity. Finite weights only. A tile that comes out with an Inf or NaN is computed again directly,
// so that one bad input spoils no neighbour.
#include "post.cl"

#define SIDE (OUT + 2)
#define VALUES (SIDE * SIDE)
#define PLANES (VALUES + 5) /* of U */
#define CHAIN 16            /* input blocks summed in registers before the sum joins S */

typedef struct {
  long n, y, x; // image, first output row and column
} tile_place;

static inline tile_place place_of(long tile, long tiles_y, long tiles_x) {
  const tile_place at = {tile / tiles_x / tiles_y, tile / tiles_x % tiles_y * OUT, tile % tiles_x * OUT};
  return at;
}

#if OUT == 4
#define P 0.70710678118654752440f
#define Q 1.41421356237309504880f
static inline void input_side(float16 *d, int step) {
  const float16 d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const float16 even_p = fma((float16)(-2.0f), d2, d4), odd_p = fma((float16)(-2.0f), d1, d3);
  const float16 even_q = fma((float16)(-0.5f), d2, d4), odd_q = fma((float16)(-0.5f), d1, d3);
  d[0] = fma((float16)(-2.5f), d2, d0 + d4);
  d[step] = fma((float16)(P), odd_p, even_p);
  d[2 * step] = fma((float16)(-P), odd_p, even_p);
  d[3 * step] = fma((float16)(Q), odd_q, even_q);
  d[4 * step] = fma((float16)(-Q), odd_q, even_q);
  d[5 * step] = fma((float16)(-2.5f), d3, d1 + d5);
}

static inline void output_side(const float16 *m, int step, float16 *y) {
  const float16 sum_p = m[step] + m[2 * step], odd_p = m[step] - m[2 * step];
  const float16 sum_q = m[3 * step] + m[4 * step], odd_q = m[3 * step] - m[4 * step];
  y[0] = m[0] + sum_p + sum_q;
  y[1] = fma((float16)(P), odd_p, Q * odd_q);
  y[2] = fma((float16)(0.5f), sum_p, sum_q + sum_q);
  y[3] = fma((float16)(P / 2), odd_p, fma((float16)(Q * 2), odd_q, m[5 * step]));
}
#else
static inline void input_side(float16 *d, int step) {
  const float16 d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  d[0] = d0 - d2;
  d[step] = d1 + d2;
  d[2 * step] = d2 - d1;
  d[3 * step] = d3 - d1;
}

static inline void output_side(const float16 *m, int step, float16 *y) {
  y[0] = m[0] + (m[step] + m[2 * step]);
  y[1] = (m[step] - m[2 * step]) + m[3 * step];
}
#endif

// One tile of one input block: plane k goes to v[k * plane].
static inline void make_tile(global const float16 *image, long in_h, long in_w, long y, long x, global float16 *v, long plane) {
  float16 d[VALUES];
  global const float16 *from = image + y * in_w + x;
  if (y >= 0 && x >= 0 && y + SIDE <= in_h && x + SIDE <= in_w) {
#pragma unroll
    for (int i = 0; i < VALUES; i++) d[i] = from[i / SIDE * in_w + i % SIDE];
  } else {
#pragma unroll
    for (int i = 0; i < VALUES; i++) {
      const long sy = y + i / SIDE, sx = x + i % SIDE;
      d[i] = sy >= 0 && sy < in_h && sx >= 0 && sx < in_w ? from[i / SIDE * in_w + i % SIDE] : (float16)(0.0f);
    }
  }
#pragma unroll
  for (int i = 0; i < SIDE; i++) input_side(d + i, SIDE);
#pragma unroll
  for (int i = 0; i < SIDE; i++) {
    input_side(d + i * SIDE, 1);
#pragma unroll
    for (int j = 0; j < SIDE; j++) v[(i * SIDE + j) * plane] = d[i * SIDE + j];
  }
}

// T tiles by two output blocks, one plane. v: its first tile; v_block: floats between input blocks. s: of the first tile; s_block: vectors between
// the output blocks.
#define PRODUCT(T)                                                                                                           \
  static inline void product_##T(global const float *v, long v_block, global const float16 *u0, global const float16 *u1, long blocks_in, \
                                 global float16 *s, long s_block) {                                                          \
    for (long first = 0; first == 0 || first < blocks_in; first += CHAIN) {                                                  \
      const long end = min(first + CHAIN, blocks_in);                                                                        \
      float16 sum0[T], sum1[T];                                                                                              \
      _Pragma("unroll") for (int t = 0; t < T; t++) sum0[t] = sum1[t] = (float16)(0.0f);                                     \
      for (long b = first; b < end; b++, v += v_block, u0 += 16, u1 += 16) {                                                 \
        for (int i = 0; i < 16; i++) {                                                                                       \
          const float16 w0 = u0[i], w1 = u1[i];                                                                              \
          _Pragma("unroll") for (int t = 0; t < T; t++) {                                                                    \
            const float16 x = (float16)(v[t * 16 + i]);                                                                      \
            sum0[t] = fma(x, w0, sum0[t]);                                                                                   \
            sum1[t] = fma(x, w1, sum1[t]);                                                                                   \
          }                                                                                                                  \
        }                                                                                                                    \
      }                                                                                                                      \
      _Pragma("unroll") for (int t = 0; t < T; t++) {                                                                        \
        s[t] = first ? s[t] + sum0[t] : sum0[t];                                                                             \
        s[s_block + t] = first ? s[s_block + t] + sum1[t] : sum1[t];                                                         \
      }                                                                                                                      \
    }                                                                                                                        \
  }

PRODUCT(1)
PRODUCT(4)
PRODUCT(7)
PRODUCT(8)
PRODUCT(13)
PRODUCT(14)

// All n tiles of a plane, `step` at a time; the last are taken again where they do not fill a step.
#define EACH_STEP(T)                                                                                                         \
  case T:                                                                                                                    \
    for (long t = 0; t < n; t += T) {                                                                                        \
      const long at = min(t, n - T);                                                                                         \
      product_##T(v + at * 16, v_block, u0, u1, blocks_in, s + at, s_block);                                                 \
    }                                                                                                                        \
    break;

static inline void product(int step, long n, global const float *v, long v_block, global const float16 *u0, global const float16 *u1, long blocks_in,
                           global float16 *s, long s_block) {
  switch (step) {
    EACH_STEP(4)
    EACH_STEP(7)
    EACH_STEP(8)
    EACH_STEP(13)
    EACH_STEP(14)
    EACH_STEP(1)
  }
}

// The step that takes n tiles with the fewest of them twice; `most`: what the registers hold.
static inline int step_for(long n, int most) {
  const int steps[5] = {14, 13, 8, 7, 4};
  int best = 1;
  long least = n + n / 2 + 1; // single tiles are as slow as half as many more
  for (int i = 0; i < 5; i++) {
    const long taken = (n + steps[i] - 1) / steps[i] * steps[i];
    if (steps[i] <= n && steps[i] <= most && taken < least) {
      least = taken;
      best = steps[i];
    }
  }
  return best;
}

// The plane of U that holds a tap as it was.
static inline int plane_of_tap(int tap) {
  switch (tap) {
    case 0: return 0;
    case 2: return SIDE - 1;
    case 6: return VALUES - SIDE;
    case 8: return VALUES - 1;
    default: return VALUES + (tap < 2 ? 0 : tap < 6 ? tap - 2 : 4);
  }
}

// One output, 16 channels, by the definition. x: the image; u: the output block; iy, ix: the cell of tap 0.
static inline float16 direct(global const float *x, global const float16 *u, long blocks_in, long in_h, long in_w, long iy, long ix) {
  float16 sum = (float16)(0.0f);
  for (int tap = 0; tap < 9; tap++) {
    const long y = iy + tap / 3, at = ix + tap % 3;
    if (y < 0 || y >= in_h || at < 0 || at >= in_w) continue;
    global const float16 *w = u + plane_of_tap(tap) * blocks_in * 16;
    for (long b = 0; b < blocks_in; b++) {
      float16 part = (float16)(0.0f);
      for (int c = 0; c < 16; c++) part = fma((float16)(x[((b * in_h + y) * in_w + at) * 16 + c]), w[b * 16 + c], part);
      sum += part;
    }
  }
  return sum;
}

// V of all tiles. global: (tiles, input blocks of all groups)
kernel void winograd_input(global const float16 *x, ulong x_offset, global float16 *v, ulong v_offset, long blocks_in, long in_h, long in_w,
                           long tiles_y, long tiles_x, long pad_h, long pad_w, long tiles, long v_plane) {
  const long t = get_global_id(0), b = get_global_id(1);
  if (t >= tiles || b >= blocks_in) return;
  const tile_place at = place_of(t, tiles_y, tiles_x);
  make_tile(x + x_offset / 16 + (at.n * blocks_in + b) * in_h * in_w, in_h, in_w, at.y - pad_h, at.x - pad_w, v + v_offset / 16 + b * tiles + t, v_plane);
}

// The rest. An item takes `per_item` tiles, `block` at a time, through `panels` panels. V is that of winograd_input or, with `own`, made here for
// each block, in the item's part of the workspace; S always is. v_tiles, v_plane, s_plane: vectors between input blocks and planes.
// blocks_in: of a group. global: (ceil(tiles / per_item), ceil(panels of all groups / panels))
kernel void winograd_tiles(global const float *x, ulong x_offset, global const float16 *u, ulong u_offset, global float16 *v, ulong v_offset,
                           global float16 *s, ulong s_offset, global const float *bias, ulong bias_offset, POST_PARAMETERS, global float *y,
                           ulong y_offset, long groups, long blocks_in, long channels_out, long in_h, long in_w, long out_h, long out_w, long tiles_y,
                           long tiles_x, long pad_h, long pad_w, long tiles, long per_item, long block, long panels, int own, int most, long v_tiles, long v_plane,
                           long s_plane) {
  const long begin = (long)get_global_id(0) * per_item, end = min(begin + per_item, tiles), blocks_out = (channels_out + 15) / 16;
  const long blocks_group = blocks_out / groups, panels_group = (blocks_group + 1) / 2, in_cells = in_h * in_w;
  const long p_begin = (long)get_global_id(1) * panels, p_end = min(p_begin + panels, panels_group * groups);
  if (begin >= tiles || p_begin >= p_end) return;
  u += u_offset / 16;
  v += v_offset / 16 + (own ? (long)get_global_id(0) * VALUES * v_plane : begin);
  s += s_offset / 16 + ((long)get_global_id(1) * get_global_size(0) + get_global_id(0)) * VALUES * s_plane;
  for (long first = begin; first < end; first += block) {
    const long n = min(block, end - first);
    const int step = step_for(n, most);
    if (own)
      for (long b = 0; b < groups * blocks_in; b++)
        for (long t = 0; t < n; t++) {
          const tile_place at = place_of(first + t, tiles_y, tiles_x);
          make_tile((global const float16 *)(x + x_offset) + (at.n * groups * blocks_in + b) * in_cells, in_h, in_w, at.y - pad_h, at.x - pad_w,
                    v + b * v_tiles + t, v_plane);
        }
    for (long panel = p_begin; panel < p_end; panel++) {
      const long g = panel / panels_group, in_group = (panel - g * panels_group) * 2, b0 = g * blocks_group + in_group;
      const int pair = in_group + 1 < blocks_group;
      global const float16 *u0 = u + b0 * PLANES * blocks_in * 16;
      for (int k = 0; k < VALUES; k++)
        product(step, n, (global const float *)(v + k * v_plane + g * blocks_in * v_tiles), v_tiles * 16, u0 + k * blocks_in * 16,
                u0 + (k + (pair ? PLANES : 0)) * blocks_in * 16, blocks_in, s + k * s_plane, block);
      for (long b = b0; b <= b0 + pair; b++) {
        const long lanes = channels_out - b * 16;
        const float16 start = load_if(bias, bias_offset + b * 16, lanes);
        for (long t = 0; t < n; t++) {
          const tile_place at = place_of(first + t, tiles_y, tiles_x);
          const long rows = min((long)OUT, out_h - at.y), columns = min((long)OUT, out_w - at.x);
          const long to = (((at.n * blocks_out + b) * out_h + at.y) * out_w + at.x) * 16;
          global const float16 *sp = s + (b - b0) * block + t;
          float16 half_way[OUT * SIDE], result[OUT * OUT], poison = (float16)(0.0f); // NaN where any output is not finite
#pragma unroll
          for (int j = 0; j < SIDE; j++) {
            float16 column[SIDE], made[OUT];
#pragma unroll
            for (int i = 0; i < SIDE; i++) column[i] = sp[(i * SIDE + j) * s_plane];
            output_side(column, 1, made);
#pragma unroll
            for (int i = 0; i < OUT; i++) half_way[i * SIDE + j] = made[i];
          }
#pragma unroll
          for (int i = 0; i < OUT; i++) output_side(half_way + i * SIDE, 1, result + i * OUT);
#pragma unroll
          for (int i = 0; i < OUT * OUT; i++) poison = fma(result[i], (float16)(0.0f), poison);
          const int again = any(isnan(poison));
          if (rows == OUT && columns == OUT && lanes >= 16 && !again) {
#pragma unroll
            for (int i = 0; i < OUT * OUT; i++) {
              const long cell = to + (i / OUT * out_w + i % OUT) * 16;
              const float16 other = load_if(add, add_offset + cell, 16);
              vstore16(POST16(result[i] + start, other), 0, y + y_offset + cell);
            }
            continue;
          }
          for (int i = 0; i < OUT * OUT; i++) {
            if (i / OUT >= rows || i % OUT >= columns) continue;
            const long cell = to + (i / OUT * out_w + i % OUT) * 16;
            float16 value = result[i];
            if (again)
              value = direct(x + x_offset + (at.n * groups + g) * blocks_in * in_cells * 16, u + b * PLANES * blocks_in * 16, blocks_in, in_h, in_w,
                             at.y + i / OUT - pad_h, at.x + i % OUT - pad_w);
            const float16 other = load_if(add, add_offset + cell, 16);
            vstore16(keep_lanes(POST16(value + start, other), lanes), 0, y + y_offset + cell);
          }
        }
      }
    }
  }
}
