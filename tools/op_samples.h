/* SPDX-License-Identifier: Apache-2.0 */
/* op_samples.h: the cases of selftest by family; each list ends with NULL. The notation is op_sample.h's. */
#ifndef CVK_OP_SAMPLES_H
#define CVK_OP_SAMPLES_H

extern const char *const op_samples_conv[];   /* convolutions and matrix products */
extern const char *const op_samples_window[]; /* pools, pad, normalisation, softmax, reductions */
extern const char *const op_samples_math[];   /* elementwise */
extern const char *const op_samples_move[];   /* data movement and shapes */
extern const char *const op_samples_image[];  /* the geometry of images */
extern const char *const op_samples_index[]; /* gathering and scattering, scans, orders, recurrence, einsum, transforms */
extern const char *const op_samples_learn[]; /* gradients, losses, optimisers */
extern const char *const op_samples_chain[];  /* ops that may be fused */

#endif
