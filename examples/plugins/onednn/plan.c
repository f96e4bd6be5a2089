/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: what all plans have in common: memory descriptors, threads, choosing an implementation. */
#include <limits.h>
#include <omp.h>
#include <string.h>

#include "onednn.h"

/* oneDNN sums in float, in chains of up to about 1000 products. The most seen with all terms positive: 3.2 units of 2^-24 of the sum at depth 9, 5 at
 * 12, 30 at 1025, no more beyond. So only shallow sums keep CVK_ERROR_DIRECT's 4; all keep the other class's 64. */
#define DIRECT_DEPTH 9

int32_t plan_error_class(const plan *p) { return p->depth <= DIRECT_DEPTH ? CVK_ERROR_DIRECT : CVK_ERROR_WINOGRAD; }

int32_t threads_enter(int32_t n) {
  const int32_t before = omp_get_max_threads();
  omp_set_num_threads(n);
  return before;
}

/* An infinity or a NaN has all bits of its exponent set. */
int32_t all_finite(const float *v, int64_t n) {
  uint32_t bits, found = 0;
  for (int64_t i = 0; i < n; i++) {
    memcpy(&bits, v + i, sizeof bits);
    found |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return found == 0;
}

/* ---- memory descriptors; each function: nonzero on success ---- */

void dims_of(int32_t n, const int64_t *from, dnnl_dims_t to) {
  for (int32_t i = 0; i < n; i++) to[i] = from[i];
}

int32_t md_plain(dnnl_memory_desc_t *md, int32_t rank, const int64_t *dim) {
  dnnl_dims_t dims, strides;
  int64_t stride = 1;
  dims_of(rank, dim, dims);
  for (int32_t i = rank; i-- > 0; stride *= dim[i]) strides[i] = stride;
  return dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, strides) == dnnl_success;
}

int32_t md_blocked(dnnl_memory_desc_t *md, int32_t rank, const int64_t *dim, int32_t block) {
  static const dnnl_format_tag_t tags[2][3] = {{dnnl_aBc8b, dnnl_aBcd8b, dnnl_aBcde8b}, {dnnl_aBc16b, dnnl_aBcd16b, dnnl_aBcde16b}};
  dnnl_dims_t dims;
  if (block == 0) return md_plain(md, rank, dim);
  dims_of(rank, dim, dims);
  return dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, tags[block == 16][rank - 3]) == dnnl_success;
}

int32_t md_any(dnnl_memory_desc_t *md, int32_t rank, const int64_t *dim) {
  dnnl_dims_t dims;
  dims_of(rank, dim, dims);
  return dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, dnnl_format_tag_any) == dnnl_success;
}

uint64_t md_number(const dnnl_memory_desc_t *md) {
  const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
  uint64_t h = 14695981039346656037u; /* FNV-1a over what tells one format of these dims from another */
  for (int i = 0; i < md->ndims; i++) h = ((h ^ (uint64_t)md->padded_dims[i]) * 1099511628211u ^ (uint64_t)b->strides[i]) * 1099511628211u;
  for (int i = 0; i < b->inner_nblks; i++) h = ((h ^ (uint64_t)b->inner_blks[i]) * 1099511628211u ^ (uint64_t)b->inner_idxs[i]) * 1099511628211u;
  return h | 1;
}

/* ---- plans ---- */

static const char *implementation(dnnl_primitive_desc_t desc) {
  const char *name = NULL;
  return dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name ? name : "";
}

static int32_t ask(const cvk_backend_device *dev, const void *op_desc, plan *p, int32_t threads) {
  dnnl_primitive_attr_t attr;
  if (dnnl_primitive_attr_create(&attr) != dnnl_success) return 0;
  dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  const int32_t before = threads_enter(threads); /* oneDNN shares the work out when it makes the descriptor */
  const dnnl_status_t status = dnnl_primitive_desc_create(&p->desc, op_desc, attr, dev->engine, NULL);
  threads_enter(before);
  dnnl_primitive_attr_destroy(attr);
  p->threads = threads;
  if (status != dnnl_success) p->desc = NULL;
  return status == dnnl_success;
}

/* The implementations on its sgemm split sums between threads when outputs are few, so their results would depend on the number of threads: they
 * get one. Its reference implementation is a loop for tests: refused. */
const char *plan_ask(const cvk_backend_device *dev, const void *op_desc, plan *p) {
  if (!ask(dev, op_desc, p, dev->host->workers(dev->host->ctx))) return "onednn: oneDNN has no implementation for this shape";
  if (strstr(implementation(p->desc), "gemm") != NULL && p->threads > 1) {
    plan_free(p);
    if (!ask(dev, op_desc, p, 1)) return "onednn: oneDNN has no implementation for this shape on one thread";
  }
  return strncmp(implementation(p->desc), "ref", 3) == 0 ? "onednn: oneDNN has only its reference implementation for this shape and layout" : NULL;
}

void plan_free(plan *p) {
  if (p->desc != NULL) dnnl_primitive_desc_destroy(p->desc);
  p->desc = NULL;
}

const dnnl_memory_desc_t *plan_arg(const plan *p, int arg) { return dnnl_primitive_desc_query_md(p->desc, dnnl_query_exec_arg_md, arg); }

static const char *check_tensors(const cvk_op *op) {
  if (op->n_post != 0) return "onednn: takes no post-ops";
  for (int32_t i = 0; i < op->n_in + op->n_out; i++) {
    const cvk_tensor_desc *d = i < op->n_in ? op->in[i] : op->out[i - op->n_in];
    if (d == NULL) continue;
    const int64_t n = cvk_count(d->rank, d->dim);
    if (d->dtype != CVK_F32) return i < op->n_in ? "onednn: takes f32 only" : "onednn: max_pool: gives no indices";
    if (n <= 0 || n > INT_MAX) return "onednn: takes tensors of 1 to 2^31-1 elements";
  }
  return op->out[0] == NULL ? "onednn: the output is not wanted" : NULL;
}

const char *plan_read(const cvk_backend_device *dev, const cvk_op *op, int32_t variant, plan *p) {
  const char *why = check_tensors(op);
  *p = (plan){0};
  if (why != NULL) return why;
  switch (op->kind) {
    case CVK_OP_CONV: why = plan_conv(dev, op, variant, p); break;
    case CVK_OP_GEMM: why = plan_gemm(dev, op, variant, p); break;
    case CVK_OP_MATMUL: why = plan_matmul(dev, op, variant, p); break;
    default: why = plan_pool(dev, op, variant, p); break;
  }
  if (why != NULL) plan_free(p);
  return why;
}
