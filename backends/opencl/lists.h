/* SPDX-License-Identifier: Apache-2.0 */
/* lists.h: the list of each op family, one line a file X_list.c. */
#ifndef CVK_OPENCL_LISTS_H
#define CVK_OPENCL_LISTS_H

#include "cl.h"

extern const ocl_list ocl_conv_list;
extern const ocl_list ocl_elementwise_list;

#endif
