/* SPDX-License-Identifier: Apache-2.0 */
/* export_file.c: a model to a file, the elements of one initialiser in memory at a time. The file is written beside the one that it
 * replaces and renamed when all of it is on the disk, so that a failure, or an end of the process, leaves the old one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export.h"

enum { MODEL_GRAPH = 7, GRAPH_INITIALISER = 5 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
#define MOST_BYTES INT32_MAX /* of a protobuf message */
#define PACK_BYTES 4096      /* packed elements at a time */

/* Elements that share a byte in a file, the first in the lowest bits. */
static int32_t per_byte(int32_t dtype) {
  if (dtype == CVK_U4 || dtype == CVK_I4 || dtype == CVK_F4E2M1) return 2;
  return dtype == CVK_U2 || dtype == CVK_I2 ? 4 : 1;
}

static uint64_t stored_bytes(const cvk_tensor *t) {
  const uint64_t n = (uint64_t)per_byte(cvk_tensor_dtype(t)), bytes = cvk_tensor_bytes(t);
  return bytes / n + (bytes % n != 0);
}

/* The tensor up to its elements. */
static cvk_wire_out tensor_head(const cvk_onnx_initialiser *t) {
  cvk_wire_out o = {0};
  for (int32_t i = 0; i < cvk_tensor_rank(t->tensor); i++) cvk_wire_put_int(&o, TENSOR_DIMS, cvk_tensor_dims(t->tensor)[i]);
  cvk_wire_put_int(&o, TENSOR_TYPE, cvk_tensor_dtype(t->tensor));
  cvk_wire_put_text(&o, TENSOR_NAME, t->name);
  cvk_wire_put_length(&o, TENSOR_RAW, stored_bytes(t->tensor));
  return o;
}

/* The tensor's field in the graph, up to its elements. */
static cvk_wire_out initialiser_head(const cvk_onnx_initialiser *t) {
  cvk_wire_out head = tensor_head(t), o = {0};
  cvk_wire_put_length(&o, GRAPH_INITIALISER, head.bytes + stored_bytes(t->tensor));
  cvk_wire_put(&o, head.data, head.bytes);
  if (head.failed) o.failed = 1;
  cvk_wire_out_free(&head);
  return o;
}

static cvk_status no_memory(void) {
  return cvk_fail(CVK_NO_MEMORY, "no memory to write the model");
}

static cvk_status put(int fd, const void *data, uint64_t bytes) {
  const uint8_t *from = data;
  while (bytes > 0) {
    const ssize_t n = write(fd, from, bytes < (1u << 30) ? (size_t)bytes : (size_t)1 << 30);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return cvk_fail(CVK_IO_ERROR, "can't write: %s", strerror(errno));
    from += n;
    bytes -= (uint64_t)n;
  }
  return CVK_OK;
}

static cvk_status put_packed(int fd, const uint8_t *data, uint64_t count, uint32_t n) {
  uint8_t out[PACK_BYTES];
  const uint32_t bits = 8 / n;
  cvk_status s = CVK_OK;
  for (uint64_t first = 0; first < count && s == CVK_OK; first += (uint64_t)n * PACK_BYTES) {
    const uint64_t left = count - first, some = left < (uint64_t)n * PACK_BYTES ? left : (uint64_t)n * PACK_BYTES;
    memset(out, 0, sizeof out);
    for (uint64_t i = 0; i < some; i++) out[i / n] |= (uint8_t)((data[first + i] & ((1u << bits) - 1)) << (i % n * bits));
    s = put(fd, out, some / n + (some % n != 0));
  }
  return s;
}

static cvk_status put_initialiser(int fd, const cvk_onnx_initialiser *t) {
  const int32_t packed = per_byte(cvk_tensor_dtype(t->tensor));
  cvk_wire_out head = initialiser_head(t);
  cvk_status s = head.failed ? no_memory() : put(fd, head.data, head.bytes);
  cvk_wire_out_free(&head);
  if (s != CVK_OK || cvk_tensor_bytes(t->tensor) == 0) return s;
  s = cvk_tensor_pin(t->tensor);
  if (s != CVK_OK) return s;
  const void *data = cvk_tensor_host(t->tensor);
  s = packed > 1 ? put_packed(fd, data, cvk_tensor_bytes(t->tensor), (uint32_t)packed) : put(fd, data, cvk_tensor_bytes(t->tensor));
  cvk_tensor_unpin(t->tensor);
  return s;
}

/* Bytes of the graph; UNSUPPORTED: the file would be too large. */
static cvk_status graph_bytes(const cvk_wire_out *graph, int32_t n, const cvk_onnx_initialiser *t, const cvk_wire_out *after,
                              uint64_t *out) {
  uint64_t bytes = graph->bytes + after->bytes;
  for (int32_t i = 0; i < n; i++) {
    cvk_wire_out head = initialiser_head(&t[i]);
    bytes += head.bytes + stored_bytes(t[i].tensor); /* tensors in memory: their sum cannot overflow */
    const int32_t failed = head.failed;
    cvk_wire_out_free(&head);
    if (failed) return no_memory();
  }
  *out = bytes;
  if (bytes <= MOST_BYTES - (1 << 16)) return CVK_OK;
  return cvk_fail(CVK_UNSUPPORTED,
                  "the model takes %llu bytes, a file without external data holds at most %d; external data is not written",
                  (unsigned long long)bytes, MOST_BYTES - (1 << 16));
}

/* A new file in the folder of `path`; its name, free() it. */
static cvk_status create_beside(const char *path, char **name, int *fd) {
  const size_t room = strlen(path) + 48;
  char *text = malloc(room);
  if (text == NULL) return no_memory();
  for (int32_t i = 0; i < 100; i++) { /* one that a process left behind may be in the way */
    snprintf(text, room, "%s.%ld-%d.part", path, (long)getpid(), i);
    *fd = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (*fd >= 0 || errno != EEXIST) break;
  }
  *name = text;
  if (*fd >= 0) return CVK_OK;
  const int why = errno;
  free(text);
  *name = NULL;
  return cvk_fail(CVK_IO_ERROR, "can't create a file beside it: %s", strerror(why));
}

/* The new name is on the disk too; a file system that cannot say so is not asked twice. */
static void sync_folder(const char *path) {
  char *folder = strdup(path);
  char *slash = folder ? strrchr(folder, '/') : NULL;
  if (slash) slash[slash == folder] = 0;
  const int fd = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  free(folder);
}

cvk_status cvk_onnx_write_file(const char *path, const cvk_wire_out *message, const cvk_wire_out *graph, int32_t n,
                               const cvk_onnx_initialiser *t, const cvk_wire_out *after) {
  char *temporary = NULL;
  uint64_t bytes = 0;
  int fd = -1;
  if (message->failed || graph->failed || after->failed) return no_memory();
  cvk_status s = graph_bytes(graph, n, t, after, &bytes);
  cvk_wire_out head = {0};
  cvk_wire_put(&head, message->data, message->bytes);
  cvk_wire_put_length(&head, MODEL_GRAPH, bytes);
  if (s == CVK_OK && head.failed) s = no_memory();
  if (s == CVK_OK) s = create_beside(path, &temporary, &fd);
  if (s == CVK_OK) s = put(fd, head.data, head.bytes);
  if (s == CVK_OK) s = put(fd, graph->data, graph->bytes);
  for (int32_t i = 0; i < n && s == CVK_OK; i++) s = put_initialiser(fd, &t[i]);
  if (s == CVK_OK) s = put(fd, after->data, after->bytes);
  if (s == CVK_OK && fsync(fd) != 0) s = cvk_fail(CVK_IO_ERROR, "can't write: %s", strerror(errno));
  if (fd >= 0 && close(fd) != 0 && s == CVK_OK) s = cvk_fail(CVK_IO_ERROR, "can't write: %s", strerror(errno));
  if (s == CVK_OK && rename(temporary, path) != 0) s = cvk_fail(CVK_IO_ERROR, "can't rename %.200s: %s", temporary, strerror(errno));
  if (s != CVK_OK && temporary)
    unlink(temporary);
  else if (s == CVK_OK)
    sync_folder(path);
  free(temporary);
  cvk_wire_out_free(&head);
  return s;
}
