/* SPDX-License-Identifier: Apache-2.0 */
/* test_oracle.c: our reader against protobuf-c on Debian's onnx.proto, over every model of Debian's ONNX test data: nodes, their values and
 * attributes, initialisers with their elements, inputs and outputs must be the same. */
#include <glob.h>
#include <stdio.h>

#include "../harness.h"
#include "onnx.pb-c.h"
#include "onnx/tensor.h"
#include "write.h"

static bytes read_file(const char *path) {
  bytes b = {0};
  char part[65536];
  size_t n;
  FILE *f = fopen(path, "rb");
  ck_assert_ptr_nonnull(f);
  while ((n = fread(part, 1, sizeof part, f)) > 0) put(&b, part, n);
  fclose(f);
  return b;
}

static void same_text(cvk_view got, const char *want, const char *what, const char *path) {
  ck_assert_msg(cvk_view_is(got, want ? want : ""), "%s: %s is '%.*s', want '%s'", path, what, CVK_VIEW_TEXT(got), want ? want : "");
}

static void same_value(const cvk_onnx_model *m, int32_t number, const char *want, const char *path) {
  if (*want == '\0')
    ck_assert_int_eq(number, -1);
  else
    same_text(m->name[number], want, "value", path);
}

/* Elements by the reference's own fields, in the type's bytes. */
static size_t elements(const Onnx__TensorProto *t, uint8_t *out) {
  const size_t size = (size_t)cvk_onnx_dtype_bytes(t->data_type);
  size_t n = 0;
  for (size_t i = 0; i < t->n_int32_data; i++, n += size) memcpy(out + n, &t->int32_data[i], size);
  for (size_t i = 0; i < t->n_int64_data; i++, n += size) memcpy(out + n, &t->int64_data[i], size);
  for (size_t i = 0; i < t->n_uint64_data; i++, n += size) memcpy(out + n, &t->uint64_data[i], size);
  for (size_t i = 0; i < t->n_float_data; i++, n += size) memcpy(out + n, &t->float_data[i], size);
  for (size_t i = 0; i < t->n_double_data; i++, n += size) memcpy(out + n, &t->double_data[i], size);
  if (t->has_raw_data && t->raw_data.len) memcpy(out, t->raw_data.data, n = t->raw_data.len);
  return n;
}

static void same_tensor(cvk_onnx_file *file, cvk_view message, const Onnx__TensorProto *want, const char *path) {
  cvk_onnx_tensor t;
  cvk_tensor *made = NULL;
  if (cvk_onnx_dtype_bytes(want->data_type) == 0) {
    ck_fails(cvk_onnx_tensor_read(file, message, &t), CVK_UNSUPPORTED, "element type");
    return;
  }
  ck_ok(cvk_onnx_tensor_read(file, message, &t));
  same_text(t.name, want->name, "tensor", path);
  ck_assert_int_eq(t.dtype, want->data_type);
  ck_assert_uint_eq((size_t)t.rank, want->n_dims);
  for (int32_t i = 0; i < t.rank; i++) ck_assert_int_eq(t.dim[i], want->dims[i]);
  ck_ok(cvk_onnx_tensor_make(file, &t, 0, &made));
  const size_t n = (size_t)cvk_tensor_bytes(made);
  uint8_t *a = malloc(n + 1), *b = malloc(n + 8);
  ck_ok(cvk_tensor_read(made, a, n));
  ck_assert_uint_eq(elements(want, b), n);
  ck_assert_msg(memcmp(a, b, n) == 0, "%s: elements of '%s' differ", path, want->name);
  free(a);
  free(b);
  cvk_tensor_release(made);
}

static void same_list(const cvk_onnx_model *m, const cvk_onnx_attr *a, const Onnx__AttributeProto *want) {
  cvk_wire_list l = cvk_onnx_attr_list(m, a);
  const size_t n = want->n_ints + want->n_floats;
  uint64_t value, count;
  int32_t more;
  ck_ok(cvk_wire_list_count(l, &count));
  ck_assert_uint_eq(count, n);
  for (size_t i = 0; i < n; i++) {
    ck_ok(cvk_wire_list_next(&l, &value, &more));
    if (want->n_ints)
      ck_assert_int_eq((int64_t)value, want->ints[i]);
    else
      ck_assert_float_eq(cvk_wire_f32(value), want->floats[i]);
  }
}

static void same_attr(const cvk_onnx_model *m, const cvk_onnx_attr *a, const Onnx__AttributeProto *want, const char *path) {
  same_text(a->name, want->name, "attribute", path);
  ck_assert_int_eq(a->type, (int32_t)want->type);
  switch (a->type) {
    case CVK_ONNX_FLOAT:
      ck_assert_mem_eq(&a->f, &want->f, sizeof a->f);
      break;
    case CVK_ONNX_INT:
      ck_assert_int_eq(a->i, want->i);
      break;
    case CVK_ONNX_STRING:
      ck_assert_uint_eq(a->s.bytes, want->s.len);
      if (want->s.len) ck_assert_mem_eq(a->s.data, want->s.data, want->s.len);
      break;
    case CVK_ONNX_TENSOR:
      same_tensor(m->file, a->t, want->t, path);
      break;
    case CVK_ONNX_INTS:
    case CVK_ONNX_FLOATS:
      same_list(m, a, want);
      break;
    default:
      break;
  }
}

static void same_node(const cvk_onnx_model *m, const cvk_onnx_node *node, const Onnx__NodeProto *want, const char *path) {
  cvk_onnx_attr attr[CVK_ONNX_MOST_ATTRS];
  int32_t n = 0;
  same_text(node->op_type, want->op_type, "op_type", path);
  same_text(node->domain, want->domain, "domain", path);
  same_text(node->name, want->name, "node name", path);
  ck_assert_uint_eq((size_t)node->n_in, want->n_input);
  ck_assert_uint_eq((size_t)node->n_out, want->n_output);
  for (int32_t i = 0; i < node->n_in; i++) same_value(m, m->value[node->first + i], want->input[i], path);
  for (int32_t i = 0; i < node->n_out; i++) same_value(m, m->value[node->first + node->n_in + i], want->output[i], path);
  ck_ok(cvk_onnx_attrs_read(m, node, attr, &n));
  ck_assert_uint_eq((size_t)n, want->n_attribute);
  for (int32_t i = 0; i < n; i++) same_attr(m, &attr[i], want->attribute[i], path);
}

static void same_value_info(const cvk_onnx_model *m, const cvk_onnx_item *item, const Onnx__ValueInfoProto *want, const char *path) {
  cvk_onnx_value_info info;
  same_value(m, item->name, want->name, path);
  ck_ok(cvk_onnx_value_info_read(m, item, &info));
  const Onnx__TypeProto__Tensor *type =
      want->type && want->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? want->type->tensor_type : NULL;
  ck_assert_int_eq(info.is_tensor, type != NULL);
  if (!type) return;
  ck_assert_int_eq(info.dtype, type->elem_type);
  ck_assert_int_eq(info.rank, type->shape ? (int32_t)type->shape->n_dim : -1);
  for (int32_t i = 0; i < info.rank; i++) {
    const Onnx__TensorShapeProto__Dimension *d = type->shape->dim[i];
    ck_assert_int_eq(info.dim[i], d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? d->dim_value : -1);
  }
}

static void same_model(const char *path) {
  bytes b = read_file(path);
  Onnx__ModelProto *want = onnx__model_proto__unpack(NULL, b.n, b.data);
  ck_assert_msg(want && want->graph, "%s: protobuf-c cannot read it", path);
  const Onnx__GraphProto *graph = want->graph;
  cvk_onnx_file *file = NULL;
  cvk_onnx_model *m = NULL;
  ck_ok(cvk_onnx_file_map(path, &file));
  ck_ok(cvk_onnx_model_read(file, &m));
  ck_assert_int_eq(m->ir_version, want->ir_version);
  for (size_t i = 0; i < want->n_opset_import; i++)
    if (!want->opset_import[i]->domain || !*want->opset_import[i]->domain) ck_assert_int_eq(m->opset, want->opset_import[i]->version);
  ck_assert_uint_eq((size_t)m->n_nodes, graph->n_node);
  ck_assert_uint_eq((size_t)m->n_initialisers, graph->n_initializer);
  ck_assert_uint_eq((size_t)m->n_inputs, graph->n_input);
  ck_assert_uint_eq((size_t)m->n_outputs, graph->n_output);
  for (int32_t i = 0; i < m->n_nodes; i++) same_node(m, &m->node[i], graph->node[i], path);
  for (int32_t i = 0; i < m->n_initialisers; i++) same_tensor(file, m->initialiser[i].message, graph->initializer[i], path);
  for (int32_t i = 0; i < m->n_inputs; i++) same_value_info(m, &m->input[i], graph->input[i], path);
  for (int32_t i = 0; i < m->n_outputs; i++) same_value_info(m, &m->output[i], graph->output[i], path);
  cvk_onnx_model_free(m);
  cvk_onnx_file_release(file);
  onnx__model_proto__free_unpacked(want, NULL);
  empty(&b);
}

START_TEST(test_every_model_of_the_suite) {
  glob_t found;
  ck_assert_int_eq(glob(CVK_ONNX_DATA "/*/*/model.onnx", 0, NULL, &found), 0);
  ck_assert_uint_gt(found.gl_pathc, 1000);
  for (size_t i = 0; i < found.gl_pathc; i++) same_model(found.gl_pathv[i]);
  globfree(&found);
  same_model(CVK_TEST_MODEL);
}
END_TEST

/* Some of the suite's files are sequences or optionals, which read as a TensorProto whose shape is nonsense. */
static int32_t is_tensor(const Onnx__TensorProto *t) {
  double count = 1;
  const size_t n = t->n_int32_data + t->n_int64_data + t->n_uint64_data + t->n_float_data + t->n_double_data;
  const double size = (double)cvk_onnx_dtype_bytes(t->data_type);
  for (size_t i = 0; i < t->n_dims; i++) count *= (double)t->dims[i];
  return size > 0 && (t->raw_data.len ? count * size == (double)t->raw_data.len : count == (double)n);
}

/* Every input and output tensor of the suite. */
START_TEST(test_every_tensor_of_the_suite) {
  glob_t found;
  size_t read = 0;
  ck_assert_int_eq(glob(CVK_ONNX_DATA "/node/*/test_data_set_0/*.pb", 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    bytes b = read_file(found.gl_pathv[i]);
    Onnx__TensorProto *want = b.n ? onnx__tensor_proto__unpack(NULL, b.n, b.data) : NULL;
    cvk_onnx_file *file = NULL;
    if (want && is_tensor(want)) {
      ck_ok(cvk_onnx_file_wrap(b.data, b.n, &file));
      same_tensor(file, (cvk_view){b.data, b.n}, want, found.gl_pathv[i]);
      cvk_onnx_file_release(file);
      read++;
    }
    if (want) onnx__tensor_proto__free_unpacked(want, NULL);
    empty(&b);
  }
  globfree(&found);
  ck_assert_uint_gt(read, 2000);
}
END_TEST

/* Every model either becomes a graph or is refused for what it needs and we lack, never as damaged. */
START_TEST(test_every_model_loads_or_is_lacking) {
  glob_t found;
  cvk_context *ctx = NULL;
  int32_t loaded = 0;
  ck_ok(cvk_context_create(&(cvk_context_options){.no_env = 1, .num_threads = 1}, &ctx));
  ck_assert_int_eq(glob(CVK_ONNX_DATA "/*/*/model.onnx", 0, NULL, &found), 0);
  for (size_t i = 0; i < found.gl_pathc; i++) {
    cvk_graph *g = NULL;
    const cvk_status s = cvk_graph_load_onnx(ctx, found.gl_pathv[i], &g);
    ck_assert_msg(s == CVK_OK || s == CVK_UNSUPPORTED, "%s: %s", cvk_status_name(s), cvk_error_message());
    loaded += s == CVK_OK;
    cvk_graph_release(g);
  }
  globfree(&found);
  cvk_context_release(ctx);
  ck_assert_int_ge(loaded, 490);
}
END_TEST

SUITE("onnx oracle", test_every_model_of_the_suite, test_every_tensor_of_the_suite, test_every_model_loads_or_is_lacking)
