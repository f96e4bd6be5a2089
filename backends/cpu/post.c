/* SPDX-License-Identifier: Apache-2.0 */
/* post.c: reads a chain of post-ops and folds it where it can (post.h). Built for the baseline. */
#include "post.h"

#include <math.h>

static int32_t is_activation(int32_t kind) {
  return kind >= CVK_OP_RELU && kind <= CVK_OP_THRESHOLDED_RELU && kind != CVK_OP_PRELU;
}

int32_t cpu_post_read(const cvk_op *op, cpu_post *post, cpu_reason *why) {
  *post = (cpu_post){.add_input = -1, .lo = -INFINITY, .hi = INFINITY};
  if (op->n_post > CPU_MAX_POST) return cpu_refuse(why, "%d post-ops, at most %d are taken", op->n_post, CPU_MAX_POST);
  int32_t folds = 1;
  for (int32_t i = 0; i < op->n_post; i++) {
    const cvk_post_op *p = op->post[i];
    const cvk_unary_attr *attr = p->attr;
    cpu_post_step s = {.kind = p->kind, .input = p->input, .alpha = attr ? attr->alpha : 0, .beta = attr ? attr->beta : 0};
    if (p->kind == CVK_OP_ADD) {
      if (p->input < 0 || p->input >= op->n_in || !op->in[p->input])
        return cpu_refuse(why, "post-op %d adds input %d, which is absent", i, p->input);
      const cvk_tensor_desc *a = op->in[p->input], *y = op->out[0];
      for (int32_t d = 0; d < y->rank; d++)
        if (a->rank != y->rank || a->dim[d] != y->dim[d]) return cpu_refuse(why, "post-op %d adds a tensor of another shape", i);
      if (i == 0)
        post->add_input = p->input;
      else
        folds = 0;
    } else if (p->kind == CVK_OP_RELU || p->kind == CVK_OP_CLIP) {
      const float lo = p->kind == CVK_OP_RELU ? 0 : s.alpha, hi = p->kind == CVK_OP_RELU ? INFINITY : s.beta;
      if (!(lo <= hi)) folds = 0;
      post->clamp = 1;
      post->lo = fminf(fmaxf(post->lo, lo), hi); /* clamping twice is clamping once to the clamped limits */
      post->hi = fminf(fmaxf(post->hi, lo), hi);
    } else if (is_activation(p->kind)) {
      folds = 0;
    } else {
      return cpu_refuse(why, "post-op %d has kind %d, which is not taken", i, p->kind);
    }
    post->step[i] = s;
  }
  if (folds) return 1;
  post->n = op->n_post;
  post->add_input = -1;
  post->clamp = 0;
  return 1;
}
