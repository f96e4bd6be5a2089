/* SPDX-License-Identifier: Apache-2.0 */
/* fusion.c: post-ops: what follows an op is applied to its result before that is stored. The op is a Conv of f32 with a kernel of 1, stride 1,
 * no pads and one group, y[m] = b[m] + sum of w[m, c] x[c] at each cell. Its tail may be any chain of up to 8 of Relu, Clip and Add of
 * a tensor. A tail with anything else is refused: the host drops its last op and asks again, down to the bare Conv. */
#include "base.h"

enum { MAX_POST = 8 };

typedef struct post {
  int32_t kind;
  int32_t input;   /* ADD: which of in[] */
  float low, high; /* CLIP */
} post;

struct cvk_kernel {
  const cvk_host *host;
  int64_t images, channels, maps, cells;
  int32_t bias; /* there is one */
  int32_t n_post;
  post post[MAX_POST];
};

/* ---- what is taken ---- */

/* Kernel 1, stride 1, no pads: output cell i is made of input cell i alone. */
static int32_t is_pointwise(const cvk_op *op) {
  const cvk_conv_attr *a = op->attr;
  for (int32_t i = 0; i < op->in[0]->rank - 2; i++) {
    if (a->kernel[i] != 1 || a->stride[i] != 1 || a->pad_begin[i] != 0 || a->pad_end[i] != 0) return 0;
  }
  return a->group == 1;
}

/* [chapter] */
static const char *refuse_post(const cvk_op *op) {
  if (op->n_post > MAX_POST) return "conv_fused: takes up to 8 post-ops";
  for (int32_t i = 0; i < op->n_post; i++) {
    switch (op->post[i]->kind) {
      case CVK_OP_RELU:
      case CVK_OP_CLIP:
      case CVK_OP_ADD: /* its other operand has output 0's shape and format: the host sees to that */
        break;
      default: /* also kinds that came after this plugin was written */
        return "conv_fused: takes relu, clip and add as post-ops";
    }
  }
  return NULL;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (op->kind != CVK_OP_CONV) return CVK_UNSUPPORTED;
  const char *why = refuse_post(op);
  if (!guide_all_f32(op)) why = "conv_fused: takes f32 only";
  if (!is_pointwise(op)) why = "conv_fused: takes kernels of 1 with stride 1, no pads, one group";
  if (why != NULL) return guide_refuse(dev, why);
  guide_candidate(candidates[0], "conv_fused", 0); /* 0: how long it takes is not known */
  *n = 1;
  return CVK_OK;
}
/* [end] */

/* ---- preparing: the attributes are copied, since op is gone after prepare ---- */

static post read_post(const cvk_post_op *p) {
  post made = {.kind = p->kind, .input = p->input};
  if (p->kind == CVK_OP_CLIP) {
    const cvk_unary_attr *a = p->attr;
    made.low = a->alpha;
    made.high = a->beta;
  }
  return made;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  int32_t own = op->n_in; /* inputs of the conv: the operands of its post-ops come last */
  (void)candidate, (void)packs;
  cvk_kernel *k = guide_alloc(dev->host, sizeof *k, "a kernel");
  if (k == NULL) return CVK_NO_MEMORY;
  *k = (cvk_kernel){.host = dev->host, .images = x->dim[0], .channels = x->dim[1], .maps = op->out[0]->dim[1], .n_post = op->n_post};
  k->cells = cvk_count(x->rank - 2, x->dim + 2);
  for (int32_t i = 0; i < op->n_post; i++) {
    k->post[i] = read_post(op->post[i]);
    if (k->post[i].input >= 0 && k->post[i].input < own) own = k->post[i].input;
  }
  k->bias = own > 2 && op->in[2] != NULL;
  *out = k;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { k->host->free(k->host->ctx, k); }

/* ---- running ---- */

/* [chapter] */
/* All post-ops in their order on one element, the i-th of the output. NaN passes: no comparison with it is true. */
static float apply_post(const cvk_kernel *k, const cvk_arg *in, int64_t i, float v) {
  for (int32_t p = 0; p < k->n_post; p++) {
    const post *o = &k->post[p];
    if (o->kind == CVK_OP_RELU) {
      if (v < 0) v = 0;
    } else if (o->kind == CVK_OP_CLIP) {
      if (v < o->low) v = o->low;
      if (v > o->high) v = o->high;
    } else {
      v += guide_floats(&in[o->input])[i];
    }
  }
  return v;
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const float *x = guide_floats(&in[0]), *w = guide_floats(&in[1]), *bias = k->bias ? guide_floats(&in[2]) : NULL;
  float *y = guide_floats(&out[0]);
  int64_t i = 0;
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  for (int64_t image = 0; image < k->images; image++, x += k->channels * k->cells) {
    for (int64_t m = 0; m < k->maps; m++) {
      for (int64_t cell = 0; cell < k->cells; cell++, i++) {
        double sum = bias != NULL ? bias[m] : 0; /* in double: a long sum of floats would leave the bound of CVK_ERROR_DIRECT */
        for (int64_t c = 0; c < k->channels; c++) sum += (double)w[m * k->channels + c] * x[c * k->cells + cell];
        y[i] = apply_post(k, in, i, (float)sum);
      }
    }
  }
  if (event != NULL) *event = NULL;
  return CVK_OK;
}
/* [end] */

static const guide_record guide_device = {"fusion", "guide: post-ops", CVK_DEVICE_HOST_MEMORY};
static const cvk_backend guide_backend = {GUIDE_REQUIRED("fusion")};
