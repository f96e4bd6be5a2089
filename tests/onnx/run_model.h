/* SPDX-License-Identifier: Apache-2.0 */
/* run_model.h: loads a model written by write.h, runs it on the reference device and compares. */
#ifndef CVK_TESTS_ONNX_RUN_MODEL_H
#define CVK_TESTS_ONNX_RUN_MODEL_H

#include "../harness.h"
#include "write.h"

typedef struct array {
  int32_t dtype;
  const char *dims; /* "2x3"; "": a scalar */
  const void *data;
} array;

#define F32(D, ...) ((array){CVK_F32, D, (const float[]){__VA_ARGS__}})
#define I64(D, ...) ((array){CVK_I64, D, (const int64_t[]){__VA_ARGS__}})
#define U8(D, ...) ((array){CVK_U8, D, (const uint8_t[]){__VA_ARGS__}})
#define BOOL(D, ...) ((array){CVK_BOOL, D, (const uint8_t[]){__VA_ARGS__}})

/* Adds a graph input, an initialiser. */
void declare(bytes *graph, const char *name, array like);
void constant(bytes *graph, const char *name, array value);
/* Loads the model and checks each output: element type, shape, values (f32 to 1e-5 of the value). Empties m. */
void expect(bytes *m, int32_t n_in, const array *in, int32_t n_out, const array *want);
/* Loading, planning or the run fails so. Empties m. */
void expect_failure(bytes *m, int32_t n_in, const array *in, cvk_status status, const char *text);
/* Loading succeeds; the caller releases. The bytes must live as long. */
cvk_graph *load(const bytes *m);

#define IN(...)                                                                \
  (int32_t)(sizeof((array[]){__VA_ARGS__}) / sizeof(array)), (const array[]) { \
    __VA_ARGS__                                                                \
  }
#define NO_INPUTS 0, NULL

#endif
