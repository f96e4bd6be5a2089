/* SPDX-License-Identifier: Apache-2.0 */
/* class.h: what kind of kernels a device gets. The class comes from its type, extensions and limits, never from a vendor's name. */
#ifndef CVK_OPENCL_CLASS_H
#define CVK_OPENCL_CLASS_H

#include <CL/cl.h>
#include <stdint.h>

typedef struct ocl_tile { /* of conv_implicit: a work-group makes wm x wn outputs, an item rm x rn, wk steps of depth at a time */
  int32_t wm, wn, wk, rm, rn, local; /* local: both operands are staged in local memory */
  double efficiency;                 /* of the peak, where work-groups fill the device */
} ocl_tile;

/* All tiles: each is a row of its own (conv_list.c), for the tuner to choose from. */
enum { OCL_TILE_128_128, OCL_TILE_64_64, OCL_TILE_64_32, OCL_TILE_32_32, OCL_TILE_64_64_NONE, OCL_TILE_32_64_NONE,
       OCL_TILE_16_32_NONE, OCL_TILES };
extern const ocl_tile ocl_tiles[OCL_TILES];

typedef struct ocl_class {
  const char *name;
  int32_t cpu;                  /* explicit vectors and local size 1; else work-items are lanes */
  uint32_t tiles;               /* that it chooses from: bit i is ocl_tiles[i] */
  double flops_per_unit;        /* of one compute unit in one cycle; this and the next only for estimates */
  double bytes_per_ns;          /* of its memory */
  size_t gemv_x, gemv_y;        /* local size of dense_vector */
} ocl_class;

enum { OCL_TILE_ROWS = 64, OCL_TILE_DEPTH = 16 }; /* weights are padded to them: multiples of the wm and wk of every class's tiles but the largest */

/* `forced`: a class's name, "gpu" for the best one of those that are not "cpu", or NULL. An unknown name counts as "gpu". */
const ocl_class *ocl_class_of(cl_device_id id, const char *forced);
/* The best class after c, in order of what it asks of a device; NULL: none. */
const ocl_class *ocl_class_next(const ocl_class *c);
size_t ocl_tile_items(const ocl_tile *t);
size_t ocl_tile_local_bytes(const ocl_tile *t);

#endif
