/* SPDX-License-Identifier: Apache-2.0 */
/* model_graph.c: which constants of a model are trained, and copies of the model: for training, where these are inputs and batch norms and
 * dropouts are those of training, and for inference, with the weights as they have become. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/element.h"
#include "train_internal.h"

/* ---- what is trained ---- */

/* The inputs of an op that hold weights (bit i: input i), and whether an add behind it may be its bias. */
static const struct {
  int32_t kind;
  uint32_t weights;
  int32_t product;
} roles[] = {
    {CVK_OP_CONV, 0x6, 1},   {CVK_OP_CONV_TRANSPOSE, 0x6, 1}, {CVK_OP_GEMM, 0x7, 1},
    {CVK_OP_MATMUL, 0x3, 1}, {CVK_OP_BATCH_NORM, 0x6, 0},     {CVK_OP_PRELU, 0x2, 0},
};
enum { MEAN = 3, VARIANCE = 4 }; /* inputs of batch_norm */

static int32_t is_move(int32_t kind) {
  return kind == CVK_OP_RESHAPE || kind == CVK_OP_FLATTEN || kind == CVK_OP_SQUEEZE || kind == CVK_OP_UNSQUEEZE ||
         kind == CVK_OP_IDENTITY || kind == CVK_OP_TRANSPOSE;
}

typedef struct finder {
  const cvk_graph *g;
  int32_t *maker;  /* a value: the node that makes it, or -1 */
  uint8_t *weight; /* a value: whether it is a constant that is trained */
} finder;

/* The float32 constant behind v, looking through ops that only move elements, or CVK_NO_VALUE. */
static cvk_value constant_behind(const finder *f, cvk_value v) {
  while (v != CVK_NO_VALUE && f->maker[v] >= 0 && is_move(f->g->nodes[f->maker[v]].kind)) v = f->g->nodes[f->maker[v]].in[0];
  return v != CVK_NO_VALUE && f->g->values[v].constant && f->g->values[v].dtype == CVK_F32 ? v : CVK_NO_VALUE;
}

static void mark(finder *f, cvk_value v) {
  v = constant_behind(f, v);
  if (v != CVK_NO_VALUE) f->weight[v] = 1;
}

/* Whether a node is a product with trained weights; one of two computed values has none. */
static int32_t has_weights(const finder *f, const cvk_graph_node *node) {
  for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
    for (int32_t i = 0; roles[r].kind == node->kind && roles[r].product && i < node->n_in; i++) {
      if ((roles[r].weights >> i & 1) && constant_behind(f, node->in[i]) != CVK_NO_VALUE) return 1;
    }
  }
  return 0;
}

/* The bias that exporters add behind a product. */
static void mark_bias(finder *f, const cvk_graph_node *node) {
  for (int32_t i = 0; i < 2; i++) {
    const int32_t other = f->maker[node->in[1 - i]];
    if (other >= 0 && has_weights(f, &f->g->nodes[other])) mark(f, node->in[i]);
  }
}

static void mark_all(finder *f) {
  for (int32_t n = 0; n < f->g->n_nodes; n++) {
    const cvk_graph_node *node = &f->g->nodes[n];
    if (node->kind == CVK_OP_ADD) mark_bias(f, node);
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
      for (int32_t i = 0; roles[r].kind == node->kind && i < node->n_in; i++) {
        if (roles[r].weights >> i & 1) mark(f, node->in[i]);
      }
    }
  }
}

/* Output 0, or what goes into the softmax over the classes that makes it, where the loss has one of its own. */
static cvk_value find_logits(cvk_trainer *t, const finder *f) {
  cvk_value v = t->model->outputs[0];
  if (t->options.loss != CVK_LOSS_SOFTMAX_CROSS_ENTROPY || f->maker[v] < 0) return v;
  const cvk_graph_node *node = &t->model->nodes[f->maker[v]];
  const int32_t axis = node->has_attr ? node->attr.axis.axis : -1;
  if ((node->kind != CVK_OP_SOFTMAX && node->kind != CVK_OP_LOG_SOFTMAX) || (axis != 1 && axis != -1)) return v;
  t->classes_last = axis == -1;
  return node->in[0];
}

static cvk_status add_variable(cvk_trainer *t, cvk_value v, int32_t statistic, int32_t node) {
  const cvk_graph_value *value = &t->model->values[v];
  cvk_variable *var = &t->variables[t->n_variables++];
  char name[32];
  snprintf(name, sizeof name, "weight_%d", t->n_variables - 1);
  *var = (cvk_variable){
      .name = strdup(value->name ? value->name : name), .model = v, .statistic = statistic, .node = node, .desc = value->constant->desc};
  if (statistic) { /* as the op wants it, whatever is between */
    const int64_t n = cvk_tensor_count(value->constant);
    memset(var->desc.dim, 0, sizeof var->desc.dim);
    var->desc.rank = 1;
    var->desc.dim[0] = n;
  }
  return var->name ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "trainer: no memory for a name");
}

/* Each batch norm has statistics of its own: a file may keep those of several, which are equal before training, as one constant. */
static cvk_status add_statistics(cvk_trainer *t, const finder *f) {
  cvk_status status = CVK_OK;
  for (int32_t k = 0; k < f->g->n_nodes && status == CVK_OK; k++) {
    const cvk_graph_node *node = &f->g->nodes[k];
    if (node->kind != CVK_OP_BATCH_NORM) continue;
    const cvk_value mean = constant_behind(f, node->in[MEAN]), variance = constant_behind(f, node->in[VARIANCE]);
    if (mean == CVK_NO_VALUE || variance == CVK_NO_VALUE) continue;
    status = add_variable(t, mean, MEAN, k);
    if (status == CVK_OK) status = add_variable(t, variance, VARIANCE, k);
  }
  return status;
}

cvk_status cvk_trainer_find_variables(cvk_trainer *t) {
  const cvk_graph *g = t->model;
  finder f = {g, malloc(((size_t)g->n_values + 1) * sizeof *f.maker), calloc((size_t)g->n_values + 1, sizeof *f.weight)};
  int32_t n = 0, weights = 0;
  cvk_status status = f.maker && f.weight ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "trainer: no memory for %d values", g->n_values);
  if (status == CVK_OK) {
    for (int32_t v = 0; v < g->n_values; v++) f.maker[v] = -1;
    for (int32_t k = 0; k < g->n_nodes; k++) {
      for (int32_t i = 0; i < g->nodes[k].n_out; i++) f.maker[g->nodes[k].out[i]] = k;
    }
    mark_all(&f);
    t->logits = find_logits(t, &f);
    for (int32_t v = 0; v < g->n_values; v++) weights += f.weight[v];
    n = weights;
    for (int32_t k = 0; k < g->n_nodes; k++) n += g->nodes[k].kind == CVK_OP_BATCH_NORM ? 2 : 0;
    if (weights == 0)
      status =
          cvk_fail(CVK_INVALID_ARGUMENT, "trainer: the model has no weights to train (float32 constants of convolutions and products)");
  }
  if (status == CVK_OK) {
    t->variables = calloc((size_t)n, sizeof *t->variables);
    if (t->variables == NULL) status = cvk_fail(CVK_NO_MEMORY, "trainer: no memory for %d variables", n);
  }
  for (int32_t v = 0; v < g->n_values && status == CVK_OK; v++) {
    if (f.weight[v]) status = add_variable(t, v, 0, 0);
  }
  if (status == CVK_OK) status = add_statistics(t, &f);
  free(f.maker);
  free(f.weight);
  return status;
}

/* ---- copies ---- */

typedef struct copier {
  cvk_trainer *t;
  cvk_graph *g;
  cvk_model_copy *c;
  cvk_value *map;      /* the model's value to the copy's */
  cvk_value *variable; /* of each variable */
  uint8_t *read;       /* a constant of the model: whether it is read other than as a statistic */
} copier;

/* The batch norm's mean, -1: it has none that is kept. Its variance comes behind it. */
static int32_t statistics_of(const cvk_trainer *t, int32_t node) {
  for (int32_t i = 0; i < t->n_variables; i++) {
    if (t->variables[i].statistic == MEAN && t->variables[i].node == node) return i;
  }
  return -1;
}

static void find_reads(copier *k) {
  const cvk_graph *m = k->t->model;
  for (int32_t n = 0; n < m->n_nodes; n++) {
    const int32_t kept = m->nodes[n].kind == CVK_OP_BATCH_NORM && statistics_of(k->t, n) >= 0;
    for (int32_t i = 0; i < m->nodes[n].n_in; i++) {
      if (m->nodes[n].in[i] != CVK_NO_VALUE && !(kept && i >= MEAN)) k->read[m->nodes[n].in[i]] = 1;
    }
  }
  for (int32_t o = 0; o < m->n_outputs; o++) k->read[m->outputs[o]] = 1;
}

static cvk_status copy_variable(copier *k, int32_t index) {
  cvk_variable *v = &k->t->variables[index];
  cvk_tensor *host = NULL;
  char name[32];
  if (k->c->batch) {
    snprintf(name, sizeof name, "variable %d", index);
    const cvk_status status = cvk_graph_input(k->g, name, v->desc.dtype, v->desc.rank, v->desc.dim, &k->variable[index]);
    k->c->variable[index] = k->variable[index];
    k->c->new_statistic[index] = CVK_NO_VALUE;
    return status;
  }
  cvk_status status = cvk_tensor_create(NULL, v->desc.dtype, v->desc.rank, v->desc.dim, NULL, &host);
  if (status == CVK_OK) status = cvk_tensor_read(v->now, cvk_tensor_host(host), cvk_tensor_bytes(host));
  if (status == CVK_OK) status = cvk_graph_constant(k->g, k->t->model->values[v->model].name, host, &k->variable[index]);
  cvk_tensor_release(host);
  return status;
}

static cvk_status copy_values(copier *k) {
  const cvk_graph *m = k->t->model;
  const cvk_graph_value *x = &m->values[m->inputs[0]];
  const cvk_tensor_desc *b = k->c->batch;
  char got[CVK_DIMS_TEXT], want[CVK_DIMS_TEXT];
  int64_t dim[CVK_MAX_RANK];
  memcpy(dim, x->dim, sizeof dim);
  if (k->c->logits && x->rank > 0) dim[0] = -1; /* any number of samples, though files often have one */
  int32_t fits = b == NULL || x->rank < 0 || x->rank == b->rank;
  for (int32_t i = 0; b && i < x->rank && fits; i++) fits = dim[i] < 0 || dim[i] == b->dim[i];
  if (!fits)
    return cvk_fail(CVK_INVALID_SHAPE, "trainer: the batch has shape %s, the model's input '%s' %s (-1: any)",
                    cvk_dims_text(b->rank, b->dim, got), x->name, cvk_dims_text(x->rank, dim, want));
  cvk_status status = cvk_graph_input(k->g, x->name, x->dtype, b ? b->rank : x->rank, b ? b->dim : dim, &k->map[m->inputs[0]]);
  k->c->x = k->map[m->inputs[0]];
  for (int32_t i = 0; i < k->t->n_variables && status == CVK_OK; i++) {
    const cvk_variable *v = &k->t->variables[i];
    status = copy_variable(k, i);
    if (!v->statistic) k->map[v->model] = k->variable[i], k->read[v->model] = 0;
  }
  for (int32_t v = 0; v < m->n_values && status == CVK_OK; v++) {
    if (m->values[v].constant && k->read[v]) status = cvk_graph_constant(k->g, m->values[v].name, m->values[v].constant, &k->map[v]);
  }
  return status;
}

/* batch_norm as while training; its statistics, variables `mean` and the next, get new values. */
static cvk_status copy_batch_norm(copier *k, const cvk_graph_node *node, int32_t mean, const cvk_value *in) {
  cvk_norm_attr a = {.struct_size = sizeof a, .epsilon = node->has_attr ? node->attr.norm.epsilon : 1e-5f, .alpha = 0.9f};
  cvk_value out[5];
  const cvk_status status = cvk_graph_op(k->g, CVK_OP_BATCH_NORM_TRAIN, &a, 5, in, 5, out, node->name);
  if (status != CVK_OK) return status;
  k->map[node->out[0]] = out[0];
  k->c->new_statistic[mean] = out[1];
  k->c->new_statistic[mean + 1] = out[2];
  return CVK_OK;
}

static cvk_status copy_dropout(copier *k, const cvk_graph_node *node, int32_t index, const cvk_value *in) {
  cvk_dropout_attr a = {.struct_size = sizeof a, .ratio = 0.5f, .stream = index};
  const cvk_tensor *ratio = node->n_in > 1 && node->in[1] != CVK_NO_VALUE ? k->t->model->values[node->in[1]].constant : NULL;
  const cvk_value pair[2] = {in[0], k->c->seed};
  if (ratio && cvk_tensor_count(ratio) == 1) {
    const cvk_status status = cvk_tensor_pin(ratio);
    if (status != CVK_OK) return status;
    a.ratio = (float)cvk_load_real(ratio->desc.dtype, cvk_tensor_host(ratio), 0);
    cvk_tensor_unpin(ratio);
  }
  return cvk_graph_op(k->g, CVK_OP_DROPOUT_TRAIN, &a, 2, pair, 1, &k->map[node->out[0]], node->name);
}

/* The activation of a convolution as an op, since its gradient needs what comes before it. */
static cvk_status copy_convolution(copier *k, const cvk_graph_node *node, const cvk_value *in) {
  cvk_conv_attr a = node->attr.conv;
  const cvk_unary_attr act = {.struct_size = sizeof act, .alpha = a.activation_alpha, .beta = a.activation_beta};
  const int32_t kind = a.activation;
  cvk_value y;
  a.activation = 0;
  cvk_status status = cvk_graph_op(k->g, node->kind, &a, node->n_in, in, 1, &y, node->name);
  if (status == CVK_OK) status = cvk_graph_op(k->g, kind, &act, 1, &y, 1, &k->map[node->out[0]], NULL);
  return status;
}

static cvk_status copy_node(copier *k, int32_t index) {
  const cvk_graph_node *node = &k->t->model->nodes[index];
  cvk_value in[CVK_MAX_INPUTS], out[CVK_MAX_OUTPUTS];
  const int32_t training = k->c->batch != NULL;
  for (int32_t i = 0; i < node->n_in; i++) in[i] = node->in[i] == CVK_NO_VALUE ? CVK_NO_VALUE : k->map[node->in[i]];
  if (node->kind == CVK_OP_BATCH_NORM) {
    const int32_t mean = statistics_of(k->t, index);
    if (mean >= 0) in[MEAN] = k->variable[mean], in[VARIANCE] = k->variable[mean + 1];
    if (mean >= 0 && training) return copy_batch_norm(k, node, mean, in);
  }
  if (training && node->kind == CVK_OP_DROPOUT) return copy_dropout(k, node, index, in);
  if (training && node->has_attr && (node->kind == CVK_OP_CONV || node->kind == CVK_OP_CONV_TRANSPOSE) && node->attr.conv.activation)
    return copy_convolution(k, node, in);
  const cvk_status status =
      cvk_graph_op(k->g, node->kind, node->has_attr ? &node->attr : NULL, node->n_in, in, node->n_out, out, node->name);
  for (int32_t i = 0; i < node->n_out && status == CVK_OK; i++) k->map[node->out[i]] = out[i];
  return status;
}

static int32_t has_dropout(const cvk_graph *m) {
  for (int32_t n = 0; n < m->n_nodes; n++) {
    if (m->nodes[n].kind == CVK_OP_DROPOUT) return 1;
  }
  return 0;
}

cvk_status cvk_trainer_copy_model(cvk_trainer *t, cvk_graph *g, cvk_model_copy *c) {
  const cvk_graph *m = t->model;
  copier k = {t,
              g,
              c,
              malloc(((size_t)m->n_values + 1) * sizeof *k.map),
              malloc((size_t)t->n_variables * sizeof *k.variable),
              calloc((size_t)m->n_values + 1, sizeof *k.read)};
  cvk_status status = k.map && k.variable && k.read ? CVK_OK : cvk_fail(CVK_NO_MEMORY, "trainer: no memory for %d values", m->n_values);
  c->seed = CVK_NO_VALUE;
  if (status == CVK_OK) {
    for (int32_t v = 0; v < m->n_values; v++) k.map[v] = CVK_NO_VALUE;
    find_reads(&k);
    status = copy_values(&k);
  }
  if (status == CVK_OK && c->batch && has_dropout(m)) status = cvk_graph_input(g, "dropout seed", CVK_I64, 0, NULL, &c->seed);
  for (int32_t n = 0; n < m->n_nodes && status == CVK_OK; n++) {
    status = copy_node(&k, n);
  }
  if (status == CVK_OK) {
    c->output = k.map[c->logits ? t->logits : m->outputs[0]];
    if (c->output == CVK_NO_VALUE) status = cvk_fail(CVK_INVALID_ARGUMENT, "trainer: the model's output 0 is not made by an op");
  }
  for (int32_t o = 0; c->batch == NULL && !c->logits && o < m->n_outputs && status == CVK_OK; o++) {
    status = cvk_graph_output(g, k.map[m->outputs[o]], m->output_names[o]);
  }
  if (c->batch == NULL && c->logits && status == CVK_OK) status = cvk_graph_output(g, c->output, m->output_names[0]);
  free(k.map);
  free(k.variable);
  free(k.read);
  return status;
}
