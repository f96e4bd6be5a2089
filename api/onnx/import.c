/* SPDX-License-Identifier: Apache-2.0 */
/* import.c: a model to a graph: refuse what is lacking in one message, make constants, sort the nodes, add each through its row of
 * import_table.c. Everything is checked before it is used: a model may be hostile. */
#include <convoke/model.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "graph_internal.h"
#include "scope.h"
#include "tensor_internal.h"

#define MOST_GRAPH_INPUTS 4096

/* ---- parts for emit functions ---- */

void cvk_onnx_fail(cvk_onnx_call *c, cvk_status status, const char *fmt, ...) {
  char text[600];
  va_list args;
  if (c->status != CVK_OK) return;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  c->status = cvk_fail(status, "%s", text);
}

const cvk_onnx_name *cvk_onnx_input_name(const cvk_onnx_call *c, int32_t i) {
  if (i >= c->node->n_in || c->model->value[c->node->first + i] < 0) return NULL;
  const cvk_onnx_name *n = &c->name[c->model->value[c->node->first + i]];
  return n->absent ? NULL : n;
}

cvk_value cvk_onnx_input(const cvk_onnx_call *c, int32_t i) {
  const cvk_onnx_name *n = cvk_onnx_input_name(c, i);
  return n ? n->value : CVK_NO_VALUE;
}

cvk_onnx_name *cvk_onnx_output_name(const cvk_onnx_call *c, int32_t i) {
  const int32_t number = i < c->node->n_out ? c->model->value[c->node->first + c->node->n_in + i] : -1;
  return number < 0 ? NULL : &c->name[number];
}

int32_t cvk_onnx_output_used(const cvk_onnx_call *c, int32_t i) {
  const cvk_onnx_name *n = cvk_onnx_output_name(c, i);
  return n && n->uses > 0;
}

void cvk_onnx_name_copy(const cvk_onnx_name *from, cvk_onnx_name *to) {
  to->value = from->value;
  to->rank = from->rank;
  to->absent = from->absent;
  cvk_tensor_release(to->constant);
  to->constant = cvk_tensor_retain(from->constant);
}

void cvk_onnx_define(cvk_onnx_call *c, int32_t output, cvk_value value, int32_t rank) {
  cvk_onnx_name *n = cvk_onnx_output_name(c, output);
  if (!n || c->status != CVK_OK) return;
  cvk_tensor *t = c->graph->values[value].constant;
  n->value = value;
  n->rank = t ? cvk_tensor_rank(t) : rank;
  n->constant = t ? cvk_tensor_retain(t) : NULL;
}

/* CVK_NO_VALUE: an input is no constant, or the op stays one for another reason. */
static cvk_value fold(cvk_onnx_call *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in) {
  cvk_tensor *t[CVK_MAX_INPUTS];
  cvk_value out = CVK_NO_VALUE;
  if (n_in < 1 || n_in > CVK_MAX_INPUTS) return CVK_NO_VALUE;
  for (int32_t i = 0; i < n_in; i++) {
    t[i] = in[i] == CVK_NO_VALUE ? NULL : c->graph->values[in[i]].constant;
    if (in[i] != CVK_NO_VALUE && t[i] == NULL) return CVK_NO_VALUE;
  }
  cvk_tensor *folded = cvk_fold(kind, attr, n_in, t, &c->scope->all->fold_budget);
  if (folded) c->status = cvk_graph_constant(c->graph, NULL, folded, &out);
  cvk_tensor_release(folded);
  return out;
}

cvk_value cvk_onnx_op(cvk_onnx_call *c, int32_t kind, const void *attr, int32_t n_in, const cvk_value *in) {
  cvk_value out = c->status == CVK_OK ? fold(c, kind, attr, n_in, in) : CVK_NO_VALUE;
  if (c->status == CVK_OK && out == CVK_NO_VALUE) c->status = cvk_graph_op(c->graph, kind, attr, n_in, in, 1, &out, c->label);
  return out;
}

cvk_value cvk_onnx_op1(cvk_onnx_call *c, int32_t kind, const void *attr, cvk_value x) {
  return cvk_onnx_op(c, kind, attr, 1, &x);
}

cvk_value cvk_onnx_op2(cvk_onnx_call *c, int32_t kind, const void *attr, cvk_value a, cvk_value b) {
  return cvk_onnx_op(c, kind, attr, 2, (const cvk_value[]){a, b});
}

cvk_value cvk_onnx_reshape_like(cvk_onnx_call *c, cvk_value y, cvk_value x) {
  const cvk_shape_attr attr = {.allow_zero = 1};
  return cvk_onnx_op2(c, CVK_OP_RESHAPE, &attr, y, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, x));
}

cvk_value cvk_onnx_ones(cvk_onnx_call *c, cvk_value x, int32_t start, int32_t end) {
  const cvk_cast_attr part = {.start = start, .end = end};
  const cvk_shape_attr one = {.dtype = CVK_I64, .value = 1};
  return cvk_onnx_op1(c, CVK_OP_CONSTANT_OF_SHAPE, &one, cvk_onnx_op1(c, CVK_OP_SHAPE, NULL, cvk_onnx_op1(c, CVK_OP_SHAPE, &part, x)));
}

static cvk_value constant(cvk_onnx_call *c, int32_t dtype, int32_t rank, const int64_t *dim, const void *v) {
  cvk_value out = CVK_NO_VALUE;
  cvk_tensor *t = NULL;
  if (c->status == CVK_OK) c->status = cvk_tensor_create(NULL, dtype, rank, dim, v, &t);
  if (c->status == CVK_OK) c->status = cvk_graph_constant(c->graph, NULL, t, &out);
  cvk_tensor_release(t);
  return out;
}

cvk_value cvk_onnx_float64(cvk_onnx_call *c, double v) {
  return constant(c, CVK_F64, 0, NULL, &v);
}

cvk_value cvk_onnx_int64s(cvk_onnx_call *c, int32_t n, const int64_t *v) {
  return constant(c, CVK_I64, 1, (const int64_t[]){n}, v);
}

static cvk_status define_constant(cvk_graph *g, cvk_view name, cvk_onnx_name *n, cvk_tensor *t) {
  char text[CVK_ONNX_LABEL_BYTES];
  snprintf(text, sizeof text, "%.*s", CVK_VIEW_TEXT(name));
  n->constant = t;
  n->rank = cvk_tensor_rank(t);
  return cvk_graph_constant(g, text, t, &n->value);
}

void cvk_onnx_constant(cvk_onnx_call *c, cvk_tensor *t) {
  cvk_onnx_name *n = cvk_onnx_output_name(c, 0);
  if (c->status != CVK_OK || !n)
    cvk_tensor_release(t);
  else
    c->status = define_constant(c->graph, c->model->name[n - c->name], n, t);
}

static int32_t output_rank(const cvk_onnx_call *c) {
  const cvk_onnx_name *x = cvk_onnx_input_name(c, 0);
  int32_t rank = x ? x->rank : -1;
  if (c->row->rank == CVK_RANK_2) return 2;
  if (c->row->rank == CVK_RANK_SAME) return rank;
  if (c->row->rank == CVK_RANK_UNKNOWN) return -1;
  for (int32_t i = 0; i < c->node->n_in && rank >= 0; i++) {
    x = cvk_onnx_input_name(c, i);
    if (!x || x->rank < 0 || (c->row->rank == CVK_RANK_MATMUL && x->rank < 2)) return -1;
    if (x->rank > rank) rank = x->rank;
  }
  return rank;
}

void cvk_onnx_emit_op(cvk_onnx_call *c, const cvk_any_attr *attr, int32_t n_in) {
  const cvk_op_def *def = cvk_op_def_find(c->row->kind);
  cvk_value in[CVK_MAX_INPUTS], out[CVK_MAX_OUTPUTS];
  int32_t n_out = c->row->kind == CVK_OP_SPLIT ? c->node->n_out : 0; /* there the count has a meaning */
  if (c->status != CVK_OK) return;
  for (int32_t i = 0; i < c->node->n_out; i++)
    if (i == 0 || cvk_onnx_output_used(c, i)) n_out = n_out > i + 1 ? n_out : i + 1;
  while (n_in > 0 && cvk_onnx_input(c, n_in - 1) == CVK_NO_VALUE) n_in--;
  if (n_in > def->max_in || n_out > def->max_out)
    cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has %d inputs and %d outputs, expected at most %d and %d", n_in, n_out, def->max_in,
                  def->max_out);
  if (c->status != CVK_OK) return;
  for (int32_t i = 0; i < n_in; i++) in[i] = cvk_onnx_input(c, i);
  if (n_out == 1)
    out[0] = cvk_onnx_op(c, c->row->kind, attr, n_in, in);
  else
    c->status = cvk_graph_op(c->graph, c->row->kind, attr, n_in, in, n_out, out, c->label);
  const int32_t rank = output_rank(c);
  for (int32_t i = 0; i < n_out; i++) cvk_onnx_define(c, i, out[i], rank);
}

/* ---- values ---- */

/* A name as a C string. */
static cvk_status copy_text(cvk_view v, char **out) {
  if (memchr(v.data, '\0', v.bytes))
    return cvk_fail(CVK_IO_ERROR, "damaged ONNX data: the name '%.*s' holds a zero byte", CVK_VIEW_TEXT(v));
  *out = strndup((const char *)v.data, v.bytes);
  return *out ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "no memory for a name of %llu bytes", (unsigned long long)v.bytes);
}

cvk_status cvk_onnx_fail_twice(cvk_view name) {
  return cvk_fail(CVK_INVALID_ARGUMENT, "the value '%.*s' is defined twice", CVK_VIEW_TEXT(name));
}

cvk_status cvk_onnx_scope_initialisers(cvk_onnx_scope *im) {
  const cvk_onnx_model *m = im->m;
  for (int32_t i = 0; i < m->n_initialisers; i++) {
    cvk_onnx_tensor t;
    cvk_tensor *tensor = NULL;
    cvk_onnx_name *n = &im->name[m->initialiser[i].name];
    if (n->value != CVK_NO_VALUE || n->producer >= 0) return cvk_onnx_fail_twice(m->name[m->initialiser[i].name]);
    cvk_status s = n->uses > 0 ? cvk_onnx_tensor_read(m->file, m->initialiser[i].message, &t) : CVK_OK;
    if (s == CVK_OK && n->uses > 0) s = cvk_onnx_tensor_make(m->file, &t, 0, &tensor);
    if (s == CVK_OK && tensor) s = define_constant(im->call.graph, m->name[m->initialiser[i].name], n, tensor);
    if (s != CVK_OK) return cvk_fail_within(s, "initialiser '%.*s'", CVK_VIEW_TEXT(m->name[m->initialiser[i].name]));
  }
  return CVK_OK;
}

static cvk_status add_input(cvk_onnx_scope *im, const cvk_onnx_item *item) {
  cvk_onnx_value_info info;
  char *text = NULL;
  cvk_status s = cvk_onnx_value_info_read(im->m, item, &info);
  if (s == CVK_OK && (!info.is_tensor || cvk_onnx_dtype_bytes(info.dtype) == 0))
    s = cvk_fail(CVK_UNSUPPORTED, info.is_tensor ? "element type %d (%s) is not supported" : "it is no tensor (type %d, %s)", info.dtype,
                 cvk_onnx_dtype_name(info.dtype));
  if (s == CVK_OK) s = copy_text(im->m->name[item->name], &text);
  if (s == CVK_OK) s = cvk_graph_input(im->call.graph, text, info.dtype, info.rank, info.dim, &im->name[item->name].value);
  if (s == CVK_OK) im->name[item->name].rank = info.rank;
  free(text);
  return s;
}

/* Inputs that an initialiser defines are constants: before IR version 4 every initialiser had to be listed as an input. */
static cvk_status add_inputs(cvk_onnx_scope *im) {
  const cvk_onnx_model *m = im->m;
  uint8_t *is_constant = calloc((size_t)m->n_names + 1, 1);
  cvk_status s = is_constant ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "no memory for %d names", m->n_names);
  int32_t n = 0;
  for (int32_t i = 0; s == CVK_OK && i < m->n_initialisers; i++) is_constant[m->initialiser[i].name] = 1;
  for (int32_t i = 0; s == CVK_OK && i < m->n_inputs; i++) {
    const int32_t number = m->input[i].name;
    if (is_constant[number]) continue;
    if (im->name[number].value != CVK_NO_VALUE || im->name[number].producer >= 0)
      s = cvk_onnx_fail_twice(m->name[number]);
    else if (++n > MOST_GRAPH_INPUTS)
      s = cvk_fail(CVK_UNSUPPORTED, "the model has more than %d inputs", MOST_GRAPH_INPUTS);
    else
      s = add_input(im, &m->input[i]);
    if (s != CVK_OK) s = cvk_fail_within(s, "graph input '%.*s'", CVK_VIEW_TEXT(m->name[number]));
  }
  free(is_constant);
  return s;
}

static cvk_status add_outputs(cvk_onnx_scope *im) {
  const cvk_onnx_model *m = im->m;
  for (int32_t i = 0; i < m->n_outputs; i++) {
    const int32_t number = m->output[i].name;
    char *text = NULL;
    cvk_status s = copy_text(m->name[number], &text);
    if (s == CVK_OK && im->name[number].value == CVK_NO_VALUE)
      s = cvk_fail(CVK_INVALID_ARGUMENT, "graph output '%.*s' is not defined by any node, input or initialiser",
                   CVK_VIEW_TEXT(m->name[number]));
    if (s == CVK_OK) s = cvk_graph_output(im->call.graph, im->name[number].value, text);
    free(text);
    if (s != CVK_OK) return s;
  }
  return m->n_outputs ? CVK_OK : cvk_fail(CVK_INVALID_ARGUMENT, "the model has no outputs");
}

/* ---- nodes ---- */

cvk_status cvk_onnx_fail_at_node(const cvk_onnx_scope *im, int32_t index, cvk_status status) {
  char label[CVK_ONNX_LABEL_BYTES];
  const cvk_onnx_node *node = &im->m->node[index];
  return cvk_fail_within(status, "node '%s' (%.*s)", cvk_onnx_node_label(im->m, node, label), CVK_VIEW_TEXT(node->op_type));
}

static void check_attributes_taken(cvk_onnx_call *c) {
  for (int32_t i = 0; i < c->n_attrs; i++)
    if (!(c->taken >> i & 1))
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%.*s' is unknown at opset %lld", CVK_VIEW_TEXT(c->attr[i].name),
                    (long long)c->model->opset);
}

/* Attributes of a function's nodes that stand for those of its call; what the call does not give is absent. */
static void take_references(cvk_onnx_call *c) {
  const cvk_onnx_scope *s = c->scope;
  int32_t kept = 0;
  for (int32_t i = 0; c->status == CVK_OK && i < c->n_attrs; i++) {
    cvk_onnx_attr a = c->attr[i];
    int32_t found = a.ref.bytes == 0;
    if (!found && s->n_args < 0)
      cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "attribute '%.*s' refers to one of a function, the node is in none", CVK_VIEW_TEXT(a.name));
    for (int32_t k = 0; !found && k < s->n_args; k++) {
      if (cvk_view_compare(s->arg[k].name, a.ref) != 0) continue;
      c->attr[i] = s->arg[k];
      c->attr[i].name = a.name;
      found = 1;
    }
    if (found) c->attr[kept++] = c->attr[i];
  }
  c->n_attrs = kept;
}

static void emit_row(cvk_onnx_call *c) {
  cvk_any_attr attr = {0};
  if (c->row->emit) {
    if (c->status == CVK_OK) c->row->emit(c);
    return;
  }
  if (c->row->fill) {
    cvk_op_def_find(c->row->kind)->defaults(c->row->kind, &attr);
    c->row->fill(c, &attr);
    attr.struct_size = 0; /* the library's own size */
  }
  if (c->model->opset < 6) cvk_onnx_ignore(c, "consumed_inputs");
  cvk_onnx_emit_op(c, c->row->fill ? &attr : NULL, c->node->n_in);
}

static cvk_status add_node(cvk_onnx_scope *im, int32_t index) {
  cvk_onnx_call *c = &im->call;
  char label[CVK_ONNX_LABEL_BYTES], own[CVK_ONNX_LABEL_BYTES];
  c->node = &im->m->node[index];
  const int32_t function = cvk_onnx_function_find(im->all->top, c->node->domain, c->node->op_type);
  c->row = function < 0 ? cvk_onnx_row_find(c->node->domain, c->node->op_type, im->m->opset) : NULL;
  c->label = cvk_onnx_node_label(im->m, c->node, own);
  if (im->prefix[0]) {
    snprintf(label, sizeof label, "%.120s%.78s", im->prefix, own);
    c->label = label;
  }
  c->taken = 0;
  c->status = cvk_onnx_attrs_read(im->m, c->node, c->attr, &c->n_attrs);
  if (c->node->n_out == 0) cvk_onnx_fail(c, CVK_INVALID_ARGUMENT, "it has no outputs");
  take_references(c);
  if (function >= 0)
    cvk_onnx_call_function(c, function);
  else
    emit_row(c);
  check_attributes_taken(c);
  return c->status == CVK_OK ? CVK_OK : cvk_onnx_fail_at_node(im, index, c->status);
}

cvk_status cvk_onnx_scope_nodes(cvk_onnx_scope *im) {
  cvk_status s = cvk_onnx_scope_sort(im);
  for (int32_t i = 0; s == CVK_OK && i < im->m->n_nodes; i++) s = add_node(im, im->order[i]);
  return s;
}

/* ---- the whole ---- */

static cvk_status import(cvk_onnx_import *all) {
  const cvk_onnx_model *m = all->top;
  cvk_onnx_scope *im = NULL;
  if (m->opset < 1 || m->opset > CVK_ONNX_NEWEST)
    return cvk_fail(CVK_UNSUPPORTED, "the model is of opset %lld, Convoke reads 1 to %d", (long long)m->opset, CVK_ONNX_NEWEST);
  cvk_status s = cvk_onnx_check_operators(m, m);
  if (s == CVK_OK) s = cvk_onnx_scope_create(all, NULL, m, &im);
  if (s == CVK_OK) s = cvk_onnx_scope_link(im);
  if (s == CVK_OK) s = add_inputs(im);
  if (s == CVK_OK) s = cvk_onnx_scope_initialisers(im);
  if (s == CVK_OK) s = cvk_onnx_scope_nodes(im);
  if (s == CVK_OK) s = add_outputs(im);
  cvk_onnx_scope_free(im);
  return s;
}

static cvk_status load(cvk_context *ctx, cvk_onnx_file *file, cvk_graph **out) {
  cvk_onnx_model *m = NULL;
  cvk_onnx_import all = {.fold_budget = 1 << 20};
  cvk_status s = cvk_onnx_model_read(file, &m);
  if (s == CVK_OK) {
    all.top = m;
    all.body = calloc((size_t)m->n_functions + 1, sizeof *all.body);
    s = all.body ? cvk_graph_create(ctx, &all.graph) : cvk_fail(CVK_NO_MEMORY, "no memory for %d functions", m->n_functions);
  }
  if (s == CVK_OK) s = import(&all);
  if (s == CVK_OK) {
    *out = all.graph;
  } else {
    char text[2048];
    snprintf(text, sizeof text, "%s", cvk_error_message());
    cvk_onnx_make_printable(text);
    cvk_fail(s, "%s", text);
    cvk_graph_release(all.graph);
  }
  for (int32_t i = 0; all.body && i < m->n_functions; i++) cvk_onnx_model_free(all.body[i].model);
  free(all.body);
  cvk_onnx_model_free(m);
  return s;
}

cvk_status cvk_graph_load_onnx(cvk_context *ctx, const char *path, cvk_graph **out) {
  cvk_onnx_file *file = NULL;
  if (!ctx || !path || !out) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_load_onnx: %s is NULL", !ctx ? "ctx" : !path ? "path" : "out");
  cvk_status s = cvk_onnx_file_map(path, &file);
  if (s != CVK_OK) return s;
  s = load(ctx, file, out);
  cvk_onnx_file_release(file);
  return s == CVK_OK ? CVK_OK : cvk_fail_within(s, "%.300s", path);
}

cvk_status cvk_graph_load_onnx_memory(cvk_context *ctx, const void *data, uint64_t bytes, cvk_graph **out) {
  cvk_onnx_file *file = NULL;
  if (!ctx || !out) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_load_onnx_memory: %s is NULL", !ctx ? "ctx" : "out");
  cvk_status s = cvk_onnx_file_wrap(data, bytes, &file);
  if (s != CVK_OK) return s;
  s = load(ctx, file, out);
  cvk_onnx_file_release(file);
  return s;
}
