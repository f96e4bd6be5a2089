/* SPDX-License-Identifier: Apache-2.0 */
/* model.h: a graph of an ONNX file as flat arrays of views into its bytes: nodes, initialisers, inputs, outputs. Value names are numbered;
 * nothing is copied, and what is kept is bounded by a small multiple of the file's size. The graph is the model's, a branch of an If or the
 * body of a function. Fields are those of onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto,
 * FunctionProto). */
#ifndef CVK_ONNX_MODEL_H
#define CVK_ONNX_MODEL_H

#include <convoke/tensor.h>

#include "file.h"

#define CVK_ONNX_MOST_NODES (1 << 20)
#define CVK_ONNX_MOST_ITEMS (1 << 20) /* initialisers, inputs, outputs: each */
#define CVK_ONNX_MOST_VALUES (1 << 24)
#define CVK_ONNX_MOST_ATTRS 64
#define CVK_ONNX_MOST_FUNCTIONS 4096
#define CVK_ONNX_MOST_DEPTH 32 /* of subgraphs in each other, and of functions that call each other */

typedef struct cvk_onnx_node {
  cvk_view op_type, domain, name, message;
  int32_t first; /* in model->value: n_in inputs, n_out outputs, then n_inner names that an If's branches read, theirs and others' */
  int32_t n_in, n_out, n_inner;
} cvk_onnx_node;

typedef struct cvk_onnx_item { /* an initialiser (TensorProto), an input or an output (ValueInfoProto) */
  cvk_view message;            /* a function's inputs and outputs: the name */
  int32_t name;
} cvk_onnx_item;

typedef struct cvk_onnx_function { /* of the model, called by nodes of this domain and operator */
  cvk_view domain, name, message;
} cvk_onnx_function;

typedef struct cvk_onnx_model {
  cvk_onnx_file *file;
  int64_t ir_version, opset;
  int32_t n_functions;
  cvk_onnx_function *function; /* of a model, in the order of their names; none of a branch or function */
  int32_t n_nodes, n_values, n_names, n_initialisers, n_inputs, n_outputs;
  cvk_onnx_node *node;
  int32_t *value; /* name numbers, -1: an empty name */
  cvk_view *name; /* by number, in ascending order of bytes */
  cvk_onnx_item *initialiser, *input, *output;
} cvk_onnx_model;

/* Takes a reference on the file. *out: release with cvk_onnx_model_free. */
cvk_status cvk_onnx_model_read(cvk_onnx_file *file, cvk_onnx_model **out);
/* The number of the function of this name; -1: none. */
int32_t cvk_onnx_function_find(const cvk_onnx_model *m, cvk_view domain, cvk_view name);
/* A GraphProto that an attribute of `outer` holds. */
cvk_status cvk_onnx_branch_read(const cvk_onnx_model *outer, cvk_view graph, cvk_onnx_model **out);
/* A FunctionProto; with an opset of its own. */
cvk_status cvk_onnx_function_read(const cvk_onnx_model *outer, const cvk_onnx_function *function, cvk_onnx_model **out);
void cvk_onnx_model_free(cvk_onnx_model *m); /* NULL is allowed */

/* A declared input or output. */
typedef struct cvk_onnx_value_info {
  int32_t is_tensor;
  int32_t dtype;             /* ONNX's number, any; 0: not said */
  int32_t rank;              /* -1: not said */
  int64_t dim[CVK_MAX_RANK]; /* -1: symbolic or not said */
} cvk_onnx_value_info;
cvk_status cvk_onnx_value_info_read(const cvk_onnx_model *m, const cvk_onnx_item *item, cvk_onnx_value_info *out);

/* AttributeProto.AttributeType */
enum {
  CVK_ONNX_FLOAT = 1,
  CVK_ONNX_INT = 2,
  CVK_ONNX_STRING = 3,
  CVK_ONNX_TENSOR = 4,
  CVK_ONNX_GRAPH = 5,
  CVK_ONNX_FLOATS = 6,
  CVK_ONNX_INTS = 7,
  CVK_ONNX_STRINGS = 8,
  CVK_ONNX_TENSORS = 9,
  CVK_ONNX_GRAPHS = 10,
  CVK_ONNX_SPARSE_TENSOR = 11,
  CVK_ONNX_SPARSE_TENSORS = 12,
  CVK_ONNX_TYPE_PROTO = 13,
  CVK_ONNX_TYPE_PROTOS = 14,
};
typedef struct cvk_onnx_attr {
  cvk_view name, message; /* floats and ints: cvk_onnx_attr_list over the message */
  int32_t type;           /* what the file says, else what it holds */
  float f;
  int64_t i;
  cvk_view s, t, g; /* g: a GraphProto */
  cvk_view ref;     /* in a function: the name of the call's attribute whose value this is */
} cvk_onnx_attr;
/* At most CVK_ONNX_MOST_ATTRS, each with a name of its own. */
cvk_status cvk_onnx_attrs_read(const cvk_onnx_model *m, const cvk_onnx_node *node, cvk_onnx_attr *attr, int32_t *n);
/* Those that a function gives its own attributes where a call does not. */
cvk_status cvk_onnx_defaults_read(const cvk_onnx_model *m, const cvk_onnx_function *function, cvk_onnx_attr *attr, int32_t *n);
/* String i of a STRINGS attribute; data NULL: there are fewer. */
cvk_status cvk_onnx_attr_string(const cvk_onnx_model *m, const cvk_onnx_attr *attr, int32_t i, cvk_view *out);
/* The elements of a FLOATS or INTS attribute. */
cvk_wire_list cvk_onnx_attr_list(const cvk_onnx_model *m, const cvk_onnx_attr *attr);

#endif
