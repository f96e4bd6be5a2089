/* SPDX-License-Identifier: Apache-2.0 */
/* conv_list.c: the rows of CONV, best first. */
#include "class.h"
#include "conv.h"
#include "lists.h"

/* A row for one tile of class.h, which few sessions take before `convoke tune` has timed it. */
#define TILE_ROW(NAME, TILE)                                                                                                     \
  {.name = "conv_implicit_" NAME, .variant = 1 + (TILE), .accepts = conv_implicit_accepts, .prepare = conv_implicit_prepare,     \
   .pack_bytes = conv_implicit_pack_bytes, .pack_fill = conv_implicit_pack_fill}

static const int32_t kinds[] = {CVK_OP_CONV};
static const ocl_row rows[] = {
    {.name = "conv_depthwise",
     .accepts = conv_depthwise_accepts,
     .prepare = conv_depthwise_prepare,
     .pack_bytes = conv_depthwise_pack_bytes,
     .pack_fill = conv_depthwise_pack_fill},
    {.name = "conv_first",
     .accepts = conv_first_accepts,
     .prepare = conv_first_prepare,
     .pack_bytes = conv_first_pack_bytes,
     .pack_fill = conv_first_pack_fill},
    {.name = "conv_winograd_f4x3",
     .accepts = conv_winograd_accepts,
     .prepare = conv_winograd_prepare,
     .pack_bytes = conv_winograd_pack_bytes,
     .pack_fill = conv_winograd_pack_fill},
    {.name = "conv_winograd_f2x3",
     .variant = 1,
     .accepts = conv_winograd_accepts,
     .prepare = conv_winograd_prepare,
     .pack_bytes = conv_winograd_pack_bytes,
     .pack_fill = conv_winograd_pack_fill},
    {.name = "conv_implicit",
     .accepts = conv_implicit_accepts,
     .prepare = conv_implicit_prepare,
     .pack_bytes = conv_implicit_pack_bytes,
     .pack_fill = conv_implicit_pack_fill},
    {.name = "conv_winograd_plain",
     .accepts = conv_winograd_plain_accepts,
     .prepare = conv_winograd_plain_prepare,
     .pack_bytes = conv_winograd_plain_pack_bytes,
     .pack_fill = conv_winograd_plain_pack_fill},
    {.name = "conv_depthwise_plain", .accepts = conv_depthwise_plain_accepts, .prepare = conv_depthwise_plain_prepare},
    {.name = "conv_direct",
     .accepts = conv_direct_accepts,
     .prepare = conv_direct_prepare,
     .pack_bytes = conv_direct_pack_bytes,
     .pack_fill = conv_direct_pack_fill},
    {.name = "conv_generic", .accepts = conv_generic_accepts, .prepare = conv_generic_prepare},
    TILE_ROW("128x128", OCL_TILE_128_128),
    TILE_ROW("64x64", OCL_TILE_64_64),
    TILE_ROW("64x32", OCL_TILE_64_32),
    TILE_ROW("32x32", OCL_TILE_32_32),
    TILE_ROW("64x64_none", OCL_TILE_64_64_NONE),
    TILE_ROW("32x64_none", OCL_TILE_32_64_NONE),
    TILE_ROW("16x32_none", OCL_TILE_16_32_NONE),
};
const ocl_list ocl_conv_list = {kinds, 1, sizeof rows / sizeof *rows, rows};
