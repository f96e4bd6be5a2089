/* SPDX-License-Identifier: Apache-2.0 */
/* scope.h: a graph on its way in: the model's, a branch of an If that is taken, or the body of a function that is called. The nodes of all
 * of them join one cvk_graph. Names are those of their scope; a branch sees its surroundings', a function only what it is given. */
#ifndef CVK_ONNX_SCOPE_H
#define CVK_ONNX_SCOPE_H

#include "import.h"

typedef struct cvk_onnx_body { /* a function of the model: read at its first call */
  cvk_onnx_model *model;
  int32_t open;    /* being called: a call inside would not end */
  int64_t inlined; /* calls so far */
} cvk_onnx_body;

typedef struct cvk_onnx_import { /* shared by all scopes of one import */
  cvk_graph *graph;
  const cvk_onnx_model *top;
  cvk_onnx_body *body; /* by the function's number */
  int64_t repeated;    /* what functions cost that were called again */
  int64_t looked_at;   /* ops looked at to find conditions */
  uint64_t fold_budget; /* bytes that small results computed while reading may still take (fold.h) */
} cvk_onnx_import;

struct cvk_onnx_scope {
  cvk_onnx_call call; /* of the node in hand */
  cvk_onnx_import *all;
  const cvk_onnx_model *m;
  cvk_onnx_name *name;         /* by number */
  int32_t *order;              /* nodes in the order of execution */
  const cvk_onnx_scope *outer; /* whose names a branch sees; NULL */
  int32_t depth;
  int32_t n_args; /* attributes of the function's call; -1: in no function */
  const cvk_onnx_attr *arg;
  cvk_onnx_attr *own_arg;            /* arg, where it is this scope's to free */
  char prefix[CVK_ONNX_LABEL_BYTES]; /* of labels: the names of the nodes around */
};

/* A scope inside `around` (NULL: the model's own), over a model that outlives it. */
cvk_status cvk_onnx_scope_create(cvk_onnx_import *all, const cvk_onnx_scope *around, const cvk_onnx_model *m, cvk_onnx_scope **out);
void cvk_onnx_scope_free(cvk_onnx_scope *s);       /* NULL is allowed */
cvk_status cvk_onnx_scope_sort(cvk_onnx_scope *s); /* s->order; a part of cvk_onnx_scope_nodes */
/* The status, with a message that names the node, or the value. */
cvk_status cvk_onnx_fail_at_node(const cvk_onnx_scope *s, int32_t node, cvk_status status);
cvk_status cvk_onnx_fail_twice(cvk_view name);
/* In this order: */
cvk_status cvk_onnx_scope_link(cvk_onnx_scope *s); /* who defines and reads which name */
cvk_status cvk_onnx_scope_initialisers(cvk_onnx_scope *s);
cvk_status cvk_onnx_scope_nodes(cvk_onnx_scope *s); /* when names from outside are defined too */

void cvk_onnx_name_copy(const cvk_onnx_name *from, cvk_onnx_name *to);  /* value, rank, constant; not who reads it */
cvk_onnx_name *cvk_onnx_output_name(const cvk_onnx_call *c, int32_t i); /* NULL: absent */

/* ---- inline.c ---- */

/* In place of a node, function number `function` of the model. */
void cvk_onnx_call_function(cvk_onnx_call *c, int32_t function);

/* ---- known.c ---- */

/* The elements of a value where they follow from constants and declared shapes; else *out is NULL. *looked_at counts the ops looked at.
 * The caller releases *out. */
cvk_status cvk_onnx_known(cvk_graph *g, cvk_value v, int64_t *looked_at, cvk_tensor **out);

/* ---- lacking.c ---- */

/* UNSUPPORTED, with all operators of m that have no row and are no function of top, in one message; among them each If whose condition
 * depends on the elements of a graph input. */
cvk_status cvk_onnx_check_operators(const cvk_onnx_model *top, const cvk_onnx_model *m);

#endif
