/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c: the built-in backend "reference": each op's plain-C oracle (op_table.h) behind the table that plugins have. Host memory,
 * synchronous, one thread, plain formats only (REORDER: any but private), no post-ops. Last in every list of devices. */
#include <stdlib.h>
#include <string.h>

#include "device_internal.h"
#include "op_table.h"

#define NS_PER_MULTIPLY_ADD 3.0 /* plain C in double; only has to be slower than any backend's claim */
#define NS_PER_CALL 500.0

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};

/* The op as prepared, copied deep. Behind the struct: descs, then the pointers to them. */
struct cvk_kernel {
  const cvk_host *host;
  const cvk_op_def *def;
  cvk_op op;
  cvk_any_attr attr;
  const cvk_tensor_desc *pointer[CVK_MAX_INPUTS + CVK_MAX_OUTPUTS];
  cvk_tensor_desc desc[];
};

/* Stands for the data of a tensor without elements, whose buffer may be NULL like an absent one's. */
static max_align_t no_elements;

/* ---- cost ---- */

static double product(const int64_t *dim, int32_t n) {
  double p = 1;
  for (int32_t i = 0; i < n; i++) p *= (double)dim[i];
  return p;
}

static double elements(const cvk_tensor_desc *d) {
  return d == NULL ? 0 : product(d->dim, d->rank);
}

/* Multiply-adds (or windows cells read) for each element of output 0; 1 for the rest. */
static double work_per_output(const cvk_op *op) {
  const cvk_tensor_desc *a = op->n_in > 0 ? op->in[0] : NULL, *w = op->n_in > 1 ? op->in[1] : NULL;
  switch (op->kind) {
    case CVK_OP_CONV:
    case CVK_OP_CONV_TRANSPOSE:
      return w != NULL && w->rank > 1 ? product(w->dim + 1, w->rank - 1) : 1;
    case CVK_OP_GEMM:
      return a != NULL && a->rank == 2 ? (double)a->dim[((const cvk_gemm_attr *)op->attr)->trans_a ? 0 : 1] : 1;
    case CVK_OP_MATMUL:
      return a != NULL && a->rank > 0 ? (double)a->dim[a->rank - 1] : 1;
    case CVK_OP_MAX_POOL:
    case CVK_OP_AVG_POOL:
    case CVK_OP_LP_POOL:
      return a != NULL && a->rank > 2 ? product(((const cvk_pool_attr *)op->attr)->kernel, a->rank - 2) : 1;
    case CVK_OP_LRN:
      return (double)((const cvk_norm_attr *)op->attr)->size;
    default:
      return 1;
  }
}

static double estimate_ns(const cvk_op *op) {
  double moved = 0;
  for (int32_t i = 0; i < op->n_in; i++) moved += elements(op->in[i]);
  for (int32_t i = 0; i < op->n_out; i++) moved += elements(op->out[i]);
  const double work = op->n_out > 0 ? elements(op->out[0]) * work_per_output(op) : 0;
  return NS_PER_CALL + NS_PER_MULTIPLY_ADD * (work > moved ? work : moved);
}

/* ---- devices ---- */

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  cvk_instance *inst = malloc(sizeof *inst);
  if (inst == NULL) return host->fail(host->ctx, CVK_NO_MEMORY, "reference: no memory for the instance");
  inst->host = host;
  *out = inst;
  return CVK_OK;
}

static void instance_destroy(cvk_instance *inst) {
  free(inst);
}

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  (void)inst;
  (void)index;
  info->type = CVK_DEVICE_REFERENCE;
  info->flags = CVK_DEVICE_HOST_MEMORY;
  info->units = 1;
  info->alignment = 64;
  strcpy(info->id, "reference");
  strcpy(info->name, "plain C reference");
  strcpy(info->driver, "built in");
  strcpy(info->isa, "c");
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  (void)index;
  cvk_backend_device *dev = malloc(sizeof *dev);
  if (dev == NULL) return inst->host->fail(inst->host->ctx, CVK_NO_MEMORY, "reference: no memory for the device");
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}

static void device_close(cvk_backend_device *dev) {
  free(dev);
}

/* ---- ops ---- */

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const cvk_op_def *def = cvk_op_def_find(op->kind);
  (void)dev;
  if (def == NULL || def->reference == NULL || op->n_post != 0 || *n < 1) return CVK_UNSUPPORTED;
  if (op->n_in > CVK_MAX_INPUTS || op->n_out > CVK_MAX_OUTPUTS) return CVK_UNSUPPORTED;
  cvk_candidate *c = candidates[0];
  const uint32_t size = c->struct_size;
  memset(c, 0, sizeof *c); /* every layout is plain */
  c->struct_size = size;
  c->row = "reference";
  c->error_class = CVK_ERROR_DIRECT;
  c->inplace = -1;
  c->estimated_ns = estimate_ns(op);
  if (op->kind == CVK_OP_REORDER) {
    if (op->in[0]->format.layout == CVK_PRIVATE || op->out[0]->format.layout == CVK_PRIVATE) return CVK_UNSUPPORTED;
    c->in[0] = op->in[0]->format;
    c->out[0] = op->out[0]->format;
  }
  *n = 1;
  return CVK_OK;
}

static const cvk_tensor_desc *keep_desc(cvk_tensor_desc *slot, const cvk_tensor_desc *d) {
  if (d == NULL) return NULL;
  *slot = *d;
  return slot;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs,
                          cvk_kernel **out) {
  const cvk_host *host = dev->host;
  const cvk_op_def *def = cvk_op_def_find(op->kind);
  (void)candidate;
  (void)packs;
  if (def == NULL || def->reference == NULL || op->n_post != 0 || op->n_in > CVK_MAX_INPUTS || op->n_out > CVK_MAX_OUTPUTS)
    return host->fail(host->ctx, CVK_UNSUPPORTED, "reference: this op was not offered");
  const size_t n_desc = (size_t)op->n_in + (size_t)op->n_out;
  cvk_kernel *k = calloc(1, sizeof *k + n_desc * sizeof *k->desc);
  if (k == NULL) return host->fail(host->ctx, CVK_NO_MEMORY, "reference: no memory for the kernel");
  k->host = host;
  k->def = def;
  k->op = *op;
  k->op.in = k->pointer;
  k->op.out = k->pointer + op->n_in;
  k->op.post = NULL;
  k->op.attr = NULL;
  for (int32_t i = 0; i < op->n_in; i++) k->pointer[i] = keep_desc(&k->desc[i], op->in[i]);
  for (int32_t i = 0; i < op->n_out; i++) k->pointer[op->n_in + i] = keep_desc(&k->desc[op->n_in + i], op->out[i]);
  if (op->attr != NULL) {
    uint32_t size;
    memcpy(&size, op->attr, sizeof size);
    memcpy(&k->attr, op->attr, size < sizeof k->attr ? size : sizeof k->attr);
    k->op.attr = &k->attr;
  }
  *out = k;
  return CVK_OK;
}

static void *at(const cvk_arg *arg) {
  return arg->buffer == NULL ? NULL : (char *)arg->buffer + arg->offset_bytes;
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  const void *input[CVK_MAX_INPUTS] = {NULL};
  void *output[CVK_MAX_OUTPUTS] = {NULL};
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  for (int32_t i = 0; i < k->op.n_in; i++) {
    const cvk_tensor_desc *d = k->op.in[i];
    if (d == NULL) continue;
    input[i] = in[i].buffer != NULL ? at(&in[i]) : d->format.layout == CVK_PLAIN ? d->const_data : NULL;
    if (input[i] == NULL && cvk_count(d->rank, d->dim) == 0) input[i] = &no_elements;
    if (input[i] == NULL) return k->host->fail(k->host->ctx, CVK_INVALID_ARGUMENT, "reference: an input that is present came without data");
  }
  for (int32_t i = 0; i < k->op.n_out; i++) {
    const cvk_tensor_desc *d = k->op.out[i];
    if (d == NULL) continue;
    output[i] = at(&out[i]);
    if (output[i] == NULL && cvk_count(d->rank, d->dim) == 0) output[i] = &no_elements;
  }
  if (event != NULL) *event = NULL;
  return k->def->reference(&k->op, input, output);
}

static void kernel_free(cvk_kernel *k) {
  free(k);
}

const cvk_backend cvk_reference_backend = {
    .struct_size = sizeof(cvk_backend),
    .abi_major = CVK_ABI_MAJOR,
    .abi_minor = CVK_ABI_MINOR,
    .name = "reference",
    .version = CVK_VERSION_STRING,
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .supports = supports,
    .prepare = prepare,
    .execute = execute,
    .kernel_free = kernel_free,
};
