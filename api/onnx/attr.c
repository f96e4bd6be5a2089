/* SPDX-License-Identifier: Apache-2.0 */
/* attr.c: the parts of a model that are read when asked for: attributes of a node, declared types of inputs and outputs. model.h has the
 * contract. */
#include <string.h>

#include "model.h"

enum { NODE_ATTRIBUTE = 5, FUNCTION_ATTRIBUTE = 11 };
enum {
  ATTR_NAME = 1,
  ATTR_F = 2,
  ATTR_I = 3,
  ATTR_S = 4,
  ATTR_T = 5,
  ATTR_G = 6,
  ATTR_FLOATS = 7,
  ATTR_INTS = 8,
  ATTR_STRINGS = 9,
  ATTR_TYPE = 20,
  ATTR_REF = 21
};
enum { VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEM_TYPE = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1, DIM_VALUE = 1 };

/* Wire type and attribute type of each value field of AttributeProto, by field number. */
static const struct {
  int8_t wire, type;
} attr_fields[] = {
    [ATTR_NAME] = {CVK_WIRE_BYTES, 0},
    [ATTR_F] = {CVK_WIRE_FIXED32, CVK_ONNX_FLOAT},
    [ATTR_I] = {CVK_WIRE_VARINT, CVK_ONNX_INT},
    [ATTR_S] = {CVK_WIRE_BYTES, CVK_ONNX_STRING},
    [ATTR_T] = {CVK_WIRE_BYTES, CVK_ONNX_TENSOR},
    [ATTR_G] = {CVK_WIRE_BYTES, CVK_ONNX_GRAPH},
    [ATTR_FLOATS] = {-1, CVK_ONNX_FLOATS},
    [ATTR_INTS] = {-1, CVK_ONNX_INTS},
    [ATTR_STRINGS] = {CVK_WIRE_BYTES, CVK_ONNX_STRINGS},
    [10] = {CVK_WIRE_BYTES, CVK_ONNX_TENSORS},
    [11] = {CVK_WIRE_BYTES, CVK_ONNX_GRAPHS},
    [14] = {CVK_WIRE_BYTES, CVK_ONNX_TYPE_PROTO},
    [15] = {CVK_WIRE_BYTES, CVK_ONNX_TYPE_PROTOS},
    [ATTR_TYPE] = {CVK_WIRE_VARINT, 0},
    [ATTR_REF] = {CVK_WIRE_BYTES, 0},
    [22] = {CVK_WIRE_BYTES, CVK_ONNX_SPARSE_TENSOR},
    [23] = {CVK_WIRE_BYTES, CVK_ONNX_SPARSE_TENSORS},
};

static cvk_status read_attr(const uint8_t *base, cvk_view message, cvk_onnx_attr *a) {
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  int32_t said = 0, held = 0;
  *a = (cvk_onnx_attr){.message = message};
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK) return s;
    if (f.number == 0) break;
    if (f.number >= sizeof attr_fields / sizeof *attr_fields) continue;
    const int32_t wire = attr_fields[f.number].wire;
    if (wire > 0 || f.number == ATTR_I || f.number == ATTR_TYPE) s = cvk_wire_want(&w, &f, wire);
    if (s != CVK_OK) return s;
    if (attr_fields[f.number].type) held = attr_fields[f.number].type;
    switch (f.number) {
      case ATTR_NAME:
        a->name = f.view;
        break;
      case ATTR_F:
        a->f = cvk_wire_f32(f.value);
        break;
      case ATTR_I:
        a->i = (int64_t)f.value;
        break;
      case ATTR_S:
        a->s = f.view;
        break;
      case ATTR_T:
        a->t = f.view;
        break;
      case ATTR_G:
        a->g = f.view;
        break;
      case ATTR_REF:
        a->ref = f.view;
        break;
      case ATTR_TYPE:
        said = (int32_t)f.value;
        break;
      default:
        break;
    }
  }
  a->type = said ? said : held;
  return CVK_OK;
}

static int32_t name_taken(const cvk_onnx_attr *attr, int32_t n, cvk_view name) {
  for (int32_t i = 0; i < n; i++)
    if (cvk_view_compare(attr[i].name, name) == 0) return 1;
  return 0;
}

static cvk_status read_attrs(const cvk_onnx_model *m, cvk_view message, uint32_t number, cvk_onnx_attr *attr, int32_t *n) {
  const uint8_t *base = cvk_onnx_file_bytes(m->file).data;
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  *n = 0;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number != number) continue;
    s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK) return s;
    if (*n == CVK_ONNX_MOST_ATTRS) return cvk_fail(CVK_IO_ERROR, "the node has more than %d attributes", CVK_ONNX_MOST_ATTRS);
    s = read_attr(base, f.view, &attr[*n]);
    if (s != CVK_OK) return s;
    if (attr[*n].name.bytes == 0) return cvk_fail(CVK_IO_ERROR, "attribute %d has no name", *n);
    if (name_taken(attr, *n, attr[*n].name)) return cvk_fail(CVK_IO_ERROR, "attribute '%.*s' is given twice", CVK_VIEW_TEXT(attr[*n].name));
    ++*n;
  }
}

cvk_status cvk_onnx_attrs_read(const cvk_onnx_model *m, const cvk_onnx_node *node, cvk_onnx_attr *attr, int32_t *n) {
  return read_attrs(m, node->message, NODE_ATTRIBUTE, attr, n);
}

cvk_status cvk_onnx_defaults_read(const cvk_onnx_model *m, const cvk_onnx_function *function, cvk_onnx_attr *attr, int32_t *n) {
  return read_attrs(m, function->message, FUNCTION_ATTRIBUTE, attr, n);
}

cvk_status cvk_onnx_attr_string(const cvk_onnx_model *m, const cvk_onnx_attr *attr, int32_t i, cvk_view *out) {
  cvk_wire w = cvk_wire_open(cvk_onnx_file_bytes(m->file).data, attr->message);
  cvk_wire_field f;
  *out = (cvk_view){0};
  for (;;) {
    const cvk_status s = cvk_wire_next(&w, &f);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number != ATTR_STRINGS || i-- > 0) continue;
    *out = f.view;
    return CVK_OK;
  }
}

cvk_wire_list cvk_onnx_attr_list(const cvk_onnx_model *m, const cvk_onnx_attr *attr) {
  const int32_t ints = attr->type == CVK_ONNX_INTS;
  return cvk_wire_list_open(cvk_onnx_file_bytes(m->file).data, attr->message, ints ? ATTR_INTS : ATTR_FLOATS,
                            ints ? CVK_WIRE_VARINT : CVK_WIRE_FIXED32);
}

/* ---- declared types ---- */

/* The last field `number` of a message, which is to be a message itself; data NULL: there is none. */
static cvk_status find_message(const uint8_t *base, cvk_view message, uint32_t number, cvk_view *out) {
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  *out = (cvk_view){0};
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == number) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == number) *out = f.view;
  }
}

static cvk_status read_dim(const uint8_t *base, cvk_view message, int64_t *dim) {
  cvk_wire w = cvk_wire_open(base, message);
  cvk_wire_field f;
  *dim = -1;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == DIM_VALUE) s = cvk_wire_want(&w, &f, CVK_WIRE_VARINT);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == DIM_VALUE) *dim = (int64_t)f.value;
  }
}

static cvk_status read_shape(const uint8_t *base, cvk_view shape, cvk_onnx_value_info *out) {
  cvk_wire w = cvk_wire_open(base, shape);
  cvk_wire_field f;
  out->rank = 0;
  for (;;) {
    cvk_status s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == SHAPE_DIM) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number != SHAPE_DIM) continue;
    if (out->rank == CVK_MAX_RANK) return cvk_fail(CVK_UNSUPPORTED, "the declared shape has more than %d extents", CVK_MAX_RANK);
    int64_t *dim = &out->dim[out->rank++];
    s = read_dim(base, f.view, dim);
    if (s != CVK_OK) return s;
    if (*dim < -1) /* -1: some exporters' way to say that the extent is open */
      return cvk_fail(CVK_INVALID_SHAPE, "the declared extent of axis %d is %lld, expected 0 or more", out->rank - 1, (long long)*dim);
  }
}

cvk_status cvk_onnx_value_info_read(const cvk_onnx_model *m, const cvk_onnx_item *item, cvk_onnx_value_info *out) {
  const uint8_t *base = cvk_onnx_file_bytes(m->file).data;
  cvk_view type, tensor = {0};
  *out = (cvk_onnx_value_info){.rank = -1};
  cvk_status s = find_message(base, item->message, VALUE_TYPE, &type);
  if (s == CVK_OK && type.data) s = find_message(base, type, TYPE_TENSOR, &tensor);
  if (s != CVK_OK || !tensor.data) return s;
  out->is_tensor = 1;
  cvk_wire w = cvk_wire_open(base, tensor);
  cvk_wire_field f;
  for (;;) {
    s = cvk_wire_next(&w, &f);
    if (s == CVK_OK && f.number == TENSOR_ELEM_TYPE) s = cvk_wire_want(&w, &f, CVK_WIRE_VARINT);
    if (s == CVK_OK && f.number == TENSOR_SHAPE) s = cvk_wire_want(&w, &f, CVK_WIRE_BYTES);
    if (s != CVK_OK || f.number == 0) return s;
    if (f.number == TENSOR_ELEM_TYPE) out->dtype = (int32_t)f.value;
    if (f.number == TENSOR_SHAPE) s = read_shape(base, f.view, out);
    if (s != CVK_OK) return s;
  }
}
