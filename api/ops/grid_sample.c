/* SPDX-License-Identifier: Apache-2.0 */
/* grid_sample.c: GRID_SAMPLE (ONNX GridSample): x [N,C,spatial] at the places that grid [N,out spatial,axes] says, one to three spatial
 * axes; an entry of the grid names the last axis first, -1 to 1 from border to border. Nearest (halves to even) moves elements of any type;
 * linear and cubic (a = -0.75) are summed in double, and integers are truncated then, as ONNX says. A tap of weight 0 takes no part. A
 * place that is not a number, or cannot be reflected, gives NaN (0 for integers). */
#include <math.h>
#include <string.h>

#include "element.h"
#include "ops_internal.h"

#define CUBIC_A (-0.75)
enum { MOST_AXES = 3, MOST_TAPS = 4 };

static cvk_status check_choice(const char *what, int32_t value, int32_t last) {
  if (value >= 0 && value <= last) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "grid_sample: %s is %d, allowed 0 to %d", what, value, last);
}

void cvk_defaults_grid_sample(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->grid.mode = CVK_LINEAR;
}

cvk_status cvk_infer_grid_sample(cvk_op_call *call) {
  static const int32_t grid_types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16};
  const cvk_tensor_desc *x = call->in[0], *grid = call->in[1];
  const cvk_grid_attr *a = &call->attr->grid;
  const int32_t axes = x->rank - 2;
  int64_t dim[CVK_MAX_RANK];
  char tx[CVK_DIMS_TEXT], tg[CVK_DIMS_TEXT];
  if (axes < 1 || axes > MOST_AXES) return cvk_fail(CVK_INVALID_SHAPE, "grid_sample: x has rank %d, allowed 3 to 5", x->rank);
  cvk_status s = check_choice("mode", a->mode, CVK_CUBIC);
  if (s == CVK_OK) s = check_choice("padding", a->padding, CVK_GRID_REFLECTION);
  if (s == CVK_OK) s = check_choice("align_corners", a->align_corners, 1);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 4, grid_types);
  if (s != CVK_OK) return s;
  if (grid->rank != x->rank || grid->dim[0] != x->dim[0] || grid->dim[x->rank - 1] != axes)
    return cvk_fail(CVK_INVALID_SHAPE, "grid_sample: grid %s does not fit x %s, wanted [%lld, ..., %d] of rank %d",
                    cvk_dims_text(grid->rank, grid->dim, tg), cvk_dims_text(x->rank, x->dim, tx), (long long)x->dim[0], axes, x->rank);
  dim[0] = x->dim[0];
  dim[1] = x->dim[1];
  for (int32_t i = 0; i < axes; i++) {
    dim[i + 2] = grid->dim[i + 1];
    if (x->dim[i + 2] == 0 && cvk_count(grid->rank, grid->dim) != 0)
      return cvk_fail(CVK_INVALID_SHAPE, "grid_sample: axis %d of x has no cells to take samples from", i + 2);
  }
  return cvk_desc_set(&call->out[0], "grid_sample: output", x->dtype, x->rank, dim);
}

/* What a sample takes from one axis: cells (-1: the zero outside) and their weights. */
typedef struct axis_taps {
  int32_t n;
  int64_t cell[MOST_TAPS];
  double weight[MOST_TAPS];
} axis_taps;

/* Back and forth between low and high; NaN for an infinite v. */
static double reflect(double v, double low, double high) {
  const double span = high - low;
  if (v >= low && v <= high) return v;
  if (span <= 0) return low;
  const double away = v < low ? low - v : v - high, turns = floor(away / span), rest = fmod(away, span);
  const int32_t near = fmod(turns, 2) == 0, from_low = v < low ? near : !near;
  return from_low ? low + rest : high - rest;
}

/* The centre of the cell, or its edge, at the axis's ends. */
static double low_of(const cvk_grid_attr *a) {
  return a->align_corners ? 0 : -0.5;
}
static double high_of(const cvk_grid_attr *a, int64_t n) {
  return (double)n - (a->align_corners ? 1 : 0.5);
}

/* The cell behind whole number `at`; -1: the zero outside. */
static int64_t cell_at(const cvk_grid_attr *a, int64_t n, double at) {
  const double last = (double)(n - 1);
  if (at >= 0 && at <= last) return (int64_t)at;
  if (a->padding == CVK_GRID_ZEROS) return -1;
  if (a->padding == CVK_GRID_REFLECTION) at = trunc(reflect(at, low_of(a), high_of(a, n)));
  return at > 0 ? (int64_t)fmin(at, last) : 0;
}

static double cubic(double distance) {
  const double d = fabs(distance);
  if (d <= 1) return ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1;
  return ((CUBIC_A * d - 5 * CUBIC_A) * d + 8 * CUBIC_A) * d - 4 * CUBIC_A;
}

/* 0: the place is no number. `at`: -1 to 1. */
static int32_t taps_of(const cvk_grid_attr *a, int64_t n, double at, axis_taps *t) {
  const double extent = (double)n;
  double v = a->align_corners ? (at + 1) / 2 * (extent - 1) : ((at + 1) * extent - 1) / 2;
  if (a->mode == CVK_NEAREST) v = rint(v);
  if (a->padding == CVK_GRID_BORDER) v = v < low_of(a) ? 0 : v > high_of(a, n) ? extent - 1 : v;
  if (a->padding == CVK_GRID_REFLECTION) v = reflect(v, low_of(a), high_of(a, n));
  t->n = 0;
  if (isnan(v)) return 0;
  if (v < -2 || v > extent + 1) v = -3; /* zeros, all of them: so that whole numbers stay exact */
  if (a->mode == CVK_NEAREST) {
    t->n = 1;
    t->cell[0] = cell_at(a, n, v);
    t->weight[0] = 1;
    return 1;
  }
  const double low = floor(v);
  for (double cell = a->mode == CVK_LINEAR ? low : low - 1; cell <= low + (a->mode == CVK_LINEAR ? 1 : 2); cell++) {
    const double w = a->mode == CVK_LINEAR ? 1 - fabs(cell - v) : cubic(cell - v);
    if (w == 0) continue;
    t->cell[t->n] = cell_at(a, n, cell);
    t->weight[t->n++] = w;
  }
  return 1;
}

/* The sum over all combinations of the axes' taps in one plane. */
static double sample(int32_t axes, const int64_t *dim, const axis_taps *t, int32_t dtype, const void *x, int64_t plane) {
  double sum = 0;
  int32_t all = 1;
  for (int32_t i = 0; i < axes; i++) all *= t[i].n;
  for (int32_t k = 0; k < all; k++) {
    int64_t at = 0;
    double weight = 1;
    for (int32_t i = 0, rest = k; i < axes; rest /= t[i++].n) {
      const int64_t cell = t[i].cell[rest % t[i].n];
      at = at < 0 || cell < 0 ? -1 : at * dim[i] + cell;
      weight *= t[i].weight[rest % t[i].n];
    }
    if (at >= 0) sum += weight * cvk_load_real(dtype, x, plane + at);
  }
  return sum;
}

/* The cell that one tap an axis names; -1: the zero outside. */
static int64_t nearest(int32_t axes, const int64_t *dim, const axis_taps *t) {
  int64_t at = 0;
  for (int32_t i = 0; i < axes; i++) at = at < 0 || t[i].cell[0] < 0 ? -1 : at * dim[i] + t[i].cell[0];
  return at;
}

cvk_status cvk_ref_grid_sample(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_grid_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *grid = op->in[1];
  const int32_t axes = x->rank - 2;
  const int64_t places = cvk_count(axes, grid->dim + 1), cells = cvk_count(axes, x->dim + 2), channels = x->dim[1];
  const uint64_t bytes = cvk_dtype_bytes(x->dtype);
  if (out[0] == NULL) return CVK_OK;
  for (int64_t n = 0; n < x->dim[0]; n++)
    for (int64_t p = 0; p < places; p++) {
      axis_taps t[MOST_AXES];
      double at[MOST_AXES];
      int32_t is_place = 1;
      cvk_load_reals(grid->dtype, in[1], (n * places + p) * axes, 1, axes, at);
      for (int32_t i = 0; i < axes; i++) is_place &= taps_of(a, x->dim[i + 2], at[axes - 1 - i], &t[i]);
      const int64_t from = is_place && a->mode == CVK_NEAREST ? nearest(axes, x->dim + 2, t) : -1;
      for (int64_t c = 0; c < channels; c++) {
        const int64_t plane = (n * channels + c) * cells, to = (n * channels + c) * places + p;
        if (!is_place)
          cvk_store_real(x->dtype, out[0], to, cvk_dtype_class(x->dtype) == CVK_CLASS_REAL ? (double)NAN : 0);
        else if (a->mode != CVK_NEAREST)
          cvk_store_real(x->dtype, out[0], to, sample(axes, x->dim + 2, t, x->dtype, in[0], plane));
        else if (from < 0)
          memset((char *)out[0] + (uint64_t)to * bytes, 0, (size_t)bytes);
        else
          memcpy((char *)out[0] + (uint64_t)to * bytes, (const char *)in[0] + (uint64_t)(plane + from) * bytes, (size_t)bytes);
      }
    }
  return CVK_OK;
}
