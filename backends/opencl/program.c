/* SPDX-License-Identifier: Apache-2.0 */
/* program.c: a program per (source file, options) and device, built once from the disk cache or from source and shared by its kernels.
 * A program is written to the cache only after its kernels have run, when the device is closed:
 * drivers that compile lazily have nothing to give before, and some compile more when asked for the binary. */
#include "program.h"

#include <stdio.h>
#include <string.h>

#define BASE_OPTIONS "-cl-std=CL1.2"
#define LOG_BYTES 1200 /* of a build log in a message */

static const ocl_source *find_source(const char *file) {
  for (const ocl_source *s = ocl_sources; s->name; s++)
    if (strcmp(s->name, file) == 0) return s;
  return NULL;
}

static cvk_status build_failed(cvk_backend_device *dev, const ocl_program *p, cl_program program, cl_int error) {
  const cvk_host *host = dev->host;
  size_t n = 0;
  char *log = NULL;
  if (clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) == CL_SUCCESS && n > 0)
    log = host->alloc(host->ctx, n + 1, 1);
  if (log && clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, n, log, NULL) != CL_SUCCESS) n = 0;
  if (log) log[n] = 0;
  const cvk_status status =
      ocl_fail(host, CVK_INTERNAL, "%s: building kernels_cl/%s.cl failed with %s, options \"%s\", %s: %.*s", dev->label, p->source->name,
               ocl_error_name(error), p->options, dev->identity, LOG_BYTES, log ? log : "no log");
  if (log) host->free(host->ctx, log);
  return status;
}

static cvk_status build_source(cvk_backend_device *dev, ocl_program *p) {
  cl_int error;
  const char *text = p->source->text;
  const int64_t start = ocl_now_ns();
  cl_program program = clCreateProgramWithSource(dev->context, 1, &text, NULL, &error);
  if (error != CL_SUCCESS) return ocl_check(dev, error, "clCreateProgramWithSource");
  error = clBuildProgram(program, 1, &dev->id, p->options, NULL, NULL);
  if (error != CL_SUCCESS) {
    const cvk_status status = build_failed(dev, p, program, error);
    clReleaseProgram(program);
    return status;
  }
  ocl_log(dev->host, CVK_LOG_INFO, "%s: built %s.cl from source in %.0f ms", dev->label, p->source->name,
          (double)(ocl_now_ns() - start) * 1e-6);
  p->program = program;
  p->unsaved = 1;
  return CVK_OK;
}

/* Called with the lock held. */
static cvk_status get_program(cvk_backend_device *dev, const char *file, const char *options, ocl_program **out) {
  const cvk_host *host = dev->host;
  char full[sizeof((ocl_program *)0)->options];
  const char *extra = host->option(host->ctx, "cl_build_options");
  const int n = snprintf(full, sizeof full, BASE_OPTIONS "%s%s%s%s", options[0] ? " " : "", options, extra && extra[0] ? " " : "",
                         extra ? extra : "");
  if (n < 0 || (size_t)n >= sizeof full)
    return ocl_fail(host, CVK_INVALID_ARGUMENT, "%s: the build options of %s.cl take %d characters, at most %zu are allowed", dev->label,
                    file, n, sizeof full - 1);
  for (ocl_program *p = dev->shared->programs; p; p = p->next) {
    if (strcmp(p->source->name, file) != 0 || strcmp(p->options, full) != 0) continue;
    *out = p;
    return CVK_OK;
  }
  const ocl_source *source = find_source(file);
  if (!source) return ocl_fail(host, CVK_INTERNAL, "opencl: no kernel source named %s.cl is built in", file);
  ocl_program *p = host->alloc(host->ctx, sizeof *p, sizeof(void *));
  if (!p) return ocl_fail(host, CVK_NO_MEMORY, "%s: no memory for a program", dev->label);
  memset(p, 0, sizeof *p);
  p->source = source;
  memcpy(p->options, full, (size_t)n + 1);
  if (!ocl_cache_load(dev, p, &p->program)) {
    const cvk_status status = build_source(dev, p);
    if (status != CVK_OK) {
      host->free(host->ctx, p);
      return status;
    }
    atomic_store(&dev->shared->unsaved_programs, 1);
  }
  p->next = dev->shared->programs;
  dev->shared->programs = p;
  *out = p;
  return CVK_OK;
}

cvk_status ocl_kernel_create(cvk_backend_device *dev, const char *file, const char *options, const char *name, cl_kernel *out) {
  ocl_program *p = NULL;
  pthread_mutex_lock(&dev->shared->program_lock);
  cvk_status status = get_program(dev, file, options, &p);
  if (status == CVK_OK) {
    cl_int error;
    *out = clCreateKernel(p->program, name, &error);
    if (error != CL_SUCCESS)
      status = ocl_fail(dev->host, ocl_error_status(error), "%s: kernel %s of %s.cl: %s", dev->label, name, file, ocl_error_name(error));
  }
  pthread_mutex_unlock(&dev->shared->program_lock);
  return status;
}

void ocl_programs_save(cvk_backend_device *dev) {
  if (!atomic_exchange(&dev->shared->unsaved_programs, 0)) return;
  pthread_mutex_lock(&dev->shared->program_lock);
  for (ocl_program *p = dev->shared->programs; p; p = p->next)
    if (p->unsaved && ocl_cache_store(dev, p)) p->unsaved = 0;
  pthread_mutex_unlock(&dev->shared->program_lock);
}

void ocl_programs_release(const cvk_host *host, ocl_shared *shared) {
  while (shared->programs) {
    ocl_program *p = shared->programs;
    shared->programs = p->next;
    clReleaseProgram(p->program);
    host->free(host->ctx, p);
  }
}
