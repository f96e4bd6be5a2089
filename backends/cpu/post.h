/* SPDX-License-Identifier: Apache-2.0 */
/* post.h: the chain of post-ops that conv, depthwise, gemm and matmul rows take: activations without a tensor and ADD of a tensor of the
 * output's shape and format, in any order. The common chains ([ADD], then at most clamps such as relu and clip) are folded into an add and
 * one clamp that kernels apply to registers; any other (n > 0) runs over each finished stretch of the output while it is in cache. */
#ifndef CVK_CPU_POST_H
#define CVK_CPU_POST_H

#include "cpu.h"

#define CPU_MAX_POST 8

typedef struct cpu_post_step {
  int32_t kind, input; /* input: ADD's operand */
  float alpha, beta;
  void (*span)(const float *x, float *y, int64_t n, float a, float b); /* the activation, once bound to an instruction set */
} cpu_post_step;

typedef struct cpu_post {
  int32_t add_input; /* folded: the operand to add, or -1 */
  int32_t clamp;     /* folded: clamp to lo..hi afterwards, NaN stays */
  float lo, hi;
  int32_t n; /* steps of a chain that could not be folded; 0: none, and then only the folded part is */
  cpu_post_step step[CPU_MAX_POST];
} cpu_post;

/* Reads op's post-ops; 0 and a reason for a chain that is not taken. */
int32_t cpu_post_read(const cvk_op *op, cpu_post *post, cpu_reason *why);

#endif
