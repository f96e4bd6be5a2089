/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h: numeric cases from a JSON file (tests/cases/numeric.json is one): each names an op, its attributes, its inputs (values or a
 * rule that makes them) and either the outputs or the status expected. Shared by `convoke cases` and tests/cases. */
#ifndef CVK_FIXTURE_H
#define CVK_FIXTURE_H

#include <convoke/graph.h>
#include <convoke/plugin.h>

#define FIXTURE_INPUTS 5
#define FIXTURE_OUTPUTS 3

typedef struct fixture_tensor { /* an input; dim[] are the extents */
  int32_t dtype, rank;
  int64_t dim[CVK_MAX_RANK];
  void *data; /* NULL in a fixture that only asks for shapes */
} fixture_tensor;

typedef struct fixture_output {
  int32_t rank;
  int64_t dim[CVK_MAX_RANK];
  int64_t n;     /* values or samples */
  double *value; /* of all elements, or of those that `at` names */
  int64_t *at;   /* NULL: all elements in order */
  double sum;    /* of all elements; NaN: not given */
} fixture_output;

typedef struct fixture {
  const char *id, *op; /* "N001", the name in the file: "conv" */
  const char *skip;    /* why no op of the library is behind it, or NULL */
  int32_t kind;        /* CVK_OP_* */
  int32_t shapes_only; /* nothing is run: the shape rule must give output 0's extents */
  int32_t backward;    /* the outputs are the gradients of the op's inputs; the last input is the gradient of its result */
  int32_t n_in, n_out;
  fixture_tensor in[FIXTURE_INPUTS];
  fixture_output out[FIXTURE_OUTPUTS];
  cvk_status status; /* expected */
  double tolerance;  /* |got - want| <= tolerance * max(1, |want|); 0: equal once rounded to the output's type */
  const void *attr;  /* of the kind, or NULL */
  union {
    cvk_conv_attr conv;
    cvk_pool_attr pool;
    cvk_pad_attr pad;
    cvk_gemm_attr gemm;
    cvk_norm_attr norm;
    cvk_axis_attr axis;
    cvk_axes_attr axes;
    cvk_cast_attr cast;
    cvk_cross_entropy_attr cross_entropy;
  } attr_store;
} fixture;

typedef struct fixture_set fixture_set;

/* Reads all cases of a file. On failure NULL, and a sentence in error. */
fixture_set *fixture_load(const char *path, char *error, size_t error_bytes);
void fixture_free(fixture_set *set);
int32_t fixture_count(const fixture_set *set);
const fixture *fixture_at(const fixture_set *set, int32_t index);

/* Builds the case as a graph: of one op, or (backward) of the op, the sum of its result times the last input, and the gradients of that. Inputs
 * from number `constants` on are constants. tensors: of the *n_in others, in order; the caller releases them and *g also after a failure. */
cvk_status fixture_graph(cvk_context *ctx, const fixture *f, int32_t constants, cvk_graph **g, cvk_tensor **tensors, int32_t *n_in);

/* Compares output `index`. 1: as expected; 0: not, and `why` says where. */
int fixture_compare(const fixture *f, int32_t index, int32_t dtype, int32_t rank, const int64_t *dim, const void *data, char *why,
                    size_t why_bytes);

#endif
