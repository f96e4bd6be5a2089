/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c: protobuf wire reader; wire.h has the contract. */
#include "wire.h"

#include <string.h>

#define MOST_GROUPS 64
#define LARGEST_NUMBER ((1u << 29) - 1)

enum { GROUP_START = 3, GROUP_END = 4 };

cvk_wire cvk_wire_open(const uint8_t *base, cvk_view message) {
  return (cvk_wire){.base = base, .at = message.data, .end = message.data ? message.data + message.bytes : NULL};
}

static long long offset(const cvk_wire *w) {
  return w->at && w->base ? (long long)(w->at - w->base) : 0;
}

static cvk_status read_varint(cvk_wire *w, uint64_t *value) {
  uint64_t v = 0;
  for (int i = 0; i < 10; i++) {
    if (w->at == w->end) return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: a number is cut off at byte %lld", offset(w));
    const uint8_t b = *w->at++;
    v |= (uint64_t)(b & 0x7f) << (7 * i);
    if (b < 0x80) {
      *value = v;
      return CVK_OK;
    }
  }
  return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: a number before byte %lld is longer than 10 bytes", offset(w));
}

static cvk_status read_fixed(cvk_wire *w, int bytes, uint64_t *value) {
  if (w->end - w->at < bytes)
    return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: a %d-byte number at byte %lld is cut off, %lld bytes are left", bytes, offset(w),
                    (long long)(w->end - w->at));
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v |= (uint64_t)w->at[i] << (8 * i);
  w->at += bytes;
  *value = v;
  return CVK_OK;
}

static cvk_status read_bytes(cvk_wire *w, cvk_view *view) {
  uint64_t n = 0;
  const cvk_status s = read_varint(w, &n);
  if (s != CVK_OK) return s;
  if (n > (uint64_t)(w->end - w->at))
    return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: a field at byte %lld claims %llu bytes, %lld are left", offset(w),
                    (unsigned long long)n, (long long)(w->end - w->at));
  *view = (cvk_view){w->at, n};
  w->at += n;
  return CVK_OK;
}

static cvk_status read_value(cvk_wire *w, cvk_wire_field *f) {
  switch (f->type) {
    case CVK_WIRE_VARINT:
      return read_varint(w, &f->value);
    case CVK_WIRE_FIXED64:
      return read_fixed(w, 8, &f->value);
    case CVK_WIRE_FIXED32:
      return read_fixed(w, 4, &f->value);
    default:
      return read_bytes(w, &f->view);
  }
}

static cvk_status read_tag(cvk_wire *w, cvk_wire_field *f) {
  uint64_t tag = 0;
  const long long start = offset(w);
  const cvk_status s = read_varint(w, &tag);
  if (s != CVK_OK) return s;
  const int32_t type = (int32_t)(tag & 7);
  if (tag >> 3 == 0 || tag >> 3 > LARGEST_NUMBER || type > CVK_WIRE_FIXED32)
    return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: byte %lld starts field %llu of wire type %d, which does not exist", start,
                    (unsigned long long)(tag >> 3), type);
  *f = (cvk_wire_field){.number = (uint32_t)(tag >> 3), .type = type};
  return CVK_OK;
}

/* Reads on from the start of a group to past its end. */
static cvk_status skip_group(cvk_wire *w, uint32_t number) {
  uint32_t open[MOST_GROUPS];
  int depth = 0;
  open[depth++] = number;
  while (depth > 0) {
    if (w->at == w->end)
      return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: group %u is not closed at byte %lld", open[depth - 1], offset(w));
    cvk_wire_field f = {0};
    cvk_status s = read_tag(w, &f);
    if (s != CVK_OK) return s;
    if (f.type == GROUP_START) {
      if (depth == MOST_GROUPS)
        return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: groups are nested deeper than %d at byte %lld", MOST_GROUPS, offset(w));
      open[depth++] = f.number;
    } else if (f.type == GROUP_END) {
      if (open[--depth] != f.number)
        return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: group %u is closed as %u at byte %lld", open[depth], f.number, offset(w));
    } else {
      s = read_value(w, &f);
      if (s != CVK_OK) return s;
    }
  }
  return CVK_OK;
}

cvk_status cvk_wire_next(cvk_wire *w, cvk_wire_field *f) {
  while (w->at != w->end) {
    cvk_status s = read_tag(w, f);
    if (s != CVK_OK) return s;
    if (f->type == GROUP_END)
      return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: group %u ends at byte %lld but never began", f->number, offset(w));
    if (f->type != GROUP_START) return read_value(w, f);
    s = skip_group(w, f->number);
    if (s != CVK_OK) return s;
  }
  *f = (cvk_wire_field){0};
  return CVK_OK;
}

cvk_status cvk_wire_want(const cvk_wire *w, const cvk_wire_field *f, int32_t type) {
  if (f->type == type) return CVK_OK;
  return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: field %u before byte %lld has wire type %d, expected %d", f->number, offset(w), f->type,
                  type);
}

cvk_wire_list cvk_wire_list_open(const uint8_t *base, cvk_view message, uint32_t number, int32_t type) {
  return (cvk_wire_list){.message = cvk_wire_open(base, message), .packed = {.base = base}, .number = number, .type = type};
}

cvk_status cvk_wire_list_next(cvk_wire_list *l, uint64_t *value, int32_t *more) {
  cvk_wire_field f;
  while (l->packed.at == l->packed.end) {
    cvk_status s = cvk_wire_next(&l->message, &f);
    if (s != CVK_OK) return s;
    *more = f.number != 0;
    if (!*more) return CVK_OK;
    if (f.number != l->number) continue;
    if (f.type == CVK_WIRE_BYTES) {
      l->packed = cvk_wire_open(l->packed.base, f.view);
      continue;
    }
    s = cvk_wire_want(&l->message, &f, l->type);
    *value = f.value;
    return s;
  }
  f.type = l->type;
  const cvk_status s = read_value(&l->packed, &f);
  *value = f.value;
  *more = 1;
  return s;
}

cvk_status cvk_wire_list_count(cvk_wire_list l, uint64_t *n) {
  uint64_t value;
  int32_t more = 1;
  cvk_status s = CVK_OK;
  for (*n = 0; s == CVK_OK && more; *n += (uint64_t)(s == CVK_OK && more)) s = cvk_wire_list_next(&l, &value, &more);
  return s;
}

int32_t cvk_view_is(cvk_view v, const char *text) {
  return v.bytes == strlen(text) && (v.bytes == 0 || memcmp(v.data, text, v.bytes) == 0);
}

int cvk_view_compare(cvk_view a, cvk_view b) {
  const uint64_t n = a.bytes < b.bytes ? a.bytes : b.bytes;
  const int c = n ? memcmp(a.data, b.data, n) : 0;
  return c ? c : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

float cvk_wire_f32(uint64_t bits) {
  const uint32_t u = (uint32_t)bits;
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}
