/* SPDX-License-Identifier: Apache-2.0 */
/* launch.c: building one launch of a kernel at prepare: arguments in parameter order, buffers as (pointer, offset) pairs, sizes cut to the
 * device's and the kernel's limits. The first failure sticks to the launch. */
#include <string.h>

#include "cl.h"

static cvk_status add_launch(cvk_kernel *k, ocl_launch *l) {
  const cvk_host *host = k->dev->host;
  if (k->n_launches == k->room) {
    const int32_t room = k->room ? 2 * k->room : 2;
    ocl_launch **grown = host->alloc(host->ctx, (uint64_t)room * sizeof *grown, sizeof(void *));
    if (!grown) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a launch of %s", k->dev->label, k->row->name);
    if (k->n_launches) memcpy(grown, k->launches, (size_t)k->n_launches * sizeof *grown);
    if (k->launches) host->free(host->ctx, k->launches);
    k->launches = grown;
    k->room = room;
  }
  k->launches[k->n_launches++] = l;
  return CVK_OK;
}

ocl_launch *ocl_launch_begin(ocl_build *b, const char *file, const char *options, const char *name) {
  const cvk_host *host = b->dev->host;
  ocl_launch *l = host->alloc(host->ctx, sizeof *l, sizeof(void *));
  if (!l) return NULL;
  memset(l, 0, sizeof *l);
  l->dev = b->dev;
  if (add_launch(b->kernel, l) != CVK_OK) {
    host->free(host->ctx, l);
    return NULL;
  }
  l->status = ocl_kernel_create(b->dev, file, options, name, &l->kernel);
  return l;
}

static void set(ocl_launch *l, size_t bytes, const void *value) {
  if (!l || l->status != CVK_OK) return;
  const cl_int error = clSetKernelArg(l->kernel, l->next_arg, bytes, value);
  if (error != CL_SUCCESS)
    l->status = ocl_fail(l->dev->host, ocl_error_status(error), "%s: argument %u of a kernel: %s", l->dev->label, (unsigned)l->next_arg,
                         ocl_error_name(error));
  l->next_arg++;
}

void ocl_arg_long(ocl_launch *l, int64_t v) {
  const cl_long value = v;
  set(l, sizeof value, &value);
}

void ocl_arg_longs(ocl_launch *l, int32_t n, const int64_t *v) {
  for (int32_t i = 0; i < n; i++) ocl_arg_long(l, v[i]);
}

void ocl_arg_int(ocl_launch *l, int32_t v) {
  const cl_int value = v;
  set(l, sizeof value, &value);
}

void ocl_arg_ints(ocl_launch *l, int32_t n, const int64_t *v) {
  for (int32_t i = 0; i < n; i++) ocl_arg_int(l, (int32_t)v[i]);
}

void ocl_arg_float(ocl_launch *l, float v) {
  set(l, sizeof v, &v);
}

void ocl_arg_value(ocl_launch *l, size_t bytes, const void *v) {
  set(l, bytes, v);
}

void ocl_arg_local(ocl_launch *l, size_t bytes) {
  set(l, bytes, NULL);
}

static void set_mem(ocl_launch *l, cl_mem mem, cl_ulong offset) {
  set(l, sizeof mem, &mem);
  set(l, sizeof offset, &offset);
}

void ocl_arg_none(ocl_launch *l) {
  set_mem(l, NULL, 0);
}

static void set_binding(ocl_launch *l, int32_t source, int32_t index, uint64_t add_bytes, uint64_t element_bytes) {
  if (!l || l->status != CVK_OK) return;
  if (l->n_bindings == OCL_MAX_BINDINGS) {
    l->status = ocl_fail(l->dev->host, CVK_INTERNAL, "%s: a launch with more than %d run-time buffers", l->dev->label, OCL_MAX_BINDINGS);
    return;
  }
  l->binding[l->n_bindings++] = (ocl_binding){l->next_arg, source, index, add_bytes, element_bytes};
  l->next_arg += 2;
}

/* Memory that is freed with the kernel. */
static cvk_status own_data(ocl_build *b, const void *data, uint64_t bytes, cl_mem *out) {
  const cvk_host *host = b->dev->host;
  ocl_owned *o = host->alloc(host->ctx, sizeof *o, sizeof(void *));
  if (!o) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a constant of %s", b->dev->label, b->row->name);
  const cvk_status status = ocl_mem_create(b->dev, CL_MEM_READ_ONLY, bytes, bytes ? data : NULL, &o->mem);
  if (status != CVK_OK) {
    host->free(host->ctx, o);
    return status;
  }
  o->bytes = bytes;
  o->next = b->kernel->owned;
  b->kernel->owned = o;
  *out = o->mem;
  return CVK_OK;
}

void ocl_arg_data(ocl_launch *l, ocl_build *b, const void *data, uint64_t bytes) {
  cl_mem mem = NULL;
  if (!l || l->status != CVK_OK) return;
  l->status = own_data(b, data, bytes, &mem);
  set_mem(l, mem, 0);
}

void ocl_arg_in(ocl_launch *l, ocl_build *b, int32_t i) {
  ocl_arg_in_at(l, b, i, 0);
}

void ocl_arg_in_at(ocl_launch *l, ocl_build *b, int32_t i, uint64_t element) {
  if (!l || l->status != CVK_OK) return;
  const cvk_tensor_desc *desc = i < b->op->n_in ? b->op->in[i] : NULL;
  if (!desc)
    ocl_arg_none(l);
  else if (b->packs && b->packs[i])
    set_mem(l, b->packs[i]->buffer->mem, element);
  else
    set_binding(l, OCL_IN, i, element * cvk_dtype_bytes(desc->dtype), cvk_dtype_bytes(desc->dtype));
}

void ocl_arg_out(ocl_launch *l, ocl_build *b, int32_t i) {
  if (i < b->op->n_out && b->op->out[i])
    set_binding(l, OCL_OUT, i, 0, cvk_dtype_bytes(b->op->out[i]->dtype));
  else
    ocl_arg_none(l);
}

void ocl_arg_workspace(ocl_launch *l, uint64_t offset_bytes, uint64_t element_bytes) {
  set_binding(l, OCL_WORKSPACE, 0, offset_bytes, element_bytes);
}

void ocl_launch_drop(ocl_build *b, ocl_launch *l) {
  if (l->kernel) clReleaseKernel(l->kernel);
  b->kernel->n_launches--;
  b->dev->host->free(b->dev->host->ctx, l);
}

size_t ocl_launch_most_items(const ocl_launch *l) {
  const cvk_backend_device *dev = l->dev;
  size_t limit = 0;
  if (l->status != CVK_OK) return 0;
  if (clGetKernelWorkGroupInfo(l->kernel, dev->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof limit, &limit, NULL) != CL_SUCCESS || !limit)
    return dev->max_group;
  return limit < dev->max_group ? limit : dev->max_group;
}

cvk_status ocl_launch_end(ocl_build *b, ocl_launch *l, cl_uint dims, const int64_t *items, const size_t *local) {
  const cvk_backend_device *dev = b->dev;
  if (!l) return ocl_fail(dev->host, CVK_NO_MEMORY, "%s: no memory for a launch of %s", dev->label, b->row->name);
  if (l->status != CVK_OK) return l->status;
  size_t group = ocl_launch_most_items(l);
  l->dims = dims;
  for (cl_uint d = 0; d < dims; d++) {
    if (items[d] <= 0) {
      ocl_launch_drop(b, l);
      return CVK_OK;
    }
    size_t size = dev->cpu_class || !local ? 1 : local[d];
    if (size > dev->max_item[d]) size = dev->max_item[d];
    if (size > group) size = group;
    if (size < 1) size = 1;
    group /= size;
    l->local[d] = size;
    if ((uint64_t)items[d] > SIZE_MAX - size)
      return ocl_fail(dev->host, CVK_SIZE_OVERFLOW, "%s: %s: %lld work-items in dimension %u", dev->label, b->row->name,
                      (long long)items[d], (unsigned)d);
    l->global[d] = ((size_t)items[d] + size - 1) / size * size;
  }
  return CVK_OK;
}

cvk_status ocl_launch_groups(ocl_build *b, ocl_launch *l, cl_uint dims, const int64_t *groups, const size_t *local) {
  const cvk_backend_device *dev = b->dev;
  if (!l) return ocl_fail(dev->host, CVK_NO_MEMORY, "%s: no memory for a launch of %s", dev->label, b->row->name);
  if (l->status != CVK_OK) return l->status;
  size_t items = 1;
  l->dims = dims;
  for (cl_uint d = 0; d < dims; d++) {
    if (groups[d] <= 0) {
      ocl_launch_drop(b, l);
      return CVK_OK;
    }
    items *= local[d];
    if (local[d] > dev->max_item[d] || (uint64_t)groups[d] > SIZE_MAX / local[d])
      return ocl_fail(dev->host, CVK_UNSUPPORTED, "%s: %s: %lld groups of %zu items in dimension %u, a group may have %zu", dev->label,
                      b->row->name, (long long)groups[d], local[d], (unsigned)d, dev->max_item[d]);
    l->local[d] = local[d];
    l->global[d] = (size_t)groups[d] * local[d];
  }
  if (items > ocl_launch_most_items(l))
    return ocl_fail(dev->host, CVK_UNSUPPORTED, "%s: %s: work-groups of %zu items, the kernel may have %zu", dev->label, b->row->name,
                    items, ocl_launch_most_items(l));
  return CVK_OK;
}
