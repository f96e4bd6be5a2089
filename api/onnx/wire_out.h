/* SPDX-License-Identifier: Apache-2.0 */
/* wire_out.h: protobuf fields into a growing buffer. A buffer that found no memory takes nothing more; `failed` says so in the end. */
#ifndef CVK_ONNX_WIRE_OUT_H
#define CVK_ONNX_WIRE_OUT_H

#include <stddef.h>
#include <stdint.h>

typedef struct cvk_wire_out {
  uint8_t *data;
  size_t bytes, room;
  int32_t failed;
} cvk_wire_out;

void cvk_wire_out_free(cvk_wire_out *o); /* and empties it */
void cvk_wire_put(cvk_wire_out *o, const void *data, size_t bytes);
/* The tag and length of a field of `bytes` bytes, which the caller puts behind it. */
void cvk_wire_put_length(cvk_wire_out *o, uint32_t field, uint64_t bytes);
void cvk_wire_put_int(cvk_wire_out *o, uint32_t field, int64_t v);
void cvk_wire_put_float(cvk_wire_out *o, uint32_t field, float v);
void cvk_wire_put_text(cvk_wire_out *o, uint32_t field, const char *text);
void cvk_wire_put_message(cvk_wire_out *o, uint32_t field, cvk_wire_out *message); /* frees the message */

#endif
