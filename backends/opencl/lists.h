/* SPDX-License-Identifier: Apache-2.0 */
/* lists.h: the list of each op family, one line a file X_list.c. */
#ifndef CVK_OPENCL_LISTS_H
#define CVK_OPENCL_LISTS_H

#include "cl.h"

extern const ocl_list ocl_adam_list;
extern const ocl_list ocl_arg_list;
extern const ocl_list ocl_avg_pool_list;
extern const ocl_list ocl_batch_norm_list;
extern const ocl_list ocl_batch_norm_grad_list;
extern const ocl_list ocl_batch_norm_train_list;
extern const ocl_list ocl_binary_list;
extern const ocl_list ocl_cast_list;
extern const ocl_list ocl_compare_list;
extern const ocl_list ocl_concat_list;
extern const ocl_list ocl_conv_grad_list;
extern const ocl_list ocl_conv_list;
extern const ocl_list ocl_conv_transpose_list;
extern const ocl_list ocl_copy_list;
extern const ocl_list ocl_cross_entropy_grad_list;
extern const ocl_list ocl_cross_entropy_list;
extern const ocl_list ocl_dense_list;
extern const ocl_list ocl_dropout_train_list;
extern const ocl_list ocl_elementwise_list;
extern const ocl_list ocl_gather_list;
extern const ocl_list ocl_global_pool_list;
extern const ocl_list ocl_lrn_list;
extern const ocl_list ocl_max_pool_list;
extern const ocl_list ocl_move_list;
extern const ocl_list ocl_not_list;
extern const ocl_list ocl_pad_list;
extern const ocl_list ocl_pool_grad_list;
extern const ocl_list ocl_reduce_list;
extern const ocl_list ocl_relu_grad_list;
extern const ocl_list ocl_reorder_list;
extern const ocl_list ocl_resize_list;
extern const ocl_list ocl_sgd_list;
extern const ocl_list ocl_softmax_list;
extern const ocl_list ocl_split_list;
extern const ocl_list ocl_where_list;

#endif
