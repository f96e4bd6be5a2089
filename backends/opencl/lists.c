/* SPDX-License-Identifier: Apache-2.0 */
/* lists.c: the op families of the backend. Where two families know a kind, the earlier is asked first. */
#include "lists.h"

const ocl_list *const ocl_lists[] = {
    &ocl_conv_list,
    &ocl_elementwise_list,
    NULL,
};
