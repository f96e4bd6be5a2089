/* SPDX-License-Identifier: Apache-2.0 */
/* test_layout.c: the sizes and offsets of every struct in convoke/plugin.h as 0.1 (or the minor that is named) published them, on 64-bit machines. Fields are only
 * appended: a line here never changes, a new field gets a line and a new size. test_values.c does the same for the constants.
 * Rules of docs/plugin-abi.md: G1, G2, G3. */
#include "../harness.h"

#define SIZE(STRUCT, BYTES) _Static_assert(sizeof(STRUCT) == (BYTES), "size of " #STRUCT)
#define AT(STRUCT, FIELD, OFFSET) _Static_assert(offsetof(STRUCT, FIELD) == (OFFSET), "offset of " #STRUCT "." #FIELD)

#if UINTPTR_MAX == UINT64_MAX

SIZE(cvk_format, 16);
AT(cvk_format, layout, 0);
AT(cvk_format, block, 4);
AT(cvk_format, private_layout, 8);

SIZE(cvk_tensor_desc, 112);
AT(cvk_tensor_desc, struct_size, 0);
AT(cvk_tensor_desc, dtype, 4);
AT(cvk_tensor_desc, rank, 8);
AT(cvk_tensor_desc, reserved, 12);
AT(cvk_tensor_desc, dim, 16);
AT(cvk_tensor_desc, format, 80);
AT(cvk_tensor_desc, const_data, 96);
AT(cvk_tensor_desc, quant, 104);

SIZE(cvk_conv_attr, 368);
AT(cvk_conv_attr, struct_size, 0);
AT(cvk_conv_attr, auto_pad, 4);
AT(cvk_conv_attr, kernel, 8);
AT(cvk_conv_attr, stride, 56);
AT(cvk_conv_attr, dilation, 104);
AT(cvk_conv_attr, pad_begin, 152);
AT(cvk_conv_attr, pad_end, 200);
AT(cvk_conv_attr, group, 248);
AT(cvk_conv_attr, output_padding, 256);
AT(cvk_conv_attr, output_shape, 304);
AT(cvk_conv_attr, activation, 352);
AT(cvk_conv_attr, activation_alpha, 356);
AT(cvk_conv_attr, activation_beta, 360);
AT(cvk_conv_attr, reserved, 364);

SIZE(cvk_pool_attr, 264);
AT(cvk_pool_attr, struct_size, 0);
AT(cvk_pool_attr, auto_pad, 4);
AT(cvk_pool_attr, kernel, 8);
AT(cvk_pool_attr, stride, 56);
AT(cvk_pool_attr, dilation, 104);
AT(cvk_pool_attr, pad_begin, 152);
AT(cvk_pool_attr, pad_end, 200);
AT(cvk_pool_attr, ceil_mode, 248);
AT(cvk_pool_attr, count_include_pad, 252);
AT(cvk_pool_attr, storage_order, 256);
AT(cvk_pool_attr, p, 260);

SIZE(cvk_pad_attr, 144);
AT(cvk_pad_attr, struct_size, 0);
AT(cvk_pad_attr, mode, 4);
AT(cvk_pad_attr, begin, 8);
AT(cvk_pad_attr, end, 72);
AT(cvk_pad_attr, value, 136);

SIZE(cvk_gemm_attr, 20);
AT(cvk_gemm_attr, struct_size, 0);
AT(cvk_gemm_attr, trans_a, 4);
AT(cvk_gemm_attr, trans_b, 8);
AT(cvk_gemm_attr, alpha, 12);
AT(cvk_gemm_attr, beta, 16);

SIZE(cvk_norm_attr, 32);
AT(cvk_norm_attr, struct_size, 0);
AT(cvk_norm_attr, epsilon, 4);
AT(cvk_norm_attr, size, 8);
AT(cvk_norm_attr, alpha, 16);
AT(cvk_norm_attr, beta, 20);
AT(cvk_norm_attr, bias, 24);
AT(cvk_norm_attr, reserved, 28);

SIZE(cvk_axis_attr, 8);
AT(cvk_axis_attr, struct_size, 0);
AT(cvk_axis_attr, axis, 4);

SIZE(cvk_unary_attr, 12);
AT(cvk_unary_attr, struct_size, 0);
AT(cvk_unary_attr, alpha, 4);
AT(cvk_unary_attr, beta, 8);

SIZE(cvk_axes_attr, 48);
AT(cvk_axes_attr, struct_size, 0);
AT(cvk_axes_attr, n_axes, 4);
AT(cvk_axes_attr, axis, 8);
AT(cvk_axes_attr, keep_dims, 40);
AT(cvk_axes_attr, noop_with_empty_axes, 44);

SIZE(cvk_shape_attr, 88);
AT(cvk_shape_attr, struct_size, 0);
AT(cvk_shape_attr, rank, 4);
AT(cvk_shape_attr, dim, 8);
AT(cvk_shape_attr, allow_zero, 72);
AT(cvk_shape_attr, dtype, 76);
AT(cvk_shape_attr, value, 80);

SIZE(cvk_slice_attr, 232);
AT(cvk_slice_attr, struct_size, 0);
AT(cvk_slice_attr, n_axes, 4);
AT(cvk_slice_attr, axis, 8);
AT(cvk_slice_attr, start, 40);
AT(cvk_slice_attr, end, 104);
AT(cvk_slice_attr, step, 168);

SIZE(cvk_split_attr, 528);
AT(cvk_split_attr, struct_size, 0);
AT(cvk_split_attr, axis, 4);
AT(cvk_split_attr, n_split, 8);
AT(cvk_split_attr, reserved, 12);
AT(cvk_split_attr, size, 16);

SIZE(cvk_cast_attr, 24); /* 16 in 0.1 */
AT(cvk_cast_attr, struct_size, 0);
AT(cvk_cast_attr, dtype, 4);
AT(cvk_cast_attr, start, 8);
AT(cvk_cast_attr, end, 12);
AT(cvk_cast_attr, overflow, 16);
AT(cvk_cast_attr, rounding, 20);

SIZE(cvk_mod_attr, 8); /* 0.2 */
AT(cvk_mod_attr, struct_size, 0);
AT(cvk_mod_attr, fmod, 4);

SIZE(cvk_arg_attr, 16); /* 0.2 */
AT(cvk_arg_attr, struct_size, 0);
AT(cvk_arg_attr, axis, 4);
AT(cvk_arg_attr, keep_dims, 8);
AT(cvk_arg_attr, select_last_index, 12);

SIZE(cvk_resize_attr, 360); /* 0.2 */
AT(cvk_resize_attr, struct_size, 0);
AT(cvk_resize_attr, mode, 4);
AT(cvk_resize_attr, coordinates, 8);
AT(cvk_resize_attr, rounding, 12);
AT(cvk_resize_attr, antialias, 16);
AT(cvk_resize_attr, exclude_outside, 20);
AT(cvk_resize_attr, keep_aspect, 24);
AT(cvk_resize_attr, cubic_a, 28);
AT(cvk_resize_attr, extrapolation, 32);
AT(cvk_resize_attr, n_axes, 36);
AT(cvk_resize_attr, axis, 40);
AT(cvk_resize_attr, scale, 72);
AT(cvk_resize_attr, size, 104);
AT(cvk_resize_attr, roi_begin, 168);
AT(cvk_resize_attr, roi_end, 232);
AT(cvk_resize_attr, width, 296);

SIZE(cvk_grid_attr, 16); /* 0.2 */
AT(cvk_grid_attr, struct_size, 0);
AT(cvk_grid_attr, mode, 4);
AT(cvk_grid_attr, padding, 8);
AT(cvk_grid_attr, align_corners, 12);

SIZE(cvk_roi_align_attr, 40); /* 0.2 */
AT(cvk_roi_align_attr, struct_size, 0);
AT(cvk_roi_align_attr, is_max, 4);
AT(cvk_roi_align_attr, half_pixel, 8);
AT(cvk_roi_align_attr, sampling_ratio, 12);
AT(cvk_roi_align_attr, out, 16);
AT(cvk_roi_align_attr, spatial_scale, 32);
AT(cvk_roi_align_attr, reserved, 36);

SIZE(cvk_nms_attr, 24); /* 0.2 */
AT(cvk_nms_attr, struct_size, 0);
AT(cvk_nms_attr, center_point_box, 4);
AT(cvk_nms_attr, most, 8);
AT(cvk_nms_attr, iou_threshold, 16);
AT(cvk_nms_attr, score_threshold, 20);

SIZE(cvk_deform_conv_attr, 104); /* 0.2 */
AT(cvk_deform_conv_attr, struct_size, 0);
AT(cvk_deform_conv_attr, reserved, 4);
AT(cvk_deform_conv_attr, kernel, 8);
AT(cvk_deform_conv_attr, stride, 24);
AT(cvk_deform_conv_attr, dilation, 40);
AT(cvk_deform_conv_attr, pad_begin, 56);
AT(cvk_deform_conv_attr, pad_end, 72);
AT(cvk_deform_conv_attr, group, 88);
AT(cvk_deform_conv_attr, offset_group, 96);
SIZE(cvk_gather_nd_attr, 8); /* 0.2 */
AT(cvk_gather_nd_attr, struct_size, 0);
AT(cvk_gather_nd_attr, batch_dims, 4);

SIZE(cvk_scatter_attr, 12); /* 0.2 */
AT(cvk_scatter_attr, struct_size, 0);
AT(cvk_scatter_attr, axis, 4);
AT(cvk_scatter_attr, reduction, 8);

SIZE(cvk_cumulative_attr, 16); /* 0.2 */
AT(cvk_cumulative_attr, struct_size, 0);
AT(cvk_cumulative_attr, axis, 4);
AT(cvk_cumulative_attr, exclusive, 8);
AT(cvk_cumulative_attr, reverse, 12);

SIZE(cvk_top_k_attr, 24); /* 0.2 */
AT(cvk_top_k_attr, struct_size, 0);
AT(cvk_top_k_attr, axis, 4);
AT(cvk_top_k_attr, k, 8);
AT(cvk_top_k_attr, largest, 16);
AT(cvk_top_k_attr, sorted, 20);

SIZE(cvk_trilu_attr, 16); /* 0.2 */
AT(cvk_trilu_attr, struct_size, 0);
AT(cvk_trilu_attr, upper, 4);
AT(cvk_trilu_attr, k, 8);

SIZE(cvk_unique_attr, 12); /* 0.2 */
AT(cvk_unique_attr, struct_size, 0);
AT(cvk_unique_attr, axis, 4);
AT(cvk_unique_attr, sorted, 8);

SIZE(cvk_reverse_sequence_attr, 12); /* 0.2 */
AT(cvk_reverse_sequence_attr, struct_size, 0);
AT(cvk_reverse_sequence_attr, batch_axis, 4);
AT(cvk_reverse_sequence_attr, time_axis, 8);

SIZE(cvk_bit_shift_attr, 8); /* 0.2 */
AT(cvk_bit_shift_attr, struct_size, 0);
AT(cvk_bit_shift_attr, right, 4);

SIZE(cvk_is_inf_attr, 12); /* 0.2 */
AT(cvk_is_inf_attr, struct_size, 0);
AT(cvk_is_inf_attr, negative, 4);
AT(cvk_is_inf_attr, positive, 8);

SIZE(cvk_recurrent_attr, 104); /* 0.2 */
AT(cvk_recurrent_attr, struct_size, 0);
AT(cvk_recurrent_attr, direction, 4);
AT(cvk_recurrent_attr, hidden_size, 8);
AT(cvk_recurrent_attr, layout, 16);
AT(cvk_recurrent_attr, input_forget, 20);
AT(cvk_recurrent_attr, linear_before_reset, 24);
AT(cvk_recurrent_attr, clip, 28);
AT(cvk_recurrent_attr, activation, 32);
AT(cvk_recurrent_attr, alpha, 56);
AT(cvk_recurrent_attr, beta, 80);

SIZE(cvk_einsum_attr, 260); /* 0.2 */
AT(cvk_einsum_attr, struct_size, 0);
AT(cvk_einsum_attr, equation, 4);

SIZE(cvk_dft_attr, 24); /* 0.2 */
AT(cvk_dft_attr, struct_size, 0);
AT(cvk_dft_attr, axis, 4);
AT(cvk_dft_attr, length, 8);
AT(cvk_dft_attr, inverse, 16);
AT(cvk_dft_attr, onesided, 20);
SIZE(cvk_linear_attention_attr, 32); /* 0.2 */
AT(cvk_linear_attention_attr, struct_size, 0);
AT(cvk_linear_attention_attr, rule, 4);
AT(cvk_linear_attention_attr, q_heads, 8);
AT(cvk_linear_attention_attr, kv_heads, 16);
AT(cvk_linear_attention_attr, scale, 24);
AT(cvk_linear_attention_attr, reserved, 28);

SIZE(cvk_cross_entropy_attr, 24); /* 0.2 */
AT(cvk_cross_entropy_attr, struct_size, 0);
AT(cvk_cross_entropy_attr, reduction, 4);
AT(cvk_cross_entropy_attr, ignore_index, 8);
AT(cvk_cross_entropy_attr, has_ignore, 16);
AT(cvk_cross_entropy_attr, label_smoothing, 20);

SIZE(cvk_dropout_attr, 16); /* 0.2 */
AT(cvk_dropout_attr, struct_size, 0);
AT(cvk_dropout_attr, ratio, 4);
AT(cvk_dropout_attr, stream, 8);

SIZE(cvk_sgd_attr, 16); /* 0.2 */
AT(cvk_sgd_attr, struct_size, 0);
AT(cvk_sgd_attr, momentum, 4);
AT(cvk_sgd_attr, decay, 8);
AT(cvk_sgd_attr, nesterov, 12);

SIZE(cvk_adam_attr, 24); /* 0.2 */
AT(cvk_adam_attr, struct_size, 0);
AT(cvk_adam_attr, beta1, 4);
AT(cvk_adam_attr, beta2, 8);
AT(cvk_adam_attr, epsilon, 12);
AT(cvk_adam_attr, decay, 16);
AT(cvk_adam_attr, decoupled, 20);

SIZE(cvk_post_op, 24);
AT(cvk_post_op, struct_size, 0);
AT(cvk_post_op, kind, 4);
AT(cvk_post_op, input, 8);
AT(cvk_post_op, reserved, 12);
AT(cvk_post_op, attr, 16);

SIZE(cvk_op, 56);
AT(cvk_op, struct_size, 0);
AT(cvk_op, kind, 4);
AT(cvk_op, n_in, 8);
AT(cvk_op, n_out, 12);
AT(cvk_op, in, 16);
AT(cvk_op, out, 24);
AT(cvk_op, attr, 32);
AT(cvk_op, n_post, 40);
AT(cvk_op, flags, 44);
AT(cvk_op, post, 48);

SIZE(cvk_candidate, 296);
AT(cvk_candidate, struct_size, 0);
AT(cvk_candidate, error_class, 4);
AT(cvk_candidate, row, 8);
AT(cvk_candidate, estimated_ns, 16);
AT(cvk_candidate, in, 24);
AT(cvk_candidate, out, 152);
AT(cvk_candidate, pack, 184);
AT(cvk_candidate, workspace_bytes, 248);
AT(cvk_candidate, workspace_alignment, 256);
AT(cvk_candidate, inplace, 260);
AT(cvk_candidate, backend_data, 264);

SIZE(cvk_host, 88);
AT(cvk_host, struct_size, 0);
AT(cvk_host, abi_major, 4);
AT(cvk_host, abi_minor, 8);
AT(cvk_host, reserved, 12);
AT(cvk_host, ctx, 16);
AT(cvk_host, fail, 24);
AT(cvk_host, log, 32);
AT(cvk_host, alloc, 40);
AT(cvk_host, free, 48);
AT(cvk_host, workers, 56);
AT(cvk_host, parallel_for, 64);
AT(cvk_host, option, 72);
AT(cvk_host, extension, 80);

SIZE(cvk_device_info, 424);
AT(cvk_device_info, struct_size, 0);
AT(cvk_device_info, type, 4);
AT(cvk_device_info, flags, 8);
AT(cvk_device_info, units, 12);
AT(cvk_device_info, id, 16);
AT(cvk_device_info, name, 80);
AT(cvk_device_info, driver, 208);
AT(cvk_device_info, memory_bytes, 336);
AT(cvk_device_info, max_alloc_bytes, 344);
AT(cvk_device_info, alignment, 352);
AT(cvk_device_info, isa, 360);

SIZE(cvk_arg, 24);
AT(cvk_arg, buffer, 0);
AT(cvk_arg, offset_bytes, 8);
AT(cvk_arg, bytes, 16);

SIZE(cvk_backend, 264);
AT(cvk_backend, struct_size, 0);
AT(cvk_backend, abi_major, 4);
AT(cvk_backend, abi_minor, 8);
AT(cvk_backend, reserved, 12);
AT(cvk_backend, name, 16);
AT(cvk_backend, version, 24);
AT(cvk_backend, instance_create, 32);
AT(cvk_backend, instance_destroy, 40);
AT(cvk_backend, device_count, 48);
AT(cvk_backend, device_info, 56);
AT(cvk_backend, device_open, 64);
AT(cvk_backend, device_close, 72);
AT(cvk_backend, supports, 80);
AT(cvk_backend, prepare, 88);
AT(cvk_backend, execute, 96);
AT(cvk_backend, kernel_free, 104);
AT(cvk_backend, pack_create, 112);
AT(cvk_backend, pack_free, 120);
AT(cvk_backend, buffer_alloc, 128);
AT(cvk_backend, buffer_free, 136);
AT(cvk_backend, buffer_write, 144);
AT(cvk_backend, buffer_read, 152);
AT(cvk_backend, buffer_copy, 160);
AT(cvk_backend, buffer_map, 168);
AT(cvk_backend, buffer_unmap, 176);
AT(cvk_backend, buffer_import, 184);
AT(cvk_backend, buffer_fill, 192);
AT(cvk_backend, queue_open, 200);
AT(cvk_backend, queue_finish, 208);
AT(cvk_backend, queue_close, 216);
AT(cvk_backend, event_wait, 224);
AT(cvk_backend, event_time, 232);
AT(cvk_backend, event_free, 240);
AT(cvk_backend, tensor_bytes, 248);
AT(cvk_backend, extension, 256);
#endif

/* CVK_HAS is true from the byte on which the field is whole, and for no size below. */
START_TEST(has) {
  cvk_device_info info = {0};
  const size_t end = offsetof(cvk_device_info, units) + sizeof info.units;
  for (uint32_t size = 0; size < sizeof info + 8; size++) {
    info.struct_size = size;
    ck_assert_int_eq(CVK_HAS(&info, units) != 0, size >= end);
    ck_assert_int_eq(CVK_HAS(&info, isa) != 0, size >= offsetof(cvk_device_info, isa) + sizeof info.isa);
    ck_assert_int_eq(CVK_HAS(&info, struct_size) != 0, size >= sizeof info.struct_size);
  }
  cvk_backend table = {.struct_size = offsetof(cvk_backend, pack_create)};
  ck_assert(CVK_HAS(&table, kernel_free) && !CVK_HAS(&table, pack_create) && !CVK_HAS(&table, extension));
}
END_TEST

/* The two structs that cross by value in arrays are frozen. */
START_TEST(frozen) {
  ck_assert_uint_eq(sizeof(cvk_format), 16);
  ck_assert_uint_eq(sizeof(cvk_arg), 24);
}
END_TEST

START_TEST(helpers) {
  const int64_t big[3] = {INT64_MAX, 2, 0}, negative[2] = {2, -1}, plain[3] = {2, 3, 4};
  ck_assert_int_eq(cvk_count(0, NULL), 1);
  ck_assert_int_eq(cvk_count(3, plain), 24);
  ck_assert_int_eq(cvk_count(2, big), -1);
  ck_assert_int_eq(cvk_count(2, negative), -1);
  cvk_tensor_desc d = {.struct_size = sizeof d, .dtype = CVK_F32, .rank = 4, .dim = {1, 3, 5, 5}};
  ck_assert_uint_eq(cvk_desc_bytes(&d), 300);
  d.format.layout = CVK_NHWC;
  ck_assert_uint_eq(cvk_desc_bytes(&d), 300);
  d.format = (cvk_format){.layout = CVK_BLOCKED, .block = 16};
  ck_assert_uint_eq(cvk_desc_bytes(&d), 16 * 25 * 4);
  d.dim[1] = INT64_MAX;
  ck_assert_uint_eq(cvk_desc_bytes(&d), UINT64_MAX);
  d.format = (cvk_format){.layout = CVK_PRIVATE, .private_layout = 1};
  ck_assert_uint_eq(cvk_desc_bytes(&d), UINT64_MAX);
  ck_assert_uint_eq(cvk_dtype_bytes(8), 0);
}
END_TEST

SUITE("layout", has, frozen, helpers)
