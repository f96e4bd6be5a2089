/* SPDX-License-Identifier: Apache-2.0 */
/* grad_check.h: holds what cvk_graph_gradients makes of an op or a small graph against central differences, in float64 on the reference,
 * and the same graph in float32 on the cpu with its fallback against that. */
#ifndef CVK_TESTS_GRAD_CHECK_H
#define CVK_TESTS_GRAD_CHECK_H

#include "../harness.h"

#define GRAD_INPUTS 6
#define GRAD_OUTPUTS 5

/* One input. Floats have values all different, spread over lo..hi (both 0: -1..1) and never on 0, and are differentiated; ints (type I64)
 * and bools are constants of the given values. An input without a rank (-1) is absent. */
typedef struct grad_input {
  int32_t rank;
  int64_t dim[CVK_MAX_RANK];
  double lo, hi;
  const int64_t *ints; /* elements, if not NULL: the input is a constant */
  int32_t dtype;       /* of ints; 0: I64 */
} grad_input;

typedef struct grad_case {
  const char *name;
  int32_t kind;
  const void *attr;
  grad_input in[GRAD_INPUTS];                                           /* up to the first of all zeros */
  int32_t n_in, n_out;                                                  /* n_out 0: 1 */
  int32_t n_loss;                                                       /* outputs that the loss reads; 0: all that are floats */
  cvk_value (*build)(cvk_graph *g, int32_t dtype, const cvk_value *in); /* if not NULL: makes the loss of the inputs, instead of the op */
} grad_case;

#define D(...) .rank = (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), .dim = {__VA_ARGS__}
#define IN(LO, HI) .lo = LO, .hi = HI
#define INTS(...)             \
  .ints = (const int64_t[]) { \
    __VA_ARGS__               \
  }

/* The loss is the sum of all float outputs times fixed weights; an input's every element is moved by 2^-17 both ways. Differences above
 * 1e-7 of the largest gradient of the input fail, on the cpu in float32 above 1e-5 of it and of 1. */
void grad_check(const grad_case *c);

/* Fills n elements as a float input's: lo..hi, all different; `salt` tells inputs apart. */
void grad_fill(double *v, int64_t n, double lo, double hi, int32_t salt);

/* A constant of such values. */
cvk_value grad_constant(cvk_graph *g, int32_t dtype, int32_t rank, const int64_t *dim, int32_t salt);
/* The sum of y's elements times such values; y has this shape. */
cvk_value grad_weighted_sum(cvk_graph *g, int32_t dtype, cvk_value y, int32_t rank, const int64_t *dim, int32_t salt);

#endif
