/* SPDX-License-Identifier: Apache-2.0 */
/* fill.h: functions named by the rows of import_table.c. Fillers turn a node's attributes into an attribute struct that holds the op's
 * defaults; emitters build operators that are no single op of Convoke. */
#ifndef CVK_ONNX_FILL_H
#define CVK_ONNX_FILL_H

#include "import.h"

void cvk_onnx_fill_conv(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_conv_transpose(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_max_pool(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_avg_pool(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_lp_pool(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_global_lp_pool(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_pad(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_batch_norm(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_lrn(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_einsum(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_gemm(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_axis(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_concat(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_alpha(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_hard_sigmoid(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_selu(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_clip(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_gelu(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_reduce(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_squeeze(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_unsqueeze(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_transpose(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_reshape(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_slice(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_split(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_cast_1(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_bitcast(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_cast(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_shape(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_shrink(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_mod(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_arg(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_range(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_bit_shift(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_is_inf(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_cast_like(cvk_onnx_call *c, cvk_any_attr *a);

void cvk_onnx_fill_max_unpool(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_deform_conv(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_col2im(cvk_onnx_call *c, cvk_any_attr *a);

/* Input 1 of an operator of two operands; before opset 7 placed along input 0's axes as `broadcast` and `axis` say. */
cvk_value cvk_onnx_second_operand(cvk_onnx_call *c);
void cvk_onnx_emit_broadcast_axis(cvk_onnx_call *c); /* Add-6 ... with its `broadcast` and `axis` */
void cvk_onnx_emit_prelu_6(cvk_onnx_call *c);        /* a slope of one extent goes along the channels */
void cvk_onnx_emit_softmax_1(cvk_onnx_call *c);      /* over all axes from `axis` on, taken as one */
void cvk_onnx_emit_batch_norm(cvk_onnx_call *c);     /* inference only; `spatial` until opset 8 */
void cvk_onnx_emit_dropout(cvk_onnx_call *c);
void cvk_onnx_emit_pad_2(cvk_onnx_call *c);
void cvk_onnx_emit_reshape_1(cvk_onnx_call *c);
void cvk_onnx_emit_tile_1(cvk_onnx_call *c);  /* tiles and axis as numbers of the data's type */
void cvk_onnx_emit_split_1(cvk_onnx_call *c); /* sizes too, where they are an input */
void cvk_onnx_emit_cast_like(cvk_onnx_call *c);
void cvk_onnx_emit_constant(cvk_onnx_call *c);
void cvk_onnx_emit_constant_of_shape(cvk_onnx_call *c);

/* compose.c */
void cvk_onnx_emit_reduce_l1(cvk_onnx_call *c);
void cvk_onnx_emit_reduce_l2(cvk_onnx_call *c);
void cvk_onnx_emit_reduce_sum_square(cvk_onnx_call *c);
void cvk_onnx_emit_reduce_log_sum(cvk_onnx_call *c);
void cvk_onnx_emit_reduce_log_sum_exp(cvk_onnx_call *c);
void cvk_onnx_emit_hardmax_1(cvk_onnx_call *c); /* over all axes from `axis` on, taken as one */
void cvk_onnx_emit_hardmax(cvk_onnx_call *c);
void cvk_onnx_emit_size(cvk_onnx_call *c);
void cvk_onnx_emit_and(cvk_onnx_call *c);
void cvk_onnx_emit_or(cvk_onnx_call *c);
void cvk_onnx_emit_xor(cvk_onnx_call *c);
void cvk_onnx_emit_greater_or_equal(cvk_onnx_call *c);
void cvk_onnx_emit_less_or_equal(cvk_onnx_call *c);
void cvk_onnx_emit_instance_norm(cvk_onnx_call *c);
void cvk_onnx_emit_layer_norm(cvk_onnx_call *c);
void cvk_onnx_emit_group_norm(cvk_onnx_call *c);
void cvk_onnx_emit_rms_norm(cvk_onnx_call *c);
void cvk_onnx_emit_lp_norm(cvk_onnx_call *c);
void cvk_onnx_emit_mean_variance_norm(cvk_onnx_call *c);
void cvk_onnx_emit_swiglu(cvk_onnx_call *c);
void cvk_onnx_emit_depth_to_space(cvk_onnx_call *c);
void cvk_onnx_emit_space_to_depth(cvk_onnx_call *c);

/* indices.c */
void cvk_onnx_fill_gather_nd(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_scatter_elements(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_scatter_nd(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_cumulative(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_top_k(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_trilu(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_reverse_sequence(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_emit_compress(cvk_onnx_call *c);
void cvk_onnx_emit_unique(cvk_onnx_call *c);
void cvk_onnx_emit_eye_like(cvk_onnx_call *c);
void cvk_onnx_emit_tensor_scatter(cvk_onnx_call *c);

/* losses.c */
void cvk_onnx_emit_negative_log_likelihood_loss(cvk_onnx_call *c);
void cvk_onnx_emit_softmax_cross_entropy_loss(cvk_onnx_call *c);

/* recurrent.c */
void cvk_onnx_fill_recurrent(cvk_onnx_call *c, cvk_any_attr *a);
/* inline.c */
void cvk_onnx_emit_if(cvk_onnx_call *c); /* the branch that is taken, where that is known at import */
/* attention.c */
void cvk_onnx_emit_attention(cvk_onnx_call *c);

/* sequence.c */
void cvk_onnx_emit_rotary_embedding(cvk_onnx_call *c);
void cvk_onnx_emit_causal_conv(cvk_onnx_call *c);
void cvk_onnx_fill_linear_attention(cvk_onnx_call *c, cvk_any_attr *a);

/* quantize.c */
void cvk_onnx_emit_quantize(cvk_onnx_call *c);
void cvk_onnx_emit_dequantize(cvk_onnx_call *c);
void cvk_onnx_emit_dynamic_quantize(cvk_onnx_call *c);
void cvk_onnx_emit_matmul_integer(cvk_onnx_call *c);
void cvk_onnx_emit_conv_integer(cvk_onnx_call *c);
void cvk_onnx_emit_qlinear_matmul(cvk_onnx_call *c);
void cvk_onnx_emit_qlinear_conv(cvk_onnx_call *c);
/* image.c */
void cvk_onnx_fill_grid_sample(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_affine_grid(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_roi_align(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_fill_nms(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_emit_center_crop_pad(cvk_onnx_call *c);

/* resize.c */
void cvk_onnx_fill_resize(cvk_onnx_call *c, cvk_any_attr *attr);
void cvk_onnx_emit_resize_by_input(cvk_onnx_call *c); /* Resize-10, Upsample-9: x and scales */
void cvk_onnx_emit_upsample_7(cvk_onnx_call *c);      /* the scales are an attribute */
void cvk_onnx_emit_upsample_1(cvk_onnx_call *c);      /* two scales, of height and width */

/* signal.c */
void cvk_onnx_fill_dft(cvk_onnx_call *c, cvk_any_attr *a);
void cvk_onnx_emit_stft(cvk_onnx_call *c);
void cvk_onnx_emit_hann_window(cvk_onnx_call *c);
void cvk_onnx_emit_hamming_window(cvk_onnx_call *c);
void cvk_onnx_emit_blackman_window(cvk_onnx_call *c);
void cvk_onnx_emit_mel_weight_matrix(cvk_onnx_call *c);

#endif
