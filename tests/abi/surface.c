/* SPDX-License-Identifier: Apache-2.0 */
/* surface.c: a library whose exported functions reach every type of convoke/plugin.h, for abidw and abidiff to read from its debug
 * information. The table and the host reach the structs that cross; attributes travel as const void *, so each has a function here. */
#include <convoke/plugin.h>

#define REACH(TYPE)                          \
  CVK_EXPORT void reach_##TYPE(const TYPE *p); \
  void reach_##TYPE(const TYPE *p) { (void)p; }

REACH(cvk_conv_attr)
REACH(cvk_pool_attr)
REACH(cvk_pad_attr)
REACH(cvk_gemm_attr)
REACH(cvk_norm_attr)
REACH(cvk_axis_attr)
REACH(cvk_unary_attr)
REACH(cvk_axes_attr)
REACH(cvk_shape_attr)
REACH(cvk_slice_attr)
REACH(cvk_split_attr)
REACH(cvk_cast_attr)
REACH(cvk_mod_attr)
REACH(cvk_arg_attr)
REACH(cvk_resize_attr)
REACH(cvk_grid_attr)
REACH(cvk_roi_align_attr)
REACH(cvk_nms_attr)
REACH(cvk_deform_conv_attr)
REACH(cvk_gather_nd_attr)
REACH(cvk_scatter_attr)
REACH(cvk_cumulative_attr)
REACH(cvk_top_k_attr)
REACH(cvk_trilu_attr)
REACH(cvk_unique_attr)
REACH(cvk_reverse_sequence_attr)
REACH(cvk_bit_shift_attr)
REACH(cvk_is_inf_attr)
REACH(cvk_recurrent_attr)
REACH(cvk_einsum_attr)
REACH(cvk_dft_attr)
REACH(cvk_linear_attention_attr)
REACH(cvk_cross_entropy_attr)
REACH(cvk_dropout_attr)
REACH(cvk_sgd_attr)
REACH(cvk_adam_attr)
REACH(cvk_post_op)
REACH(cvk_quant)

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host, (void)out;
  return CVK_UNSUPPORTED;
}
