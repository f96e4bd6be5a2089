/* SPDX-License-Identifier: Apache-2.0 */
/* private.c: a backend whose tensors are in a layout of its own, number 1: HEAD floats of a mark, then the elements in order. ADD (f32, equal shapes)
 * and UNARY (RELU or NEG) run in it alone. A tensor without the mark ends the run with INTERNAL: another backend of this file, with another HEAD,
 * wrote it. With OWN_MEMORY the device has memory of its own. */
#define NAME PRIVATE_NAME
#include "base.h"
#ifdef OWN_MEMORY
#include "own_memory.h"
#define POINTER(ARG) ((ARG)->buffer ? ((cvk_buffer *)(ARG)->buffer)->memory : NULL)
#else
#define POINTER(ARG) ((char *)(ARG)->buffer)
#endif

typedef struct private_kernel { /* behind cvk_kernel */
  cvk_kernel base;
  int32_t kind, n_in, from_private, to_private;
} private_kernel;

static const cvk_format layout = {CVK_PRIVATE, 0, 1};

static int32_t is_private(const cvk_format *f) { return f->layout == CVK_PRIVATE && f->private_layout == 1; }

static uint64_t tensor_bytes(cvk_backend_device *dev, const cvk_tensor_desc *desc) {
  (void)dev;
  if (!is_private(&desc->format)) return UINT64_MAX;
  return (uint64_t)(cvk_count(desc->rank, desc->dim) + HEAD) * sizeof(float);
}

static int32_t offered(const cvk_op *op) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  if (x->dtype != CVK_F32 || op->n_post != 0) return 0;
  if (op->kind == CVK_OP_REORDER)
    return (is_private(&x->format) && y->format.layout == CVK_PLAIN) || (is_private(&y->format) && x->format.layout == CVK_PLAIN);
  if (op->kind == CVK_OP_ADD) return x->rank == op->in[1]->rank && memcmp(x->dim, op->in[1]->dim, sizeof x->dim) == 0;
  return op->kind == UNARY;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (!offered(op)) return dev->host->fail(dev->host->ctx, CVK_UNSUPPORTED, NAME ": not this one");
  cvk_candidate *c = candidates[0];
  const uint32_t size = c->struct_size;
  memset(c, 0, sizeof *c);
  c->struct_size = size;
  c->row = "private";
  c->estimated_ns = 1;
  c->inplace = op->kind == CVK_OP_REORDER ? -1 : 0;
  for (int32_t i = 0; i < 2; i++) c->in[i] = layout;
  c->out[0] = layout;
  if (op->kind == CVK_OP_REORDER) {
    c->in[0] = op->in[0]->format;
    c->out[0] = op->out[0]->format;
  }
  *n = 1;
  return CVK_OK;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  (void)dev, (void)candidate, (void)packs;
  private_kernel *k = calloc(1, sizeof *k);
  if (k == NULL) return CVK_NO_MEMORY;
  k->base.count = cvk_count(op->out[0]->rank, op->out[0]->dim);
  k->kind = op->kind;
  k->n_in = op->n_in;
  k->from_private = is_private(&op->in[0]->format);
  k->to_private = is_private(&op->out[0]->format);
  *out = &k->base;
  return CVK_OK;
}

static float apply(int32_t kind, float a, float b) {
  if (kind == CVK_OP_ADD) return a + b;
  if (kind == CVK_OP_RELU) return a < 0 ? 0 : a;
  return kind == CVK_OP_NEG ? -a : a;
}

static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const private_kernel *k = (const private_kernel *)kernel;
  const float mark = HEAD + 0.5f;
  const float *x[2] = {NULL, NULL};
  float *y = (float *)(POINTER(&out[0]) + out[0].offset_bytes);
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  for (int32_t i = 0; i < k->n_in; i++) {
    x[i] = (const float *)(POINTER(&in[i]) + in[i].offset_bytes);
    for (int32_t h = 0; k->from_private && h < HEAD; h++)
      if (*x[i]++ != mark) return CVK_INTERNAL;
  }
  for (int32_t h = 0; k->to_private && h < HEAD; h++) *y++ = mark;
  for (int64_t i = 0; i < kernel->count; i++) y[i] = apply(k->kind, x[0][i], x[1] ? x[1][i] : 0);
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static void kernel_free(cvk_kernel *kernel) { free(kernel); }

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  static cvk_backend table = BASE_TABLE;
  (void)host;
  table.supports = supports;
  table.prepare = prepare;
  table.execute = execute;
  table.kernel_free = kernel_free;
  table.tensor_bytes = tensor_bytes;
#ifdef OWN_MEMORY
  own_memory(&table);
#endif
  *out = &table;
  return CVK_OK;
}
