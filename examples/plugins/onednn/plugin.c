/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: the backend "onednn": convolutions, pools and matrix products of f32 through oneDNN's primitives, in host memory, on oneDNN's OpenMP
 * threads, as many as the host has workers. A kernel is a primitive, made in prepare; its scratch is the host's workspace. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "onednn.h"

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_pack {
  const cvk_host *host;
  dnnl_memory_desc_t md;
  void *data;
};
struct cvk_kernel {
  const cvk_backend_device *dev;
  int32_t kind;
  int64_t n_x; /* elements of input 0 */
  plan plan;
  const cvk_pack *pack; /* of input 1, or NULL */
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;
};

static void *make(const cvk_host *host, uint64_t bytes) {
  void *p = host->alloc(host->ctx, bytes, 64);
  char why[80];
  snprintf(why, sizeof why, "onednn: no memory for %llu bytes", (unsigned long long)bytes);
  if (p == NULL) host->fail(host->ctx, CVK_NO_MEMORY, why);
  else memset(p, 0, bytes);
  return p;
}

/* Says what of oneDNN's failed. */
static cvk_status fail(const cvk_host *host, const char *call, dnnl_status_t status) {
  char why[120];
  snprintf(why, sizeof why, "onednn: %s answered %d", call, (int)status);
  return host->fail(host->ctx, status == dnnl_out_of_memory ? CVK_NO_MEMORY : CVK_INTERNAL, why);
}

static cvk_status refuse(const cvk_host *host, const char *why) { return host->fail(host->ctx, CVK_UNSUPPORTED, why); }

/* ---- instance and device ---- */

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
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
  return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, "onednn: the only device is number 0");
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  const dnnl_version_t *v = dnnl_version();
  if (index != 0) return no_such_device(inst);
  info->type = CVK_DEVICE_CPU;
  info->flags = CVK_DEVICE_HOST_MEMORY | CVK_DEVICE_OWN_THREADS;
  info->units = inst->host->workers(inst->host->ctx);
  info->alignment = sizeof(float);
  snprintf(info->id, sizeof info->id, "onednn");
  snprintf(info->name, sizeof info->name, "oneDNN");
  snprintf(info->driver, sizeof info->driver, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0) return no_such_device(inst);
  cvk_backend_device *dev = make(inst->host, sizeof *dev);
  if (dev == NULL) return CVK_NO_MEMORY;
  dev->host = inst->host;
  dev->process = getpid();
  const dnnl_status_t status = dnnl_engine_create(&dev->engine, dnnl_cpu, 0);
  if (status != dnnl_success) {
    inst->host->free(inst->host->ctx, dev);
    return fail(inst->host, "dnnl_engine_create", status);
  }
  *out = dev;
  return CVK_OK;
}

static void device_close(cvk_backend_device *dev) {
  dnnl_engine_destroy(dev->engine);
  dev->host->free(dev->host->ctx, dev);
}

/* ---- supports ---- */

static cvk_format format_of(int32_t block) { return (cvk_format){block ? CVK_BLOCKED : CVK_PLAIN, block, 0}; }

/* A guess: products a nanosecond and thread of compiled kernels, of im2col, and of pools. */
static double estimate(const cvk_op *op, const plan *p) {
  const int32_t pool = op->kind == CVK_OP_MAX_POOL || op->kind == CVK_OP_AVG_POOL;
  return 3000 + p->work / (pool ? 4 : p->packs ? 30 : 15) / p->threads;
}

static void fill(const cvk_op *op, const plan *p, int32_t variant, cvk_candidate *c) {
  c->row = p->row;
  c->error_class = plan_error_class(p);
  c->estimated_ns = estimate(op, p);
  c->in[0] = format_of(p->x_block);
  c->out[0] = format_of(p->y_block);
  if (p->packs) c->pack[1] = md_number(plan_arg(p, DNNL_ARG_WEIGHTS));
  c->workspace_bytes = dnnl_memory_desc_get_size(plan_arg(p, DNNL_ARG_SCRATCHPAD));
  c->workspace_alignment = 64;
  c->backend_data[0] = (uint64_t)variant;
}

static int32_t is_known(int32_t kind) {
  return kind == CVK_OP_CONV || kind == CVK_OP_MAX_POOL || kind == CVK_OP_AVG_POOL || kind == CVK_OP_GEMM || kind == CVK_OP_MATMUL;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const char *why = NULL;
  int32_t kept = 0;
  if (!is_known(op->kind) || getpid() != dev->process) return CVK_UNSUPPORTED;
  for (int32_t v = 0; v < ONEDNN_VARIANTS && kept < *n; v++) {
    plan p;
    const char *reason = plan_read(dev, op, v, &p);
    if (reason != NULL) why = why ? why : reason;
    else if (kept == 0 || strcmp(p.row, candidates[kept - 1]->row) != 0) /* a row is offered once: blocks of 8 only where 16 are not taken */
      fill(op, &p, v, candidates[kept++]);
    plan_free(&p);
  }
  if (kept == 0) {
    dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, why ? why : "onednn: no room for a candidate");
    return CVK_UNSUPPORTED;
  }
  *n = kept;
  return CVK_OK;
}

/* ---- packs ---- */

static cvk_status reorder(const cvk_backend_device *dev, const dnnl_memory_desc_t *from, const void *src, const dnnl_memory_desc_t *to, void *dst) {
  dnnl_primitive_desc_t desc = NULL;
  dnnl_primitive_t primitive = NULL;
  dnnl_memory_t a = NULL, b = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_status_t s = dnnl_reorder_primitive_desc_create(&desc, from, dev->engine, to, dev->engine, NULL);
  if (s == dnnl_success) s = dnnl_primitive_create(&primitive, desc);
  if (s == dnnl_success) s = dnnl_memory_create(&a, from, dev->engine, (void *)(uintptr_t)src);
  if (s == dnnl_success) s = dnnl_memory_create(&b, to, dev->engine, dst);
  if (s == dnnl_success) s = dnnl_stream_create(&stream, dev->engine, dnnl_stream_default_flags);
  const dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}};
  if (s == dnnl_success) s = dnnl_primitive_execute(primitive, stream, 2, args);
  if (s == dnnl_success) s = dnnl_stream_wait(stream);
  if (stream) dnnl_stream_destroy(stream);
  if (b) dnnl_memory_destroy(b);
  if (a) dnnl_memory_destroy(a);
  if (primitive) dnnl_primitive_destroy(primitive);
  if (desc) dnnl_primitive_desc_destroy(desc);
  return s == dnnl_success ? CVK_OK : fail(dev->host, "the reorder of the weights", s);
}

static void pack_free(cvk_pack *pack) {
  if (pack->data) pack->host->free(pack->host->ctx, pack->data);
  pack->host->free(pack->host->ctx, pack);
}

/* The weights as they are: those of a GEMM may be transposed, those of a grouped convolution have a further axis. */
static int32_t plain_weights(const cvk_op *op, const dnnl_memory_desc_t *want, dnnl_memory_desc_t *md) {
  if (op->kind != CVK_OP_GEMM || !((const cvk_gemm_attr *)op->attr)->trans_b) return md_plain(md, want->ndims, want->dims);
  return dnnl_memory_desc_init_by_strides(md, 2, want->dims, dnnl_f32, (const dnnl_dims_t){1, want->dims[0]}) == dnnl_success;
}

static cvk_status pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out) {
  dnnl_memory_desc_t from;
  plan p;
  const char *why = plan_read(dev, op, (int32_t)candidate->backend_data[0], &p);
  if (why != NULL) return refuse(dev->host, why);
  cvk_pack *pack = make(dev->host, sizeof *pack);
  cvk_status status = CVK_NO_MEMORY;
  if (pack != NULL) {
    pack->host = dev->host;
    pack->md = *plan_arg(&p, DNNL_ARG_WEIGHTS);
    pack->data = make(dev->host, dnnl_memory_desc_get_size(&pack->md));
  }
  if (pack != NULL && pack->data != NULL) {
    if (plain_weights(op, &pack->md, &from)) status = reorder(dev, &from, op->in[input]->const_data, &pack->md, pack->data);
    else status = fail(dev->host, "dnnl_memory_desc_init_by_strides for the weights", dnnl_invalid_arguments);
  }
  plan_free(&p);
  if (status == CVK_OK) *out = pack;
  else if (pack != NULL) pack_free(pack);
  return status;
}

/* ---- kernels ---- */

static void kernel_free(cvk_kernel *k) {
  if (k->stream) dnnl_stream_destroy(k->stream);
  if (k->primitive) dnnl_primitive_destroy(k->primitive);
  plan_free(&k->plan);
  k->dev->host->free(k->dev->host->ctx, k);
}

static cvk_status fill_kernel(cvk_kernel *k, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs) {
  const cvk_host *host = k->dev->host;
  const char *why = plan_read(k->dev, op, (int32_t)candidate->backend_data[0], &k->plan);
  if (why != NULL) return refuse(host, why);
  k->kind = op->kind;
  k->n_x = cvk_count(op->in[0]->rank, op->in[0]->dim);
  k->pack = k->plan.packs ? packs[1] : NULL;
  if (k->pack != NULL && !dnnl_memory_desc_equal(&k->pack->md, plan_arg(&k->plan, DNNL_ARG_WEIGHTS)))
    return host->fail(host->ctx, CVK_INTERNAL, "onednn: a pack of another format was given");
  if (dnnl_memory_desc_get_size(plan_arg(&k->plan, DNNL_ARG_SCRATCHPAD)) > candidate->workspace_bytes)
    return host->fail(host->ctx, CVK_INTERNAL, "onednn: oneDNN now wants a larger scratchpad than when it was asked");
  const int32_t before = threads_enter(k->plan.threads);
  dnnl_status_t s = dnnl_primitive_create(&k->primitive, k->plan.desc);
  threads_enter(before);
  if (s == dnnl_success) s = dnnl_stream_create(&k->stream, k->dev->engine, dnnl_stream_default_flags);
  return s == dnnl_success ? CVK_OK : fail(host, "dnnl_primitive_create", s);
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  cvk_kernel *k = make(dev->host, sizeof *k);
  if (k == NULL) return CVK_NO_MEMORY;
  k->dev = dev;
  const cvk_status status = fill_kernel(k, op, candidate, packs);
  if (status == CVK_OK) *out = k;
  else kernel_free(k);
  return status;
}

static void *address(const cvk_arg *a) { return a->buffer ? (char *)a->buffer + a->offset_bytes : NULL; }

static cvk_status run(const cvk_kernel *k, int32_t n, const int *arg, void *const *data) {
  dnnl_exec_arg_t args[5];
  dnnl_status_t s = dnnl_success;
  int32_t made = 0;
  while (made < n && s == dnnl_success) {
    args[made].arg = arg[made];
    s = dnnl_memory_create(&args[made].memory, plan_arg(&k->plan, arg[made]), k->dev->engine, data[made]);
    made += s == dnnl_success;
  }
  const int32_t before = threads_enter(k->plan.threads);
  if (s == dnnl_success) s = dnnl_primitive_execute(k->primitive, k->stream, n, args);
  if (s == dnnl_success) s = dnnl_stream_wait(k->stream);
  threads_enter(before);
  while (made-- > 0) dnnl_memory_destroy(args[made].memory);
  return s == dnnl_success ? CVK_OK : fail(k->dev->host, "dnnl_primitive_execute", s);
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  static const int order[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS};
  const cvk_host *host = k->dev->host;
  int arg[5] = {DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
  void *data[5] = {address(out), address(workspace)};
  (void)queue, (void)wait, (void)n_wait;
  if (event != NULL) *event = NULL;
  if (getpid() != k->dev->process) return host->fail(host->ctx, CVK_AFTER_FORK, "onednn: the device was opened by the parent process");
  if (k->kind == CVK_OP_MAX_POOL && !all_finite(address(in), k->n_x)) {
    max_pool_plain(&k->plan.window, address(in), data[0]);
    return CVK_OK;
  }
  for (int32_t i = 0; i < k->plan.n_in; i++) {
    arg[2 + i] = order[i];
    data[2 + i] = i == 1 && k->pack ? k->pack->data : address(&in[i]);
  }
  return run(k, 2 + k->plan.n_in, arg, data);
}

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = "onednn", .version = "0.1",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free, .pack_create = pack_create, .pack_free = pack_free,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend;
  return CVK_OK;
}
