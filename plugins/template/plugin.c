/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: a whole backend of one op, LeakyRelu of f32, to copy and grow. It works in host memory, synchronously, on the host's threads:
 * what the optional functions of cvk_backend are for. All other ops of a model run on the CPU backend. docs/plugin-guide.md walks through
 * it. Every field used here is of ABI 0.1; ask CVK_HAS before a field of a later one. */
#include <convoke/plugin.h>
#include <string.h>

#define CHUNK 16384 /* elements of one task: enough work to be worth a thread, small enough to share out */

struct cvk_instance { /* one a context */
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};
struct cvk_kernel { /* an op made ready for one shape; never changed by execute */
  const cvk_host *host;
  int64_t count;
  float alpha;
};

static void *make(const cvk_host *host, uint64_t bytes) {
  void *p = host->alloc(host->ctx, bytes, sizeof(void *));
  if (p == NULL) host->fail(host->ctx, CVK_NO_MEMORY, "example: no memory for a few words");
  return p;
}

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

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  (void)index;
  info->type = CVK_DEVICE_CPU;
  info->flags = CVK_DEVICE_HOST_MEMORY;
  info->units = inst->host->workers(inst->host->ctx);
  info->alignment = sizeof(float);
  strcpy(info->id, "example");
  strcpy(info->name, "example backend");
  strcpy(info->driver, "none");
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  (void)index;
  cvk_backend_device *dev = make(inst->host, sizeof *dev);
  if (dev == NULL) return CVK_NO_MEMORY;
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { dev->host->free(dev->host->ctx, dev); }

/* One candidate: plain layout in and out (format 0), in place allowed. Every refusal says why: CONVOKE_LOG=dispatch shows it. */
static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  const char *why = NULL;
  if (op->kind != CVK_OP_LEAKY_RELU) return CVK_UNSUPPORTED;
  if (op->in[0]->dtype != CVK_F32) why = "leaky_relu_example: the input is not f32";
  if (op->n_post != 0) why = "leaky_relu_example: takes no post-ops";
  if (why != NULL) {
    dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, why);
    return CVK_UNSUPPORTED;
  }
  candidates[0]->row = "leaky_relu_example";
  candidates[0]->error_class = CVK_ERROR_DIRECT;
  candidates[0]->estimated_ns = 0.25 * (double)cvk_count(op->in[0]->rank, op->in[0]->dim);
  candidates[0]->inplace = 0;
  *n = 1;
  return CVK_OK;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  cvk_kernel *kernel = make(dev->host, sizeof *kernel);
  (void)candidate, (void)packs;
  if (kernel == NULL) return CVK_NO_MEMORY;
  kernel->host = dev->host;
  kernel->count = cvk_count(op->in[0]->rank, op->in[0]->dim);
  kernel->alpha = ((const cvk_unary_attr *)op->attr)->alpha; /* resolved by the host: never NULL for this kind */
  *out = kernel;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *kernel) { kernel->host->free(kernel->host->ctx, kernel); }

typedef struct job {
  const float *x;
  float *y;
  const cvk_kernel *kernel;
} job;

static void run_chunk(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const int64_t begin = index * CHUNK, left = j->kernel->count - begin, end = begin + (left < CHUNK ? left : CHUNK);
  (void)worker;
  for (int64_t i = begin; i < end; i++) j->y[i] = j->x[i] < 0 ? j->kernel->alpha * j->x[i] : j->x[i]; /* NaN stays: the test is false */
}

static cvk_status execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  job j = {(const float *)((const char *)in[0].buffer + in[0].offset_bytes), (float *)((char *)out[0].buffer + out[0].offset_bytes), kernel};
  const cvk_host *host = kernel->host;
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  host->parallel_for(host->ctx, (kernel->count + CHUNK - 1) / CHUNK, run_chunk, &j);
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = "example", .version = "0.1",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend;
  return CVK_OK;
}
