/* SPDX-License-Identifier: Apache-2.0 */
/* export.c: a graph to a model: the nodes that outputs need, each through its row of export_table.c, under names that are unique. How an
 * operator is written depends on the opset, and what is written may ask for a newer one: then all is written again. */
#include "export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "struct_copy.h"

enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_PRODUCER_VERSION = 3, MODEL_OPSET = 8 };
enum { GRAPH_NAME = 2, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { INFO_NAME = 1, INFO_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };

static cvk_status no_memory(void) {
  return cvk_fail(CVK_NO_MEMORY, "no memory to write the model");
}

static const char *take_name(cvk_onnx_export *all, const char *name) {
  const char *taken = cvk_onnx_name_take(&all->values, &all->memory, name);
  if (taken == NULL && all->status == CVK_OK) all->status = no_memory();
  return taken ? taken : "";
}

/* ---- what is written, and its names ---- */

static void find_live(cvk_onnx_export *all) {
  const cvk_graph *g = all->graph;
  uint8_t *wanted = cvk_arena_alloc(&all->memory, (size_t)g->n_values + 1, 1);
  all->live = cvk_arena_alloc(&all->memory, (size_t)g->n_nodes + 1, 1);
  all->name = cvk_arena_alloc(&all->memory, (size_t)g->n_values + 1, sizeof *all->name);
  if (wanted == NULL || all->live == NULL || all->name == NULL) {
    all->status = no_memory();
    return;
  }
  for (int32_t i = 0; i < g->n_outputs; i++) wanted[g->outputs[i]] = 1;
  for (int32_t n = g->n_nodes - 1; n >= 0; n--) {
    const cvk_graph_node *node = &g->nodes[n];
    for (int32_t i = 0; i < node->n_out; i++) all->live[n] |= wanted[node->out[i]];
    for (int32_t i = 0; all->live[n] && i < node->n_in; i++)
      if (node->in[i] != CVK_NO_VALUE) wanted[node->in[i]] = 1;
  }
}

/* The names of inputs and outputs are what they are; two alike cannot be told apart in a file. */
static const char *take_end(cvk_onnx_export *all, const char *name) {
  if (name[0] == 0 || !cvk_onnx_name_is_text(name))
    all->status = cvk_fail(CVK_INVALID_ARGUMENT, "the name of an input or output is %s", name[0] ? "not UTF-8" : "empty");
  else if (cvk_onnx_name_taken(&all->values, name))
    all->status = cvk_fail(CVK_INVALID_ARGUMENT, "two inputs or outputs are called '%.100s'; a file needs different names", name);
  return all->status == CVK_OK ? take_name(all, name) : "";
}

static void name_ends(cvk_onnx_export *all) {
  const cvk_graph *g = all->graph;
  for (int32_t i = 0; i < g->n_inputs && all->status == CVK_OK; i++) all->name[g->inputs[i]] = take_end(all, g->values[g->inputs[i]].name);
  for (int32_t i = 0; i < g->n_outputs && all->status == CVK_OK; i++) {
    const cvk_graph_value *v = &g->values[g->outputs[i]];
    if (v->input >= 0 && strcmp(v->name, g->output_names[i]) == 0) continue; /* an input that is an output */
    const char *name = take_end(all, g->output_names[i]);
    if (all->name[g->outputs[i]] == NULL && v->constant == NULL) all->name[g->outputs[i]] = name;
  }
}

/* The name of a value; a constant that is read for the first time becomes an initialiser. */
static const char *name_of(cvk_onnx_export *all, cvk_value v) {
  const cvk_graph_value *value = &all->graph->values[v];
  if (all->name[v] == NULL) {
    all->name[v] = take_name(all, value->name ? value->name : "constant");
    if (value->constant) cvk_onnx_add_initialiser(all, all->name[v], value->constant);
  }
  return all->name[v];
}

/* ---- nodes ---- */

static void add_lacking(cvk_onnx_export *all, const char *kind, const char *label, const char *why) {
  const size_t used = strlen(all->lacking);
  if (all->n_lacking++ < 8)
    snprintf(all->lacking + used, sizeof all->lacking - used, "%s%s '%.40s'%s%s%s", used ? ", " : "", kind, label, why ? " (" : "",
             why ? why : "", why ? ")" : "");
}

/* An element type that ONNX has only since then. */
static int32_t dtype_since(int32_t dtype) {
  switch (dtype) {
    case CVK_F8E4M3FN:
    case CVK_F8E4M3FNUZ:
    case CVK_F8E5M2:
    case CVK_F8E5M2FNUZ: /* in casts since 19 */
    case CVK_U4:
    case CVK_I4:
      return 21;
    case CVK_F4E2M1:
      return 23;
    case CVK_F8E8M0:
      return 24;
    case CVK_U2:
    case CVK_I2:
      return 25;
    default:
      return 0;
  }
}

/* Lists are int64 vectors in ONNX; here a list of one entry may be a scalar, and int32 does too. */
static void put_list_in(cvk_onnx_written *n, int32_t i) {
  const cvk_tensor_desc *d = cvk_onnx_shape_in(n, i);
  if (cvk_onnx_dtype_in(n, i) == CVK_I32) {
    cvk_onnx_written cast = {.all = n->all};
    cvk_onnx_put_int(&cast, "to", CVK_I64);
    n->in[i] = cvk_onnx_put_before(n, "Cast", 1, &n->in[i], &cast.attrs);
  }
  if (d && d->rank == 0 && n->kind != CVK_OP_TRILU) {
    cvk_onnx_written reshape = {.all = n->all, .label = n->label, .n_in = 1, .in = {n->in[i]}};
    cvk_onnx_put_ints_in(&reshape, 1, "one", 1, (const int64_t[]){1});
    n->in[i] = cvk_onnx_put_before(n, "Reshape", 2, reshape.in, NULL);
  }
}

/* Writes one node; the arguments, attribute and label are in it. */
static void put(cvk_onnx_export *all, cvk_onnx_written *n) {
  const cvk_op_def *def = cvk_op_def_find(n->kind);
  const cvk_onnx_form *form = cvk_onnx_form_find(n->kind);
  for (int32_t i = 0; form && i < n->n_in; i++) {
    cvk_onnx_need(n, dtype_since(cvk_onnx_dtype_in(n, i)));
    if (i < 31 && form->int64s >> i & 1) put_list_in(n, i);
  }
  if (form) {
    n->op_type = def->onnx;
    cvk_onnx_need(n, form->since);
    cvk_onnx_need(n, cvk_onnx_form_since(form, cvk_onnx_dtype_in(n, 0)));
    if (form->write && n->lacking == NULL) form->write(n);
  }
  if (form == NULL || n->lacking) {
    add_lacking(all, def->name, n->label, n->lacking);
    cvk_wire_out_free(&n->attrs);
  } else {
    cvk_onnx_put_node(all, n);
  }
}

/* The activation in a convolution's attribute is a node behind it. */
static void put_activation(cvk_onnx_export *all, const cvk_conv_attr *conv, const char *label, cvk_value value, const char *in,
                           const char *out) {
  cvk_onnx_written n = {.all = all, .kind = conv->activation, .label = label, .n_in = 1, .n_out = 1, .in = {in}, .out = {out}};
  n.value[0] = value;
  n.attr.unary = (cvk_unary_attr){.alpha = conv->activation_alpha, .beta = conv->activation_beta};
  if (cvk_op_def_find(conv->activation))
    put(all, &n);
  else
    add_lacking(all, "activation", label, NULL);
}

static void put_graph_node(cvk_onnx_export *all, int32_t index) {
  const cvk_graph_node *node = &all->graph->nodes[index];
  const cvk_op_def *def = cvk_op_def_find(node->kind);
  const int32_t is_conv = node->kind == CVK_OP_CONV || node->kind == CVK_OP_CONV_TRANSPOSE;
  cvk_onnx_written n = {
      .all = all, .kind = node->kind, .label = cvk_graph_op_name(all->graph, index), .n_in = node->n_in, .n_out = node->n_out};
  char text[300];
  all->status = cvk_attr_copy(def, node->has_attr ? &node->attr : NULL, &n.attr);
  for (int32_t i = 0; i < node->n_in && all->status == CVK_OK; i++) {
    n.value[i] = node->in[i];
    n.in[i] = node->in[i] == CVK_NO_VALUE ? "" : name_of(all, node->in[i]);
  }
  for (int32_t i = 0; i < node->n_out && all->status == CVK_OK; i++) {
    snprintf(text, sizeof text, i ? "%.200s_%d" : "%.200s", n.label, i);
    if (all->name[node->out[i]] == NULL) all->name[node->out[i]] = take_name(all, text);
    n.out[i] = all->name[node->out[i]];
    const int32_t dtype = all->graph->values[node->out[i]].dtype;
    if (cvk_dtype_bytes(dtype) == 0) n.lacking = "it has no element type";
    cvk_onnx_need(&n, dtype_since(dtype));
  }
  if (all->status != CVK_OK) return;
  if (is_conv && n.attr.conv.activation != 0) {
    const cvk_conv_attr conv = n.attr.conv;
    const char *label = n.label, *out = n.out[0];
    snprintf(text, sizeof text, "%.200s_sum", n.label);
    const char *between = take_name(all, text);
    n.out[0] = between;
    put(all, &n);
    put_activation(all, &conv, label, node->out[0], between, out);
  } else {
    put(all, &n);
  }
}

/* Outputs that are inputs, constants, or another output under a second name. */
static void put_copies(cvk_onnx_export *all) {
  const cvk_graph *g = all->graph;
  for (int32_t i = 0; i < g->n_outputs && all->status == CVK_OK; i++) {
    const char *name = name_of(all, g->outputs[i]);
    if (strcmp(name, g->output_names[i]) == 0) continue;
    cvk_onnx_written n = {.all = all, .op_type = "Identity", .label = g->output_names[i], .n_in = 1, .n_out = 1, .in = {name}};
    n.out[0] = g->output_names[i];
    cvk_onnx_put_node(all, &n);
  }
}

/* ---- inputs and outputs ---- */

static void put_info(cvk_onnx_export *all, cvk_wire_out *to, uint32_t field, const char *name, cvk_value value, int32_t *open) {
  const cvk_tensor_desc *d = &all->shape[value];
  const cvk_graph_value *v = &all->graph->values[value];
  const int32_t rank = v->input >= 0 || v->constant ? v->rank : d->rank;
  cvk_wire_out info = {0}, type = {0}, tensor = {0}, shape = {0};
  char text[32];
  for (int32_t i = 0; i < rank; i++) {
    cvk_wire_out dim = {0};
    if (d->dim[i] >= 0) {
      cvk_wire_put_int(&dim, DIM_VALUE, d->dim[i]);
    } else if (d->dim[i] == CVK_ONNX_BATCH_EXTENT) {
      cvk_wire_put_text(&dim, DIM_NAME, "N");
    } else if (open) { /* each open extent of an input has a name of its own: equal names would say that they are equal */
      snprintf(text, sizeof text, "dim_%d", (*open)++);
      cvk_wire_put_text(&dim, DIM_NAME, text);
    }
    cvk_wire_put_message(&shape, SHAPE_DIM, &dim);
  }
  cvk_wire_put_int(&tensor, TENSOR_ELEMENT, v->dtype);
  if (rank >= 0) cvk_wire_put_message(&tensor, TENSOR_SHAPE, &shape);
  cvk_wire_put_message(&type, TYPE_TENSOR, &tensor);
  cvk_wire_put_text(&info, INFO_NAME, name);
  cvk_wire_put_message(&info, INFO_TYPE, &type);
  cvk_wire_put_message(to, field, &info);
}

static void put_ends(cvk_onnx_export *all) {
  const cvk_graph *g = all->graph;
  int32_t open = 0;
  for (int32_t i = 0; i < g->n_inputs; i++) put_info(all, &all->input, GRAPH_INPUT, g->values[g->inputs[i]].name, g->inputs[i], &open);
  for (int32_t i = 0; i < g->n_outputs; i++) put_info(all, &all->output, GRAPH_OUTPUT, g->output_names[i], g->outputs[i], NULL);
}

/* ---- the whole ---- */

static cvk_status build(cvk_onnx_export *all) {
  const cvk_graph *g = all->graph;
  find_live(all);
  if (all->status == CVK_OK) name_ends(all);
  for (int32_t n = 0; n < g->n_nodes && all->status == CVK_OK; n++)
    if (all->live[n]) put_graph_node(all, n);
  if (all->status == CVK_OK) put_copies(all);
  if (all->status == CVK_OK) put_ends(all);
  for (int32_t i = 0; i < g->n_inputs; i++) {
    const int32_t since = dtype_since(g->values[g->inputs[i]].dtype);
    if (since > all->need) all->need = since;
  }
  if (all->status != CVK_OK || all->n_lacking == 0) return all->status;
  cvk_onnx_make_printable(all->lacking);
  return cvk_fail(CVK_UNSUPPORTED, "%d ops can't be written as ONNX operators: %s%s", all->n_lacking, all->lacking,
                  all->n_lacking > 8 ? ", ..." : "");
}

/* The oldest IR version that goes with an opset. */
static int32_t ir_version(int32_t opset) {
  static const int32_t since[][2] = {{28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}, {0, 7}};
  int32_t i = 0;
  while (opset < since[i][0]) i++;
  return since[i][1];
}

static cvk_status write_model(cvk_onnx_export *all, const char *path, const char *producer) {
  cvk_wire_out message = {0}, opset = {0};
  cvk_wire_put_int(&message, MODEL_IR, ir_version(all->opset));
  cvk_wire_put_text(&message, MODEL_PRODUCER, producer);
  cvk_wire_put_text(&message, MODEL_PRODUCER_VERSION, cvk_version());
  cvk_wire_put_text(&opset, OPSET_DOMAIN, "");
  cvk_wire_put_int(&opset, OPSET_VERSION, all->opset);
  cvk_wire_put_message(&message, MODEL_OPSET, &opset);
  cvk_wire_put_text(&all->node, GRAPH_NAME, "graph");
  if (all->output.failed) all->input.failed = 1;
  cvk_wire_put(&all->input, all->output.data, all->output.bytes);
  const cvk_status s = cvk_onnx_write_file(path, &message, &all->node, all->n_initialisers, all->initialiser, &all->input);
  cvk_wire_out_free(&message);
  return s;
}

static void free_export(cvk_onnx_export *all) {
  for (int32_t i = 0; i < all->n_initialisers; i++) cvk_tensor_release(all->initialiser[i].tensor);
  free(all->initialiser);
  cvk_wire_out_free(&all->node);
  cvk_wire_out_free(&all->input);
  cvk_wire_out_free(&all->output);
  cvk_arena_free(&all->memory);
}

static cvk_status save(const cvk_graph *g, const char *path, const cvk_onnx_save_options *o) {
  cvk_arena memory = {0};
  const cvk_tensor_desc *shape = cvk_onnx_shapes(g, &memory);
  cvk_status s = shape ? CVK_OK : no_memory();
  int32_t opset = o->opset ? o->opset : CVK_ONNX_OLDEST_WRITTEN, done = 0;
  while (s == CVK_OK && !done) {
    cvk_onnx_export all = {.graph = g, .shape = shape, .opset = opset, .need = opset};
    s = build(&all);
    done = all.need == opset;
    if (s == CVK_OK && done) s = write_model(&all, path, o->producer_name ? o->producer_name : "Convoke");
    opset = all.need;
    free_export(&all);
  }
  cvk_arena_free(&memory);
  return s;
}

cvk_status cvk_graph_save_onnx(const cvk_graph *g, const char *path, const cvk_onnx_save_options *options) {
  cvk_onnx_save_options o;
  if (!g || !path) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_save_onnx: %s is NULL", !g ? "the graph" : "path");
  cvk_status s = cvk_copy_in(&o, options, sizeof o, "graph_save_onnx");
  if (s != CVK_OK) return s;
  if (o.opset != 0 && (o.opset < CVK_ONNX_OLDEST_WRITTEN || o.opset > CVK_ONNX_NEWEST))
    return cvk_fail(CVK_INVALID_ARGUMENT, "graph_save_onnx: opset is %d, allowed 0 and %d to %d", o.opset, CVK_ONNX_OLDEST_WRITTEN,
                    CVK_ONNX_NEWEST);
  if (g->n_outputs == 0) return cvk_fail(CVK_INVALID_ARGUMENT, "graph_save_onnx: the graph has no outputs");
  s = save(g, path, &o);
  return s == CVK_OK ? CVK_OK : cvk_fail_within(s, "%.300s", path);
}
