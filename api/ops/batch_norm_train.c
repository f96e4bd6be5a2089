/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm_train.c: BATCH_NORM_TRAIN, ONNX BatchNormalization with training_mode, and its gradient (Ioffe and Szegedy, 2015). Statistics of
 * a channel run over the batch and all cells; the variance is the biased one, also in the running variance, as ONNX has it. With mean
 * m, deviation d = sqrt(var + epsilon), n cells and h = (x - m) / d:
 *   gbias = sum gy   gscale = sum gy h   gx = scale / d (gy - gbias / n - h gscale / n) */
#include <math.h>

#include "element.h"
#include "ops_internal.h"
#include "train/gradient.h"

enum { X, SCALE, BIAS, MEAN, VAR };
enum { Y, NEW_MEAN, NEW_VAR, BATCH_MEAN, BATCH_VAR };

void cvk_defaults_batch_norm_train(int32_t kind, cvk_any_attr *a) {
  (void)kind;
  a->norm.epsilon = 1e-5f;
  a->norm.alpha = 0.9f;
}

static const int32_t floats[] = {CVK_F32, CVK_F64};

static cvk_status check_channels(const cvk_op_call *call, int32_t i, const char *name) {
  const cvk_tensor_desc *x = call->in[0], *d = call->in[i];
  char text[CVK_DIMS_TEXT];
  if (d->rank != 1 || d->dim[0] != x->dim[1])
    return cvk_fail(CVK_INVALID_SHAPE, "%s: %s has shape %s, wanted [%lld], one for each channel", call->def->name, name,
                    cvk_dims_text(d->rank, d->dim, text), (long long)x->dim[1]);
  return cvk_require_dtype(call, i, 1, &x->dtype);
}

cvk_status cvk_infer_batch_norm_train(cvk_op_call *call) {
  static const char *const names[] = {"x", "scale", "bias", "mean", "var"};
  const cvk_tensor_desc *x = call->in[X];
  const int32_t running = call->n_in > VAR && call->in[MEAN] && call->in[VAR];
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "batch_norm_train: input has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  if (!running && call->n_in > MEAN && (call->in[MEAN] || (call->n_in > VAR && call->in[VAR])))
    return cvk_fail(CVK_INVALID_ARGUMENT, "batch_norm_train: one of the running mean and var is given, the other is not");
  cvk_status s = cvk_require_dtype(call, 0, 2, floats);
  for (int32_t i = 1; i < (running ? 5 : 3) && s == CVK_OK; i++) s = check_channels(call, i, names[i]);
  if (s == CVK_OK) s = cvk_desc_set(&call->out[Y], "batch_norm_train: output", x->dtype, x->rank, x->dim);
  for (int32_t i = 1; i < call->n_out && s == CVK_OK; i++) s = cvk_desc_set(&call->out[i], "batch_norm_train: statistics", x->dtype, 1, x->dim + 1);
  return s;
}

typedef struct channel {
  const cvk_tensor_desc *x;
  int64_t c, cells;
} channel;

static void mean_and_var(const channel *ch, const void *x, double *mean, double *var) {
  const int64_t n = ch->x->dim[0] * ch->cells;
  double v[CVK_RUN], sum = 0, square = 0;
  for (int32_t pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < ch->x->dim[0]; i++) {
      for (int64_t done = 0; done < ch->cells; done += CVK_RUN) {
        const int64_t run = ch->cells - done < CVK_RUN ? ch->cells - done : CVK_RUN;
        cvk_load_reals(ch->x->dtype, x, (i * ch->x->dim[1] + ch->c) * ch->cells + done, 1, run, v);
        for (int64_t j = 0; j < run; j++) {
          if (pass == 0) sum += v[j];
          else square += (v[j] - *mean) * (v[j] - *mean);
        }
      }
    }
    if (pass == 0) *mean = sum / (double)n;
  }
  *var = square / (double)n;
}

static void normalise(const channel *ch, const void *x, void *y, double factor, double mean, double bias) {
  double v[CVK_RUN];
  for (int64_t i = 0; i < ch->x->dim[0]; i++) {
    for (int64_t done = 0; done < ch->cells; done += CVK_RUN) {
      const int64_t run = ch->cells - done < CVK_RUN ? ch->cells - done : CVK_RUN, at = (i * ch->x->dim[1] + ch->c) * ch->cells + done;
      cvk_load_reals(ch->x->dtype, x, at, 1, run, v);
      for (int64_t j = 0; j < run; j++) v[j] = (v[j] - mean) * factor + bias;
      cvk_store_reals(ch->x->dtype, y, at, 1, run, v);
    }
  }
}

static void put(const cvk_op *op, void *const *out, int32_t i, int64_t c, double v) {
  if (i < op->n_out && out[i]) cvk_store_real(op->in[0]->dtype, out[i], c, v);
}

cvk_status cvk_ref_batch_norm_train(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_norm_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[X];
  const int32_t running = op->n_in > VAR && op->in[MEAN];
  const double keep = running ? (double)a->alpha : 0;
  for (int64_t c = 0; c < x->dim[1]; c++) {
    const channel ch = {x, c, cvk_count(x->rank - 2, x->dim + 2)};
    double mean, var;
    mean_and_var(&ch, in[X], &mean, &var);
    const double old_mean = running ? cvk_load_real(x->dtype, in[MEAN], c) : 0, old_var = running ? cvk_load_real(x->dtype, in[VAR], c) : 0;
    if (out[Y]) {
      normalise(&ch, in[X], out[Y], cvk_load_real(x->dtype, in[SCALE], c) / sqrt(var + (double)a->epsilon), mean,
                cvk_load_real(x->dtype, in[BIAS], c));
    }
    put(op, out, NEW_MEAN, c, keep * old_mean + (1 - keep) * mean);
    put(op, out, NEW_VAR, c, keep * old_var + (1 - keep) * var);
    put(op, out, BATCH_MEAN, c, mean);
    put(op, out, BATCH_VAR, c, var);
  }
  return CVK_OK;
}

cvk_status cvk_infer_batch_norm_grad(cvk_op_call *call) {
  static const char *const names[] = {"x", "scale", "batch mean", "batch var"};
  const cvk_tensor_desc *x = call->in[0], *gy = call->in[4];
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  if (x->rank < 2) return cvk_fail(CVK_INVALID_SHAPE, "batch_norm_grad: input has rank %d, allowed 2 to %d", x->rank, CVK_MAX_RANK);
  cvk_status s = cvk_require_dtype(call, 0, 2, floats);
  for (int32_t i = 1; i < 4 && s == CVK_OK; i++) s = check_channels(call, i, names[i]);
  if (s == CVK_OK) s = cvk_require_dtype(call, 4, 1, &x->dtype);
  if (s != CVK_OK) return s;
  if (!cvk_same_shape(gy, x))
    return cvk_fail(CVK_INVALID_SHAPE, "batch_norm_grad: gy has shape %s, x has %s", cvk_dims_text(gy->rank, gy->dim, got),
                    cvk_dims_text(x->rank, x->dim, want));
  s = cvk_desc_set(&call->out[0], "batch_norm_grad: gx", x->dtype, x->rank, x->dim);
  for (int32_t i = 1; i < call->n_out && s == CVK_OK; i++) s = cvk_desc_set(&call->out[i], "batch_norm_grad: gscale", x->dtype, 1, x->dim + 1);
  return s;
}

cvk_status cvk_ref_batch_norm_grad(const cvk_op *op, const void *const *in, void *const *out) {
  const cvk_tensor_desc *x = op->in[0];
  const double epsilon = (double)((const cvk_norm_attr *)op->attr)->epsilon;
  const int64_t cells = cvk_count(x->rank - 2, x->dim + 2);
  const double n = (double)x->dim[0] * (double)cells;
  for (int64_t c = 0; c < x->dim[1]; c++) {
    const double scale = cvk_load_real(x->dtype, in[1], c), mean = cvk_load_real(x->dtype, in[2], c);
    const double d = sqrt(cvk_load_real(x->dtype, in[3], c) + epsilon);
    double gbias = 0, gscale = 0;
    for (int32_t pass = 0; pass < 2; pass++) {
      for (int64_t i = 0; i < x->dim[0]; i++) {
        for (int64_t done = 0; done < cells; done += CVK_RUN) {
          const int64_t run = cells - done < CVK_RUN ? cells - done : CVK_RUN, at = (i * x->dim[1] + c) * cells + done;
          double v[CVK_RUN], g[CVK_RUN];
          cvk_load_reals(x->dtype, in[0], at, 1, run, v);
          cvk_load_reals(x->dtype, in[4], at, 1, run, g);
          for (int64_t j = 0; j < run; j++) {
            const double h = (v[j] - mean) / d;
            if (pass == 0) {
              gbias += g[j];
              gscale += g[j] * h;
            } else {
              v[j] = scale / d * (g[j] - gbias / n - h * gscale / n);
            }
          }
          if (pass == 1 && out[0]) cvk_store_reals(x->dtype, out[0], at, 1, run, v);
        }
      }
    }
    put(op, out, 1, c, gscale);
    put(op, out, 2, c, gbias);
  }
  return CVK_OK;
}

cvk_status cvk_grad_batch_norm_train(cvk_gradient *c) {
  if (c->n_out <= BATCH_VAR || c->gy[Y] == CVK_NO_VALUE)
    return cvk_fail(CVK_UNSUPPORTED, "batch_norm_train has a gradient in y alone, and needs outputs 3 and 4, the statistics of the batch, for it");
  const cvk_value in[5] = {c->x[X], c->x[SCALE], c->y[BATCH_MEAN], c->y[BATCH_VAR], c->gy[Y]};
  cvk_value out[3];
  cvk_grad_op_all(c, CVK_OP_BATCH_NORM_GRAD, c->attr, 5, in, 3, out);
  for (int32_t i = 0; i < 3; i++) c->gx[i] = out[i];
  return c->status;
}
