/* SPDX-License-Identifier: Apache-2.0 */
/* test_subgraph.c: graphs inside a model: the branch of an If whose condition is known when the model is loaded, and the model's own
 * functions. Their nodes become part of the graph; what cannot is refused with all of it in one sentence. */
#include <stdio.h>

#include "run_model.h"

static void attr_graph(bytes *node, const char *name, bytes *graph) {
  bytes a = {0};
  attr_start(&a, name, 5);
  put_message(&a, 6, graph);
  put_message(node, 5, &a);
}

static void attr_ref(bytes *node, const char *name, const char *of, int32_t type) {
  bytes a = {0};
  attr_start(&a, name, type);
  put_text(&a, 21, of);
  put_message(node, 5, &a);
}

/* A branch of one node, whose output is its own. */
static bytes branch(const char *op, const char *in, const char *out) {
  bytes g = {0};
  node(&g, op, in, out, NULL);
  output(&g, out);
  return g;
}

static void put_if(bytes *g, const char *condition, const char *out, bytes then_branch, bytes else_branch) {
  bytes a = {0};
  attr_graph(&a, "then_branch", &then_branch);
  attr_graph(&a, "else_branch", &else_branch);
  node(g, "If", condition, out, &a);
}

/* ---- If ---- */

START_TEST(test_condition_is_an_initialiser) {
  for (uint8_t on = 0; on < 2; on++) {
    bytes g = {0};
    constant(&g, "c", (array){CVK_BOOL, on ? "" : "1", &on});
    declare(&g, "x", F32("2", 0));
    put_if(&g, "c", "y", branch("Neg", "x", "y"), branch("Exp", "x", "y"));
    node(&g, "Abs", "y", "z", NULL);
    output(&g, "z");
    bytes m = model(&g, 13);
    expect(&m, IN(F32("2", 3, 0)), 1, &(array){CVK_F32, "2", on ? (const float[]){3, 0} : (const float[]){20.085537f, 1}});
  }
}
END_TEST

START_TEST(test_condition_is_computed) {
  bytes g = {0}, a = {0};
  declare(&g, "x", F32("2x3", 0));
  node(&g, "Shape", "x", "s", NULL);
  bytes t = int64s("i", 1, DIMS(1));
  initialiser(&g, &t);
  node(&g, "Gather", "s i", "n", NULL);
  t = tensor(NULL, CVK_I64, 0, NULL, &(int64_t){3}, 8);
  attr_tensor(&a, "value", &t);
  node(&g, "Constant", "", "three", &a);
  node(&g, "Equal", "n three", "c", NULL);
  put_if(&g, "c", "y", branch("Neg", "x", "y"), branch("Exp", "x", "y"));
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, IN(F32("2x3", 1, 2, 3, 4, 5, 6)), 1, &F32("2x3", -1, -2, -3, -4, -5, -6));
  /* behind an op whose own result is not known: the shape is */
  declare(&g, "x", F32("1x1x2x2", 0));
  node(&g, "GlobalAveragePool", "x", "p", NULL);
  node(&g, "Size", "p", "n", NULL);
  attr_int(&a, "to", CVK_BOOL);
  node(&g, "Cast", "n", "c", &a);
  put_if(&g, "c", "y", branch("Neg", "p", "y"), branch("Exp", "p", "y"));
  output(&g, "y");
  m = model(&g, 13);
  expect(&m, IN(F32("1x1x2x2", 1, 2, 3, 6)), 1, &F32("1x1x1x1", -3));
}
END_TEST

/* Names: the branch sees those around it, its own stand before them, and go with it. */
START_TEST(test_names) {
  const uint8_t yes = 1;
  bytes g = {0}, b = {0}, inner = {0};
  constant(&g, "c", (array){CVK_BOOL, "", &yes});
  constant(&g, "only_inside", F32("1", 10)); /* read by the branch alone */
  declare(&g, "x", F32("1", 0));
  node(&g, "Neg", "x", "t", NULL);
  constant(&b, "t", F32("1", 5)); /* shadows */
  node(&b, "Add", "x only_inside", "u", NULL);
  node(&b, "Mul", "u t", "v", NULL);
  constant(&inner, "w", F32("1", 1));
  node(&inner, "Add", "v w", "y", NULL);
  output(&inner, "y");
  put_if(&b, "c", "r", inner, branch("Exp", "x", "y"));
  output(&b, "r");
  output(&b, "x"); /* an outer value as it is */
  put_if(&g, "c", "y z", b, branch("Exp", "x", "y"));
  node(&g, "Add", "y t", "u", NULL); /* this u and this t are others */
  output(&g, "u");
  output(&g, "z");
  bytes m = model(&g, 13);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(graph), 5);
  ck_assert_str_eq(cvk_graph_op_name(graph, 1), "y/u");
  ck_assert_str_eq(cvk_graph_op_name(graph, 3), "y/r/y");
  cvk_graph_release(graph);
  expect(&m, IN(F32("1", 2)), 2, (const array[]){F32("1", 59), F32("1", 2)}); /* (2 + 10) * 5 + 1 - 2 */
}
END_TEST

/* A node that stands before the If wants its result: what the branch reads comes before both. */
START_TEST(test_unsorted) {
  const uint8_t no = 0;
  bytes g = {0};
  constant(&g, "c", (array){CVK_BOOL, "", &no});
  declare(&g, "x", F32("2", 0));
  node(&g, "Sqrt", "y", "z", NULL);
  node(&g, "Neg", "x", "t", NULL);
  put_if(&g, "c", "y", branch("Abs", "t", "y"), branch("Exp", "t", "y"));
  output(&g, "z");
  bytes m = model(&g, 13);
  expect(&m, IN(F32("2", 0, -2)), 1, &F32("2", 1, 2.7182817f));
}
END_TEST

/* The branch that is not taken may hold anything. */
START_TEST(test_branch_not_taken) {
  const uint8_t yes = 1;
  bytes g = {0};
  constant(&g, "c", (array){CVK_BOOL, "", &yes});
  declare(&g, "x", F32("1", 0));
  put_if(&g, "c", "y", branch("Neg", "x", "y"), branch("Nonesuch", "nothing", "y"));
  output(&g, "y");
  bytes m = model(&g, 13);
  expect(&m, IN(F32("1", 2)), 1, &F32("1", -2));
  constant(&g, "c", (array){CVK_BOOL, "", &yes});
  declare(&g, "x", F32("1", 0));
  put_if(&g, "c", "y", branch("Nonesuch", "x", "y"), branch("Neg", "x", "y"));
  output(&g, "y");
  m = model(&g, 13);
  expect_failure(&m, IN(F32("1", 2)), CVK_UNSUPPORTED,
                 "node 'y' (If): 1 of 1 nodes are of operators that Convoke lacks at opset 13: Nonesuch");
}
END_TEST

static bytes open_if(const char *condition, int32_t listed) {
  bytes g = {0}, a = {0}, body = branch("Neg", "x", "y");
  value_info(&g, 11, "c", CVK_BOOL, 0, NULL);
  value_info(&g, 11, "x", CVK_F32, 1, DIMS(-1));
  node(&g, "Not", "c", "d", NULL);
  node(&g, "Size", "x", "n", NULL);
  attr_int(&a, "to", CVK_BOOL);
  node(&g, "Cast", "n", "e", &a);
  put_if(&g, condition, "y", branch("Neg", "x", "y"), branch("Exp", "x", "y"));
  if (listed) {
    attr_graph(&a, "body", &body);
    node(&g, "Loop", "n - x", "l", &a);
    node(&g, "Nonesuch", "x", "k", NULL);
  }
  empty(&body);
  output(&g, "y");
  return model(&g, 13);
}

START_TEST(test_condition_is_not_known) {
  const array in[] = {BOOL("", 1), F32("2", 1, 2)};
  bytes m = open_if("c", 0);
  expect_failure(&m, 2, in, CVK_UNSUPPORTED,
                 "1 of 4 nodes are of operators that Convoke lacks at opset 13: If (node 'y', whose condition is computed");
  m = open_if("d", 1);
  expect_failure(
      &m, 2, in, CVK_UNSUPPORTED,
      "3 of 6 nodes are of operators that Convoke lacks at opset 13: If (node 'y', whose condition is computed from inputs), Loop "
      "(node 'l'), Nonesuch (node 'k')");
  m = open_if("e", 0); /* a shape, but an open one */
  expect_failure(&m, 2, in, CVK_UNSUPPORTED, "node 'y' (If): its condition is not known when the model is loaded");
}
END_TEST

START_TEST(test_wrong_ifs) {
  const uint8_t yes[] = {1, 1};
  const array x = F32("1", 2);
  for (int32_t i = 0; i < 5; i++) {
    static const struct {
      cvk_status status;
      const char *text;
    } want[] = {{CVK_INVALID_ARGUMENT, "the condition has element type 9 and 2 elements, expected one bool"},
                {CVK_INVALID_ARGUMENT, "attribute 'else_branch' is missing"},
                {CVK_INVALID_ARGUMENT, "the branch has 1 inputs"},
                {CVK_INVALID_ARGUMENT, "it has 2 outputs, what it stands for has 1"},
                {CVK_INVALID_ARGUMENT, "node 'y' (If): node 'y' (Neg): input 0, 'nothing', is not defined"}};
    bytes g = {0}, a = {0}, b = branch("Neg", i == 4 ? "nothing" : "x", "y");
    constant(&g, "c", (array){CVK_BOOL, i == 0 ? "2" : "", yes});
    declare(&g, "x", x);
    if (i == 2) declare(&b, "p", x);
    attr_graph(&a, "then_branch", &b);
    b = branch("Exp", "x", "y");
    if (i != 1) attr_graph(&a, "else_branch", &b);
    empty(&b);
    node(&g, "If", "c", i == 3 ? "y z" : "y", &a);
    output(&g, "y");
    bytes m = model(&g, 13);
    expect_failure(&m, IN(x), want[i].status, want[i].text);
  }
}
END_TEST

/* ---- functions ---- */

static void call(bytes *graph, const char *op, const char *in, const char *out, bytes *attrs) {
  bytes a = {0};
  put_text(&a, 7, "own");
  if (attrs) put(&a, attrs->data, attrs->n);
  if (attrs) empty(attrs);
  node(graph, op, in, out, &a);
}

/* nodes: as node() writes them into a graph. */
static void function(bytes *model, const char *name, const char *in, const char *out, int64_t opset, bytes *nodes, bytes *defaults) {
  bytes f = {0}, o = {0};
  put_text(&f, 1, name);
  put_names(&f, 4, in);
  put_names(&f, 5, out);
  for (size_t at = 0; at < nodes->n;) { /* field 1 of a graph is field 7 of a function */
    size_t n = 0;
    int shift = 0;
    at++;
    do n |= (size_t)(nodes->data[at] & 127) << shift, shift += 7;
    while (nodes->data[at++] & 128);
    put_bytes(&f, 7, nodes->data + at, n);
    at += n;
  }
  put_text(&o, 1, "");
  put_int(&o, 2, opset);
  put_message(&f, 9, &o);
  put_text(&f, 10, "own");
  if (defaults) {
    put(&f, defaults->data, defaults->n);
    empty(defaults);
  }
  put_message(model, 25, &f);
  empty(nodes);
}

START_TEST(test_function) {
  bytes g = {0}, n = {0}, a = {0};
  declare(&g, "x", F32("2", 0));
  attr_float(&a, "slope", 0.5f);
  call(&g, "Leak", "x", "y", &a);
  call(&g, "Leak", "y", "z", NULL);
  output(&g, "z");
  bytes m = model(&g, 13);
  attr_ref(&a, "alpha", "slope", 1);
  node(&n, "LeakyRelu", "x", "t", &a); /* this x is the function's */
  node(&n, "Neg", "t", "r", NULL);
  function(&m, "Leak", "x", "r", 13, &n, NULL);
  cvk_graph *graph = load(&m);
  ck_assert_int_eq(cvk_graph_op_count(graph), 4);
  ck_assert_str_eq(cvk_graph_op_name(graph, 3), "z/r");
  cvk_graph_release(graph);
  expect(&m, IN(F32("2", -4, 8)), 1, &F32("2", -2, 0.08f)); /* the second call has LeakyRelu's own 0.01 */
}
END_TEST

START_TEST(test_function_defaults_and_lists) {
  bytes g = {0}, n = {0}, a = {0}, d = {0}, one = {0};
  declare(&g, "x", F32("1x1x2", 0));
  attr_ints(&a, "axes", 2, DIMS(0, 1));
  call(&g, "Fold", "x", "y", &a);
  call(&g, "Fold", "x", "z", NULL);
  output(&g, "y");
  output(&g, "z");
  bytes m = model(&g, 11);
  attr_ref(&a, "axes", "axes", 7);
  attr_ref(&a, "keepdims", "keep", 2);
  node(&n, "ReduceSum", "x", "r", &a);
  attr_start(&one, "axes", 7); /* field 11 of a function has whole attributes */
  put_int(&one, 8, 2);
  put_message(&d, 11, &one);
  attr_start(&one, "keep", 2);
  put_int(&one, 3, 0);
  put_message(&d, 11, &one);
  function(&m, "Fold", "x", "r", 11, &n, &d);
  expect(&m, IN(F32("1x1x2", 3, 4)), 2, (const array[]){F32("2", 3, 4), F32("1x1", 7)});
}
END_TEST

START_TEST(test_function_with_absent_input_and_output) {
  const array x = F32("3", -5, 0.5f, 5);
  bytes g = {0}, n = {0}, a = {0};
  declare(&g, "x", x);
  constant(&g, "high", F32("", 1));
  call(&g, "Limit", "x - high", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  node(&n, "Clip", "x low high", "r", NULL);
  node(&n, "Neg", "r", "s", NULL);
  function(&m, "Limit", "x low high", "r s", 13, &n, NULL);
  expect(&m, 1, &x, 1, &F32("3", -5, 0.5f, 1));
  declare(&g, "x", x); /* its own opset: Clip's limits were attributes */
  call(&g, "Limit", "x", "y", NULL);
  output(&g, "y");
  m = model(&g, 13);
  attr_float(&a, "max", 2);
  node(&n, "Clip", "x", "r", &a);
  function(&m, "Limit", "x", "r", 6, &n, NULL);
  expect(&m, 1, &x, 1, &F32("3", -5, 0.5f, 2));
}
END_TEST

/* Functions call functions, an If inside one reads its inputs, and a condition may follow from the call. */
START_TEST(test_functions_and_branches) {
  const uint8_t yes = 1;
  bytes g = {0}, n = {0}, a = {0}, b = {0};
  constant(&g, "c", (array){CVK_BOOL, "", &yes});
  declare(&g, "x", F32("1", 0));
  attr_float(&a, "slope", 0.5f);
  call(&g, "Outer", "x c", "y", &a);
  output(&g, "y");
  bytes m = model(&g, 13);
  attr_ref(&a, "slope", "slope", 1);
  call(&b, "Inner", "p", "q", &a);
  output(&b, "q");
  put_if(&n, "flag", "r", b, branch("Exp", "p", "q"));
  function(&m, "Outer", "p flag", "r", 13, &n, NULL);
  attr_ref(&a, "alpha", "slope", 1);
  node(&n, "LeakyRelu", "x", "t", &a);
  node(&n, "Sub", "t x", "r", NULL);
  function(&m, "Inner", "x", "r", 13, &n, NULL);
  expect(&m, IN(F32("1", -4)), 1, &F32("1", 2));
}
END_TEST

START_TEST(test_wrong_functions) {
  static const struct {
    const char *inner, *text;
  } cases[] = {{"A", "node 'y' (A): node 'r' (A): the function calls itself"},
               {"B", "node 'y' (A): node 'r' (B): node 'r' (A): the function calls itself"},
               {"C", "1 of 1 nodes are of operators that Convoke lacks at opset 13: own.C (node 'r')"}};
  const array x = F32("1", 2);
  bytes g = {0}, n = {0}, a = {0}, m;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    declare(&g, "x", x);
    call(&g, "A", "x", "y", NULL);
    output(&g, "y");
    m = model(&g, 13);
    call(&n, cases[i].inner, "x", "r", NULL);
    function(&m, "A", "x", "r", 13, &n, NULL);
    call(&n, "A", "x", "r", NULL);
    function(&m, "B", "x", "r", 13, &n, NULL);
    expect_failure(&m, 1, &x, i == 2 ? CVK_UNSUPPORTED : CVK_INVALID_ARGUMENT, cases[i].text);
  }
  for (int32_t i = 0; i < 5; i++) {
    static const struct {
      cvk_status status;
      const char *text;
    } want[] = {{CVK_INVALID_ARGUMENT, "it has 2 inputs, the function 1"},
                {CVK_INVALID_ARGUMENT, "it has 2 outputs, what it stands for has 1"},
                {CVK_INVALID_ARGUMENT, "the value 'x' is defined twice"},
                {CVK_UNSUPPORTED, "two functions named 'A'"},
                {CVK_UNSUPPORTED, "the function is of opset 99, Convoke reads 1 to"}};
    declare(&g, "x", x);
    call(&g, "A", i == 0 ? "x x" : "x", i == 1 ? "y z" : "y", NULL);
    output(&g, "y");
    m = model(&g, 13);
    node(&n, "Neg", "x", "r", NULL);
    function(&m, "A", i == 2 ? "x x" : "x", "r", i == 4 ? 99 : 13, &n, NULL);
    node(&n, "Neg", "x", "r", NULL);
    if (i == 3) function(&m, "A", "x", "r", 13, &n, NULL);
    empty(&n);
    expect_failure(&m, 1, &x, want[i].status, want[i].text);
  }
  declare(&g, "x", x);
  attr_ref(&a, "alpha", "slope", 1);
  node(&g, "Elu", "x", "y", &a);
  output(&g, "y");
  m = model(&g, 13);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "attribute 'alpha' refers to one of a function");
}
END_TEST

/* Each calls the one before twice: 2^30 nodes in less than 2 KiB. */
START_TEST(test_functions_that_double) {
  const array x = F32("1", 2);
  bytes g = {0}, n = {0};
  declare(&g, "x", x);
  call(&g, "F30", "x", "y", NULL);
  output(&g, "y");
  bytes m = model(&g, 13);
  for (int i = 0; i <= 30; i++) {
    char name[8], before[8];
    snprintf(name, sizeof name, "F%d", i);
    snprintf(before, sizeof before, "F%d", i - 1);
    if (i == 0) {
      node(&n, "Neg", "x", "r", NULL);
    } else {
      call(&n, before, "x", "t", NULL);
      call(&n, before, "t", "r", NULL);
    }
    function(&m, name, "x", "r", 13, &n, NULL);
  }
  expect_failure(&m, 1, &x, CVK_UNSUPPORTED, "functions that are called again add more than 32768 nodes or KiB to the model");
}
END_TEST

/* 3000 branches in each other. */
START_TEST(test_deep_branches) {
  const uint8_t yes = 1;
  const array x = F32("1", 2);
  bytes g = branch("Neg", "x", "y");
  for (int i = 0; i < 3000; i++) {
    bytes a = {0}, outer = {0};
    attr_graph(&a, "then_branch", &g);
    node(&outer, "If", "c", "y", &a);
    output(&outer, "y");
    g = outer;
  }
  constant(&g, "c", (array){CVK_BOOL, "", &yes});
  declare(&g, "x", x);
  bytes m = model(&g, 13);
  expect_failure(&m, 1, &x, CVK_INVALID_ARGUMENT, "attribute 'else_branch' is missing");
  g = branch("Neg", "x", "y");
  for (int i = 0; i < 40; i++) {
    bytes outer = {0};
    put_if(&outer, "c", "y", g, branch("Exp", "x", "y"));
    output(&outer, "y");
    g = outer;
  }
  constant(&g, "c", (array){CVK_BOOL, "", &yes});
  declare(&g, "x", x);
  m = model(&g, 13);
  expect_failure(&m, 1, &x, CVK_UNSUPPORTED, "nested deeper than 32");
}
END_TEST

SUITE("onnx import: subgraphs", test_condition_is_an_initialiser, test_condition_is_computed, test_names, test_unsorted,
      test_branch_not_taken, test_condition_is_not_known, test_wrong_ifs, test_function, test_function_defaults_and_lists,
      test_function_with_absent_input_and_output, test_functions_and_branches, test_wrong_functions, test_functions_that_double,
      test_deep_branches)
