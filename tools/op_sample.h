/* SPDX-License-Identifier: Apache-2.0 */
/* op_sample.h: a case of selftest, written as a line of text: one op, or a few that follow each other, over made-up tensors.
 *   conv 1x16x9x7 33x16x3x3 33 stride=2,2 pad=1,0,1,2; add _ 1x33x5x4; relu _
 * Operands: DIMS (f32), TYPE:DIMS, "scalar", each with @FILL; TYPE[1,2,3] values; TYPE(2) a scalar; - absent; _ the result of the op before;
 * $0 the first tensor again. Then KEY=VALUES, the fields of the op's attribute (none: the op's defaults), and outputs=N. */
#ifndef CVK_OP_SAMPLE_H
#define CVK_OP_SAMPLE_H

#include <convoke/convoke.h>

enum { SAMPLE_STEPS = 4, SAMPLE_OPERANDS = 20, SAMPLE_TENSORS = 24, SAMPLE_VALUES = 16, SAMPLE_OUTPUTS = 8 };

typedef struct sample_tensor {
  int32_t dtype, rank;
  int64_t dim[CVK_MAX_RANK];
  char fill[12];    /* "": -1..1, "pos": 0.1..2.1, "big": -20..20, "few": small whole numbers, "special": NaN, Inf, 0, huge and tiny ones
                       among them; "odd": the same but none that is huge and finite, which would hide all other terms of a sum; "huge": -1e30..1e30 */
  int32_t n_values; /* > 0 (or a literal of none: -1): the values */
  double value[SAMPLE_VALUES];
} sample_tensor;

enum { OPERAND_ABSENT = -1, OPERAND_PREVIOUS = -2 }; /* >= 0: a tensor */

typedef struct sample_step {
  int32_t kind, n_in, n_out, has_attr;
  int32_t in[SAMPLE_OPERANDS];
  union {
    uint32_t struct_size;
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
  } attr;
} sample_step;

typedef struct op_sample {
  const char *text;
  int32_t n_steps, n_tensors;
  sample_step step[SAMPLE_STEPS];
  sample_tensor tensor[SAMPLE_TENSORS];
} op_sample;

/* 1: parsed. 0: `why` has a sentence. The text is kept by reference. */
int op_sample_parse(const char *text, op_sample *out, char *why, size_t why_bytes);
/* The values of tensor i, as elements of its type; free() them. NULL: no memory. */
void *op_sample_data(const op_sample *s, int32_t i);
uint64_t op_sample_bytes(const op_sample *s, int32_t i);

/* All cases: op_samples_at(0), ... NULL past the end. */
const char *op_samples_at(int32_t index);

#endif
