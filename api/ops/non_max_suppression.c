/* SPDX-License-Identifier: Apache-2.0 */
/* non_max_suppression.c: NON_MAX_SUPPRESSION (ONNX NonMaxSuppression): of the boxes [N,B,4] with scores [N,C,B], for each batch and class
 * the best ones that overlap no better one too much: y [chosen,3], each a batch, a class and a box, in the order of choice. How many there
 * are is in the data, so boxes and scores must be known when the op is prepared. Of equal scores the first box comes first; a NaN score is
 * never chosen, a box without area overlaps nothing. */
#include <math.h>
#include <stdlib.h>

#include "element.h"
#include "ops_internal.h"

enum { BOXES, SCORES, MOST, IOU, SCORE }; /* inputs */

void cvk_defaults_nms(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->nms.score_threshold = -INFINITY;
}

typedef struct box {
  double x0, x1, y0, y1;
} box;

typedef struct candidate {
  double score;
  int64_t index;
} candidate;

static box box_at(const cvk_nms_attr *a, const void *boxes, int64_t i) {
  double v[4];
  cvk_load_reals(CVK_F32, boxes, i * 4, 1, 4, v);
  if (a->center_point_box) return (box){v[0] - v[2] / 2, v[0] + v[2] / 2, v[1] - v[3] / 2, v[1] + v[3] / 2};
  return (box){fmin(v[1], v[3]), fmax(v[1], v[3]), fmin(v[0], v[2]), fmax(v[0], v[2])};
}

static int32_t overlaps(const cvk_nms_attr *a, box p, box q) {
  const double width = fmin(p.x1, q.x1) - fmax(p.x0, q.x0), height = fmin(p.y1, q.y1) - fmax(p.y0, q.y0);
  const double area_p = (p.x1 - p.x0) * (p.y1 - p.y0), area_q = (q.x1 - q.x0) * (q.y1 - q.y0);
  if (!(width > 0 && height > 0 && area_p > 0 && area_q > 0)) return 0;
  const double common = width * height;
  return (float)(common / (area_p + area_q - common)) > a->iou_threshold; /* in float, so that a ratio equal to the threshold is */
}

static int by_score(const void *a, const void *b) {
  const candidate *p = a, *q = b;
  if (p->score != q->score) return p->score > q->score ? -1 : 1;
  return p->index < q->index ? -1 : p->index > q->index;
}

/* The choice of one batch and class; `room` holds n candidates. Chosen ones come first in room; returns how many. */
static int64_t choose(const cvk_nms_attr *a, const void *boxes, const void *scores, int64_t n, candidate *room) {
  int64_t count = 0, chosen = 0;
  for (int64_t i = 0; i < n; i++) {
    const double score = cvk_load_real(CVK_F32, scores, i);
    if (score > (double)a->score_threshold || (isinf(a->score_threshold) && a->score_threshold < 0 && !isnan(score)))
      room[count++] = (candidate){score, i};
  }
  qsort(room, (size_t)count, sizeof *room, by_score);
  for (int64_t i = 0; i < count && chosen < a->most; i++) {
    const box b = box_at(a, boxes, room[i].index);
    int32_t is_free = 1;
    for (int64_t k = 0; k < chosen && is_free; k++) is_free = !overlaps(a, b, box_at(a, boxes, room[k].index));
    if (is_free) room[chosen++] = room[i];
  }
  return chosen;
}

/* All choices; y NULL: only counted. */
static cvk_status choose_all(const cvk_nms_attr *a, const cvk_tensor_desc *scores, const void *box_data, const void *score_data, int64_t *y,
                             int64_t *total) {
  const int64_t classes = scores->dim[1], n = scores->dim[2];
  candidate *room = malloc(((size_t)n + 1) * sizeof *room);
  if (room == NULL) return cvk_fail(CVK_NO_MEMORY, "non_max_suppression: no memory for %lld candidates", (long long)n);
  *total = 0;
  for (int64_t i = 0; i < scores->dim[0] * classes; i++) {
    const int64_t chosen = choose(a, (const char *)box_data + i / classes * n * 16, (const char *)score_data + i * n * 4, n, room);
    for (int64_t k = 0; y && k < chosen; k++) {
      int64_t *row = y + (*total + k) * 3;
      row[0] = i / classes;
      row[1] = i % classes;
      row[2] = room[k].index;
    }
    *total += chosen;
  }
  free(room);
  return CVK_OK;
}

/* Input i, where given, is one value of the type: *v. */
static cvk_status read_value(const cvk_op_call *call, int32_t i, int32_t dtype, double *v) {
  const cvk_tensor_desc *d = i < call->n_in ? call->in[i] : NULL;
  if (d == NULL || cvk_count(d->rank, d->dim) == 0) return CVK_OK;
  const cvk_status s = cvk_require_dtype(call, i, 1, &dtype);
  if (s != CVK_OK) return s;
  if (cvk_count(d->rank, d->dim) != 1)
    return cvk_fail(CVK_INVALID_SHAPE, "non_max_suppression: input %d has %lld elements, allowed 1", i,
                    (long long)cvk_count(d->rank, d->dim));
  if (d->const_data == NULL)
    return cvk_fail(CVK_UNSUPPORTED, "non_max_suppression: the value of input %d must be known when the op is prepared", i);
  *v = cvk_load_real(dtype, d->const_data, 0);
  return CVK_OK;
}

static cvk_status read_values(const cvk_op_call *call, cvk_nms_attr *a) {
  double most = (double)a->most, iou = (double)a->iou_threshold, score = (double)a->score_threshold;
  cvk_status s = read_value(call, MOST, CVK_I64, &most);
  if (s == CVK_OK) s = read_value(call, IOU, CVK_F32, &iou);
  if (s == CVK_OK) s = read_value(call, SCORE, CVK_F32, &score);
  if (s != CVK_OK) return s;
  a->most = most < 0 ? 0 : most < 0x1p62 ? (int64_t)most : INT64_MAX; /* more than there are boxes anyway */
  a->iou_threshold = (float)iou;
  a->score_threshold = (float)score;
  if (!(iou >= 0 && iou <= 1)) return cvk_fail(CVK_INVALID_ARGUMENT, "non_max_suppression: iou_threshold is %g, allowed 0 to 1", iou);
  if (isnan(score)) return cvk_fail(CVK_INVALID_ARGUMENT, "non_max_suppression: score_threshold is %g, must be a number", score);
  return CVK_OK;
}

cvk_status cvk_infer_nms(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32};
  const cvk_tensor_desc *boxes = call->in[BOXES], *scores = call->in[SCORES];
  cvk_nms_attr *a = &call->attr->nms;
  char tb[CVK_DIMS_TEXT], ts[CVK_DIMS_TEXT];
  int64_t dim[] = {0, 3};
  cvk_status s = cvk_require_dtype(call, BOXES, 1, types);
  if (s == CVK_OK) s = cvk_require_dtype(call, SCORES, 1, types);
  if (s != CVK_OK) return s;
  if (boxes->rank != 3 || scores->rank != 3 || boxes->dim[2] != 4 || boxes->dim[0] != scores->dim[0] || boxes->dim[1] != scores->dim[2])
    return cvk_fail(CVK_INVALID_SHAPE,
                    "non_max_suppression: boxes %s and scores %s, wanted [batches, boxes, 4] and [batches, classes, boxes]",
                    cvk_dims_text(boxes->rank, boxes->dim, tb), cvk_dims_text(scores->rank, scores->dim, ts));
  if (a->center_point_box < 0 || a->center_point_box > 1)
    return cvk_fail(CVK_INVALID_ARGUMENT, "non_max_suppression: center_point_box is %d, allowed 0 and 1", a->center_point_box);
  s = read_values(call, a);
  if (s != CVK_OK) return s;
  for (int32_t i = BOXES; i <= SCORES; i++)
    if (call->in[i]->const_data == NULL && cvk_count(3, call->in[i]->dim) > 0)
      return cvk_fail(CVK_UNSUPPORTED, "non_max_suppression: the %s must be known when the op is prepared: they say how many are chosen",
                      i == BOXES ? "boxes" : "scores");
  if (cvk_count(3, scores->dim) > 0 && a->most > 0) s = choose_all(a, scores, boxes->const_data, scores->const_data, NULL, &dim[0]);
  return s == CVK_OK ? cvk_desc_set(&call->out[0], "non_max_suppression: output", CVK_I64, 2, dim) : s;
}

cvk_status cvk_ref_nms(const cvk_op *op, const void *const *in, void *const *out) {
  int64_t total;
  if (out[0] == NULL || op->out[0]->dim[0] == 0) return CVK_OK;
  return choose_all(op->attr, op->in[SCORES], in[BOXES] ? in[BOXES] : op->in[BOXES]->const_data,
                    in[SCORES] ? in[SCORES] : op->in[SCORES]->const_data, out[0], &total);
}
