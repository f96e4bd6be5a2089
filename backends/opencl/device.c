/* SPDX-License-Identifier: Apache-2.0 */
/* device.c: the devices of all platforms, in the loader's order, as "opencl:0" ... What a device is comes from its type, its unified
 * memory and its limits, never from a vendor's name. One context a device. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cl.h"
#include "process.h"
#include "dense.h"

#define MAX_PLATFORMS 64
#define MAX_DEVICES 64     /* of one platform */

/* Asks for a string; empty when the driver fails. */
static void device_text(cl_device_id id, cl_device_info what, char *buf, size_t bytes) {
  size_t n = 0;
  char full[1024] = "";
  if (clGetDeviceInfo(id, what, sizeof full - 1, full, &n) != CL_SUCCESS) full[0] = 0;
  full[sizeof full - 1] = 0;
  snprintf(buf, bytes, "%.*s", (int)bytes - 1, full);
}

uint64_t ocl_device_ulong(cl_device_id id, cl_device_info what) {
  cl_ulong v = 0;
  return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS ? v : 0;
}

uint32_t ocl_device_uint(cl_device_id id, cl_device_info what) {
  cl_uint v = 0;
  return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS ? v : 0;
}

static int32_t device_bool(cl_device_id id, cl_device_info what) {
  cl_bool v = CL_FALSE;
  return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS && v == CL_TRUE;
}

static cl_device_type device_type(cl_device_id id) {
  cl_device_type v = 0;
  return clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof v, &v, NULL) == CL_SUCCESS ? v : 0;
}

static int32_t device_kind(cl_device_type type, int32_t unified) {
  if (type & CL_DEVICE_TYPE_GPU) return unified ? CVK_DEVICE_INTEGRATED_GPU : CVK_DEVICE_DISCRETE_GPU;
  if (type & CL_DEVICE_TYPE_CPU) return CVK_DEVICE_CPU;
  return CVK_DEVICE_ACCELERATOR;
}

static const ocl_class *class_of(const cvk_host *host, cl_device_id id) {
  return ocl_class_of(id, host->option(host->ctx, "cl_class"));
}

static uint64_t device_alignment(cl_device_id id) {
  const uint64_t bytes = ocl_device_uint(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
  return bytes > 64 ? bytes : 64;
}

/* Usable: available and with a compiler, or our sources could not run there. */
static int32_t usable(cl_device_id id) {
  return device_bool(id, CL_DEVICE_AVAILABLE) && device_bool(id, CL_DEVICE_COMPILER_AVAILABLE);
}

static cvk_status discover_platform(cvk_instance *inst, cl_platform_id platform) {
  const cvk_host *host = inst->host;
  cl_device_id ids[MAX_DEVICES];
  cl_uint n = 0;
  if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n) != CL_SUCCESS) return CVK_OK;
  n = n < MAX_DEVICES ? n : MAX_DEVICES;
  ocl_record *grown = host->alloc(host->ctx, ((uint64_t)inst->n_records + n + 1) * sizeof *grown, sizeof(void *));
  if (!grown) return ocl_fail(host, CVK_NO_MEMORY, "opencl: no memory for the list of devices");
  if (inst->n_records) memcpy(grown, inst->records, (size_t)inst->n_records * sizeof *grown);
  if (inst->records) host->free(host->ctx, inst->records);
  inst->records = grown;
  for (cl_uint i = 0; i < n; i++)
    if (usable(ids[i])) grown[inst->n_records++] = (ocl_record){platform, ids[i], NULL};
  return CVK_OK;
}

static cvk_status discover(cvk_instance *inst) {
  cl_platform_id platforms[MAX_PLATFORMS];
  cl_uint n = 0;
  cvk_status status = CVK_OK;
  if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &n) != CL_SUCCESS) n = 0;
  n = n < MAX_PLATFORMS ? n : MAX_PLATFORMS;
  for (cl_uint i = 0; i < n && status == CVK_OK; i++) status = discover_platform(inst, platforms[i]);
  return status;
}

cvk_status ocl_device_count(cvk_instance *inst, int32_t *n) {
  char why[1900];
  cvk_status status = CVK_OK;
  pthread_mutex_lock(&inst->lock);
  if (!inst->discovered) {
    status = discover(inst);
    inst->discovered = status == CVK_OK && inst->n_records > 0;
  }
  *n = status == CVK_OK ? inst->n_records : 0;
  pthread_mutex_unlock(&inst->lock);
  if (status == CVK_OK && *n == 0) return ocl_fail(inst->host, CVK_NO_DEVICE, "opencl: %s", ocl_icd_report(inst->host, why, sizeof why));
  return status;
}

static cvk_status find_record(cvk_instance *inst, int32_t index, const ocl_record **out) {
  int32_t n = 0;
  const cvk_status status = ocl_device_count(inst, &n);
  if (status != CVK_OK) return status;
  if (index < 0 || index >= n)
    return ocl_fail(inst->host, CVK_NO_DEVICE, "opencl: device %d asked for, devices are 0 to %d", (int)index, (int)n - 1);
  *out = &inst->records[index];
  return CVK_OK;
}

cvk_status ocl_device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  const ocl_record *r;
  const cvk_status status = find_record(inst, index, &r);
  if (status != CVK_OK) return status;
  char version[64], driver[64];
  cvk_device_info full = {.struct_size = sizeof full};
  const int32_t unified = device_bool(r->id, CL_DEVICE_HOST_UNIFIED_MEMORY);
  full.type = device_kind(device_type(r->id), unified);
  full.flags = CVK_DEVICE_ASYNC | CVK_DEVICE_PROFILING | (full.type == CVK_DEVICE_CPU ? CVK_DEVICE_OWN_THREADS : 0);
  full.units = (int32_t)ocl_device_uint(r->id, CL_DEVICE_MAX_COMPUTE_UNITS);
  snprintf(full.id, sizeof full.id, "opencl:%d", (int)index);
  device_text(r->id, CL_DEVICE_NAME, full.name, sizeof full.name);
  device_text(r->id, CL_DEVICE_VERSION, version, sizeof version);
  device_text(r->id, CL_DRIVER_VERSION, driver, sizeof driver);
  snprintf(full.driver, sizeof full.driver, "%.60s, driver %.50s", version, driver);
  full.memory_bytes = ocl_device_ulong(r->id, CL_DEVICE_GLOBAL_MEM_SIZE);
  full.max_alloc_bytes = ocl_device_ulong(r->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  full.alignment = device_alignment(r->id);
  snprintf(full.isa, sizeof full.isa, "class %s", class_of(inst->host, r->id)->name);
  const uint32_t asked = info->struct_size;
  const size_t take = asked < sizeof full ? asked : sizeof full;
  memcpy(info, &full, take);
  info->struct_size = asked;
  return CVK_OK;
}

static void read_limits(cvk_backend_device *dev) {
  const cl_device_id id = dev->id;
  const cl_device_type type = device_type(id);
  size_t group = 1, item[16] = {1, 1, 1};
  dev->class = class_of(dev->host, id);
  dev->cpu_class = dev->class->cpu;
  dev->unified = device_bool(id, CL_DEVICE_HOST_UNIFIED_MEMORY);
  cl_device_fp_config floats = 0;
  clGetDeviceInfo(id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof floats, &floats, NULL);
  dev->denormals = (floats & CL_FP_DENORM) != 0;
  cl_device_svm_capabilities svm = 0; /* devices before OpenCL 2.0 do not know the question */
  if (clGetDeviceInfo(id, CL_DEVICE_SVM_CAPABILITIES, sizeof svm, &svm, NULL) != CL_SUCCESS) svm = 0;
  dev->shares = dev->unified && (type & CL_DEVICE_TYPE_CPU) && (svm & CL_DEVICE_SVM_FINE_GRAIN_BUFFER);
  dev->alignment = device_alignment(id);
  dev->memory_bytes = ocl_device_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
  dev->max_alloc_bytes = ocl_device_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  dev->local_bytes = ocl_device_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
  if (clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL) != CL_SUCCESS || group < 1) group = 1;
  if (clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof item, item, NULL) != CL_SUCCESS) item[0] = item[1] = item[2] = 1;
  dev->max_group = group;
  memcpy(dev->max_item, item, sizeof dev->max_item);
  const uint32_t units = ocl_device_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
  const double mhz = ocl_device_uint(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
  dev->units = units > 0 && units < 1 << 20 ? (int32_t)units : 1;
  dev->vector_floats = (int32_t)ocl_device_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
  dev->peak_gflops = dev->units * (mhz > 0 ? mhz : 1000) * 1e-3 * dev->class->flops_per_unit;
}

static cvk_status shared_create(cvk_backend_device *dev, ocl_shared **out) {
  const cvk_host *host = dev->host;
  const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)dev->platform, 0};
  cl_int error;
  ocl_shared *s = host->alloc(host->ctx, sizeof *s, sizeof(void *));
  if (!s) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a context", dev->label);
  memset(s, 0, sizeof *s);
  s->context = clCreateContext(properties, 1, &dev->id, NULL, NULL, &error);
  if (error != CL_SUCCESS) {
    host->free(host->ctx, s);
    return ocl_check(dev, error, "clCreateContext");
  }
  s->pid = dev->pid;
  pthread_mutex_init(&s->program_lock, NULL);
  *out = s;
  return CVK_OK;
}

/* In a forked child the driver's threads are gone: its objects are left to the parent. */
void ocl_shared_free(const cvk_host *host, ocl_shared *s) {
  if (!s) return;
  if (s->pid == cvk_process_id()) {
#ifdef CVK_HAVE_CLBLAST
    dense_clblast_forget(s);
#endif
    ocl_programs_release(host, s);
    clReleaseContext(s->context);
  }
  pthread_mutex_destroy(&s->program_lock);
  host->free(host->ctx, s);
}

/* Called with the instance's lock held. */
static cvk_status share(cvk_backend_device *dev, ocl_record *r) {
  ocl_shared *old = r->shared;
  if (!old || old->pid != dev->pid || atomic_load(&old->spoilt)) {
    const cvk_status status = shared_create(dev, &r->shared);
    if (status != CVK_OK) return status;
    if (old && old->users == 0) ocl_shared_free(dev->host, old);
  }
  dev->shared = r->shared;
  dev->shared->users++;
  dev->context = dev->shared->context;
  return CVK_OK;
}

cvk_status ocl_device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  const cvk_host *host = inst->host;
  const ocl_record *r;
  cvk_status status = find_record(inst, index, &r);
  if (status != CVK_OK) return status;
  cvk_backend_device *dev = host->alloc(host->ctx, sizeof *dev, 64);
  if (!dev) return ocl_fail(host, CVK_NO_MEMORY, "opencl: no memory for device %d", (int)index);
  memset(dev, 0, sizeof *dev);
  dev->host = host;
  dev->instance = inst;
  dev->index = index;
  dev->pid = cvk_process_id();
  dev->platform = r->platform;
  dev->id = r->id;
  char platform[128] = "", name[128], driver[64], version[96];
  if (clGetPlatformInfo(r->platform, CL_PLATFORM_NAME, sizeof platform - 1, platform, NULL) != CL_SUCCESS) platform[0] = 0;
  device_text(r->id, CL_DEVICE_NAME, name, sizeof name);
  device_text(r->id, CL_DRIVER_VERSION, driver, sizeof driver);
  device_text(r->id, CL_DEVICE_VERSION, version, sizeof version);
  snprintf(dev->label, sizeof dev->label, "opencl:%d (%.127s)", (int)index, name);
  snprintf(dev->identity, sizeof dev->identity, "%s|%s|%s|%s|convoke %s", platform, name, version, driver, CVK_OPENCL_VERSION);
  read_limits(dev);
  pthread_mutex_lock(&inst->lock);
  status = share(dev, &inst->records[index]);
  pthread_mutex_unlock(&inst->lock);
  if (status != CVK_OK) {
    host->free(host->ctx, dev);
    return status;
  }
  *out = dev;
  return CVK_OK;
}

void ocl_device_close(cvk_backend_device *dev) {
  if (!dev) return;
  const cvk_host *host = dev->host;
  ocl_shared *shared = dev->shared;
  if (dev->pid == cvk_process_id() && !atomic_load(&dev->lost)) ocl_programs_save(dev);
  pthread_mutex_lock(&dev->instance->lock);
  const int32_t current = dev->instance->records[dev->index].shared == shared; /* else the next opening would get another */
  if (--shared->users == 0 && (!current || atomic_load(&shared->spoilt))) {
    if (current) dev->instance->records[dev->index].shared = NULL;
    ocl_shared_free(host, shared);
  }
  pthread_mutex_unlock(&dev->instance->lock);
  host->free(host->ctx, dev);
}

void ocl_device_lose(cvk_backend_device *dev) {
  atomic_store(&dev->lost, 1);
  if (dev->shared) atomic_store(&dev->shared->spoilt, 1);
}

cvk_status ocl_device_ready(cvk_backend_device *dev) {
  if (dev->pid != cvk_process_id())
    return ocl_fail(dev->host, CVK_AFTER_FORK, "%s was opened by process %ld and cannot be used after fork in process %ld: open it again",
                    dev->label, (long)dev->pid, (long)cvk_process_id());
  if (atomic_load_explicit(&dev->lost, memory_order_relaxed))
    return ocl_fail(dev->host, CVK_DEVICE_LOST, "%s was lost by an earlier failure: open it again", dev->label);
  return CVK_OK;
}
