/* SPDX-License-Identifier: Apache-2.0 */
/* score.c: what outputs say of their targets: loss and hits, counted on the host in double. */
#include <math.h>

#include "train_internal.h"

static double squared_error(const float *y, const float *target, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += ((double)y[i] - (double)target[i]) * ((double)y[i] - (double)target[i]);
  return sum;
}

/* One row of classes, `stride` apart. */
static double cross_entropy(const float *x, int64_t stride, int64_t classes, int64_t target) {
  double most = -INFINITY, sum = 0;
  for (int64_t c = 0; c < classes; c++) most = fmax(most, (double)x[c * stride]);
  for (int64_t c = 0; c < classes; c++) sum += exp((double)x[c * stride] - most);
  return log(sum) - ((double)x[target * stride] - most);
}

static int64_t largest(const float *x, int64_t stride, int64_t classes) {
  int64_t best = 0;
  for (int64_t c = 1; c < classes; c++) best = x[c * stride] > x[best * stride] ? c : best;
  return best;
}

cvk_status cvk_trainer_check_target(const cvk_trainer *t, const cvk_tensor *target) {
  const int32_t want = t->options.loss == CVK_LOSS_MEAN_SQUARED_ERROR ? CVK_F32 : CVK_I64;
  if (target->desc.dtype == want) return CVK_OK;
  return cvk_fail(CVK_INVALID_ARGUMENT, "trainer: the target is %s, this loss wants %s", cvk_dtype_name(target->desc.dtype),
                  cvk_dtype_name(want));
}

/* Squared errors: the same shape. Classes: the output's without axis 1. */
static cvk_status check_shapes(const cvk_trainer *t, const cvk_tensor_desc *y, const cvk_tensor_desc *target) {
  const int32_t classes = t->options.loss == CVK_LOSS_SOFTMAX_CROSS_ENTROPY;
  char got[CVK_DIMS_TEXT], from[CVK_DIMS_TEXT];
  if (y->dtype != CVK_F32)
    return cvk_fail(CVK_INVALID_ARGUMENT, "trainer: the model's output is %s, wanted float32", cvk_dtype_name(y->dtype));
  if (t->classes_last && y->rank != 2)
    return cvk_fail(CVK_INVALID_SHAPE, "trainer: the model ends with a softmax along its last axis, number %d; the classes are on axis 1",
                    y->rank - 1);
  int32_t fits = y->rank >= 1 + classes && target->rank == y->rank - classes;
  for (int32_t i = 0; i < target->rank && fits; i++) fits = target->dim[i] == y->dim[i + (classes && i > 0)];
  if (fits) return CVK_OK;
  return cvk_fail(CVK_INVALID_SHAPE, "trainer: the target has shape %s, the model's output %s: wanted the same%s",
                  cvk_dims_text(target->rank, target->dim, got), cvk_dims_text(y->rank, y->dim, from), classes ? " without axis 1" : "");
}

cvk_status cvk_trainer_score(const cvk_trainer *t, const cvk_tensor *output, const cvk_tensor *target, int32_t with_loss, cvk_score *s) {
  const float *y = cvk_tensor_host(output);
  const int64_t n = cvk_tensor_count(target);
  cvk_status status = cvk_trainer_check_target(t, target);
  if (status == CVK_OK) status = check_shapes(t, &output->desc, &target->desc);
  if (status != CVK_OK) return status;
  if (t->options.loss == CVK_LOSS_MEAN_SQUARED_ERROR) {
    if (with_loss) s->loss += squared_error(y, cvk_tensor_host(target), n);
    s->count += n;
    return CVK_OK;
  }
  const int64_t *labels = cvk_tensor_host(target), classes = output->desc.dim[1];
  const int64_t stride = cvk_count(output->desc.rank - 2, output->desc.dim + 2);
  for (int64_t i = 0; i < n; i++) {
    const float *row = y + i / stride * classes * stride + i % stride;
    if (t->options.has_ignore && labels[i] == t->options.ignore_index) continue;
    if (labels[i] < 0 || labels[i] >= classes)
      return cvk_fail(CVK_INVALID_ARGUMENT, "trainer: target %lld at position %lld, allowed 0 to %lld", (long long)labels[i], (long long)i,
                      (long long)classes - 1);
    if (with_loss) s->loss += cross_entropy(row, stride, classes, labels[i]);
    s->correct += largest(row, stride, classes) == labels[i];
    s->count++;
  }
  return CVK_OK;
}
