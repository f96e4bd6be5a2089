/* SPDX-License-Identifier: Apache-2.0 */
/* import.h: between the driver (import.c), the table of ONNX operators (import_table.c) and its functions: take.c reads attributes,
 * fill.c fills attribute structs, emit.c builds operators that are no single op of Convoke. */
#ifndef CVK_ONNX_IMPORT_H
#define CVK_ONNX_IMPORT_H

#include <convoke/graph.h>

#include "op_table.h"
#include "tensor.h"

#define CVK_ONNX_NEWEST 28 /* the newest opset whose changes to these operators were looked at */

typedef struct cvk_onnx_name { /* what is known of a value name */
  cvk_value value;             /* CVK_NO_VALUE: not defined (yet) */
  int32_t rank;                /* -1: unknown */
  int32_t uses;                /* readers: node inputs and graph outputs */
  int32_t producer;            /* node; -1: none */
  int32_t absent;              /* an input of a function that the call leaves out */
  cvk_tensor *constant;        /* its value, where it is constant; a reference */
} cvk_onnx_name;

typedef struct cvk_onnx_row cvk_onnx_row;
typedef struct cvk_onnx_scope cvk_onnx_scope; /* scope.h */

/* One node on its way into the graph. The take functions set `status` at the first failure and do nothing after it. */
typedef struct cvk_onnx_call {
  cvk_onnx_scope *scope;
  const cvk_onnx_model *model;
  cvk_graph *graph;
  cvk_onnx_name *name; /* by number */
  const cvk_onnx_node *node;
  const cvk_onnx_row *row;
  const char *label; /* the node's name, for messages and profiles */
  cvk_status status;
  int32_t n_attrs;
  uint64_t taken; /* bit i: attr[i] was read */
  cvk_onnx_attr attr[CVK_ONNX_MOST_ATTRS];
} cvk_onnx_call;

enum { /* the rank of all outputs, by the ranks of the inputs */
       CVK_RANK_UNKNOWN = 0,
       CVK_RANK_SAME = 1, /* as input 0 */
       CVK_RANK_2 = 2,
       CVK_RANK_BROADCAST = 3, /* the largest */
       CVK_RANK_MATMUL = 4,    /* the largest, unless a vector is among them */
};

struct cvk_onnx_row {
  const char *op_type;
  int32_t since, until;                               /* opsets in which the row holds */
  int32_t kind;                                       /* CVK_OP_*, 0 where emit says it all */
  int32_t rank;                                       /* CVK_RANK_* */
  void (*fill)(cvk_onnx_call *c, cvk_any_attr *attr); /* attr holds the op's defaults; NULL: the operator has no attributes */
  void (*emit)(cvk_onnx_call *c);                     /* NULL: one op with the node's inputs and outputs */
};

/* NULL: Convoke lacks the operator or this version of it. */
const cvk_onnx_row *cvk_onnx_row_find(cvk_view domain, cvk_view op_type, int64_t opset);
const cvk_onnx_row *cvk_onnx_row_at(int32_t index); /* NULL past the end */

/* ---- import.c: parts for emit functions ---- */

/* Value of the node's input i; CVK_NO_VALUE: absent. */
cvk_value cvk_onnx_input(const cvk_onnx_call *c, int32_t i);
const cvk_onnx_name *cvk_onnx_input_name(const cvk_onnx_call *c, int32_t i); /* NULL: absent */
int32_t cvk_onnx_output_used(const cvk_onnx_call *c, int32_t i);
void cvk_onnx_define(cvk_onnx_call *c, int32_t output, cvk_value value, int32_t rank);
/* Adds an op of one output; CVK_NO_VALUE after a failure. */
cvk_value cvk_onnx_op(cvk_onnx_call *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in);
cvk_value cvk_onnx_op1(cvk_onnx_call *c, int32_t kind, const void *attr, cvk_value x);
cvk_value cvk_onnx_op2(cvk_onnx_call *c, int32_t kind, const void *attr, cvk_value a, cvk_value b);
cvk_value cvk_onnx_reshape_like(cvk_onnx_call *c, cvk_value y, cvk_value x); /* y under the shape of x, whatever that will be */
/* As many ones as x has axes from `start` to `end` (as SHAPE counts them), int64. */
cvk_value cvk_onnx_ones(cvk_onnx_call *c, cvk_value x, int32_t start, int32_t end);
cvk_value cvk_onnx_int64s(cvk_onnx_call *c, int32_t n, const int64_t *v);    /* a constant of shape [n] */
cvk_value cvk_onnx_float64(cvk_onnx_call *c, double v);                       /* a scalar constant */
/* Defines output 0 as a constant; takes the reference. */
void cvk_onnx_constant(cvk_onnx_call *c, cvk_tensor *t);
void cvk_onnx_emit_op(cvk_onnx_call *c, const cvk_any_attr *attr,
                      int32_t n_in); /* what emit NULL does, with this attribute and the first n_in inputs */
void cvk_onnx_fail(cvk_onnx_call *c, cvk_status status, const char *fmt, ...) CVK_PRINTF(3, 4);

/* ---- lacking.c ---- */

#define CVK_ONNX_LABEL_BYTES 200
/* The node's name, or where it has none that of its first output, fit for a message; returns label. */
const char *cvk_onnx_node_label(const cvk_onnx_model *m, const cvk_onnx_node *node, char label[CVK_ONNX_LABEL_BYTES]);
/* Control characters become question marks: names come from the file, none may break a line or steer a terminal. */
void cvk_onnx_make_printable(char *text);

/* ---- take.c: attributes by name; absent ones leave *out as it is; nonzero: present ---- */

int32_t cvk_onnx_take_i64(cvk_onnx_call *c, const char *name, int64_t low, int64_t high, int64_t *out);
int32_t cvk_onnx_take_i32(cvk_onnx_call *c, const char *name, int32_t *out);  /* any int32 */
int32_t cvk_onnx_take_flag(cvk_onnx_call *c, const char *name, int32_t *out); /* 0 or 1 */
int32_t cvk_onnx_take_f32(cvk_onnx_call *c, const char *name, float *out);
int32_t cvk_onnx_take_i64s(cvk_onnx_call *c, const char *name, int64_t low, int32_t most, int64_t *out, int32_t *n);
int32_t cvk_onnx_take_choice(cvk_onnx_call *c, const char *name, int32_t n, const char *const *choice,
                             int32_t *out); /* index of the string */
int32_t cvk_onnx_take_f32s(cvk_onnx_call *c, const char *name, int32_t most, float *out, int32_t *n);
int32_t cvk_onnx_take_choices(cvk_onnx_call *c, const char *name, int32_t n_choices, const char *const *choice, int32_t most, int32_t *out,
                              int32_t *n); /* index of each string of a list */
int32_t cvk_onnx_take_dtype(cvk_onnx_call *c, const char *name, int32_t *out); /* an element type; UNSUPPORTED: Convoke lacks it */
int32_t cvk_onnx_take_tensor(cvk_onnx_call *c, const char *name, cvk_tensor **out);
void cvk_onnx_ignore(cvk_onnx_call *c, const char *name);                             /* means nothing at inference */
const cvk_onnx_attr *cvk_onnx_take(cvk_onnx_call *c, const char *name, int32_t type); /* NULL: absent or failed */

#endif
