/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: the bytes of a model and of its external data files, mapped read-only and shared by every tensor that points into them. The
 * mapping goes when the last reference does. A mapped file must not be cut while it is in use (a rule of mmap). Opening is for one thread;
 * retain and release are for any. */
#ifndef CVK_ONNX_FILE_H
#define CVK_ONNX_FILE_H

#include "wire.h"

typedef struct cvk_onnx_file cvk_onnx_file;

/* Maps a regular file. IO_ERROR: missing, unreadable, empty, not regular. */
cvk_status cvk_onnx_file_map(const char *path, cvk_onnx_file **out);
/* The caller's bytes, which must outlive the object; has no folder, hence no external data. */
cvk_status cvk_onnx_file_wrap(const void *data, uint64_t bytes, cvk_onnx_file **out);
void cvk_onnx_file_retain(cvk_onnx_file *f);
void cvk_onnx_file_release(void *f); /* a cvk_onnx_file; the type is that of a tensor's release function */
int32_t cvk_onnx_file_is_mapped(const cvk_onnx_file *f); /* its bytes can be read again at any time */
cvk_view cvk_onnx_file_bytes(const cvk_onnx_file *f);

/* The bytes of an external data file, mapped once. `location` is relative to the model's folder; it may not be absolute, hold "..", or pass
 * through a symbolic link (INVALID_ARGUMENT). */
cvk_status cvk_onnx_file_external(cvk_onnx_file *f, cvk_view location, cvk_view *out);

#endif
