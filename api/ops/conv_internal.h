/* SPDX-License-Identifier: Apache-2.0 */
/* conv_internal.h: the checks that CONV and CONV_TRANSPOSE share (conv.c). */
#ifndef CVK_CONV_INTERNAL_H
#define CVK_CONV_INTERNAL_H

#include <convoke/graph.h>

#include "ops_internal.h"

/* Ranks, element types, group, activation; takes the kernel extents from the weights. */
cvk_status cvk_conv_check(cvk_op_call *call, cvk_conv_attr *a);
/* Checks the bias and fills out[0]: [N, channels, spatial]. */
cvk_status cvk_conv_finish(cvk_op_call *call, int64_t channels, const int64_t *spatial);

struct cvk_gradient;
/* The gradient of a convolution in its input, of shape x: the transposed convolution of gy with the same weights. */
cvk_value cvk_conv_back(struct cvk_gradient *c, const cvk_conv_attr *attr, const cvk_tensor_desc *x, cvk_value gy, cvk_value w);

#endif
