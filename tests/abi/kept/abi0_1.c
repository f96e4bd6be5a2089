/* SPDX-License-Identifier: Apache-2.0 */
/* abi0_1.c: the plugin that is kept as a binary for ABI 0.1: relu and add of f32, and 2-D conv with packed weights and a workspace. It
 * touches each struct that such a plugin gets or fills. Never changed once 0.1 is released: README.md. */
#include <convoke/plugin.h>
#include <stdio.h>
#include <string.h>

#define NAME "abi0_1"
#define CHUNK 4096 /* elements of one task of relu and add */
#define PACK 1     /* the one pack format: group, channel, kernel cell, filter */

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};
struct cvk_pack {
  const cvk_host *host;
  float value[];
};

typedef struct shape2 { /* of a conv; m and c are of one group */
  int64_t n, groups, c, m, in[2], out[2], kernel[2], stride[2], dilation[2], pad[2];
} shape2;

struct cvk_kernel {
  const cvk_host *host;
  int32_t kind;
  int64_t count; /* relu, add */
  shape2 s;      /* conv */
  int32_t has_bias;
  const cvk_pack *pack;
};

/* ---- host, instance, device ---- */

static void *make(const cvk_host *host, uint64_t bytes) {
  char text[80];
  void *p = host->alloc(host->ctx, bytes, 8);
  if (p != NULL) return p;
  snprintf(text, sizeof text, NAME ": no memory for %llu bytes", (unsigned long long)bytes);
  host->fail(host->ctx, CVK_NO_MEMORY, text);
  return NULL;
}

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  if (host->option(host->ctx, "abi0_1_fails") != NULL) return host->fail(host->ctx, CVK_NO_DEVICE, NAME ": asked to fail");
  if (CVK_HAS(host, extension) && host->extension(host->ctx, "abi0_1.none/1") != NULL)
    return host->fail(host->ctx, CVK_INTERNAL, NAME ": an extension that nobody has");
  cvk_instance *inst = make(host, sizeof *inst);
  if (inst == NULL) return CVK_NO_MEMORY;
  inst->host = host;
  *out = inst;
  return CVK_OK;
}
static void instance_destroy(cvk_instance *inst) { inst->host->free(inst->host->ctx, inst); }

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

static cvk_status check_index(const cvk_host *host, int32_t index) {
  char text[80];
  if (index == 0) return CVK_OK;
  snprintf(text, sizeof text, NAME ": device %d asked for, there is only device 0", (int)index);
  return host->fail(host->ctx, CVK_NO_DEVICE, text);
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (check_index(inst->host, index) != CVK_OK) return CVK_NO_DEVICE;
  info->type = CVK_DEVICE_ACCELERATOR;
  info->flags = CVK_DEVICE_HOST_MEMORY;
  info->units = inst->host->workers(inst->host->ctx);
  strcpy(info->id, NAME);
  strcpy(info->name, "kept plugin of ABI 0.1");
  strcpy(info->driver, "none");
  info->memory_bytes = 1u << 30;
  info->alignment = sizeof(float);
  strcpy(info->isa, "x86-64");
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (check_index(inst->host, index) != CVK_OK) return CVK_NO_DEVICE;
  cvk_backend_device *dev = make(inst->host, sizeof *dev);
  if (dev == NULL) return CVK_NO_MEMORY;
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { dev->host->free(dev->host->ctx, dev); }

/* ---- what it takes ---- */

static int plain_f32(const cvk_tensor_desc *d) {
  return d->dtype == CVK_F32 && d->format.layout == CVK_PLAIN && (!CVK_HAS(d, quant) || d->quant == NULL);
}

static shape2 conv_shape(const cvk_op *op) {
  const cvk_conv_attr *a = op->attr;
  const cvk_tensor_desc *x = op->in[0], *w = op->in[1], *y = op->out[0];
  shape2 s = {.n = x->dim[0], .groups = a->group, .c = w->dim[1], .m = w->dim[0] / a->group};
  for (int i = 0; i < 2; i++) {
    s.in[i] = x->dim[2 + i], s.out[i] = y->dim[2 + i];
    s.kernel[i] = a->kernel[i], s.stride[i] = a->stride[i], s.dilation[i] = a->dilation[i], s.pad[i] = a->pad_begin[i];
  }
  return s;
}

static const char *conv_refusal(const cvk_op *op, cvk_candidate *c) {
  if (op->in[0]->rank != 4) return "not two spatial axes";
  if (op->in[1]->const_data == NULL) return "weights that are no constant";
  const shape2 s = conv_shape(op);
  const int64_t sums = cvk_count(4, (int64_t[]){s.n, s.out[0], s.groups, s.m});
  if (sums < 0 || sums > INT64_MAX / 8) return "a workspace of more than 2^63-1 bytes";
  c->row = "conv_abi0_1";
  c->pack[1] = PACK;
  c->workspace_bytes = (uint64_t)sums * sizeof(double);
  c->workspace_alignment = sizeof(double);
  c->inplace = -1;
  return NULL;
}

static const char *refusal(const cvk_op *op, cvk_candidate *c) {
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] != NULL && !plain_f32(op->in[i])) return "an input is not plain f32";
  if (op->n_post != 0) return "takes no post-ops";
  if (op->kind == CVK_OP_CONV) return conv_refusal(op, c);
  c->row = op->kind == CVK_OP_RELU ? "relu_abi0_1" : "add_abi0_1";
  c->inplace = 0;
  if (op->kind == CVK_OP_RELU) return NULL;
  if (op->in[0]->rank != op->in[1]->rank) return "broadcasts";
  return memcmp(op->in[0]->dim, op->in[1]->dim, sizeof op->in[0]->dim) != 0 ? "broadcasts" : NULL;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  char text[120];
  if (op->kind != CVK_OP_RELU && op->kind != CVK_OP_ADD && op->kind != CVK_OP_CONV) return CVK_UNSUPPORTED;
  const char *why = refusal(op, candidates[0]);
  if (why != NULL) {
    snprintf(text, sizeof text, NAME ": op kind %d: %s", (int)op->kind, why);
    dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, text);
    return CVK_UNSUPPORTED;
  }
  candidates[0]->error_class = CVK_ERROR_DIRECT;
  candidates[0]->estimated_ns = 1000;
  candidates[0]->backend_data[3] = 0x0abcdef012345678u;
  *n = 1;
  return CVK_OK;
}

/* ---- packs ---- */

static cvk_status pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out) {
  const shape2 s = conv_shape(op);
  const int64_t cells = s.c * s.kernel[0] * s.kernel[1];
  const float *w = op->in[1]->const_data;
  if (input != 1 || candidate->pack[1] != PACK) return dev->host->fail(dev->host->ctx, CVK_INVALID_ARGUMENT, NAME ": only weights are packed");
  cvk_pack *pack = make(dev->host, sizeof *pack + (uint64_t)(s.groups * s.m * cells) * sizeof(float));
  if (pack == NULL) return CVK_NO_MEMORY;
  pack->host = dev->host;
  for (int64_t g = 0; g < s.groups; g++)
    for (int64_t m = 0; m < s.m; m++)
      for (int64_t k = 0; k < cells; k++) pack->value[(g * cells + k) * s.m + m] = w[(g * s.m + m) * cells + k];
  *out = pack;
  return CVK_OK;
}
static void pack_free(cvk_pack *pack) { pack->host->free(pack->host->ctx, pack); }

/* ---- kernels ---- */

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  if (candidate->backend_data[3] != 0x0abcdef012345678u)
    return dev->host->fail(dev->host->ctx, CVK_INVALID_ARGUMENT, NAME ": the candidate lost its backend_data");
  cvk_kernel *kernel = make(dev->host, sizeof *kernel);
  if (kernel == NULL) return CVK_NO_MEMORY;
  memset(kernel, 0, sizeof *kernel);
  kernel->host = dev->host;
  kernel->kind = op->kind;
  kernel->count = cvk_count(op->out[0]->rank, op->out[0]->dim);
  if (op->kind == CVK_OP_CONV) {
    kernel->s = conv_shape(op);
    kernel->has_bias = op->n_in > 2 && op->in[2] != NULL;
    kernel->pack = packs[1];
  }
  *out = kernel;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *kernel) { kernel->host->free(kernel->host->ctx, kernel); }

typedef struct job {
  const cvk_kernel *kernel;
  const float *in[3];
  float *y;
  double *sums;
} job;

static void run_chunk(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const int64_t begin = index * CHUNK, left = j->kernel->count - begin, end = begin + (left < CHUNK ? left : CHUNK);
  (void)worker;
  if (j->kernel->kind == CVK_OP_RELU)
    for (int64_t i = begin; i < end; i++) j->y[i] = j->in[0][i] < 0 ? 0 : j->in[0][i];
  else
    for (int64_t i = begin; i < end; i++) j->y[i] = j->in[0][i] + j->in[1][i];
}

/* Adds one input value times the weights of its cell to the sums of its group's filters. */
static void add_cell(double *sums, float x, const float *w, int64_t m) {
  for (int64_t i = 0; i < m; i++) sums[i] += (double)x * (double)w[i];
}

/* The sums of one output cell and group; cells of the pad are left out. */
static void sum_window(const job *j, double *sums, int64_t n, int64_t g, int64_t row, int64_t column) {
  const shape2 *s = &j->kernel->s;
  const int64_t cells = s->kernel[0] * s->kernel[1];
  for (int64_t c = 0; c < s->c; c++) {
    const float *x = j->in[0] + ((n * s->groups + g) * s->c + c) * s->in[0] * s->in[1];
    for (int64_t k = 0; k < cells; k++) {
      const int64_t y = row * s->stride[0] - s->pad[0] + k / s->kernel[1] * s->dilation[0];
      const int64_t z = column * s->stride[1] - s->pad[1] + k % s->kernel[1] * s->dilation[1];
      if (y < 0 || y >= s->in[0] || z < 0 || z >= s->in[1]) continue;
      add_cell(sums, x[y * s->in[1] + z], j->kernel->pack->value + ((g * s->c + c) * cells + k) * s->m, s->m);
    }
  }
}

/* One row of the output, all its channels, with a part of the workspace of its own. */
static void run_row(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const shape2 *s = &j->kernel->s;
  const int64_t filters = s->groups * s->m, n = index / s->out[0], row = index % s->out[0];
  double *sums = j->sums + index * filters;
  (void)worker;
  for (int64_t column = 0; column < s->out[1]; column++) {
    for (int64_t f = 0; f < filters; f++) sums[f] = j->kernel->has_bias ? (double)j->in[2][f] : 0;
    for (int64_t g = 0; g < s->groups; g++) sum_window(j, sums + g * s->m, n, g, row, column);
    for (int64_t f = 0; f < filters; f++) j->y[((n * filters + f) * s->out[0] + row) * s->out[1] + column] = (float)sums[f];
  }
}

static void *pointer(const cvk_arg *arg) { return arg->buffer != NULL ? (char *)arg->buffer + arg->offset_bytes : NULL; }

static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const cvk_host *host = kernel->host;
  const int conv = kernel->kind == CVK_OP_CONV;
  job j = {.kernel = kernel, .y = pointer(out), .sums = pointer(workspace)};
  (void)queue, (void)wait, (void)n_wait;
  for (int i = 0; i < (kernel->kind == CVK_OP_RELU ? 1 : conv && kernel->has_bias ? 3 : 2); i++) j.in[i] = pointer(&in[i]);
  if (conv) host->parallel_for(host->ctx, kernel->count == 0 ? 0 : kernel->s.n * kernel->s.out[0], run_row, &j);
  else host->parallel_for(host->ctx, (kernel->count + CHUNK - 1) / CHUNK, run_chunk, &j);
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static const void *extension(cvk_instance *inst, const char *name) {
  (void)inst, (void)name;
  return NULL;
}

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = NAME, .version = "0.1",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free, .pack_create = pack_create, .pack_free = pack_free, .extension = extension,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  if (!CVK_HAS(host, log)) return CVK_INTERNAL;
  host->log(host->ctx, CVK_LOG_INFO, NAME ": entry");
  *out = &backend;
  return CVK_OK;
}
