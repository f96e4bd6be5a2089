/* SPDX-License-Identifier: Apache-2.0 */
/* skew_plugin.c: a plugin of another minor than the library's, to be loaded by it: relu and add of f32, 2-D conv. Built as "older" with a
 * header whose structs end earlier, and as "later" (LATER defined) with one whose structs have next_field more and whose table has
 * next_function. It reads and writes a field of the later minor only where struct_size covers it, and never passes the end of a struct
 * that the host made. */
#include SKEW_HEADER
#include <string.h>

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};
typedef struct kernel {
  const cvk_host *host;
  int32_t kind, has_bias;
  int64_t count, x[4], w[4], y[4], stride[2], dilation[2], pad[2], group;
} kernel;

/* Copies what the host's struct has room for, and leaves there how much that is. */
static void give(void *to, const void *from, uint32_t bytes) {
  uint32_t room;
  memcpy(&room, to, sizeof room);
  if (room > bytes) room = bytes;
  memcpy((char *)to + sizeof room, (const char *)from + sizeof room, room - sizeof room);
  memcpy(to, &room, sizeof room);
}

static void *make(const cvk_host *host, uint64_t bytes) {
  void *p = host->alloc(host->ctx, bytes, 8);
  if (p == NULL) host->fail(host->ctx, CVK_NO_MEMORY, NAME ": no memory");
  return p;
}

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
#ifdef LATER
  if (CVK_HAS(host, next_field) && host->next_field[0] != 0) return host->fail(host->ctx, CVK_INTERNAL, NAME ": host->next_field is set");
#endif
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
  cvk_device_info d = {.struct_size = sizeof d, .type = CVK_DEVICE_ACCELERATOR, .flags = CVK_DEVICE_HOST_MEMORY, .id = NAME,
                       .name = NAME " minor", .driver = "none", .alignment = sizeof(float)};
  if (index != 0) return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, NAME ": there is only device 0");
  d.units = inst->host->workers(inst->host->ctx);
#ifdef LATER
  d.next_field[0] = 7;
  d.next_field[1] = 8;
#endif
  give(info, &d, sizeof d);
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0) return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, NAME ": there is only device 0");
  cvk_backend_device *dev = make(inst->host, sizeof *dev);
  if (dev == NULL) return CVK_NO_MEMORY;
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { dev->host->free(dev->host->ctx, dev); }

/* What a later minor would not take: a field of its own that asks for something. */
static int asks_for_more(const cvk_op *op) {
#ifdef LATER
  const cvk_conv_attr *attr = op->attr;
  if (CVK_HAS(op, next_field) && op->next_field[0] != 0) return 1;
  if (op->kind == CVK_OP_CONV && CVK_HAS(attr, next_field) && attr->next_field[0] != 0) return 1;
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] != NULL && CVK_HAS(op->in[i], next_field) && op->in[i]->next_field[0] != 0) return 1;
#else
  (void)op;
#endif
  return 0;
}

static int takes(const cvk_op *op) {
  if (op->kind != CVK_OP_RELU && op->kind != CVK_OP_ADD && op->kind != CVK_OP_CONV) return 0;
  for (int32_t i = 0; i < op->n_in; i++)
    if (op->in[i] != NULL && (op->in[i]->dtype != CVK_F32 || op->in[i]->format.layout != CVK_PLAIN)) return 0;
  if (op->n_post != 0 || asks_for_more(op)) return 0;
  if (op->kind == CVK_OP_CONV) return op->in[0]->rank == 4;
  if (op->kind == CVK_OP_RELU) return 1;
  return op->in[0]->rank == op->in[1]->rank && memcmp(op->in[0]->dim, op->in[1]->dim, sizeof op->in[0]->dim) == 0;
}

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  if (!takes(op)) {
    dev->host->log(dev->host->ctx, CVK_LOG_DISPATCH, NAME ": not taken");
    return CVK_UNSUPPORTED;
  }
  cvk_candidate c = {.struct_size = sizeof c, .row = op->kind == CVK_OP_CONV ? "conv_" NAME : op->kind == CVK_OP_ADD ? "add_" NAME : "relu_" NAME};
#ifdef LATER
  c.inplace = op->kind == CVK_OP_CONV ? -1 : 0;
  c.next_field[0] = 7;
  c.next_field[1] = 8;
#endif
  give(candidates[0], &c, sizeof c);
  *n = 1;
  return CVK_OK;
}

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  (void)packs;
#ifdef LATER
  if (CVK_HAS(candidate, next_field) && candidate->next_field[1] != 8)
    return dev->host->fail(dev->host->ctx, CVK_INTERNAL, NAME ": candidate.next_field did not come back");
#else
  (void)candidate;
#endif
  kernel *k = make(dev->host, sizeof *k);
  if (k == NULL) return CVK_NO_MEMORY;
  memset(k, 0, sizeof *k);
  k->host = dev->host;
  k->kind = op->kind;
  k->count = cvk_count(op->out[0]->rank, op->out[0]->dim);
  if (op->kind == CVK_OP_CONV) {
    const cvk_conv_attr *a = op->attr;
    k->has_bias = op->n_in > 2 && op->in[2] != NULL;
    k->group = a->group;
    memcpy(k->x, op->in[0]->dim, sizeof k->x);
    memcpy(k->w, op->in[1]->dim, sizeof k->w);
    memcpy(k->y, op->out[0]->dim, sizeof k->y);
    for (int i = 0; i < 2; i++) k->stride[i] = a->stride[i], k->dilation[i] = a->dilation[i], k->pad[i] = a->pad_begin[i];
  }
  *out = (cvk_kernel *)k;
  return CVK_OK;
}
static void kernel_free(cvk_kernel *k) { ((kernel *)k)->host->free(((kernel *)k)->host->ctx, k); }

typedef struct job {
  const kernel *k;
  const float *in[3];
  float *y;
} job;

/* Output `index` in plain order; its cells of the pad are left out. */
static void run_conv(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const kernel *k = j->k;
  const int64_t column = index % k->y[3], row = index / k->y[3] % k->y[2], m = index / (k->y[3] * k->y[2]) % k->y[1];
  const int64_t n = index / (k->y[3] * k->y[2] * k->y[1]), first = m / (k->y[1] / k->group) * k->w[1];
  double sum = k->has_bias ? (double)j->in[2][m] : 0;
  (void)worker;
  for (int64_t c = 0; c < k->w[1]; c++) {
    for (int64_t i = 0; i < k->w[2] * k->w[3]; i++) {
      const int64_t y = row * k->stride[0] - k->pad[0] + i / k->w[3] * k->dilation[0];
      const int64_t x = column * k->stride[1] - k->pad[1] + i % k->w[3] * k->dilation[1];
      if (y < 0 || y >= k->x[2] || x < 0 || x >= k->x[3]) continue;
      sum += (double)j->in[0][((n * k->x[1] + first + c) * k->x[2] + y) * k->x[3] + x] * (double)j->in[1][(m * k->w[1] + c) * k->w[2] * k->w[3] + i];
    }
  }
  j->y[index] = (float)sum;
}

static void *pointer(const cvk_arg *arg) { return arg->buffer != NULL ? (char *)arg->buffer + arg->offset_bytes : NULL; }

static cvk_status execute(cvk_kernel *opaque, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                          cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const kernel *k = (const kernel *)opaque;
  job j = {.k = k, .in = {pointer(in)}, .y = pointer(out)};
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  if (k->kind != CVK_OP_RELU) j.in[1] = pointer(&in[1]);
  if (k->has_bias) j.in[2] = pointer(&in[2]);
  if (k->kind == CVK_OP_CONV) k->host->parallel_for(k->host->ctx, k->count, run_conv, &j);
  for (int64_t i = 0; i < k->count && k->kind == CVK_OP_RELU; i++) j.y[i] = j.in[0][i] < 0 ? 0 : j.in[0][i];
  for (int64_t i = 0; i < k->count && k->kind == CVK_OP_ADD; i++) j.y[i] = j.in[0][i] + j.in[1][i];
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

#ifdef LATER
static cvk_status next_function(cvk_instance *inst) {
  (void)inst;
  return CVK_BUSY; /* the test's sign that it was called */
}
#endif

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = NAME, .version = "1.0",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free,
#ifdef LATER
    .next_field = {7, 8}, .next_function = next_function,
#endif
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
#ifdef LATER
  if (CVK_HAS(host, next_field) || CVK_HAS(host, alloc)) return host->fail(host->ctx, CVK_INTERNAL, NAME ": the entry's host serves fail and log only");
#else
  (void)host;
#endif
  *out = &backend;
  return CVK_OK;
}
