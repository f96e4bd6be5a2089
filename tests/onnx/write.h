/* SPDX-License-Identifier: Apache-2.0 */
/* write.h: writes ONNX models for tests: protobuf fields into a growing buffer, and the messages of onnx.proto on top. A buffer given as a
 * message to put_message, node, model ... is emptied. */
#ifndef CVK_TESTS_ONNX_WRITE_H
#define CVK_TESTS_ONNX_WRITE_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct bytes {
  uint8_t *data;
  size_t n, room;
} bytes;

static inline void put(bytes *b, const void *data, size_t n) {
  if (b->n + n > b->room) {
    b->room = (b->n + n) * 2;
    b->data = realloc(b->data, b->room);
    ck_assert_ptr_nonnull(b->data);
  }
  if (n) memcpy(b->data + b->n, data, n);
  b->n += n;
}

static inline void empty(bytes *b) {
  free(b->data);
  *b = (bytes){0};
}

static inline void put_varint(bytes *b, uint64_t v) {
  do {
    const uint8_t byte = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    put(b, &byte, 1);
    v >>= 7;
  } while (v);
}

static inline void put_tag(bytes *b, uint32_t field, uint32_t wire) {
  put_varint(b, (uint64_t)field << 3 | wire);
}

static inline void put_int(bytes *b, uint32_t field, int64_t v) {
  put_tag(b, field, 0);
  put_varint(b, (uint64_t)v);
}

static inline void put_float(bytes *b, uint32_t field, float v) {
  put_tag(b, field, 5);
  put(b, &v, sizeof v);
}

static inline void put_bytes(bytes *b, uint32_t field, const void *data, size_t n) {
  put_tag(b, field, 2);
  put_varint(b, n);
  put(b, data, n);
}

static inline void put_text(bytes *b, uint32_t field, const char *text) {
  put_bytes(b, field, text, strlen(text));
}

static inline void put_message(bytes *b, uint32_t field, bytes *message) {
  put_bytes(b, field, message->data, message->n);
  empty(message);
}

/* ---- TensorProto, with raw data ---- */

static inline bytes tensor(const char *name, int32_t dtype, int32_t rank, const int64_t *dim, const void *data, size_t n) {
  bytes t = {0};
  for (int32_t i = 0; i < rank; i++) put_int(&t, 1, dim[i]);
  put_int(&t, 2, dtype);
  if (name) put_text(&t, 8, name);
  put_bytes(&t, 9, data, n);
  return t;
}

static inline bytes int64s(const char *name, int32_t n, const int64_t *v) {
  return tensor(name, 7, 1, (const int64_t[]){n}, v, (size_t)n * 8);
}

/* ---- attributes of a node ---- */

static inline void attr_start(bytes *a, const char *name, int64_t type) {
  put_text(a, 1, name);
  put_int(a, 20, type);
}

static inline void attr_int(bytes *node, const char *name, int64_t v) {
  bytes a = {0};
  attr_start(&a, name, 2);
  put_int(&a, 3, v);
  put_message(node, 5, &a);
}

static inline void attr_float(bytes *node, const char *name, float v) {
  bytes a = {0};
  attr_start(&a, name, 1);
  put_float(&a, 2, v);
  put_message(node, 5, &a);
}

static inline void attr_text(bytes *node, const char *name, const char *v) {
  bytes a = {0};
  attr_start(&a, name, 3);
  put_text(&a, 4, v);
  put_message(node, 5, &a);
}

static inline void attr_ints(bytes *node, const char *name, int32_t n, const int64_t *v) {
  bytes a = {0};
  attr_start(&a, name, 7);
  for (int32_t i = 0; i < n; i++) put_int(&a, 8, v[i]);
  put_message(node, 5, &a);
}

static inline void attr_floats(bytes *node, const char *name, int32_t n, const float *v) {
  bytes a = {0};
  attr_start(&a, name, 6);
  put_bytes(&a, 7, v, (size_t)n * 4); /* packed */
  put_message(node, 5, &a);
}

static inline void attr_tensor(bytes *node, const char *name, bytes *t) {
  bytes a = {0};
  attr_start(&a, name, 4);
  put_message(&a, 5, t);
  put_message(node, 5, &a);
}

/* ---- GraphProto and ModelProto ---- */

/* in and out: names separated by spaces; "-" is an absent one. attrs: what the attr_ functions filled, or NULL. */
static inline void put_names(bytes *node, uint32_t field, const char *names) {
  while (*names) {
    const size_t n = strcspn(names, " ");
    put_bytes(node, field, names, n == 1 && *names == '-' ? 0 : n);
    names += n + (names[n] == ' ');
  }
}

static inline void node(bytes *graph, const char *op, const char *in, const char *out, bytes *attrs) {
  bytes n = {0};
  put_names(&n, 1, in);
  put_names(&n, 2, out);
  put_text(&n, 4, op);
  if (attrs) {
    put(&n, attrs->data, attrs->n);
    empty(attrs);
  }
  put_message(graph, 1, &n);
}

static inline void initialiser(bytes *graph, bytes *t) {
  put_message(graph, 5, t);
}

/* An extent below 0 is written as a name. field: 11 input, 12 output. rank -1: no shape. */
static inline void value_info(bytes *graph, uint32_t field, const char *name, int32_t dtype, int32_t rank, const int64_t *dim) {
  bytes shape = {0}, type = {0}, any = {0}, info = {0};
  for (int32_t i = 0; i < rank; i++) {
    bytes d = {0};
    if (dim[i] < 0)
      put_text(&d, 2, "N");
    else
      put_int(&d, 1, dim[i]);
    put_message(&shape, 1, &d);
  }
  put_int(&type, 1, dtype);
  if (rank >= 0) put_message(&type, 2, &shape);
  put_message(&any, 1, &type);
  put_text(&info, 1, name);
  put_message(&info, 2, &any);
  put_message(graph, field, &info);
}

static inline void input(bytes *graph, const char *name, int32_t rank, const int64_t *dim) {
  value_info(graph, 11, name, 1, rank, dim);
}
static inline void output(bytes *graph, const char *name) {
  value_info(graph, 12, name, 1, -1, NULL);
}

static inline bytes model(bytes *graph, int64_t opset) {
  bytes m = {0}, o = {0};
  put_int(&m, 1, 7);
  put_text(&o, 1, "");
  put_int(&o, 2, opset);
  put_message(&m, 8, &o);
  put_message(&m, 7, graph);
  return m;
}

#define DIMS(...)     \
  (const int64_t[]) { \
    __VA_ARGS__       \
  }

#endif
