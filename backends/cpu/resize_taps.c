/* SPDX-License-Identifier: Apache-2.0 */
/* resize_taps.c: see resize_taps.h. In double; weights are rounded to float at the end. */
#include "resize_taps.h"

#include <math.h>

static int64_t clamp(double cell, int64_t n) {
  return cell < 0 ? 0 : cell > (double)(n - 1) ? n - 1 : (int64_t)cell;
}

int32_t resize_keeps(const cvk_resize_attr *a, int32_t axis, int64_t in) {
  return a->size[axis] == in && a->width[axis] == (double)in && a->roi_begin[axis] == 0 && a->roi_end[axis] == 1;
}

/* How much wider than one cell the filter is, as its inverse. */
static double narrowness(const cvk_resize_attr *a, int32_t axis, int64_t in) {
  const double scale = a->width[axis] / (double)in;
  return a->antialias && scale < 1 ? scale : 1;
}

static double reach_of(const cvk_resize_attr *a, int32_t axis, int64_t in) {
  return (a->mode == CVK_LINEAR ? 1 : 2) / narrowness(a, axis, in);
}

int64_t resize_most_taps(const cvk_resize_attr *a, int32_t axis, int64_t in) {
  if (a->mode == CVK_NEAREST || a->size[axis] == 0 || resize_keeps(a, axis, in)) return 1;
  return cpu_min(in, (int64_t)(2 * reach_of(a, axis, in)) + 1);
}

static int64_t nearest_of(double at, int32_t rounding, int64_t n) {
  const double low = floor(at), fraction = at - low;
  const int32_t up = rounding == CVK_ROUND_PREFER_FLOOR  ? fraction > 0.5
                     : rounding == CVK_ROUND_PREFER_CEIL ? fraction >= 0.5
                                                         : fraction > 0;
  return clamp(up && rounding != CVK_ROUND_FLOOR ? low + 1 : low, n);
}

static double filter(const cvk_resize_attr *a, double distance) {
  const double d = fabs(distance), c = (double)a->cubic_a;
  if (a->mode == CVK_LINEAR) return d < 1 ? 1 - d : 0;
  if (d <= 1) return ((c + 2) * d - (c + 3)) * d * d + 1;
  return d < 2 ? ((c * d - 5 * c) * d + 8 * c) * d - 4 * c : 0;
}

/* The filter's cells around `at`, in order; sums[i] is the weight of cells[i]. Returns how many. */
static int64_t filter_taps(const cvk_resize_attr *a, int32_t axis, int64_t n, double at, int64_t *cells, double *sums) {
  const double reach = reach_of(a, axis, n), narrow = narrowness(a, axis, n);
  double total = 0;
  int64_t count = 0, kept = 0;
  at = fmin(fmax(at, -reach - 1), (double)n + reach); /* farther out the cells are the same */
  for (double cell = floor(at - reach) + 1; cell < at + reach; cell++) {
    const double w = filter(a, (cell - at) * narrow);
    const int64_t inside = clamp(cell, n);
    if (w == 0 || (a->exclude_outside && (double)inside != cell)) continue;
    total += w;
    if (count == 0 || cells[count - 1] != inside) {
      cells[count] = inside;
      sums[count++] = 0;
    }
    sums[count - 1] += w;
  }
  for (int64_t i = 0; i < count; i++) {
    const double w = a->antialias || a->exclude_outside ? sums[i] / total : sums[i];
    if ((float)w == 0) continue;
    cells[kept] = cells[i];
    sums[kept++] = w;
  }
  return kept;
}

static void make_cell(const cvk_resize_attr *a, int32_t axis, resize_taps *t, int64_t o, int64_t *cells, double *weights) {
  const double at = cvk_resize_source(a, axis, t->in, o);
  int64_t count = 1;
  weights[0] = 1;
  if (a->coordinates == CVK_TF_CROP_AND_RESIZE && (at < 0 || at > (double)(t->in - 1)))
    count = 0;
  else if (a->mode == CVK_NEAREST)
    cells[0] = nearest_of(at, a->rounding, t->in);
  else if (t->is_identity)
    cells[0] = o;
  else
    count = filter_taps(a, axis, t->in, at, cells, weights);
  if (count == 1) weights[0] = 1; /* the borders' joined weights are, up to a rounding */
  t->count[o] = (int32_t)count;
  for (int64_t i = 0; i < t->most; i++) {
    t->cell[i * t->pitch + o] = (int32_t)(count ? cells[i < count ? i : 0] : 0);
    t->weight[i * t->pitch + o] = i < count ? (float)weights[i] : 0;
  }
}

void resize_taps_free(const cpu_device *device, resize_taps *t) {
  cpu_free(device, t->count);
  *t = (resize_taps){0};
}

/* Room for a table of t->out outputs and t->most taps, in one block: counts, cells, weights. */
static cvk_status allocate(const cpu_device *device, resize_taps *t) {
  t->pitch = cpu_ceil_div(t->out, RESIZE_PITCH) * RESIZE_PITCH;
  const uint64_t bytes = cpu_product(3, (int64_t[]){t->pitch, 1 + 2 * t->most, 4});
  t->count = bytes == UINT64_MAX ? NULL : cpu_alloc(device, bytes);
  if (t->count == NULL) return CVK_NO_MEMORY;
  t->cell = t->count + t->pitch;
  t->weight = (float *)(t->cell + t->pitch * t->most);
  return CVK_OK;
}

cvk_status resize_taps_make(const cpu_device *device, const cvk_resize_attr *a, int32_t axis, int64_t in, int64_t out, resize_taps *t) {
  *t = (resize_taps){.in = in, .out = out, .most = resize_most_taps(a, axis, in), .is_identity = resize_keeps(a, axis, in)};
  /* and room for one output's taps before they are joined */
  const uint64_t room = cpu_product(2, (int64_t[]){(int64_t)(2 * reach_of(a, axis, in)) + 2, 16});
  int64_t *cells = cpu_alloc(device, room);
  if (cells == NULL || allocate(device, t) != CVK_OK) {
    cpu_free(device, cells);
    resize_taps_free(device, t);
    return CVK_NO_MEMORY;
  }
  double *weights = (double *)cells + room / 16;
  for (int64_t o = 0; o < out; o++) make_cell(a, axis, t, o, cells, weights);
  cpu_free(device, cells);
  return CVK_OK;
}

cvk_status resize_taps_nest(const cpu_device *device, resize_taps *outer, resize_taps *inner) {
  resize_taps t = {.in = outer->in * inner->in,
                   .out = outer->out * inner->out,
                   .most = outer->most * inner->most,
                   .is_identity = outer->is_identity && inner->is_identity};
  const cvk_status s = allocate(device, &t);
  for (int64_t o = 0; s == CVK_OK && o < t.out; o++) {
    const int64_t a = o / inner->out, b = o % inner->out;
    t.count[o] = outer->count[a] * inner->count[b];
    for (int64_t k = 0; k < t.most; k++) {
      const int64_t is_tap = k < t.count[o], i = is_tap ? k / inner->count[b] : 0, j = is_tap ? k % inner->count[b] : 0;
      const int64_t from = i * outer->pitch + a, at = j * inner->pitch + b;
      t.cell[k * t.pitch + o] = (int32_t)(outer->cell[from] * inner->in + inner->cell[at]);
      t.weight[k * t.pitch + o] = is_tap ? outer->weight[from] * inner->weight[at] : 0;
    }
  }
  resize_taps_free(device, outer);
  resize_taps_free(device, inner);
  *inner = s == CVK_OK ? t : (resize_taps){0};
  return s;
}
