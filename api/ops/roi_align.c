/* SPDX-License-Identifier: Apache-2.0 */
/* roi_align.c: ROI_ALIGN (ONNX RoiAlign): y [R,C,bins], each bin of a region the mean of bilinear samples, or, as ONNX has it, the largest
 * product of a weight and its cell. Samples farther than one cell outside x count as 0, nearer ones are moved to the border. Regions must
 * be finite and batch indices inside x: else INVALID_ARGUMENT when the op runs. A bin without samples is 0. */
#include <math.h>

#include "element.h"
#include "ops_internal.h"

#define MOST_SAMPLES 0x1p24 /* of a bin: a region far larger than any image would take for ever */

void cvk_defaults_roi_align(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->roi_align.half_pixel = 1;
  a->roi_align.spatial_scale = 1;
}

cvk_status cvk_infer_roi_align(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16}, index_types[] = {CVK_I64};
  const cvk_tensor_desc *x = call->in[0], *rois = call->in[1], *batch = call->in[2];
  cvk_roi_align_attr *a = &call->attr->roi_align;
  char text[CVK_DIMS_TEXT];
  cvk_status s = cvk_require_dtype(call, 0, 4, types);
  if (s == CVK_OK) s = cvk_require_dtype(call, 1, 1, &x->dtype);
  if (s == CVK_OK) s = cvk_require_dtype(call, 2, 1, index_types);
  if (s != CVK_OK) return s;
  if (x->rank != 4) return cvk_fail(CVK_INVALID_SHAPE, "roi_align: x has rank %d, allowed 4", x->rank);
  if (rois->rank != 2 || rois->dim[1] != 4)
    return cvk_fail(CVK_INVALID_SHAPE, "roi_align: the regions have shape %s, wanted [regions, 4]",
                    cvk_dims_text(rois->rank, rois->dim, text));
  if (batch->rank != 1 || batch->dim[0] != rois->dim[0])
    return cvk_fail(CVK_INVALID_SHAPE, "roi_align: the batch indices have shape %s, wanted [%lld], one for each region",
                    cvk_dims_text(batch->rank, batch->dim, text), (long long)rois->dim[0]);
  if (a->sampling_ratio < 0) return cvk_fail(CVK_INVALID_ARGUMENT, "roi_align: sampling_ratio is %d, allowed >= 0", a->sampling_ratio);
  if (!isfinite(a->spatial_scale))
    return cvk_fail(CVK_INVALID_ARGUMENT, "roi_align: spatial_scale is %g, must be finite", (double)a->spatial_scale);
  a->is_max = a->is_max != 0;
  a->half_pixel = a->half_pixel != 0;
  for (int32_t i = 0; i < 2; i++) {
    if (a->out[i] == 0) a->out[i] = 1;
    if (a->out[i] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "roi_align: %lld bins along axis %d, allowed >= 1", (long long)a->out[i], i + 2);
    if (x->dim[i + 2] == 0 && rois->dim[0] > 0) return cvk_fail(CVK_INVALID_SHAPE, "roi_align: axis %d of x has no cells", i + 2);
  }
  const int64_t dim[] = {rois->dim[0], x->dim[1], a->out[0], a->out[1]};
  return cvk_desc_set(&call->out[0], "roi_align: output", x->dtype, 4, dim);
}

/* A region along one axis: the first bin's begin, a bin's extent, its samples. */
typedef struct span {
  double begin, bin;
  int64_t samples;
} span;

static cvk_status span_of(const cvk_roi_align_attr *a, int64_t region, int32_t axis, double from, double to, span *out) {
  const double offset = a->half_pixel ? 0.5 : 0, scale = (double)a->spatial_scale, begin = from * scale - offset;
  double extent = to * scale - offset - begin;
  if (!a->half_pixel) extent = fmax(extent, 1);
  if (!isfinite(begin) || !isfinite(extent))
    return cvk_fail(CVK_INVALID_ARGUMENT, "roi_align: region %lld is %g to %g along axis %d, must be finite", (long long)region, from, to,
                    axis + 2);
  const double bin = extent / (double)a->out[axis], samples = a->sampling_ratio > 0 ? a->sampling_ratio : ceil(bin);
  *out = (span){begin, bin, samples > 0 ? (int64_t)fmin(samples, MOST_SAMPLES + 1) : 0};
  return CVK_OK;
}

static cvk_status check_samples(int64_t region, const span s[2]) {
  const double samples = (double)s[0].samples * (double)s[1].samples;
  if (samples <= MOST_SAMPLES) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "roi_align: region %lld asks for %g samples of a bin or more, allowed at most %g",
                  (long long)region, samples, MOST_SAMPLES);
}

/* The two cells around sample k of a bin; 0: it lies too far outside. */
static int32_t cells_of(const span *s, int64_t bin, int64_t k, int64_t n, int64_t cell[2], double weight[2]) {
  double at = s->begin + (double)bin * s->bin + ((double)k + 0.5) * s->bin / (double)s->samples;
  if (at < -1 || at > (double)n) return 0;
  at = fmin(fmax(at, 0), (double)(n - 1));
  cell[0] = (int64_t)at;
  cell[1] = cell[0] < n - 1 ? cell[0] + 1 : cell[0];
  weight[1] = at - (double)cell[0];
  weight[0] = 1 - weight[1];
  return 1;
}

static double bin_of(const cvk_roi_align_attr *a, const cvk_tensor_desc *x, const void *data, int64_t plane, const span s[2], int64_t row,
                     int64_t column) {
  double sum = 0, best = 0;
  int32_t any = 0;
  for (int64_t i = 0; i < s[0].samples; i++) {
    int64_t y[2], c[2];
    double wy[2], wx[2];
    const int32_t inside = cells_of(&s[0], row, i, x->dim[2], y, wy);
    for (int64_t j = 0; j < s[1].samples; j++) {
      const int32_t is_sample = inside && cells_of(&s[1], column, j, x->dim[3], c, wx);
      for (int32_t k = 0; k < 4; k++) {
        double v = 0;
        if (is_sample && wy[k / 2] * wx[k % 2] != 0)
          v = wy[k / 2] * wx[k % 2] * cvk_load_real(x->dtype, data, plane + y[k / 2] * x->dim[3] + c[k % 2]);
        sum += v;
        if (!any || v > best || isnan(v)) best = v;
        any = 1;
      }
    }
  }
  const double count = (double)(s[0].samples * s[1].samples);
  return a->is_max ? best : sum / (count > 0 ? count : 1);
}

cvk_status cvk_ref_roi_align(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_roi_align_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0];
  const int64_t *batch = in[2], regions = op->in[1]->dim[0], bins = a->out[0] * a->out[1];
  if (out[0] == NULL) return CVK_OK;
  for (int64_t r = 0; r < regions; r++) {
    double roi[4];
    span s[2];
    cvk_load_reals(op->in[1]->dtype, in[1], r * 4, 1, 4, roi);
    if (batch[r] < 0 || batch[r] >= x->dim[0])
      return cvk_fail(CVK_INVALID_ARGUMENT, "roi_align: batch index %lld of region %lld is outside x, allowed 0 to %lld",
                      (long long)batch[r], (long long)r, (long long)(x->dim[0] - 1));
    cvk_status status = span_of(a, r, 0, roi[1], roi[3], &s[0]);
    if (status == CVK_OK) status = span_of(a, r, 1, roi[0], roi[2], &s[1]);
    if (status == CVK_OK) status = check_samples(r, s);
    if (status != CVK_OK) return status;
    for (int64_t c = 0; c < x->dim[1]; c++)
      for (int64_t b = 0; b < bins; b++) {
        const double v = bin_of(a, x, in[0], (batch[r] * x->dim[1] + c) * x->dim[2] * x->dim[3], s, b / a->out[1], b % a->out[1]);
        cvk_store_real(x->dtype, out[0], (r * x->dim[1] + c) * bins + b, v);
      }
  }
  return CVK_OK;
}
