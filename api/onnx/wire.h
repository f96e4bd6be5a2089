/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h: reads the protobuf wire format (protobuf.dev/programming-guides/encoding) over a byte range, field by field, copying nothing.
 * Every length is checked against the message that holds it; nothing recurses, so no nesting can exhaust the stack. Damage is IO_ERROR with
 * the byte offset in the whole data. Any thread. */
#ifndef CVK_ONNX_WIRE_H
#define CVK_ONNX_WIRE_H

#include "status.h"

typedef struct cvk_view { /* bytes that somebody else keeps */
  const uint8_t *data;
  uint64_t bytes;
} cvk_view;

enum { CVK_WIRE_VARINT = 0, CVK_WIRE_FIXED64 = 1, CVK_WIRE_BYTES = 2, CVK_WIRE_FIXED32 = 5 };

typedef struct cvk_wire { /* a message being read */
  const uint8_t *base;    /* start of the whole data, for offsets in messages */
  const uint8_t *at, *end;
} cvk_wire;

typedef struct cvk_wire_field {
  uint32_t number; /* 0: the message has ended */
  int32_t type;    /* CVK_WIRE_* */
  uint64_t value;  /* of the numeric types; floats as their bits */
  cvk_view view;   /* CVK_WIRE_BYTES */
} cvk_wire_field;

cvk_wire cvk_wire_open(const uint8_t *base, cvk_view message);
/* The next field; groups (an obsolete wire type that ONNX never uses) are skipped, nested ones up to a depth of 64. */
cvk_status cvk_wire_next(cvk_wire *w, cvk_wire_field *f);
/* IO_ERROR unless the field that was just read has this wire type. */
cvk_status cvk_wire_want(const cvk_wire *w, const cvk_wire_field *f, int32_t type);

/* The elements of one repeated numeric field of a message, packed or not. */
typedef struct cvk_wire_list {
  cvk_wire message, packed;
  uint32_t number;
  int32_t type; /* of an element */
} cvk_wire_list;
cvk_wire_list cvk_wire_list_open(const uint8_t *base, cvk_view message, uint32_t number, int32_t type);
cvk_status cvk_wire_list_next(cvk_wire_list *l, uint64_t *value, int32_t *more); /* *more 0: no element was left */
cvk_status cvk_wire_list_count(cvk_wire_list l, uint64_t *n);

int32_t cvk_view_is(cvk_view v, const char *text); /* nonzero: equal */
int cvk_view_compare(cvk_view a, cvk_view b);      /* as strcmp, by bytes */
float cvk_wire_f32(uint64_t bits);

/* Arguments for "%.*s" that print a name, cut where it is long. */
#define CVK_VIEW_TEXT(V) (int)((V).bytes < 100 ? (V).bytes : 100), (V).data ? (const char *)(V).data : ""

#endif
