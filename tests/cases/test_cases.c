/* SPDX-License-Identifier: Apache-2.0 */
/* test_cases.c: every case of numeric.json (what users of such libraries tripped over) through the op table and the references. */
#include <stdio.h>
#include <stdlib.h>

#include "../../tools/fixture.h"
#include "../harness.h"
#include "op_table.h"

typedef struct bench {
  cvk_tensor_desc in[FIXTURE_INPUTS], out[FIXTURE_OUTPUTS];
  const cvk_tensor_desc *in_at[FIXTURE_INPUTS], *out_at[FIXTURE_OUTPUTS];
  const void *in_data[FIXTURE_INPUTS];
  void *out_data[FIXTURE_OUTPUTS];
  cvk_any_attr attr;
} bench;

static void describe_inputs(const fixture *f, bench *b) {
  for (int32_t i = 0; i < f->n_in; i++) {
    b->in[i] =
        (cvk_tensor_desc){.struct_size = sizeof b->in[i], .dtype = f->in[i].dtype, .rank = f->in[i].rank, .const_data = f->in[i].data};
    memcpy(b->in[i].dim, f->in[i].dim, sizeof b->in[i].dim);
    b->in_at[i] = &b->in[i];
    b->in_data[i] = f->in[i].data;
  }
}

/* 1: as expected; 0: `why`. */
static int run_case(const fixture *f, char *why, size_t why_bytes) {
  bench b = {0};
  const cvk_op_def *def = cvk_op_def_find(f->kind);
  int ok = 1;
  describe_inputs(f, &b);
  cvk_status s = cvk_op_resolve(f->kind, f->attr, f->n_in, b.in_at, f->n_out, b.out, &b.attr);
  for (int32_t i = 0; i < f->n_out && s == CVK_OK && !f->shapes_only; i++) {
    b.out_at[i] = &b.out[i];
    b.out_data[i] = malloc((size_t)cvk_desc_bytes(&b.out[i]) + 1);
    ck_assert_ptr_nonnull(b.out_data[i]);
  }
  if (s == CVK_OK && !f->shapes_only) {
    const cvk_op op = {.struct_size = sizeof op,
                       .kind = f->kind,
                       .n_in = f->n_in,
                       .n_out = f->n_out,
                       .in = b.in_at,
                       .out = b.out_at,
                       .attr = def->attr_bytes ? &b.attr : NULL};
    s = def->reference(&op, b.in_data, b.out_data);
  }
  if (s != f->status) {
    snprintf(why, why_bytes, "got %s (%s), wanted %s", cvk_status_name(s), s == CVK_OK ? "" : cvk_error_message(),
             cvk_status_name(f->status));
    ok = 0;
  }
  for (int32_t i = 0; i < f->n_out && ok && s == CVK_OK; i++)
    ok = fixture_compare(f, i, b.out[i].dtype, b.out[i].rank, b.out[i].dim, b.out_data[i], why, why_bytes);
  for (int32_t i = 0; i < f->n_out; i++) free(b.out_data[i]);
  return ok;
}

/* Gradients are a graph: it runs on the reference. */
static int run_gradients(const fixture *f, char *why, size_t why_bytes) {
  cvk_context *ctx = NULL;
  cvk_graph *g = NULL;
  cvk_session *s = NULL;
  cvk_tensor *in[FIXTURE_INPUTS] = {NULL}, *out[FIXTURE_OUTPUTS] = {NULL};
  int32_t n_in;
  int ok = 1;
  ck_ok(cvk_context_create(NULL, &ctx));
  ck_ok(fixture_graph(ctx, f, FIXTURE_INPUTS, &g, in, &n_in));
  ck_ok(cvk_session_create(g, &(cvk_session_options){.device = "reference"}, &s));
  ck_ok(cvk_session_run(s, n_in, in, f->n_out, out));
  for (int32_t i = 0; i < f->n_out; i++) {
    float *y = malloc(cvk_tensor_bytes(out[i]) + 1);
    ck_ok(cvk_tensor_read(out[i], y, cvk_tensor_bytes(out[i])));
    ok = ok && fixture_compare(f, i, cvk_tensor_dtype(out[i]), cvk_tensor_rank(out[i]), cvk_tensor_dims(out[i]), y, why, why_bytes);
    free(y);
    cvk_tensor_release(out[i]);
  }
  for (int32_t i = 0; i < n_in; i++) cvk_tensor_release(in[i]);
  cvk_session_release(s);
  cvk_graph_release(g);
  cvk_context_release(ctx);
  return ok;
}

static fixture_set *load(void) {
  char error[300];
  fixture_set *set = fixture_load(CASES_DIR "/numeric.json", error, sizeof error);
  ck_assert_msg(set != NULL, "%s", error);
  return set;
}

START_TEST(every_case_gives_what_it_should) {
  fixture_set *set = load();
  int passed = 0, skipped = 0, failed = 0;
  for (int32_t i = 0; i < fixture_count(set); i++) {
    const fixture *f = fixture_at(set, i);
    char why[2400] = "";
    if (f->skip) {
      skipped++;
    } else if (f->backward ? run_gradients(f, why, sizeof why) : run_case(f, why, sizeof why)) {
      passed++;
    } else {
      failed++;
      fprintf(stderr, "%s %s: %s\n", f->id, f->op, why);
    }
  }
  ck_assert_int_eq(failed, 0);
  ck_assert_int_eq(skipped, 0);
  ck_assert_int_eq(passed, 84);
  fixture_free(set);
}
END_TEST

/* The cases of gradients are run as such. */
START_TEST(gradients_are_asked_for) {
  fixture_set *set = load();
  int backward = 0;
  for (int32_t i = 0; i < fixture_count(set); i++) {
    const fixture *f = fixture_at(set, i);
    ck_assert_msg(f->backward == (strstr(f->op, "backward") != NULL), "%s: %s", f->id, f->op);
    backward += f->backward;
  }
  ck_assert_int_eq(backward, 4);
  fixture_free(set);
}
END_TEST

/* N089 asks for the elements as a layout: the permutation that the fixture runs and REORDER to NHWC give the same bytes. */
START_TEST(layout_case_through_reorder) {
  fixture_set *set = load();
  const fixture *f = NULL;
  for (int32_t i = 0; i < fixture_count(set); i++)
    if (strcmp(fixture_at(set, i)->op, "layout_convert") == 0) f = fixture_at(set, i);
  ck_assert_ptr_nonnull(f);
  bench b = {0};
  describe_inputs(f, &b);
  ck_ok(cvk_op_resolve(CVK_OP_REORDER, NULL, 1, b.in_at, 1, b.out, &b.attr));
  b.out[0].format.layout = CVK_NHWC;
  float y[12];
  void *out[] = {y};
  b.out_at[0] = &b.out[0];
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = b.in_at, .out = b.out_at};
  ck_ok(cvk_op_def_find(CVK_OP_REORDER)->reference(&op, b.in_data, out));
  for (int i = 0; i < 12; i++) ck_assert(y[i] == (float)f->out[0].value[i]);
  fixture_free(set);
}
END_TEST

START_TEST(damaged_files_are_refused) {
  char error[300] = "";
  ck_assert_ptr_null(fixture_load("/nonexistent/cases.json", error, sizeof error));
  ck_assert_ptr_nonnull(strstr(error, "cannot be read"));
  ck_assert_ptr_null(fixture_load(CASES_DIR "/test_cases.c", error, sizeof error));
  ck_assert_ptr_nonnull(strstr(error, "no JSON document"));
}
END_TEST

SUITE("cases", every_case_gives_what_it_should, gradients_are_asked_for, layout_case_through_reorder, damaged_files_are_refused)
