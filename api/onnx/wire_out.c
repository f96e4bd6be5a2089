/* SPDX-License-Identifier: Apache-2.0 */
/* wire_out.c: see wire_out.h. */
#include "wire_out.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, BYTES = 2, FIXED32 = 5 };

void cvk_wire_out_free(cvk_wire_out *o) {
  free(o->data);
  *o = (cvk_wire_out){0};
}

void cvk_wire_put(cvk_wire_out *o, const void *data, size_t bytes) {
  if (o->failed || bytes == 0) return;
  if (bytes > o->room - o->bytes) {
    const size_t room = bytes > SIZE_MAX / 4 || o->bytes > SIZE_MAX / 4 ? 0 : (o->bytes + bytes) * 2;
    uint8_t *grown = room ? realloc(o->data, room) : NULL;
    if (grown == NULL) {
      o->failed = 1;
      return;
    }
    o->data = grown;
    o->room = room;
  }
  memcpy(o->data + o->bytes, data, bytes);
  o->bytes += bytes;
}

static void put_varint(cvk_wire_out *o, uint64_t v) {
  uint8_t text[10];
  size_t n = 0;
  do {
    text[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    v >>= 7;
  } while (v);
  cvk_wire_put(o, text, n);
}

static void put_tag(cvk_wire_out *o, uint32_t field, uint32_t type) {
  put_varint(o, (uint64_t)field << 3 | type);
}

void cvk_wire_put_length(cvk_wire_out *o, uint32_t field, uint64_t bytes) {
  put_tag(o, field, BYTES);
  put_varint(o, bytes);
}

void cvk_wire_put_int(cvk_wire_out *o, uint32_t field, int64_t v) {
  put_tag(o, field, VARINT);
  put_varint(o, (uint64_t)v);
}

void cvk_wire_put_float(cvk_wire_out *o, uint32_t field, float v) {
  put_tag(o, field, FIXED32);
  cvk_wire_put(o, &v, sizeof v);
}

void cvk_wire_put_text(cvk_wire_out *o, uint32_t field, const char *text) {
  cvk_wire_put_length(o, field, strlen(text));
  cvk_wire_put(o, text, strlen(text));
}

void cvk_wire_put_message(cvk_wire_out *o, uint32_t field, cvk_wire_out *message) {
  if (message->failed) o->failed = 1;
  cvk_wire_put_length(o, field, message->bytes);
  cvk_wire_put(o, message->data, message->bytes);
  cvk_wire_out_free(message);
}
