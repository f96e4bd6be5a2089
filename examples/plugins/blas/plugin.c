/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: the backend "blas": CONV, GEMM and MATMUL of f32 through OpenBLAS, in host memory, plain layout, on the host's threads. A kernel is
 * a grid of tiles (blas.h), dealt out to lanes; each lane has its slice of the workspace. */
#include <cblas.h>
#include <stdio.h>
#include <string.h>

#include "blas.h"

/* OpenBLAS has 50 buffers for calls under way, and goes wrong where more are wanted: this many threads call it, whatever the machine has. */
#define MAX_LANES 16

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};
struct cvk_kernel {
  const cvk_host *host;
  int32_t kind;
  int32_t finite; /* CONV: the weights have no infinity or NaN; -1: given at run time */
  int32_t n_in;
  int64_t lanes, n_weights;
  conv conv;
  product product;
};

static void *make(const cvk_host *host, uint64_t bytes) {
  void *p = host->alloc(host->ctx, bytes, 64);
  char why[80];
  snprintf(why, sizeof why, "blas: no memory for %llu bytes", (unsigned long long)bytes);
  if (p == NULL) host->fail(host->ctx, CVK_NO_MEMORY, why);
  else memset(p, 0, bytes);
  return p;
}

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  if (openblas_get_parallel() != OPENBLAS_SEQUENTIAL)
    return host->fail(host->ctx, CVK_NO_DEVICE, "blas: this libopenblas.so.0 has threads of its own; choose that of libopenblas0-serial");
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

static cvk_status no_such_device(cvk_instance *inst) {
  return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, "blas: the only device is number 0");
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (index != 0) return no_such_device(inst);
  info->type = CVK_DEVICE_CPU;
  info->flags = CVK_DEVICE_HOST_MEMORY;
  info->units = inst->host->workers(inst->host->ctx);
  info->alignment = sizeof(float);
  snprintf(info->id, sizeof info->id, "blas");
  snprintf(info->name, sizeof info->name, "OpenBLAS");
  snprintf(info->driver, sizeof info->driver, "%s", openblas_get_config());
  snprintf(info->isa, sizeof info->isa, "%s", openblas_get_corename());
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0) return no_such_device(inst);
  cvk_backend_device *dev = make(inst->host, sizeof *dev);
  if (dev == NULL) return CVK_NO_MEMORY;
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { dev->host->free(dev->host->ctx, dev); }

static const grid *grid_of(const cvk_kernel *k) { return k->kind == CVK_OP_CONV ? &k->conv.grid : &k->product.grid; }

/* NULL, or why the op is not taken. */
static const char *read_op(const cvk_op *op, cvk_kernel *k) {
  k->kind = op->kind;
  k->n_in = op->n_in;
  if (op->n_post != 0) return "blas: takes no post-ops";
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] != NULL && op->in[i]->dtype != CVK_F32) return "blas: takes f32 only";
  if (op->out[0] == NULL) return "blas: the output is not wanted";
  if (op->kind == CVK_OP_CONV) return conv_read(op, &k->conv);
  return op->kind == CVK_OP_GEMM ? gemm_read(op, &k->product) : matmul_read(op, &k->product);
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  cvk_candidate *c = candidates[0];
  cvk_kernel k = {0};
  if (op->kind != CVK_OP_CONV && op->kind != CVK_OP_GEMM && op->kind != CVK_OP_MATMUL) return CVK_UNSUPPORTED;
  const char *why = read_op(op, &k);
  if (why != NULL) {
    dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, why);
    return CVK_UNSUPPORTED;
  }
  const grid *g = grid_of(&k);
  const int64_t tiles = grid_tiles(g), lanes = min64(tiles, min64(dev->host->workers(dev->host->ctx), MAX_LANES));
  c->row = op->kind == CVK_OP_CONV ? "conv_blas" : op->kind == CVK_OP_GEMM ? "gemm_blas" : "matmul_blas";
  c->error_class = CVK_ERROR_DIRECT;
  c->workspace_bytes = (uint64_t)lanes * grid_scratch_bytes(g);
  c->workspace_alignment = 64;
  c->backend_data[0] = (uint64_t)lanes;
  if (lanes > 0) { /* a guess: 20 products a nanosecond and thread, and 1 us a tile */
    const double products = (double)g->stacks * (double)g->rows * (double)g->columns * (double)g->depth;
    c->estimated_ns = (products / 20 + 1000.0 * (double)tiles) / (double)lanes;
  }
  *n = 1;
  return CVK_OK;
}

/* An infinity or a NaN has all bits of its exponent set. */
static int32_t all_finite(const float *v, int64_t n) {
  uint32_t bits, found = 0;
  for (int64_t i = 0; i < n; i++) {
    memcpy(&bits, v + i, sizeof bits);
    found |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found == 0;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  cvk_kernel *kernel = make(dev->host, sizeof *kernel);
  (void)packs;
  if (kernel == NULL) return CVK_NO_MEMORY;
  kernel->host = dev->host;
  kernel->lanes = (int64_t)candidate->backend_data[0];
  const char *why = read_op(op, kernel);
  if (why != NULL) {
    dev->host->free(dev->host->ctx, kernel);
    return dev->host->fail(dev->host->ctx, CVK_UNSUPPORTED, why);
  }
  kernel->n_weights = cvk_count(op->in[1]->rank, op->in[1]->dim);
  kernel->finite = op->in[1]->const_data ? all_finite(op->in[1]->const_data, kernel->n_weights) : -1;
  *out = kernel;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *kernel) { kernel->host->free(kernel->host->ctx, kernel); }

typedef struct job {
  const cvk_kernel *kernel;
  const float *in[3];
  float *y;
  char *workspace;
  int32_t finite;
} job;

static void run_lane(void *arg, int64_t lane, int32_t worker) {
  const job *j = arg;
  const cvk_kernel *k = j->kernel;
  const grid *g = grid_of(k);
  const scratch s = grid_scratch(g, j->workspace + (uint64_t)lane * grid_scratch_bytes(g));
  (void)worker;
  for (int64_t i = lane; i < grid_tiles(g); i += k->lanes) {
    const tile t = grid_tile(g, i);
    if (k->kind == CVK_OP_CONV) conv_tile(&k->conv, j->in, j->y, j->finite, &t, &s);
    else product_tile(&k->product, j->in, j->y, &t, &s);
  }
}

static void *address(const cvk_arg *a) { return a->buffer ? (char *)a->buffer + a->offset_bytes : NULL; }

static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  job j = {.kernel = kernel, .y = address(&out[0]), .workspace = address(workspace), .finite = kernel->finite};
  (void)queue, (void)wait, (void)n_wait;
  if (event != NULL) *event = NULL;
  if (kernel->lanes == 0) return CVK_OK; /* an empty result */
  for (int32_t i = 0; i < kernel->n_in; i++) j.in[i] = address(&in[i]);
  if (j.finite < 0) j.finite = !kernel->conv.padded || all_finite(j.in[1], kernel->n_weights);
  kernel->host->parallel_for(kernel->host->ctx, kernel->lanes, run_lane, &j);
  return CVK_OK;
}

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = "blas", .version = "0.1",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend;
  return CVK_OK;
}
