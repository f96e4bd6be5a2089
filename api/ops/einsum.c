/* SPDX-License-Identifier: Apache-2.0 */
/* einsum.c: EINSUM, sums of products by an equation over letters (ONNX Einsum, numpy.einsum). Each letter is an index; an ellipsis is the
 * axes that have no letter, the same for all operands, aligned at the end. Indices that the result lacks are summed over; without "->" the
 * result has the ellipsis and the letters that occur once, capitals first. Extents of 1 broadcast. One loop over all indices at once, so
 * the work is the product of all extents. Reals are summed in double, integers wrap. */
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "ops_internal.h"
#include "strided.h"

#define LETTERS 52
#define MOST_INDICES (LETTERS + CVK_MAX_RANK) /* the letters, then the axes of the ellipsis, counted from the last */

typedef struct term {
  int32_t n, has_ellipsis, before; /* letters; how many stand before the ellipsis */
  int8_t letter[CVK_MAX_RANK];     /* 0 .. LETTERS - 1 */
} term;

typedef struct equation {
  int32_t n_terms, has_result;
  term in[CVK_MAX_INPUTS], out;
} equation;

/* The loops: the result's indices first, in order, then those that are summed over. */
typedef struct loops {
  int32_t n_out, n;
  int64_t extent[MOST_INDICES], stride[CVK_MAX_INPUTS][MOST_INDICES];
} loops;

/* ---- the equation ---- */

/* Capitals first, as the implicit result has them; -1: no letter. */
static int32_t letter_number(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

static char letter_text(int32_t number) {
  return (char)(number < 26 ? 'A' + number : 'a' + number - 26);
}

/* One term, up to a comma, an arrow or the end; *text is left there. */
static cvk_status parse_term(const char **text, const char *whole, term *t) {
  const char *at = *text;
  *t = (term){0};
  for (; *at && *at != ',' && *at != '-'; at++) {
    const int32_t letter = letter_number(*at);
    if (*at == ' ') continue;
    if (letter >= 0) {
      if (t->n == CVK_MAX_RANK)
        return cvk_fail(CVK_INVALID_ARGUMENT, "einsum: a term of '%s' has more than %d letters", whole, CVK_MAX_RANK);
      t->letter[t->n++] = (int8_t)letter;
    } else if (strncmp(at, "...", 3) == 0 && !t->has_ellipsis) {
      t->has_ellipsis = 1;
      t->before = t->n;
      at += 2;
    } else {
      return cvk_fail(CVK_INVALID_ARGUMENT, "einsum: '%s' is not understood at character %d", whole, (int)(at - whole));
    }
  }
  *text = at;
  return CVK_OK;
}

static cvk_status parse(const char *text, equation *e) {
  const char *at = text;
  e->n_terms = e->has_result = 0;
  for (;; at++) { /* past a comma */
    if (e->n_terms == CVK_MAX_INPUTS) return cvk_fail(CVK_INVALID_ARGUMENT, "einsum: '%s' has more than %d terms", text, CVK_MAX_INPUTS);
    const cvk_status s = parse_term(&at, text, &e->in[e->n_terms++]);
    if (s != CVK_OK || *at == 0) return s;
    if (*at != ',') break;
  }
  e->has_result = 1;
  if (at[1] != '>') return cvk_fail(CVK_INVALID_ARGUMENT, "einsum: '%s' is not understood at character %d", text, (int)(at - text));
  at += 2;
  const cvk_status s = parse_term(&at, text, &e->out);
  if (s == CVK_OK && *at) return cvk_fail(CVK_INVALID_ARGUMENT, "einsum: '%s' has something after its result", text);
  return s;
}

/* The result of an equation without an arrow. */
static cvk_status imply_result(equation *e) {
  int32_t uses[LETTERS] = {0};
  e->out = (term){0};
  for (int32_t i = 0; i < e->n_terms; i++) {
    e->out.has_ellipsis |= e->in[i].has_ellipsis;
    for (int32_t k = 0; k < e->in[i].n; k++) uses[e->in[i].letter[k]]++;
  }
  for (int32_t l = 0; l < LETTERS; l++) {
    if (uses[l] != 1) continue;
    if (e->out.n == CVK_MAX_RANK) return cvk_fail(CVK_INVALID_SHAPE, "einsum: the result has more than %d axes", CVK_MAX_RANK);
    e->out.letter[e->out.n++] = (int8_t)l;
  }
  return CVK_OK;
}

/* ---- the loops ---- */

/* The index that axis a of an operand of this term stands for. */
static int32_t index_of_axis(const term *t, int32_t rank, int32_t a) {
  const int32_t covered = rank - t->n; /* by the ellipsis */
  if (!t->has_ellipsis || a < t->before) return t->letter[a];
  return a < t->before + covered ? LETTERS + (t->before + covered - 1 - a) : t->letter[a - covered];
}

static cvk_status join_extents(int32_t n_in, const cvk_tensor_desc *const *in, const equation *e, int64_t extent[MOST_INDICES]) {
  for (int32_t i = 0; i < MOST_INDICES; i++) extent[i] = -1; /* not seen */
  for (int32_t i = 0; i < n_in; i++) {
    const term *t = &e->in[i];
    if (t->has_ellipsis ? in[i]->rank < t->n : in[i]->rank != t->n)
      return cvk_fail(CVK_INVALID_SHAPE, "einsum: operand %d has rank %d, its term has %d letters%s", i, in[i]->rank, t->n,
                      t->has_ellipsis ? " and an ellipsis" : "");
    for (int32_t a = 0; a < in[i]->rank; a++) {
      const int32_t index = index_of_axis(t, in[i]->rank, a);
      const int64_t have = extent[index], d = in[i]->dim[a];
      const char name[] = {index < LETTERS ? letter_text(index) : '.', 0};
      if (have > 1 && d != 1 && d != have)
        return cvk_fail(CVK_INVALID_SHAPE, "einsum: '%s' has extent %lld on axis %d of operand %d, and %lld before", name, (long long)d, a,
                        i, (long long)have);
      if (have < 0 || have == 1) extent[index] = d;
      if (have == 0 && d > 1)
        return cvk_fail(CVK_INVALID_SHAPE, "einsum: '%s' has extent %lld on axis %d of operand %d, and 0 before", name, (long long)d, a, i);
    }
  }
  return CVK_OK;
}

/* Adds an index to the loops; extents that are taken are marked -1. */
static void add_loop(loops *l, int32_t index, int64_t extent[MOST_INDICES], int32_t loop_of[MOST_INDICES]) {
  loop_of[index] = l->n;
  l->extent[l->n++] = extent[index];
  extent[index] = -1;
}

static cvk_status make_loops(const char *text, int32_t n_in, const cvk_tensor_desc *const *in, loops *l) {
  equation e;
  int64_t extent[MOST_INDICES];
  int32_t loop_of[MOST_INDICES];
  cvk_status s = parse(text, &e);
  if (s == CVK_OK && e.n_terms != n_in)
    s = cvk_fail(CVK_INVALID_ARGUMENT, "einsum: '%s' has %d terms, %d operands are given", text, e.n_terms, n_in);
  if (s == CVK_OK && !e.has_result) s = imply_result(&e);
  if (s == CVK_OK) s = join_extents(n_in, in, &e, extent);
  if (s != CVK_OK) return s;
  memset(l, 0, sizeof *l);
  for (int32_t k = 0; k <= e.out.n; k++) {
    if (e.out.has_ellipsis && k == e.out.before)
      for (int32_t i = MOST_INDICES - 1; i >= LETTERS; i--)
        if (extent[i] >= 0) add_loop(l, i, extent, loop_of);
    if (k == e.out.n) break;
    if (extent[e.out.letter[k]] < 0)
      return cvk_fail(CVK_INVALID_ARGUMENT, "einsum: '%c' of the result of '%s' is in no operand, or twice there",
                      letter_text(e.out.letter[k]), text);
    add_loop(l, e.out.letter[k], extent, loop_of);
  }
  l->n_out = l->n;
  for (int32_t i = 0; i < MOST_INDICES; i++)
    if (extent[i] >= 0) add_loop(l, i, extent, loop_of);
  for (int32_t i = 0; i < n_in; i++) {
    int64_t dense[CVK_MAX_RANK];
    cvk_dense_strides(in[i]->rank, in[i]->dim, dense);
    for (int32_t a = 0; a < in[i]->rank; a++) /* a letter that comes twice walks the diagonal */
      if (in[i]->dim[a] != 1) l->stride[i][loop_of[index_of_axis(&e.in[i], in[i]->rank, a)]] += dense[a];
  }
  return CVK_OK;
}

cvk_status cvk_infer_einsum(cvk_op_call *call) {
  static const int32_t types[] = {CVK_F32, CVK_F64, CVK_F16, CVK_BF16, CVK_I8,  CVK_I16,
                                  CVK_I32, CVK_I64, CVK_U8,  CVK_U16,  CVK_U32, CVK_U64};
  const char *text = call->attr->einsum.equation;
  const int32_t dtype = call->in[0]->dtype;
  loops l;
  cvk_status s = cvk_require_dtype(call, 0, (int32_t)(sizeof types / sizeof *types), types);
  for (int32_t i = 1; s == CVK_OK && i < call->n_in; i++)
    if (call->in[i]->dtype != dtype)
      s = cvk_fail(CVK_INVALID_ARGUMENT, "einsum: operand %d is %s, operand 0 is %s; all must be of one type", i,
                   cvk_dtype_name(call->in[i]->dtype), cvk_dtype_name(dtype));
  if (s == CVK_OK && memchr(text, 0, CVK_MAX_EQUATION) == NULL)
    s = cvk_fail(CVK_INVALID_ARGUMENT, "einsum: the equation does not end within %d characters", CVK_MAX_EQUATION);
  if (s == CVK_OK) s = make_loops(text, call->n_in, call->in, &l);
  if (s != CVK_OK) return s;
  if (cvk_count(l.n, l.extent) < 0) return cvk_fail(CVK_SIZE_OVERFLOW, "einsum: '%s' has more than 2^63-1 products", text);
  return cvk_desc_set(&call->out[0], "einsum: output", dtype, l.n_out, l.extent);
}

/* ---- sums ---- */

/* To the next position of loops first .. last - 1; back at the start after the last one. */
static void advance(const loops *l, int32_t n_in, int32_t first, int32_t last, int64_t index[MOST_INDICES],
                    int64_t offset[CVK_MAX_INPUTS]) {
  for (int32_t a = last - 1; a >= first; a--) {
    const int32_t wraps = ++index[a] == l->extent[a];
    for (int32_t i = 0; i < n_in; i++) offset[i] += l->stride[i][a] * (wraps ? 1 - l->extent[a] : 1);
    if (!wraps) return;
    index[a] = 0;
  }
}

/* The operands' elements, widened: reals to double, integers to 64 bits, both of one size. */
typedef union wide {
  double *real;
  int64_t *whole;
} wide;

/* The products of n positions, operand i's from offset[i] on, step[i] apart, added to *sum or *int_sum. */
static void add_reals(int32_t n_in, const wide *x, const int64_t *offset, const int64_t *step, int64_t n, double *sum) {
  for (int64_t k = 0; k < n; k++) {
    double product = x[0].real[offset[0] + k * step[0]];
    for (int32_t i = 1; i < n_in; i++) product *= x[i].real[offset[i] + k * step[i]];
    *sum += product;
  }
}

static void add_ints(int32_t n_in, const wide *x, const int64_t *offset, const int64_t *step, int64_t n, uint64_t *int_sum) {
  for (int64_t k = 0; k < n; k++) {
    uint64_t product = 1;
    for (int32_t i = 0; i < n_in; i++) product *= (uint64_t)x[i].whole[offset[i] + k * step[i]];
    *int_sum += product;
  }
}

static void run_loops(const loops *l, int32_t dtype, int32_t n_in, const wide *x, void *y) {
  const int32_t is_real = cvk_dtype_class(dtype) == CVK_CLASS_REAL, sums = l->n > l->n_out;
  const int32_t outer = sums ? l->n - 1 : l->n; /* the last sum is the inner loop */
  const int64_t run = sums ? l->extent[outer] : 1;
  const int64_t results = cvk_count(l->n_out, l->extent), runs = run > 0 ? cvk_count(outer - l->n_out, l->extent + l->n_out) : 0;
  int64_t index[MOST_INDICES] = {0}, offset[CVK_MAX_INPUTS] = {0}, step[CVK_MAX_INPUTS] = {0};
  for (int32_t i = 0; sums && i < n_in; i++) step[i] = l->stride[i][outer];
  for (int64_t at = 0; at < results; at++) {
    double sum = 0;
    uint64_t int_sum = 0;
    for (int64_t k = 0; k < runs; k++) {
      if (is_real)
        add_reals(n_in, x, offset, step, run, &sum);
      else
        add_ints(n_in, x, offset, step, run, &int_sum);
      advance(l, n_in, l->n_out, outer, index, offset);
    }
    const int64_t whole = (int64_t)int_sum;
    if (is_real)
      cvk_store_real(dtype, y, at, sum);
    else
      cvk_store_ints(dtype, y, at, 1, 1, &whole);
    advance(l, n_in, 0, l->n_out, index, offset);
  }
}

cvk_status cvk_ref_einsum(const cvk_op *op, const void *const *in, void *const *out) {
  const int32_t dtype = op->in[0]->dtype;
  wide x[CVK_MAX_INPUTS] = {{NULL}};
  loops l;
  if (out[0] == NULL) return CVK_OK;
  cvk_status s = make_loops(((const cvk_einsum_attr *)op->attr)->equation, op->n_in, op->in, &l);
  for (int32_t i = 0; s == CVK_OK && i < op->n_in; i++) {
    const int64_t n = cvk_count(op->in[i]->rank, op->in[i]->dim);
    x[i].real = calloc((size_t)n + 1, sizeof *x[i].real);
    if (x[i].real == NULL)
      s = cvk_fail(CVK_NO_MEMORY, "einsum: no memory for %lld elements in 64 bits", (long long)n);
    else if (cvk_dtype_class(dtype) == CVK_CLASS_REAL)
      cvk_load_reals(dtype, in[i], 0, 1, n, x[i].real);
    else
      cvk_load_ints(dtype, in[i], 0, 1, n, x[i].whole);
  }
  if (s == CVK_OK) run_loops(&l, dtype, op->n_in, x, out[0]);
  for (int32_t i = 0; i < op->n_in; i++) free(x[i].real);
  return s;
}
