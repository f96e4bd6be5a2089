/* SPDX-License-Identifier: Apache-2.0 */
/* export.h: between the driver of writing models (export.c), the table of op kinds (export_table.c) and its functions. A model is built in
 * memory without the elements of its initialisers, which go to the file one tensor at a time (export_file.c). */
#ifndef CVK_ONNX_EXPORT_H
#define CVK_ONNX_EXPORT_H

#include <convoke/model.h>

#include "arena.h"
#include "graph_internal.h"
#include "tensor_internal.h"
#include "wire_out.h"

#define CVK_ONNX_OLDEST_WRITTEN 13

typedef struct cvk_onnx_used_name {
  const char *name;
  int32_t last; /* number that was given to a second one of this name */
} cvk_onnx_used_name;

typedef struct cvk_onnx_names { /* a set of names, export_names.c */
  cvk_onnx_used_name *slot;     /* open addressing */
  int32_t n, room;
} cvk_onnx_names;

typedef struct cvk_onnx_initialiser {
  const char *name;
  cvk_tensor *tensor; /* a reference */
} cvk_onnx_initialiser;

typedef struct cvk_onnx_export {
  const cvk_graph *graph;
  const cvk_tensor_desc *shape; /* by value, export_shapes.c */
  int32_t opset, need;          /* written as, and the one that its nodes ask for */
  cvk_status status;            /* of the first failure; nothing is done after it */
  cvk_arena memory;
  cvk_onnx_names values, nodes; /* names in use */
  const char **name;            /* by value; NULL: nothing reads or makes it */
  uint8_t *live;                /* by node: an output needs it */
  cvk_wire_out node, input, output;
  cvk_onnx_initialiser *initialiser;
  int32_t n_initialisers, cap_initialisers;
  int32_t n_lacking;
  char lacking[600]; /* nodes that cannot be written */
} cvk_onnx_export;

/* A node under way: what a row's function changes and adds to. */
typedef struct cvk_onnx_written {
  cvk_onnx_export *all;
  int32_t kind;
  const char *op_type, *label;
  cvk_any_attr attr; /* as the graph has it: not resolved, zeros where ONNX's defaults are meant */
  int32_t n_in;      /* "": absent */
  const char *in[CVK_MAX_INPUTS];
  cvk_value value[CVK_MAX_INPUTS]; /* the graph's, CVK_NO_VALUE: none */
  int32_t n_out;
  const char *out[CVK_MAX_OUTPUTS];
  cvk_wire_out attrs;
  const char *lacking; /* why it cannot be written */
} cvk_onnx_written;

typedef struct cvk_onnx_form {
  int32_t kind;
  int32_t since;                      /* the opset from which on ONNX has the operator as it is written; 0: all that are written */
  int32_t bf16;                       /* the same for bfloat16 */
  int32_t int64s;                     /* bit i: input i is int64 in ONNX, and int32 too here */
  void (*write)(cvk_onnx_written *n); /* NULL: no attributes, the op's inputs */
} cvk_onnx_form;

const cvk_onnx_form *cvk_onnx_form_find(int32_t kind); /* NULL: ONNX has no such operator */
/* The opset from which on the kind takes elements of this type. */
int32_t cvk_onnx_form_since(const cvk_onnx_form *form, int32_t dtype);

/* ---- export_names.c ---- */

/* `name`, or where that is taken (or empty) with the first number behind it that is not; it is taken now. What is not UTF-8 becomes
 * question marks. NULL: no memory. */
const char *cvk_onnx_name_take(cvk_onnx_names *names, cvk_arena *memory, const char *name);
int32_t cvk_onnx_name_is_text(const char *name); /* it is UTF-8 */
int32_t cvk_onnx_name_taken(const cvk_onnx_names *names, const char *name);

/* ---- export_shapes.c ---- */

#define CVK_ONNX_ANY_EXTENT (-1)
#define CVK_ONNX_BATCH_EXTENT (-2) /* the open extent of the first axis of the one input that has it open */
/* Shapes of all values as far as they are known without a run: rank -1, extents as above. NULL: no memory. */
cvk_tensor_desc *cvk_onnx_shapes(const cvk_graph *g, cvk_arena *memory);

/* ---- export_put.c: for the functions of the table ---- */

void cvk_onnx_need(cvk_onnx_written *n, int32_t opset);
/* The length of an attribute's list; 0 where it is not one: attributes come as the caller gave them. */
int32_t cvk_onnx_checked(cvk_onnx_written *n, int32_t count, int32_t most);
void cvk_onnx_put_int(cvk_onnx_written *n, const char *name, int64_t v);
void cvk_onnx_put_ints(cvk_onnx_written *n, const char *name, int32_t count, const int64_t *v);
void cvk_onnx_put_float(cvk_onnx_written *n, const char *name, float v);
void cvk_onnx_put_floats(cvk_onnx_written *n, const char *name, int32_t count, const float *v);
void cvk_onnx_put_text(cvk_onnx_written *n, const char *name, const char *v);
void cvk_onnx_put_texts(cvk_onnx_written *n, const char *name, int32_t count, const char *const *v);
void cvk_onnx_put_scalar(cvk_onnx_written *n, const char *name, int32_t dtype, double v); /* a tensor of one element */
/* The name at `index` of a list of names. */
void cvk_onnx_put_choice(cvk_onnx_written *n, const char *name, int32_t count, const char *const *choice, int32_t index);
/* Input i is given by the graph. */
int32_t cvk_onnx_given_to(const cvk_onnx_written *n, int32_t i);
/* Input i, where the graph has none, as a new constant: int64 of rank 1, one int64, one element of a type of rank 0. */
void cvk_onnx_put_ints_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t count, const int64_t *v);
void cvk_onnx_put_int_in(cvk_onnx_written *n, int32_t i, const char *what, int64_t v);
void cvk_onnx_put_scalar_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t dtype, double v);
void cvk_onnx_put_floats_in(cvk_onnx_written *n, int32_t i, const char *what, int32_t count, const float *v);
/* A new name of a value, of the node's own and `what`. */
const char *cvk_onnx_put_name(cvk_onnx_written *n, const char *what);
/* A node of its own before this one; its output's name. */
const char *cvk_onnx_put_before(cvk_onnx_written *n, const char *op_type, int32_t n_in, const char *const *in, cvk_wire_out *attrs);
int32_t cvk_onnx_dtype_in(const cvk_onnx_written *n, int32_t i);                /* 0: no such input */
const cvk_tensor_desc *cvk_onnx_shape_in(const cvk_onnx_written *n, int32_t i); /* NULL: not known */
/* Appends the node; frees its attributes. */
void cvk_onnx_put_node(cvk_onnx_export *all, cvk_onnx_written *n);
void cvk_onnx_add_initialiser(cvk_onnx_export *all, const char *name, cvk_tensor *t); /* retains */

/* ---- export_file.c ---- */

/* Writes the model. message: ModelProto but for its graph; graph: what stands before the initialisers, after: behind them. */
cvk_status cvk_onnx_write_file(const char *path, const cvk_wire_out *message, const cvk_wire_out *graph, int32_t n,
                               const cvk_onnx_initialiser *t, const cvk_wire_out *after);

/* ---- functions of the table ---- */

void cvk_onnx_write_conv(cvk_onnx_written *n);
void cvk_onnx_write_conv_transpose(cvk_onnx_written *n);
void cvk_onnx_write_deform_conv(cvk_onnx_written *n);
void cvk_onnx_write_col2im(cvk_onnx_written *n);
void cvk_onnx_write_pool(cvk_onnx_written *n);
void cvk_onnx_write_global_lp_pool(cvk_onnx_written *n);
void cvk_onnx_write_pad(cvk_onnx_written *n);
void cvk_onnx_write_batch_norm(cvk_onnx_written *n);
void cvk_onnx_write_lrn(cvk_onnx_written *n);
void cvk_onnx_write_axis(cvk_onnx_written *n);
void cvk_onnx_write_dropout(cvk_onnx_written *n);
void cvk_onnx_write_gemm(cvk_onnx_written *n);
void cvk_onnx_write_alpha(cvk_onnx_written *n);
void cvk_onnx_write_selu(cvk_onnx_written *n);
void cvk_onnx_write_hard_sigmoid(cvk_onnx_written *n);
void cvk_onnx_write_clip(cvk_onnx_written *n);
void cvk_onnx_write_gelu(cvk_onnx_written *n);
void cvk_onnx_write_swish(cvk_onnx_written *n);
void cvk_onnx_write_shrink(cvk_onnx_written *n);
void cvk_onnx_write_is_inf(cvk_onnx_written *n);
void cvk_onnx_write_mod(cvk_onnx_written *n);
void cvk_onnx_write_bit_shift(cvk_onnx_written *n);
void cvk_onnx_write_reduce(cvk_onnx_written *n);
void cvk_onnx_write_arg(cvk_onnx_written *n);
void cvk_onnx_write_reshape(cvk_onnx_written *n);
void cvk_onnx_write_shape_in(cvk_onnx_written *n);
void cvk_onnx_write_transpose(cvk_onnx_written *n);
void cvk_onnx_write_split(cvk_onnx_written *n);
void cvk_onnx_write_slice(cvk_onnx_written *n);
void cvk_onnx_write_squeeze(cvk_onnx_written *n);
void cvk_onnx_write_cast(cvk_onnx_written *n);
void cvk_onnx_write_bitcast(cvk_onnx_written *n);
void cvk_onnx_write_shape(cvk_onnx_written *n);
void cvk_onnx_write_constant_of_shape(cvk_onnx_written *n);
void cvk_onnx_write_gather_nd(cvk_onnx_written *n);
void cvk_onnx_write_scatter(cvk_onnx_written *n);
void cvk_onnx_write_cumulative(cvk_onnx_written *n);
void cvk_onnx_write_top_k(cvk_onnx_written *n);
void cvk_onnx_write_trilu(cvk_onnx_written *n);
void cvk_onnx_write_unique(cvk_onnx_written *n);
void cvk_onnx_write_reverse_sequence(cvk_onnx_written *n);
void cvk_onnx_write_resize(cvk_onnx_written *n);
void cvk_onnx_write_grid_sample(cvk_onnx_written *n);
void cvk_onnx_write_affine_grid(cvk_onnx_written *n);
void cvk_onnx_write_roi_align(cvk_onnx_written *n);
void cvk_onnx_write_nms(cvk_onnx_written *n);
void cvk_onnx_write_recurrent(cvk_onnx_written *n);
void cvk_onnx_write_einsum(cvk_onnx_written *n);
void cvk_onnx_write_dft(cvk_onnx_written *n);
void cvk_onnx_write_linear_attention(cvk_onnx_written *n);

#endif
