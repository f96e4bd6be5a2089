/* SPDX-License-Identifier: Apache-2.0 */
/* strided_copy.c: see strided_copy.h. Memory bound, so it is compiled once for the baseline. Elements are moved as unsigned integers of
 * their size; the types may alias anything because a tensor's own type is known only to its caller. */
#include "strided_copy.h"

#include <string.h>

#include "copy_small.h"

typedef uint16_t __attribute__((may_alias)) u16;
typedef uint32_t __attribute__((may_alias)) u32;
typedef uint64_t __attribute__((may_alias)) u64;

#define PIECE 32768 /* elements: long enough to amortise a unit, short enough to share among threads */
#define TILE 16

static int64_t min64(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* The axis, other than the last, along which the source is contiguous; -1: none. */
static int32_t source_axis(const nd_space *s) {
  for (int32_t i = 0; i + 1 < s->rank; i++)
    if (s->stride[1][i] == 1 && s->dim[i] > 1) return i;
  return -1;
}

void nd_copy_plan(nd_copy *c, nd_space *space, int32_t size) {
  nd_collapse(space);
  const int32_t last = space->rank - 1, axis = source_axis(space);
  const int tiled = axis >= 0 && space->stride[0][last] == 1 && space->stride[1][last] > 1;
  memset(c, 0, sizeof *c);
  c->size = size;
  if (!tiled) {
    const int64_t inner = nd_inner(space);
    c->space = *space;
    c->piece = inner > PIECE ? PIECE : inner;
    c->pieces = inner == 0 ? 0 : (inner + c->piece - 1) / c->piece;
    c->units = nd_rows(space) * c->pieces;
    return;
  }
  c->tiled = 1;
  c->along = space->dim[last];
  c->across = space->dim[axis];
  c->dst_across = space->stride[0][axis];
  c->src_along = space->stride[1][last];
  nd_init(&c->space, 2);
  for (int32_t i = 0; i < last; i++)
    if (i != axis) nd_axis(&c->space, space->dim[i], (int64_t[]){space->stride[0][i], space->stride[1][i]});
  nd_axis(&c->space, 1, (int64_t[]){0, 0}); /* every setting of the outer axes is one row */
  for (int k = 0; k < 2; k++) c->space.base[k] = space->base[k];
  c->piece = c->along < 64 ? TILE * 8 : TILE; /* narrow tiles are made longer */
  c->pieces = (c->across + c->piece - 1) / c->piece;
  c->units = nd_rows(&c->space) * (c->along > 0 ? c->pieces : 0);
}

#define ROW_FUNCTION(T)                                                                                     \
  static void row_##T(void *dst, int64_t ds, const void *src, int64_t ss, int64_t n) {                      \
    T *d = dst;                                                                                             \
    const T *s = src;                                                                                       \
    if (ds == 1 && ss == 0) {                                                                               \
      const T v = *s;                                                                                       \
      for (int64_t i = 0; i < n; i++) d[i] = v;                                                             \
    } else if (ds == 1 && ss == 2) {                                                                        \
      for (int64_t i = 0; i < n; i++) d[i] = s[2 * i];                                                      \
    } else {                                                                                                \
      for (int64_t i = 0; i < n; i++) d[i * ds] = s[i * ss];                                                \
    }                                                                                                       \
  }                                                                                                         \
  static void tile_##T(void *dst, int64_t ds, const void *src, int64_t ss, int64_t along, int64_t across) { \
    T *d = dst;                                                                                             \
    const T *s = src;                                                                                       \
    for (int64_t i0 = 0; i0 < along; i0 += TILE) {                                                          \
      const int64_t i1 = min64(i0 + TILE, along);                                                           \
      for (int64_t j = 0; j < across; j++)                                                                  \
        for (int64_t i = i0; i < i1; i++) d[j * ds + i] = s[i * ss + j];                                    \
    }                                                                                                       \
  }
ROW_FUNCTION(uint8_t)
ROW_FUNCTION(u16)
ROW_FUNCTION(u32)
ROW_FUNCTION(u64)
#undef ROW_FUNCTION

/* Four source rows of four become four destination rows: f32 is what images are transposed in, so it goes through vectors. */
static void square_u32(u32 *dst, int64_t ds, const u32 *src, int64_t ss) {
  typedef uint32_t v4 __attribute__((vector_size(16)));
  v4 r[4];
  for (int i = 0; i < 4; i++) memcpy(&r[i], src + i * ss, sizeof r[i]);
  const v4 low01 = __builtin_shuffle(r[0], r[1], (v4){0, 4, 1, 5}), high01 = __builtin_shuffle(r[0], r[1], (v4){2, 6, 3, 7});
  const v4 low23 = __builtin_shuffle(r[2], r[3], (v4){0, 4, 1, 5}), high23 = __builtin_shuffle(r[2], r[3], (v4){2, 6, 3, 7});
  const v4 out[4] = {__builtin_shuffle(low01, low23, (v4){0, 1, 4, 5}), __builtin_shuffle(low01, low23, (v4){2, 3, 6, 7}),
                     __builtin_shuffle(high01, high23, (v4){0, 1, 4, 5}), __builtin_shuffle(high01, high23, (v4){2, 3, 6, 7})};
  for (int j = 0; j < 4; j++) memcpy(dst + j * ds, &out[j], sizeof out[j]);
}

static void squares_u32(void *dst, int64_t ds, const void *src, int64_t ss, int64_t along, int64_t across) {
  u32 *d = dst;
  const u32 *s = src;
  const int64_t i4 = along / 4 * 4, j4 = across / 4 * 4;
  for (int64_t i0 = 0; i0 < i4; i0 += TILE)
    for (int64_t j = 0; j < j4; j += 4)
      for (int64_t i = i0; i < min64(i0 + TILE, i4); i += 4) square_u32(d + j * ds + i, ds, s + i * ss + j, ss);
  tile_u32(d + i4, ds, s + i4 * ss, ss, along - i4, across);
  tile_u32(d + j4 * ds, ds, s + j4, ss, i4, across - j4);
}

typedef struct mover {
  void (*row)(void *dst, int64_t ds, const void *src, int64_t ss, int64_t n);
  void (*tile)(void *dst, int64_t ds, const void *src, int64_t ss, int64_t along, int64_t across);
} mover;

static const mover movers[9] = {
    [1] = {row_uint8_t, tile_uint8_t}, [2] = {row_u16, tile_u16}, [4] = {row_u32, squares_u32}, [8] = {row_u64, tile_u64}};

void nd_copy_run(const nd_copy *c, void *dst, const void *src, int64_t begin, int64_t end) {
  const mover *m = &movers[c->size];
  const int32_t last = c->space.rank - 1;
  const int64_t inner = nd_inner(&c->space), ds = c->space.stride[0][last], ss = c->space.stride[1][last];
  nd_cursor at;
  if (begin >= end) return;
  nd_seek(&c->space, &at, begin / c->pieces);
  int64_t piece = begin % c->pieces;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t first = piece * c->piece;
    if (c->tiled) {
      m->tile((char *)dst + (at.offset[0] + first * c->dst_across) * c->size, c->dst_across,
              (const char *)src + (at.offset[1] + first) * c->size, c->src_along, c->along, min64(c->piece, c->across - first));
    } else {
      char *d = (char *)dst + (at.offset[0] + first * ds) * c->size;
      const char *s = (const char *)src + (at.offset[1] + first * ss) * c->size;
      const int64_t n = min64(c->piece, inner - first);
      if (ds == 1 && ss == 1)
        copy_run(d, s, n * c->size);
      else
        m->row(d, ds, s, ss, n);
    }
    if (++piece == c->pieces) {
      piece = 0;
      nd_next(&c->space, &at);
    }
  }
}
