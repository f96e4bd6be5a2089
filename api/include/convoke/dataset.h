/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/dataset.h: samples to train on, and the batches of an epoch, made ahead by threads of their own: shuffled, scaled, augmented.
 *
 * A dataset is a numbered list of samples, each an input x and a target. Batches hand both out as host tensors: x as f32 [n, ...], the
 * target as i64 [n, ...] (class numbers) or f32 [n, ...]. All that is random is a function of the seed, the epoch and the sample's number
 * (cvk_philox), never of threads or of what was drawn before: an epoch can be made again at any time, bit for bit. */
#ifndef CONVOKE_DATASET_H
#define CONVOKE_DATASET_H

#include <convoke/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cvk_dataset cvk_dataset;
typedef struct cvk_batches cvk_batches;

/* Zero-initialise. From `rotate_degrees` on: what is done to a sample of batches that ask for augmentation; these need samples x [C,H,W] of
 * at most 32768 rows and columns. Each amount is drawn evenly from -amount..amount, for every sample and epoch anew; the sample is
 * mirrored, zoomed, sheared, rotated and moved about its centre, in this order, and read bilinearly. */
typedef struct cvk_dataset_options {
  uint32_t struct_size; /* 0: the size this library was built with */
  float scale, offset;  /* x = element * scale + offset in f32; scale 0: 1/255 for u8, 1 for f32 */
  float rotate_degrees; /* 0..180; positive turns x to y, clockwise as pictures are shown */
  float translate;      /* 0..1: fraction of the height and of the width */
  float zoom;           /* 0..0.9: fraction; 0.1: 0.9 to 1.1 times as large */
  float shear_degrees;  /* 0..80: columns lean by so much */
  int32_t flip;         /* nonzero: half of the samples are mirrored, left to right */
  float fill;           /* value of cells from outside the sample, after scaling */
  int32_t threads;      /* that make batches, of each cvk_batches; 0: one for every four CPUs of this process, 1 to 8 */
} cvk_dataset_options;

/* Sample i is x[i] and target[i]. x: host tensor u8 or f32 [N, ...]; target: host tensor [N, ...] of u8, i32 or i64 (handed out as i64) or
 * of f32. N >= 1, both the same. Both are kept by reference and must not be written as long as batches of the dataset exist. options may be
 * NULL. The caller owns one reference. INVALID_ARGUMENT, INVALID_SHAPE, DEVICE_MISMATCH (a tensor lies on a device), NO_MEMORY. */
CVK_EXPORT cvk_status cvk_dataset_create(cvk_context *ctx, cvk_tensor *x, cvk_tensor *target, const cvk_dataset_options *options,
                                         cvk_dataset **out);

/* Writes sample `index` (0 <= index < count): plain elements to x and target, in the types and shapes given to cvk_dataset_create_from;
 * both are aligned to 64 bytes. Called from several threads at once, for any index and in any order, with signals blocked. A failure ends
 * the epoch at the sample's batch; `return cvk_dataset_read_failed(status, sentence)` says why, as does a failed call of this library in
 * hand. */
typedef cvk_status (*cvk_dataset_read_fn)(void *arg, int64_t index, void *x, void *target);
/* For a cvk_dataset_read_fn: keeps a copy of `sentence` (at most 2 KiB) as this thread's last failure (cvk_error_message); returns
 * `status`. */
CVK_EXPORT cvk_status cvk_dataset_read_failed(cvk_status status, const char *sentence);

/* `count` samples from anywhere. x, target: type, rank and extents of one sample, without N (at most rank 7): x of u8 or f32, target of u8,
 * i32, i64 or f32 (rank 0: one number); only these fields of the descs are read. release(arg) (may be NULL) runs when the dataset goes; on
 * failure arg stays the caller's. Otherwise as cvk_dataset_create. */
CVK_EXPORT cvk_status cvk_dataset_create_from(cvk_context *ctx, int64_t count, const cvk_tensor_desc *x, const cvk_tensor_desc *target,
                                              cvk_dataset_read_fn read, void (*release)(void *arg), void *arg,
                                              const cvk_dataset_options *options, cvk_dataset **out);
CVK_EXPORT cvk_dataset *cvk_dataset_retain(cvk_dataset *ds);
CVK_EXPORT void cvk_dataset_release(cvk_dataset *ds); /* batches keep their dataset; NULL is allowed */

CVK_EXPORT int64_t cvk_dataset_count(const cvk_dataset *ds); /* samples */
/* One sample as batches hand it out: type (x: CVK_F32; target: CVK_I64 or CVK_F32), rank and extents without N. Live as long as the
 * dataset. */
CVK_EXPORT const cvk_tensor_desc *cvk_dataset_x(const cvk_dataset *ds);
CVK_EXPORT const cvk_tensor_desc *cvk_dataset_target(const cvk_dataset *ds);

typedef struct cvk_batches_options { /* zero-initialise */
  uint32_t struct_size;              /* 0: the size this library was built with */
  int32_t shuffle;                   /* nonzero: in an order that seed and epoch decide; else by number */
  int32_t augment;                   /* nonzero: as the dataset's options say */
  int32_t reserved;
  uint64_t seed;
  int64_t epoch; /* 0 to 2^32 - 1 */
  int64_t batch; /* samples a batch, >= 1 */
} cvk_batches_options;

/* One pass over all samples. Starts the threads, which make batches ahead: the one lent out and 2 to 7 more (as many as 64 MiB hold) are in
 * memory. To be used by one thread at a time, and by the process that made it. The caller owns the object. INVALID_ARGUMENT, SIZE_OVERFLOW,
 * NO_MEMORY. */
CVK_EXPORT cvk_status cvk_dataset_batches(cvk_dataset *ds, const cvk_batches_options *options, cvk_batches **out);
/* The next batch, waited for where it is not ready: x [n, ...] and target [n, ...], n = batch, or what is left in the last one. Both are
 * borrowed and valid until the next call or the release; NULL at the end. A sample that could not be read fails the call of its batch, and
 * the calls after it, with its status, number and sentence. AFTER_FORK in a child process. */
CVK_EXPORT cvk_status cvk_batches_next(cvk_batches *b, cvk_tensor **x, cvk_tensor **target);
/* At any time, also amid an epoch: waits for the samples in hand. NULL is allowed. */
CVK_EXPORT void cvk_batches_release(cvk_batches *b);

#ifdef __cplusplus
}
#endif
#endif
