/* SPDX-License-Identifier: Apache-2.0 */
/* op_table.h: what the host knows of each op (one row of ops.def): arity, attribute, shape rule, plain-C reference. Each op's functions
 * live in api/ops/. Everything here is pure: no device, no allocation that outlives the call, any thread. */
#ifndef CVK_OP_TABLE_H
#define CVK_OP_TABLE_H

#include <convoke/plugin.h>

#include "status.h"

#define CVK_MAX_INPUTS 64
#define CVK_MAX_OUTPUTS 64

typedef struct cvk_no_attr { uint32_t struct_size; } cvk_no_attr; /* kinds without one: op->attr is NULL */

/* Room for any attribute; every member begins with struct_size. */
typedef union cvk_any_attr {
  uint32_t struct_size;
  cvk_no_attr none;
  cvk_conv_attr conv;
  cvk_pool_attr pool;
  cvk_pad_attr pad;
  cvk_gemm_attr gemm;
  cvk_norm_attr norm;
  cvk_axis_attr axis;
  cvk_unary_attr unary;
  cvk_axes_attr axes;
  cvk_shape_attr shape;
  cvk_slice_attr slice;
  cvk_split_attr split;
  cvk_cast_attr cast;
  cvk_mod_attr mod;
  cvk_arg_attr arg;
  cvk_resize_attr resize;
  cvk_grid_attr grid;
  cvk_roi_align_attr roi_align;
  cvk_nms_attr nms;
  cvk_deform_conv_attr deform_conv;
  cvk_gather_nd_attr gather_nd;
  cvk_scatter_attr scatter;
  cvk_cumulative_attr cumulative;
  cvk_top_k_attr top_k;
  cvk_trilu_attr trilu;
  cvk_unique_attr unique;
  cvk_reverse_sequence_attr reverse_sequence;
  cvk_bit_shift_attr bit_shift;
  cvk_is_inf_attr is_inf;
  cvk_recurrent_attr recurrent;
  cvk_einsum_attr einsum;
  cvk_dft_attr dft;
  cvk_linear_attention_attr linear_attention;
  cvk_cross_entropy_attr cross_entropy;
  cvk_dropout_attr dropout;
  cvk_sgd_attr sgd;
  cvk_adam_attr adam;
} cvk_any_attr;

/* An op on its way through its shape rule. The rule checks the inputs, RESOLVES attr in place (see plugin.h) and fills out[0..n_out-1]
 * (dtype, rank, dim; the rest is zeroed and struct_size set before the call; format stays plain). */
typedef struct cvk_op_call {
  const struct cvk_op_def *def;
  int32_t kind;
  int32_t n_in, n_out;
  const cvk_tensor_desc *const *in; /* absent optional inputs are NULL; in[i]->const_data is the value of inputs that def->values names */
  cvk_tensor_desc *out;
  cvk_any_attr *attr;
} cvk_op_call;

struct cvk_gradient;

typedef struct cvk_op_def {
  int32_t kind;
  const char *name, *onnx;
  int32_t min_in, max_in, max_out;
  uint32_t attr_bytes; /* 0: none */
  uint32_t values;     /* bit i: infer reads input i's value; infer answers UNSUPPORTED when const_data is NULL */
  const char *doc;
  void (*defaults)(int32_t kind, cvk_any_attr *attr); /* what a NULL attribute stands for; attr comes zeroed */
  cvk_status (*infer)(cvk_op_call *call);
  /* The oracle. Plain formats (REORDER: any but private), resolved attr, any element alignment a C object has. Accumulates in double where
   * sums are formed. out[i] may be NULL where nobody reads it. Returns INVALID_ARGUMENT for bad values met on the way (an index out of range). */
  cvk_status (*reference)(const cvk_op *op, const void *const *in, void *const *out);
  /* Adds the ops that make the inputs' gradients (train/gradient.h). UNSUPPORTED: the op has none. */
  cvk_status (*gradient)(struct cvk_gradient *c);
} cvk_op_def;

const cvk_op_def *cvk_op_def_find(int32_t kind);           /* NULL: unknown */
const cvk_op_def *cvk_op_def_at(int32_t index);            /* NULL past the end */

/* Copies the caller's attribute into full room under the rules of growth: a shorter one is filled up with zeros; of a longer one the part
 * that this library does not know must be zero. NULL: the op's defaults. */
cvk_status cvk_attr_copy(const cvk_op_def *def, const void *attr, cvk_any_attr *resolved);
/* Copies attr (NULL: defaults; struct_size 0: full size; smaller or larger sizes as the rules of growth say), checks the argument counts
 * and required inputs, runs infer. out: n_out descs, overwritten. resolved: overwritten. */
cvk_status cvk_op_resolve(int32_t kind, const void *attr, int32_t n_in, const cvk_tensor_desc *const *in, int32_t n_out, cvk_tensor_desc *out,
                          cvk_any_attr *resolved);

/* ---- helpers for shape rules (api/ops/common.c) ---- */

/* Fills a desc; checks rank <= 8 and that extents and bytes do not overflow (SIZE_OVERFLOW). `what` names the tensor in the message. */
cvk_status cvk_desc_set(cvk_tensor_desc *d, const char *what, int32_t dtype, int32_t rank, const int64_t *dim);
/* Nonzero where rank and extents are the same. */
int32_t cvk_same_shape(const cvk_tensor_desc *a, const cvk_tensor_desc *b);
/* NumPy broadcasting of two shapes into *rank, dim. INVALID_SHAPE names both shapes. */
cvk_status cvk_broadcast(const char *op, int32_t ra, const int64_t *a, int32_t rb, const int64_t *b, int32_t *rank, int64_t *dim);
/* axis in -rank..rank-1 to 0..rank-1; INVALID_ARGUMENT with the numbers. `rank` 0 counts as 1. */
cvk_status cvk_axis_resolve(const char *op, const char *what, int64_t axis, int32_t rank, int32_t *out);
/* Reads input i (I64 or I32, rank 0 or 1, at most max entries) whose value must be known. *n = -1 when the input is absent. */
cvk_status cvk_read_ints(const cvk_op_call *call, int32_t i, int32_t max, int64_t *v, int32_t *n);
/* Puts the value of input i, where it is given, into the call's shape attribute; checks the attribute's rank either way. */
cvk_status cvk_read_shape(const cvk_op_call *call, int32_t i);
/* INVALID_ARGUMENT unless in[i]->dtype is one of the n given. */
cvk_status cvk_require_dtype(const cvk_op_call *call, int32_t i, int32_t n, const int32_t *allowed);

#endif
