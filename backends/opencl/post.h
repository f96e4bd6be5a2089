/* SPDX-License-Identifier: Apache-2.0 */
/* post.h: post-ops as kernels_cl/post.cl takes them: [activation] [add] [activation]. */
#ifndef CVK_OPENCL_POST_H
#define CVK_OPENCL_POST_H

#include "cl.h"

/* 0, with the reason, when the op's post-ops do not fit. The operand of ADD is wanted in `layout`, the output's. */
int32_t ocl_post_accept(ocl_query *q, int32_t layout);
void ocl_arg_post(ocl_launch *l, ocl_build *b); /* POST_PARAMETERS */
void ocl_arg_no_post(ocl_launch *l);            /* the same for a kernel whose op has none of its own */
/* How many of op->in are the op's own and not operands of post-ops. */
int32_t ocl_own_inputs(const cvk_op *op);

#endif
