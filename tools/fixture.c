/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c: reads the cases, see fixture.h. Two tables map a case to an op: ops (name -> kind, order of the inputs) and fields (attribute
 * name -> place in the kind's attribute struct). */
#include "fixture.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture_set {
  cJSON *document; /* the strings of the fixtures live here */
  int32_t n;
  fixture *list;
};

/* ---- the tables --------------------------------------------------------------------------------------------------- */

enum { ATTR_NONE, ATTR_CONV, ATTR_POOL, ATTR_PAD, ATTR_GEMM, ATTR_NORM, ATTR_AXIS, ATTR_LOSS };

typedef struct op_row {
  const char *name;
  int32_t kind, attr;
  const char *in[FIXTURE_INPUTS];
} op_row;

static const op_row ops[] = {
    {"conv", CVK_OP_CONV, ATTR_CONV, {"x", "w", "b"}},
    {"conv_transpose", CVK_OP_CONV_TRANSPOSE, ATTR_CONV, {"x", "w", "b"}},
    {"max_pool", CVK_OP_MAX_POOL, ATTR_POOL, {"x"}},
    {"avg_pool", CVK_OP_AVG_POOL, ATTR_POOL, {"x"}},
    {"pool_shape", CVK_OP_MAX_POOL, ATTR_POOL, {"x"}},
    {"global_avg_pool", CVK_OP_GLOBAL_AVG_POOL, ATTR_NONE, {"x"}},
    {"pad", CVK_OP_PAD, ATTR_PAD, {"x"}},
    {"gemm", CVK_OP_GEMM, ATTR_GEMM, {"a", "b", "c"}},
    {"matmul", CVK_OP_MATMUL, ATTR_NONE, {"a", "b"}},
    {"batch_norm", CVK_OP_BATCH_NORM, ATTR_NORM, {"x", "g", "b", "m", "v"}},
    {"lrn", CVK_OP_LRN, ATTR_NORM, {"x"}},
    {"softmax", CVK_OP_SOFTMAX, ATTR_AXIS, {"x"}},
    {"relu", CVK_OP_RELU, ATTR_NONE, {"x"}},
    {"tanh", CVK_OP_TANH, ATTR_NONE, {"x"}},
    {"sigmoid", CVK_OP_SIGMOID, ATTR_NONE, {"x"}},
    {"cast_f32_f16", CVK_OP_CAST, ATTR_NONE, {"x"}},
    {"layout_convert", CVK_OP_TRANSPOSE, ATTR_NONE, {"x"}},
    {"conv_backward", CVK_OP_CONV, ATTR_CONV, {"x", "w", "gy"}},
    {"max_pool_backward", CVK_OP_MAX_POOL, ATTR_POOL, {"x", "gy"}},
    {"softmax_cross_entropy", CVK_OP_SOFTMAX_CROSS_ENTROPY, ATTR_LOSS, {"x", "t"}},
    {"batch_norm_train", CVK_OP_BATCH_NORM_TRAIN, ATTR_NORM, {"x"}},
};

enum { INTS, PADS, INT64, INT32, FLOAT, DOUBLE, AUTO_PAD, PAD_MODE, REDUCTION, IGNORED };

typedef struct field_row {
  int32_t attr;
  const char *name;
  int32_t type;
  size_t offset, offset2; /* offset2: of the end pads */
} field_row;

static const field_row fields[] = {
    {ATTR_CONV, "kernel_shape", INTS, offsetof(cvk_conv_attr, kernel), 0},
    {ATTR_CONV, "strides", INTS, offsetof(cvk_conv_attr, stride), 0},
    {ATTR_CONV, "dilations", INTS, offsetof(cvk_conv_attr, dilation), 0},
    {ATTR_CONV, "pads", PADS, offsetof(cvk_conv_attr, pad_begin), offsetof(cvk_conv_attr, pad_end)},
    {ATTR_CONV, "output_padding", INTS, offsetof(cvk_conv_attr, output_padding), 0},
    {ATTR_CONV, "output_shape", INTS, offsetof(cvk_conv_attr, output_shape), 0},
    {ATTR_CONV, "group", INT64, offsetof(cvk_conv_attr, group), 0},
    {ATTR_CONV, "auto_pad", AUTO_PAD, offsetof(cvk_conv_attr, auto_pad), 0},
    {ATTR_POOL, "kernel_shape", INTS, offsetof(cvk_pool_attr, kernel), 0},
    {ATTR_POOL, "strides", INTS, offsetof(cvk_pool_attr, stride), 0},
    {ATTR_POOL, "dilations", INTS, offsetof(cvk_pool_attr, dilation), 0},
    {ATTR_POOL, "pads", PADS, offsetof(cvk_pool_attr, pad_begin), offsetof(cvk_pool_attr, pad_end)},
    {ATTR_POOL, "auto_pad", AUTO_PAD, offsetof(cvk_pool_attr, auto_pad), 0},
    {ATTR_POOL, "ceil_mode", INT32, offsetof(cvk_pool_attr, ceil_mode), 0},
    {ATTR_POOL, "count_include_pad", INT32, offsetof(cvk_pool_attr, count_include_pad), 0},
    {ATTR_POOL, "storage_order", INT32, offsetof(cvk_pool_attr, storage_order), 0},
    {ATTR_POOL, "kernel", INT64, offsetof(cvk_pool_attr, kernel), 0}, /* pool_shape: one axis */
    {ATTR_POOL, "stride", INT64, offsetof(cvk_pool_attr, stride), 0},
    {ATTR_POOL, "in_size", IGNORED, 0, 0},
    {ATTR_POOL, "indices", IGNORED, 0, 0}, /* the expected outputs say so */
    {ATTR_PAD, "pads", PADS, offsetof(cvk_pad_attr, begin), offsetof(cvk_pad_attr, end)},
    {ATTR_PAD, "mode", PAD_MODE, offsetof(cvk_pad_attr, mode), 0},
    {ATTR_PAD, "value", DOUBLE, offsetof(cvk_pad_attr, value), 0},
    {ATTR_GEMM, "alpha", FLOAT, offsetof(cvk_gemm_attr, alpha), 0},
    {ATTR_GEMM, "beta", FLOAT, offsetof(cvk_gemm_attr, beta), 0},
    {ATTR_GEMM, "transA", INT32, offsetof(cvk_gemm_attr, trans_a), 0},
    {ATTR_GEMM, "transB", INT32, offsetof(cvk_gemm_attr, trans_b), 0},
    {ATTR_NORM, "eps", FLOAT, offsetof(cvk_norm_attr, epsilon), 0},
    {ATTR_NORM, "size", INT64, offsetof(cvk_norm_attr, size), 0},
    {ATTR_NORM, "alpha", FLOAT, offsetof(cvk_norm_attr, alpha), 0},
    {ATTR_NORM, "beta", FLOAT, offsetof(cvk_norm_attr, beta), 0},
    {ATTR_NORM, "bias", FLOAT, offsetof(cvk_norm_attr, bias), 0},
    {ATTR_AXIS, "axis", INT32, offsetof(cvk_axis_attr, axis), 0},
    {ATTR_LOSS, "reduction", REDUCTION, offsetof(cvk_cross_entropy_attr, reduction), 0},
    {ATTR_NONE, "src", IGNORED, 0, 0}, /* layout_convert */
    {ATTR_NONE, "dst", IGNORED, 0, 0},
};

typedef struct name_value {
  const char *name;
  int32_t value;
} name_value;

static const name_value auto_pads[] = {
    {"NOTSET", CVK_PAD_EXPLICIT}, {"SAME_UPPER", CVK_SAME_UPPER}, {"SAME_LOWER", CVK_SAME_LOWER}, {"VALID", CVK_VALID}, {NULL, 0}};
static const name_value pad_modes[] = {
    {"constant", CVK_PAD_CONSTANT}, {"reflect", CVK_PAD_REFLECT}, {"edge", CVK_PAD_EDGE}, {"wrap", CVK_PAD_WRAP}, {NULL, 0}};
static const name_value reductions[] = {{"mean", CVK_LOSS_MEAN}, {"sum", CVK_LOSS_SUM}, {"none", CVK_LOSS_NONE}, {NULL, 0}};
static const name_value dtypes[] = {{"float32", CVK_F32}, {"float16", CVK_F16}, {"float64", CVK_F64},
                                    {"int32", CVK_I32},   {"int64", CVK_I64},   {NULL, 0}};
static const name_value statuses[] = {{"UNSUPPORTED", CVK_UNSUPPORTED},     {"INVALID_ARGUMENT", CVK_INVALID_ARGUMENT},
                                      {"INVALID_SHAPE", CVK_INVALID_SHAPE}, {"ALIAS", CVK_ALIAS},
                                      {"SIZE_OVERFLOW", CVK_SIZE_OVERFLOW}, {NULL, 0}};

static int find_name(const name_value *table, const char *name, int32_t *value) {
  for (; name && table->name; table++) {
    if (strcmp(table->name, name) != 0) continue;
    *value = table->value;
    return 1;
  }
  return 0;
}

/* ---- numbers and elements ----------------------------------------------------------------------------------------- */

/* The first mishap's text is kept; the callers only pass 0 up. */
typedef struct fixture_error {
  char *text;
  size_t bytes;
} fixture_error;

__attribute__((format(printf, 2, 3))) static int complain(const fixture_error *e, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(e->text, e->bytes, format, args);
  va_end(args);
  return 0;
}

static double number_of(const cJSON *v) {
  if (!cJSON_IsString(v)) return v ? v->valuedouble : NAN;
  return strtod(v->valuestring, NULL); /* "nan", "inf", "-inf" */
}

static int64_t integer_of(const cJSON *v) {
  const double x = number_of(v);
  return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : isnan(x) ? 0 : (int64_t)x;
}

/* Half of a float that a half holds exactly. */
static uint16_t half_of(double x) {
  const uint16_t sign = signbit(x) ? 0x8000 : 0;
  int exponent;
  const double m = frexp(fabs(x), &exponent);
  if (isnan(x)) return 0x7e00;
  if (isinf(x)) return sign | 0x7c00;
  if (m == 0) return sign;
  if (exponent < -13) return (uint16_t)(sign | (int)ldexp(fabs(x), 24));
  return (uint16_t)(sign | (exponent + 14) << 10 | ((int)ldexp(m, 11) & 0x3ff));
}

static void set_element(fixture_tensor *t, int64_t i, double x) {
  switch (t->dtype) {
    case CVK_F16:
      ((uint16_t *)t->data)[i] = half_of(x);
      break;
    case CVK_F64:
      ((double *)t->data)[i] = x;
      break;
    case CVK_I32:
      ((int32_t *)t->data)[i] = (int32_t)x;
      break;
    case CVK_I64:
      ((int64_t *)t->data)[i] = (int64_t)x;
      break;
    default:
      ((float *)t->data)[i] = (float)x;
      break;
  }
}

/* ---- rules -------------------------------------------------------------------------------------------------------- */

/* hash24: a well-mixed 24-bit number of the flat index, scaled to lo .. hi. */
static float hash24(uint32_t i, uint32_t seed, double lo, double hi) {
  uint32_t v = i * 2654435761u + seed * 40503u;
  v ^= v >> 15;
  v *= 2246822519u;
  v ^= v >> 13;
  return (float)(lo + (hi - lo) * ((double)(v >> 8) / 16777216.0));
}

static int fill_by_rule(fixture_tensor *t, const char *rule) {
  const int64_t n = cvk_count(t->rank, t->dim);
  long long mul, add, mod, sub, div, seed;
  double lo, hi, constant = 1;
  if (sscanf(rule, "ramp(mul=%lld,add=%lld,mod=%lld,sub=%lld,div=%lld)", &mul, &add, &mod, &sub, &div) == 5) {
    for (int64_t i = 0; i < n; i++) set_element(t, i, (double)((i * mul + add) % mod - sub) / (double)div);
  } else if (sscanf(rule, "hash24(seed=%lld,lo=%lf,hi=%lf)", &seed, &lo, &hi) == 3) {
    for (int64_t i = 0; i < n; i++) set_element(t, i, (double)hash24((uint32_t)i, (uint32_t)seed, lo, hi));
  } else if (strncmp(rule, "ones", 4) == 0 || sscanf(rule, "const %lf", &constant) == 1) {
    for (int64_t i = 0; i < n; i++) set_element(t, i, constant);
  } else {
    return 0;
  }
  return 1;
}

/* ---- one case ----------------------------------------------------------------------------------------------------- */

static int parse_shape(const cJSON *list, int32_t *rank, int64_t *dim) {
  if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > CVK_MAX_RANK) return 0;
  *rank = cJSON_GetArraySize(list);
  for (int32_t i = 0; i < *rank; i++) dim[i] = integer_of(cJSON_GetArrayItem(list, i));
  return 1;
}

/* A rule may carry the shape: "ones f32 shape 1,1,4200,4200". */
static void shape_from_rule(const char *rule, fixture_tensor *t) {
  const char *at = rule ? strstr(rule, "shape ") : NULL;
  for (at = at ? at + 6 : NULL; at && t->rank < CVK_MAX_RANK; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    t->dim[t->rank++] = strtoll(at, NULL, 10);
}

static int parse_input(const cJSON *v, const char *name, fixture_tensor *t, const fixture_error *e) {
  const cJSON *values = cJSON_GetObjectItem(v, "values"), *shape = cJSON_GetObjectItem(v, "shape");
  const char *rule = cJSON_GetStringValue(cJSON_GetObjectItem(v, "rule")), *dtype = cJSON_GetStringValue(cJSON_GetObjectItem(v, "dtype"));
  t->dtype = CVK_F32;
  if (dtype && !find_name(dtypes, dtype, &t->dtype)) return complain(e, "input %s has unknown dtype %s", name, dtype);
  if (shape && !parse_shape(shape, &t->rank, t->dim)) return complain(e, "input %s has no valid shape", name);
  if (!shape) shape_from_rule(rule, t);
  const int64_t n = cvk_count(t->rank, t->dim);
  if (n < 0 || n > INT64_C(1) << 28) return complain(e, "input %s is too large", name);
  t->data = calloc(n ? (size_t)n : 1, (size_t)cvk_dtype_bytes(t->dtype));
  if (!t->data) return complain(e, "no memory for input %s", name);
  if (!values && (!rule || !fill_by_rule(t, rule))) return complain(e, "input %s has neither values nor a known rule", name);
  if (values && cJSON_GetArraySize(values) != n)
    return complain(e, "input %s has %d values for %lld elements", name, cJSON_GetArraySize(values), (long long)n);
  int64_t i = 0;
  for (const cJSON *x = values ? values->child : NULL; x; x = x->next) set_element(t, i++, number_of(x));
  return 1;
}

static int parse_output(const cJSON *v, fixture_output *o, const fixture_error *e) {
  const cJSON *values = cJSON_GetObjectItem(v, "values"), *samples = cJSON_GetObjectItem(v, "samples"),
              *sum = cJSON_GetObjectItem(v, "sum");
  const cJSON *list = values ? values : samples;
  if (!parse_shape(cJSON_GetObjectItem(v, "shape"), &o->rank, o->dim)) return complain(e, "an expected output has no valid shape");
  if (!cJSON_IsArray(list)) return complain(e, "an expected output has neither values nor samples");
  o->n = cJSON_GetArraySize(list);
  o->sum = sum ? number_of(sum) : NAN;
  o->value = calloc((size_t)o->n + 1, sizeof *o->value);
  o->at = samples ? calloc((size_t)o->n + 1, sizeof *o->at) : NULL;
  if (!o->value || (samples && !o->at)) return complain(e, "no memory for an expected output");
  int64_t i = 0;
  for (const cJSON *x = list->child; x; x = x->next, i++) {
    o->value[i] = number_of(samples ? cJSON_GetArrayItem(x, 1) : x);
    if (samples) o->at[i] = integer_of(cJSON_GetArrayItem(x, 0));
  }
  return 1;
}

static int set_field(const field_row *row, const cJSON *v, char *attr, const fixture_error *e) {
  char *at = attr + row->offset;
  const int n = cJSON_GetArraySize(v), most = row->attr == ATTR_PAD ? CVK_MAX_RANK : CVK_MAX_SPATIAL;
  switch (row->type) {
    case INT64:
      *(int64_t *)at = integer_of(v);
      return 1;
    case INT32:
      *(int32_t *)at = (int32_t)integer_of(v);
      return 1;
    case FLOAT:
      *(float *)at = (float)number_of(v);
      return 1;
    case DOUBLE:
      *(double *)at = number_of(v);
      return 1;
    case AUTO_PAD:
      return find_name(auto_pads, cJSON_GetStringValue(v), (int32_t *)at) || complain(e, "unknown %s", row->name);
    case PAD_MODE:
      return find_name(pad_modes, cJSON_GetStringValue(v), (int32_t *)at) || complain(e, "unknown %s", row->name);
    case REDUCTION:
      return find_name(reductions, cJSON_GetStringValue(v), (int32_t *)at) || complain(e, "unknown %s", row->name);
    case INTS:
      for (int i = 0; i < n && n <= most; i++) ((int64_t *)at)[i] = integer_of(cJSON_GetArrayItem(v, i));
      return n <= most || complain(e, "%s has %d entries", row->name, n);
    case PADS:
      if (n > 2 * most || n % 2 != 0) return complain(e, "%s has %d entries", row->name, n);
      for (int i = 0; i < n; i++) ((int64_t *)(i < n / 2 ? at : attr + row->offset2))[i % (n / 2)] = integer_of(cJSON_GetArrayItem(v, i));
      return 1;
    default:
      return 1;
  }
}

static int parse_attr(const cJSON *attrs, const op_row *op, fixture *f, const fixture_error *e) {
  for (const cJSON *v = attrs ? attrs->child : NULL; v; v = v->next) {
    const field_row *row = NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !row; i++)
      if (fields[i].attr == op->attr && strcmp(fields[i].name, v->string) == 0) row = &fields[i];
    if (!row) return complain(e, "%s has no attribute %s", op->name, v->string);
    if (!set_field(row, v, (char *)&f->attr_store, e)) return 0;
  }
  f->attr = op->attr == ATTR_NONE ? NULL : &f->attr_store;
  return 1;
}

/* Puts in input i, one value for each of n channels, before those from i on. */
static int add_input(fixture *f, int32_t i, int64_t n, double value, const fixture_error *e) {
  memmove(&f->in[i + 1], &f->in[i], (size_t)(f->n_in++ - i) * sizeof *f->in);
  f->in[i] = (fixture_tensor){.dtype = CVK_F32, .rank = 1, .dim = {n}, .data = calloc((size_t)n + 1, sizeof(float))};
  if (!f->in[i].data) return complain(e, "no memory for input %d", i);
  for (int64_t k = 0; k < n; k++) set_element(&f->in[i], k, value);
  return 1;
}

/* Cases that are no op of their own: the cast's type, the layout as a permutation, a shape rule asked with no data, gradients (of a bias
 * too, which is no input), a batch norm without scale and bias. */
static int adapt(fixture *f, const cJSON *attrs, const fixture_error *e) {
  f->backward = strstr(f->op, "_backward") != NULL;
  if (f->backward && f->kind == CVK_OP_CONV) return add_input(f, 2, f->in[1].dim[0], 0, e);
  if (f->kind == CVK_OP_BATCH_NORM_TRAIN) return add_input(f, 1, f->in[0].dim[1], 1, e) && add_input(f, 2, f->in[0].dim[1], 0, e);
  if (f->kind == CVK_OP_CAST) {
    f->attr_store.cast.dtype = CVK_F16;
    f->attr = &f->attr_store;
  } else if (strcmp(f->op, "layout_convert") == 0) {
    f->attr_store.axes = (cvk_axes_attr){.n_axes = 4, .axis = {0, 2, 3, 1}};
    f->attr = &f->attr_store;
  } else if (strcmp(f->op, "pool_shape") == 0) {
    f->shapes_only = 1;
    f->in[0].rank = 3;
    f->in[0].dim[0] = f->in[0].dim[1] = f->out[0].dim[0] = f->out[0].dim[1] = 1;
    f->in[0].dim[2] = integer_of(cJSON_GetObjectItem(attrs, "in_size"));
    f->out[0].rank = 3;
    f->out[0].dim[2] = f->out[0].n > 0 ? (int64_t)f->out[0].value[0] : -1;
  }
  return 1;
}

static int parse_io(const cJSON *v, const op_row *op, fixture *f, const fixture_error *e) {
  const cJSON *inputs = cJSON_GetObjectItem(v, "inputs"), *expected = cJSON_GetObjectItem(v, "expected");
  const cJSON *outputs = cJSON_GetObjectItem(expected, "outputs");
  const char *status = cJSON_GetStringValue(cJSON_GetObjectItem(expected, "error"));
  for (int i = 0; i < FIXTURE_INPUTS && op->in[i]; i++) {
    const cJSON *in = cJSON_GetObjectItem(inputs, op->in[i]);
    if (!in) break;
    f->n_in = i + 1;
    if (strcmp(op->name, "pool_shape") != 0 && !parse_input(in, op->in[i], &f->in[i], e)) return 0;
    if (f->in[i].dtype == 0) f->in[i].dtype = CVK_F32;
  }
  if (status && !find_name(statuses, status, &f->status)) return complain(e, "unknown status %s", status);
  f->n_out = status ? 1 : cJSON_GetArraySize(outputs);
  if (f->n_out < 1 || f->n_out > FIXTURE_OUTPUTS) return complain(e, "%d expected outputs", f->n_out);
  for (int32_t i = 0; i < f->n_out && !status; i++)
    if (!parse_output(cJSON_GetArrayItem(outputs, i), &f->out[i], e)) return 0;
  return 1;
}

static int parse_case(const cJSON *v, fixture *f, const fixture_error *e) {
  const op_row *op = NULL;
  f->id = cJSON_GetStringValue(cJSON_GetObjectItem(v, "id"));
  f->op = cJSON_GetStringValue(cJSON_GetObjectItem(v, "op"));
  if (!f->id || !f->op) return complain(e, "a case has no id or no op");
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
    if (strcmp(ops[i].name, f->op) == 0) op = &ops[i];
  if (!op) f->skip = "no such op";
  if (f->skip) return 1;
  f->kind = op->kind;
  f->tolerance = cJSON_GetObjectItem(v, "tolerance") ? number_of(cJSON_GetObjectItem(v, "tolerance")) : 0;
  const cJSON *attrs = cJSON_GetObjectItem(v, "attrs");
  if (!parse_io(v, op, f, e) || !parse_attr(attrs, op, f, e)) return 0;
  return adapt(f, attrs, e);
}

/* ---- the set ------------------------------------------------------------------------------------------------------ */

static char *read_file(const char *path, const fixture_error *e) {
  char *text = NULL;
  FILE *file = fopen(path, "rb");
  long size = -1;
  if (file && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
  if (size >= 0) text = malloc((size_t)size + 1);
  if (text) {
    rewind(file);
    const size_t got = fread(text, 1, (size_t)size, file);
    text[got] = 0;
    if (got != (size_t)size) {
      free(text);
      text = NULL;
    }
  }
  if (file) fclose(file);
  if (!text) complain(e, "%s: cannot be read", path);
  return text;
}

fixture_set *fixture_load(const char *path, char *error, size_t error_bytes) {
  char detail[200] = "";
  const fixture_error e = {error, error_bytes}, inner = {detail, sizeof detail};
  char *text = read_file(path, &e);
  fixture_set *set = text ? calloc(1, sizeof *set) : NULL;
  if (!set) goto fail;
  set->document = cJSON_Parse(text);
  const cJSON *cases = cJSON_GetObjectItem(set->document, "cases");
  if (!cJSON_IsArray(cases)) {
    complain(&e, "%s: no JSON document with a list \"cases\"", path);
    goto fail;
  }
  set->list = calloc((size_t)cJSON_GetArraySize(cases) + 1, sizeof *set->list);
  if (!set->list) goto fail;
  for (const cJSON *v = cases->child; v; v = v->next) {
    fixture *f = &set->list[set->n++];
    if (parse_case(v, f, &inner)) continue;
    complain(&e, "%s: case %s: %s", path, f->id ? f->id : "?", detail);
    goto fail;
  }
  free(text);
  return set;
fail:
  free(text);
  fixture_free(set);
  return NULL;
}

void fixture_free(fixture_set *set) {
  if (!set) return;
  for (int32_t i = 0; i < set->n; i++) {
    for (int k = 0; k < FIXTURE_INPUTS; k++) free(set->list[i].in[k].data);
    for (int k = 0; k < FIXTURE_OUTPUTS; k++) {
      free(set->list[i].out[k].value);
      free(set->list[i].out[k].at);
    }
  }
  free(set->list);
  cJSON_Delete(set->document);
  free(set);
}

int32_t fixture_count(const fixture_set *set) {
  return set->n;
}

const fixture *fixture_at(const fixture_set *set, int32_t index) {
  return index >= 0 && index < set->n ? &set->list[index] : NULL;
}
