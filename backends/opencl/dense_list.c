/* SPDX-License-Identifier: Apache-2.0 */
/* dense_list.c: the rows of GEMM and MATMUL, best first. */
#include "dense.h"
#include "lists.h"

static const int32_t kinds[] = {CVK_OP_GEMM, CVK_OP_MATMUL};
static const ocl_row rows[] = {
    {.name = "dense_tile",
     .accepts = dense_tile_accepts,
     .prepare = dense_tile_prepare,
     .pack_bytes = dense_tile_pack_bytes,
     .pack_fill = dense_tile_pack_fill},
    {.name = "dense_implicit",
     .accepts = dense_implicit_accepts,
     .prepare = dense_implicit_prepare,
     .pack_bytes = dense_implicit_pack_bytes,
     .pack_fill = dense_implicit_pack_fill},
    {.name = "dense_vector", .accepts = dense_vector_accepts, .prepare = dense_vector_prepare},
#ifdef CVK_HAVE_CLBLAST
    {.name = "dense_clblast", .accepts = dense_clblast_accepts, .prepare = dense_clblast_prepare, .execute = dense_clblast_execute},
#endif
};
const ocl_list ocl_dense_list = {kinds, sizeof kinds / sizeof *kinds, sizeof rows / sizeof *rows, rows};
