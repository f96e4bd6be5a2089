/* SPDX-License-Identifier: Apache-2.0 */
/* post_apply.h: post.h's chain for one instruction set. */
#ifndef CVK_CPU_POST_APPLY_H
#define CVK_CPU_POST_APPLY_H

#include "post.h"
#include "vec.h"

/* Looks up the functions of a chain that cpu_post_read took; for prepare. */
void CVK_ISA_FN(post_bind)(cpu_post *post);
/* The chain that could not be folded (n > 0) over y[0..n-1], which lies `offset` floats into the output; in[]: execute's inputs. */
void CVK_ISA_FN(post_apply)(const cpu_post *post, float *y, int64_t n, int64_t offset, const void *const *in);
/* The folded add and clamp (n == 0) over y[0..n-1], for kernels that do not apply them to registers. */
void CVK_ISA_FN(post_fold)(const cpu_post *post, float *y, int64_t n, int64_t offset, const void *const *in);

#endif
