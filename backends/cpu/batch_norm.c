/* SPDX-License-Identifier: Apache-2.0 */
/* batch_norm: inference, f32, plain or blocked: y = (x - mean) scale / sqrt(var + epsilon) + bias. Inputs: x, scale, bias, mean, var, the
 * last four plain [C]. The mean is taken off first: folding it into the bias would cancel where x is near it. Factors are made per plane
 * from the inputs, so run-time statistics need no other row. Post-ops follow while a piece is in cache. May run in place. */
#include "cpu.h"
#include "post_apply.h"

enum { PIECE = 8192 }; /* floats a task; a multiple of every VL */

typedef struct norm_kernel {
  cpu_kernel base;
  int64_t channels, blocks, plane, planes; /* a plane is one channel or one channel block of one image, in floats */
  int64_t pieces, units, units_per_task;
  int32_t blocked;
  float epsilon;
  double ns;
  cpu_post post;
} norm_kernel;

typedef struct norm_job {
  const norm_kernel *kernel;
  const float *x, *scale, *bias, *mean, *var;
  float *y;
  const void *const *in;
} norm_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  cpu_post post;
  if (!cpu_all_f32(op, why) || !cpu_post_read(op, &post, why)) return 0;
  if (op->in[0]->rank < 2) return cpu_refuse(why, "rank %d has no channel axis", op->in[0]->rank);
  c->in[0] = c->out[0] = cpu_format(variant ? VL : 0);
  c->inplace = 0;
  cvk_tensor_desc d = *op->in[0];
  d.format = c->in[0];
  c->estimated_ns = cpu_ns_memory(device, 2.0 * (double)cvk_desc_bytes(&d), 1);
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_tensor_desc *x = op->in[0];
  norm_kernel *k = cpu_kernel_new(device, sizeof *k);
  cpu_reason why;
  if (!k) return CVK_NO_MEMORY;
  if (!cpu_post_read(op, &k->post, &why)) {
    cpu_free(device, k);
    return cpu_fail(device, CVK_INTERNAL, "batch_norm: %s", why.text);
  }
  CVK_ISA_FN(post_bind)(&k->post);
  k->blocked = x->format.layout == CVK_BLOCKED;
  k->channels = x->dim[1];
  k->blocks = cpu_ceil_div(x->dim[1], k->blocked ? VL : 1);
  k->planes = x->dim[0] * k->blocks;
  k->plane = k->planes > 0 ? (int64_t)(cvk_desc_bytes(x) / sizeof(float)) / k->planes : 0;
  k->pieces = cpu_ceil_div(k->plane, PIECE);
  k->units = k->planes * k->pieces;
  k->units_per_task = cpu_max(1, PIECE / cpu_max(1, k->plane));
  k->epsilon = ((const cvk_norm_attr *)op->attr)->epsilon;
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

VI void normalise(const float *x, float *y, int64_t n, vf mean, vf factor, vf bias) {
  int64_t i = 0;
  for (; i + VL <= n; i += VL) v_store(y + i, v_fma(v_sub(v_load(x + i), mean), factor, bias));
  if (i < n) v_store_n(y + i, v_fma(v_sub(v_load_n(x + i, n - i), mean), factor, bias), n - i);
}

/* The post-ops over n floats of one plane; the lanes past the last channel become zero again. */
static void finish(const norm_job *j, float *y, int64_t n, int64_t lanes) {
  const cpu_post *post = &j->kernel->post;
  const int64_t offset = y - j->y;
  if (post->n > 0)
    CVK_ISA_FN(post_apply)(post, y, n, offset, j->in);
  else if (post->add_input >= 0 || post->clamp)
    CVK_ISA_FN(post_fold)(post, y, n, offset, j->in);
  for (int64_t i = 0; lanes < VL && i < n; i += VL) v_store(y + i, v_first(v_load(y + i), lanes));
}

static void run(void *arg, int64_t index, int32_t worker) {
  const norm_job *j = arg;
  const norm_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->units, (index + 1) * k->units_per_task);
  (void)worker;
  for (int64_t unit = index * k->units_per_task; unit < end; unit++) {
    const int64_t plane = unit / k->pieces, first = unit % k->pieces * PIECE, n = cpu_min(PIECE, k->plane - first);
    const float *x = j->x + plane * k->plane + first;
    float *y = j->y + plane * k->plane + first;
    if (!k->blocked) {
      const int64_t c = plane % k->channels;
      const vf factor = v_div(v_set1(j->scale[c]), v_sqrt(v_set1(j->var[c] + k->epsilon)));
      normalise(x, y, n, v_set1(j->mean[c]), factor, v_set1(j->bias[c]));
      finish(j, y, n, VL);
      continue;
    }
    const int64_t c = plane % k->blocks * VL, lanes = cpu_min(VL, k->channels - c);
    const vm live = v_mask_n(lanes);
    const vf deviation = v_sel(live, v_sqrt(v_add(v_load_n(j->var + c, lanes), v_set1(k->epsilon))), v_set1(1.0f));
    normalise(x, y, n, v_load_n(j->mean + c, lanes), v_div(v_load_n(j->scale + c, lanes), deviation), v_load_n(j->bias + c, lanes));
    finish(j, y, n, lanes);
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const norm_kernel *k = (const norm_kernel *)kernel;
  norm_job job = {k, in[0], in[1], in[2], in[3], in[4], out[0], in};
  (void)workspace;
  cpu_parallel(kernel->device, cpu_ceil_div(k->units, k->units_per_task), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(batch_norm_row) = {.name = CVK_ISA_ROW("batch_norm"),
                                            .kind = CVK_OP_BATCH_NORM,
                                            .variants = 2,
                                            .takes_post = 1,
                                            .accepts = accepts,
                                            .prepare = prepare,
                                            .execute = execute};
