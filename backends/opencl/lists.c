/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c: the op families of the backend. Where two families know a kind, the earlier is asked first. */
#include "lists.h"

const ocl_list *const ocl_lists[] = {
    &ocl_arg_list,
    &ocl_avg_pool_list,
    &ocl_batch_norm_list,
    &ocl_binary_list,
    &ocl_cast_list,
    &ocl_compare_list,
    &ocl_concat_list,
    &ocl_conv_list,
    &ocl_conv_transpose_list,
    &ocl_copy_list,
    &ocl_dense_list,
    &ocl_elementwise_list,
    &ocl_gather_list,
    &ocl_global_pool_list,
    &ocl_lrn_list,
    &ocl_max_pool_list,
    &ocl_move_list,
    &ocl_not_list,
    &ocl_pad_list,
    &ocl_reduce_list,
    &ocl_reorder_list,
    &ocl_resize_list,
    &ocl_softmax_list,
    &ocl_split_list,
    &ocl_where_list,
    NULL,
};
