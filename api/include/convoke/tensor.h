/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/tensor.h: reference-counted dense tensors, row-major (NCHW for images), on a device or in host memory. */
#ifndef CONVOKE_TENSOR_H
#define CONVOKE_TENSOR_H

#include <convoke/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cvk_tensor cvk_tensor;

/* Creates a tensor of dtype (CVK_F32 ...) and shape dim[0..rank-1]. dev NULL: host memory, accepted by every session. data: plain elements
 * copied in, any alignment; NULL: zeros. The caller owns one reference. INVALID_SHAPE, SIZE_OVERFLOW, NO_MEMORY, OUT_OF_DEVICE_MEMORY. */
CVK_EXPORT cvk_status cvk_tensor_create(cvk_device *dev, int32_t dtype, int32_t rank, const int64_t *dim, const void *data, cvk_tensor **out);
/* Host memory of the caller's, element-aligned, not copied; release_fn(arg) (may be NULL) runs when the last reference goes. */
CVK_EXPORT cvk_status cvk_tensor_wrap(int32_t dtype, int32_t rank, const int64_t *dim, void *data, void (*release_fn)(void *), void *arg, cvk_tensor **out);
/* The same elements under another shape of equal count. Keeps the base alive; writes to either show in both. */
CVK_EXPORT cvk_status cvk_tensor_view(cvk_tensor *base, int32_t rank, const int64_t *dim, cvk_tensor **out);
CVK_EXPORT cvk_tensor *cvk_tensor_retain(cvk_tensor *t);
CVK_EXPORT void cvk_tensor_release(cvk_tensor *t); /* NULL is allowed */

CVK_EXPORT int32_t cvk_tensor_dtype(const cvk_tensor *t);
CVK_EXPORT int32_t cvk_tensor_rank(const cvk_tensor *t);
CVK_EXPORT const int64_t *cvk_tensor_dims(const cvk_tensor *t); /* lives as long as the tensor */
CVK_EXPORT int64_t cvk_tensor_count(const cvk_tensor *t);       /* elements */
CVK_EXPORT uint64_t cvk_tensor_bytes(const cvk_tensor *t);
CVK_EXPORT cvk_device *cvk_tensor_device(const cvk_tensor *t); /* borrowed; NULL: host memory */
/* Grows by one with each write to the memory (cvk_tensor_write, or as an output); views share their base's. */
CVK_EXPORT uint64_t cvk_tensor_write_count(const cvk_tensor *t);

/* Copies all elements out or in; bytes must be cvk_tensor_bytes. Waits for pending work on the device. */
CVK_EXPORT cvk_status cvk_tensor_read(const cvk_tensor *t, void *out, uint64_t bytes);
CVK_EXPORT cvk_status cvk_tensor_write(cvk_tensor *t, const void *data, uint64_t bytes);

#ifdef __cplusplus
}
#endif
#endif
