/* SPDX-License-Identifier: Apache-2.0 */
/* base.h: a whole backend of one op (relu of f32, host memory) for the plugins of these tests. A module defines NAME, includes this, and
 * changes what it wants in a copy of base_table(). DEVICE_NAME, INSTANCE_CREATE and DEVICE_INFO may be defined to replace a piece. */
#include <convoke/plugin.h>
#include <stdlib.h>
#include <string.h>

#ifndef DEVICE_NAME
#define DEVICE_NAME "test device"
#endif

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};
struct cvk_kernel {
  int64_t count;
};

static inline cvk_status base_instance_create(const cvk_host *host, cvk_instance **out) {
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->host = host;
  return CVK_OK;
}

static inline void base_instance_destroy(cvk_instance *inst) {
  free(inst);
}

static inline cvk_status base_device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

static inline cvk_status base_device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  (void)inst;
  (void)index;
  info->type = CVK_DEVICE_ACCELERATOR;
  info->units = 1;
  strcpy(info->id, NAME);
  strcpy(info->name, DEVICE_NAME);
  return CVK_OK;
}

static inline cvk_status base_device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  (void)index;
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->host = inst->host;
  return CVK_OK;
}

static inline void base_device_close(cvk_backend_device *dev) {
  free(dev);
}

static inline cvk_status base_supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  (void)dev;
  if (op->kind != CVK_OP_RELU || op->in[0]->dtype != CVK_F32 || op->n_post != 0 || *n < 1) return CVK_UNSUPPORTED;
  candidates[0]->row = "relu_" NAME;
  candidates[0]->inplace = 0;
  *n = 1;
  return CVK_OK;
}

static inline cvk_status base_prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs,
                                      cvk_kernel **out) {
  (void)dev, (void)candidate, (void)packs;
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return CVK_NO_MEMORY;
  (*out)->count = cvk_count(op->in[0]->rank, op->in[0]->dim);
  return CVK_OK;
}

static inline cvk_status base_execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                                      cvk_event *const *wait, int32_t n_wait, cvk_event **event) {
  const float *x = (const float *)((const char *)in[0].buffer + in[0].offset_bytes);
  float *y = (float *)((char *)out[0].buffer + out[0].offset_bytes);
  (void)queue, (void)workspace, (void)wait, (void)n_wait;
  for (int64_t i = 0; i < kernel->count; i++) y[i] = x[i] < 0 ? 0 : x[i];
  if (event != NULL) *event = NULL;
  return CVK_OK;
}

static inline void base_kernel_free(cvk_kernel *kernel) {
  free(kernel);
}

#define BASE_TABLE                                                                                                                  \
  {                                                                                                                                 \
    .struct_size = sizeof(cvk_backend), .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = NAME, .version = "1.0",     \
    .instance_create = base_instance_create, .instance_destroy = base_instance_destroy, .device_count = base_device_count,          \
    .device_info = base_device_info, .device_open = base_device_open, .device_close = base_device_close, .supports = base_supports, \
    .prepare = base_prepare, .execute = base_execute, .kernel_free = base_kernel_free                                               \
  }
