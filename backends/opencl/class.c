/* SPDX-License-Identifier: Apache-2.0 */
/* class.c: the classes, and which one a device belongs to. Tiles are those that hand-written and tuned kernels of several libraries agree
 * on for such devices (CLBlast's database: 4x8 outputs an item and 128 items nearly everywhere). Timed by us: class tiled, on one GPU. */
#include "class.h"

#include <string.h>

#include "cl.h"

#define LEAST_LOCAL (32 << 10)
#define LEAST_GROUP 256

const ocl_tile ocl_tiles[OCL_TILES] = {
    [OCL_TILE_128_128] = {128, 128, 8, 8, 8, 1, 0.5},
    [OCL_TILE_64_64] = {64, 64, 16, 4, 8, 1, 0.6},
    [OCL_TILE_64_32] = {64, 32, 16, 4, 4, 1, 0.5},
    [OCL_TILE_32_32] = {32, 32, 16, 4, 4, 1, 0.45},
    [OCL_TILE_64_64_NONE] = {64, 64, 16, 4, 8, 0, 0.3},
    [OCL_TILE_32_64_NONE] = {32, 64, 16, 4, 8, 0, 0.3},
    [OCL_TILE_16_32_NONE] = {16, 32, 16, 4, 4, 0, 0.2},
};
#define BIT(TILE) (1u << (TILE))
#define LOCAL_TILES (BIT(OCL_TILE_128_128) | BIT(OCL_TILE_64_64) | BIT(OCL_TILE_64_32) | BIT(OCL_TILE_32_32))
#define OTHER_TILES (BIT(OCL_TILE_64_64_NONE) | BIT(OCL_TILE_32_64_NONE) | BIT(OCL_TILE_16_32_NONE))

/* From the first to the last, each asks less of a device than the one before, as far as the step down goes: tiled, safe, tiny. */
static const ocl_class classes[] = {
    {"cpu", 1, 0, 64, 30, 1, 1},
    {"subgroup", 0, OTHER_TILES, 16, 50, 8, 8}, /* registers and caches serve better than local memory */
    {"cached", 0, OTHER_TILES & ~BIT(OCL_TILE_64_64_NONE), 64, 30, 16, 4}, /* local memory is only global memory */
    {"unified", 0, OTHER_TILES, 128, 50, 16, 4}, /* little local memory, shared with the host */
    {"tiled", 0, LOCAL_TILES, 256, 1500, 32, 4},
    {"safe", 0, BIT(OCL_TILE_32_32), 64, 100, 16, 4},
    {"tiny", 0, BIT(OCL_TILE_16_32_NONE), 16, 30, 8, 4}, /* what remains where a kernel may have 32 items only */
};
enum { N_CLASSES = sizeof classes / sizeof *classes, CPU = 0, SUBGROUP, CACHED, UNIFIED, TILED, SAFE };

static int32_t has_extension(cl_device_id id, const char *begin) {
  static const size_t most = 16384;
  char text[16384];
  size_t n = 0;
  if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, most - 1, text, &n) != CL_SUCCESS) return 0;
  text[n < most ? n : most - 1] = 0;
  return strstr(text, begin) != NULL;
}

/* Some drivers say for every device that its local memory is global, so that alone does not make a device "cached". */
static const ocl_class *gpu_class(cl_device_id id) {
  size_t group = 0;
  if (clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL) != CL_SUCCESS) group = 0;
  const cl_ulong local = ocl_device_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
  if (has_extension(id, "cl_intel_required_subgroup_size")) return &classes[SUBGROUP];
  if (ocl_device_uint(id, CL_DEVICE_LOCAL_MEM_TYPE) != CL_LOCAL && has_extension(id, "cl_arm_")) return &classes[CACHED];
  if (ocl_device_uint(id, CL_DEVICE_HOST_UNIFIED_MEMORY) && local <= LEAST_LOCAL) return &classes[UNIFIED];
  return &classes[local >= LEAST_LOCAL && group >= LEAST_GROUP ? TILED : SAFE];
}

const ocl_class *ocl_class_of(cl_device_id id, const char *forced) {
  const cl_ulong type = ocl_device_ulong(id, CL_DEVICE_TYPE);
  const int32_t vectors = ocl_device_uint(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT) > 1; /* else its own vectors are made of items */
  if (forced && forced[0]) {
    for (int32_t i = 0; i < N_CLASSES; i++)
      if (strcmp(classes[i].name, forced) == 0) return &classes[i];
    return gpu_class(id);
  }
  return (type & CL_DEVICE_TYPE_CPU) && !(type & CL_DEVICE_TYPE_GPU) && vectors ? &classes[CPU] : gpu_class(id);
}

const ocl_class *ocl_class_next(const ocl_class *c) {
  return c < &classes[SAFE] ? &classes[SAFE] : c + 1 < &classes[N_CLASSES] ? c + 1 : NULL;
}

size_t ocl_tile_items(const ocl_tile *t) {
  return (size_t)(t->wm / t->rm) * (size_t)(t->wn / t->rn);
}

size_t ocl_tile_local_bytes(const ocl_tile *t) {
  return t->local ? 2 * (size_t)(t->wm + t->wn) * (size_t)t->wk * sizeof(float) : 0;
}
