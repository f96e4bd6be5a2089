/* SPDX-License-Identifier: Apache-2.0 */
/* error.c: OpenCL errors as cvk_status with a sentence that names the call, the error and the device. */
#include <stdarg.h>
#include <stdio.h>

#include "cl.h"

typedef struct error_row {
  cl_int error;
  cvk_status status;
  const char *name;
} error_row;

static const error_row errors[] = {
    {CL_SUCCESS, CVK_OK, "CL_SUCCESS"},
    {CL_DEVICE_NOT_FOUND, CVK_NO_DEVICE, "CL_DEVICE_NOT_FOUND"},
    {CL_DEVICE_NOT_AVAILABLE, CVK_DEVICE_LOST, "CL_DEVICE_NOT_AVAILABLE"},
    {CL_COMPILER_NOT_AVAILABLE, CVK_UNSUPPORTED, "CL_COMPILER_NOT_AVAILABLE"},
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, CVK_OUT_OF_DEVICE_MEMORY, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
    {CL_OUT_OF_RESOURCES, CVK_OUT_OF_DEVICE_MEMORY, "CL_OUT_OF_RESOURCES"},
    {CL_OUT_OF_HOST_MEMORY, CVK_NO_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
    {CL_PROFILING_INFO_NOT_AVAILABLE, CVK_UNSUPPORTED, "CL_PROFILING_INFO_NOT_AVAILABLE"},
    {CL_BUILD_PROGRAM_FAILURE, CVK_INTERNAL, "CL_BUILD_PROGRAM_FAILURE"},
    {CL_MAP_FAILURE, CVK_UNSUPPORTED, "CL_MAP_FAILURE"},
    {CL_INVALID_VALUE, CVK_INTERNAL, "CL_INVALID_VALUE"},
    {CL_INVALID_DEVICE, CVK_INTERNAL, "CL_INVALID_DEVICE"},
    {CL_INVALID_CONTEXT, CVK_INTERNAL, "CL_INVALID_CONTEXT"},
    {CL_INVALID_COMMAND_QUEUE, CVK_DEVICE_LOST, "CL_INVALID_COMMAND_QUEUE"},
    {CL_INVALID_MEM_OBJECT, CVK_INTERNAL, "CL_INVALID_MEM_OBJECT"},
    {CL_INVALID_BINARY, CVK_INTERNAL, "CL_INVALID_BINARY"},
    {CL_INVALID_BUILD_OPTIONS, CVK_INTERNAL, "CL_INVALID_BUILD_OPTIONS"},
    {CL_INVALID_PROGRAM, CVK_INTERNAL, "CL_INVALID_PROGRAM"},
    {CL_INVALID_PROGRAM_EXECUTABLE, CVK_INTERNAL, "CL_INVALID_PROGRAM_EXECUTABLE"},
    {CL_INVALID_KERNEL_NAME, CVK_INTERNAL, "CL_INVALID_KERNEL_NAME"},
    {CL_INVALID_KERNEL_DEFINITION, CVK_INTERNAL, "CL_INVALID_KERNEL_DEFINITION"},
    {CL_INVALID_ARG_INDEX, CVK_INTERNAL, "CL_INVALID_ARG_INDEX"},
    {CL_INVALID_ARG_VALUE, CVK_INTERNAL, "CL_INVALID_ARG_VALUE"},
    {CL_INVALID_ARG_SIZE, CVK_INTERNAL, "CL_INVALID_ARG_SIZE"},
    {CL_INVALID_KERNEL_ARGS, CVK_INTERNAL, "CL_INVALID_KERNEL_ARGS"},
    {CL_INVALID_WORK_DIMENSION, CVK_INTERNAL, "CL_INVALID_WORK_DIMENSION"},
    {CL_INVALID_WORK_GROUP_SIZE, CVK_INTERNAL, "CL_INVALID_WORK_GROUP_SIZE"},
    {CL_INVALID_WORK_ITEM_SIZE, CVK_INTERNAL, "CL_INVALID_WORK_ITEM_SIZE"},
    {CL_INVALID_GLOBAL_WORK_SIZE, CVK_INTERNAL, "CL_INVALID_GLOBAL_WORK_SIZE"},
    {CL_INVALID_EVENT, CVK_INTERNAL, "CL_INVALID_EVENT"},
    {CL_INVALID_OPERATION, CVK_INTERNAL, "CL_INVALID_OPERATION"},
    {CL_INVALID_BUFFER_SIZE, CVK_OUT_OF_DEVICE_MEMORY, "CL_INVALID_BUFFER_SIZE"},
    {-1001, CVK_NO_DEVICE, "CL_PLATFORM_NOT_FOUND_KHR"},
    {-9999, CVK_DEVICE_LOST, "illegal access reported by the driver"},
};

static const error_row *find(cl_int error) {
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].error == error) return &errors[i];
  return NULL;
}

const char *ocl_error_name(cl_int error) {
  const error_row *row = find(error);
  return row ? row->name : "unlisted error";
}

cvk_status ocl_error_status(cl_int error) {
  const error_row *row = find(error);
  return row ? row->status : CVK_INTERNAL;
}

cvk_status ocl_fail(const cvk_host *host, cvk_status status, const char *fmt, ...) {
  char text[2048];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  return host->fail(host->ctx, status, text);
}

void ocl_log(const cvk_host *host, int32_t level, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  host->log(host->ctx, level, text);
}

cvk_status ocl_check(cvk_backend_device *dev, cl_int error, const char *call) {
  if (error == CL_SUCCESS) return CVK_OK;
  const cvk_status status = ocl_error_status(error);
  if (status == CVK_DEVICE_LOST) ocl_device_lose(dev);
  return ocl_fail(dev->host, status, "%s: %s failed with %s (%d)", dev->label, call, ocl_error_name(error), (int)error);
}
