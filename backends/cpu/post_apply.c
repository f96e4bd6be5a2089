/* SPDX-License-Identifier: Apache-2.0 */
/* post_apply.c: see post_apply.h. */
#include "post_apply.h"

#include "activation.h"

void CVK_ISA_FN(post_bind)(cpu_post *post) {
  for (int32_t i = 0; i < post->n; i++)
    if (post->step[i].kind != CVK_OP_ADD) post->step[i].span = CVK_ISA_FN(activation_span)(post->step[i].kind, post->step[i].alpha);
}

static void add(float *y, const float *a, int64_t n) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_add(v_load(y + i), v_load(a + i)));
  if (i < n) v_store_n(y + i, v_add(v_load_n(y + i, n - i), v_load_n(a + i, n - i)), n - i);
}

static void clamp(float *y, float lo, float hi, int64_t n) {
  const vf vlo = v_set1(lo), vhi = v_set1(hi);
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_clamp(v_load(y + i), vlo, vhi));
  if (i < n) v_store_n(y + i, v_clamp(v_load_n(y + i, n - i), vlo, vhi), n - i);
}

void CVK_ISA_FN(post_apply)(const cpu_post *post, float *y, int64_t n, int64_t offset, const void *const *in) {
  for (int32_t i = 0; i < post->n; i++) {
    const cpu_post_step *s = &post->step[i];
    if (s->kind == CVK_OP_ADD)
      add(y, (const float *)in[s->input] + offset, n);
    else
      s->span(y, y, n, s->alpha, s->beta);
  }
}

void CVK_ISA_FN(post_fold)(const cpu_post *post, float *y, int64_t n, int64_t offset, const void *const *in) {
  if (post->add_input >= 0) add(y, (const float *)in[post->add_input] + offset, n);
  if (post->clamp) clamp(y, post->lo, post->hi, n);
}
