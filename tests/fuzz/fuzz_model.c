/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_model.c: the bytes are an ONNX model: loaded, planned for the reference and run, if that takes little memory and work. What
 * a fuzzer (or replay.c) looks for are crashes, leaks, undefined behaviour, hangs and memory out of proportion. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "plan.h"

#define MOST_INPUTS 16
#define MOST_OUTPUTS 16
#define MOST_BYTES ((uint64_t)32 << 20) /* of all values of a plan */
#define MOST_NS 2e7                     /* by the reference's own estimates, which are for a build without sanitizers */

long fuzz_good;

static cvk_context *ctx;
static cvk_device *dev;

static void start(void) {
  if (ctx) return;
  fuzz_ok(cvk_context_create(&(cvk_context_options){.backends = "none", .num_threads = 1, .no_env = 1}, &ctx));
  fuzz_ok(cvk_device_open(ctx, "reference", &dev));
}

typedef struct choice { /* what a model leaves open follows from its bytes */
  int64_t extent;
  int32_t no_fusion, keep_values;
  const uint8_t *elements; /* the model's last bytes; NULL: zeros */
} choice;
#define ELEMENT_BYTES 32

static choice choose(const uint8_t *data, size_t size) {
  return (choice){.extent = (int64_t)(size % 4),
                  .no_fusion = size >> 2 & 1,
                  .keep_values = size >> 3 & 1,
                  .elements = size >> 4 & 1 && size >= ELEMENT_BYTES ? data + size - ELEMENT_BYTES : NULL};
}

/* Of the declared shape; an open rank is 2. NULL: too large. */
static cvk_tensor *make_input(const cvk_graph *g, int32_t i, const choice *c) {
  cvk_value_info info = {.struct_size = sizeof info};
  cvk_tensor *t = NULL;
  fuzz_ok(cvk_graph_input_info(g, i, &info));
  uint64_t bytes = (uint64_t)cvk_dtype_bytes(info.dtype);
  const int32_t rank = info.rank < 0 ? 2 : info.rank;
  for (int32_t d = 0; d < rank; d++) {
    if (info.rank < 0 || info.dim[d] < 0) info.dim[d] = c->extent;
    if (info.dim[d] > (int64_t)MOST_BYTES || (bytes *= (uint64_t)info.dim[d]) > MOST_BYTES) return NULL;
  }
  if (cvk_tensor_create(NULL, info.dtype, rank, info.dim, NULL, &t) != CVK_OK) return NULL;
  uint8_t *to = cvk_tensor_host(t);
  for (uint64_t b = 0; c->elements && b < bytes; b++)
    to[b] = info.dtype == CVK_BOOL ? c->elements[b % ELEMENT_BYTES] & 1 : c->elements[b % ELEMENT_BYTES];
  return t;
}

/* The plan up to where every op has been offered to the device. */
static cvk_plan *plan_ops(cvk_graph *g, cvk_tensor *const *in, const cvk_session_options *options) {
  cvk_plan *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  cvk_graph_freeze(g);
  *p = (cvk_plan){.graph = g, .options = options, .n_devices = 1, .devices = {dev}};
  p->inputs = cvk_arena_alloc(&p->memory, (size_t)g->n_inputs + 1, sizeof *p->inputs);
  if (!p->inputs) {
    cvk_plan_free(p);
    return NULL;
  }
  for (int32_t i = 0; i < g->n_inputs; i++) {
    p->inputs[i] = (cvk_io_key){.dtype = cvk_tensor_dtype(in[i]), .rank = cvk_tensor_rank(in[i])};
    if (p->inputs[i].rank) memcpy(p->inputs[i].dim, cvk_tensor_dims(in[i]), (size_t)p->inputs[i].rank * sizeof *p->inputs[i].dim);
    if (g->values[g->inputs[i]].by_value) p->inputs[i].value = cvk_tensor_retain(in[i]);
  }
  if (cvk_plan_lower(p) == CVK_OK && cvk_plan_fuse_and_ask(p) == CVK_OK) return p;
  fuzz_sentence();
  cvk_plan_free(p);
  return NULL;
}

static int32_t is_small(const cvk_plan *p) {
  uint64_t bytes = 0;
  double ns = 0;
  for (int32_t i = 0; i < p->n_values; i++) {
    const uint64_t b = cvk_desc_bytes(&p->values[i].desc);
    if (b > MOST_BYTES || (bytes += b) > MOST_BYTES) return 0;
  }
  for (int32_t i = 0; i < p->n_ops; i++)
    if (!p->ops[i].dead && p->ops[i].n_options) ns += p->ops[i].options[0].candidate.estimated_ns;
  return ns < MOST_NS;
}

static void run(cvk_graph *g, const choice *c) {
  const cvk_session_options options = {.struct_size = sizeof options,
                                       .device = "reference",
                                       .fallback = CVK_FALLBACK_NONE,
                                       .no_fusion = c->no_fusion,
                                       .keep_values = c->keep_values};
  cvk_tensor *in[MOST_INPUTS] = {NULL}, *out[MOST_OUTPUTS] = {NULL};
  const int32_t n_in = cvk_graph_input_count(g), n_out = cvk_graph_output_count(g);
  cvk_plan *p = NULL;
  cvk_session *s = NULL;
  int32_t small = n_in <= MOST_INPUTS && n_out <= MOST_OUTPUTS;
  for (int32_t i = 0; small && i < n_in; i++) small = (in[i] = make_input(g, i, c)) != NULL;
  if (small) p = plan_ops(g, in, &options);
  small = p && is_small(p);
  cvk_plan_free(p);
  if (small) {
    cvk_status status = cvk_session_create(g, &options, &s);
    if (status == CVK_OK) status = cvk_session_run(s, n_in, in, n_out, out);
    if (status != CVK_OK) fuzz_sentence();
    fuzz_count(status == CVK_OK);
  }
  for (int32_t i = 0; i < n_out && i < MOST_OUTPUTS; i++) cvk_tensor_release(out[i]);
  for (int32_t i = 0; i < n_in && i < MOST_INPUTS; i++) cvk_tensor_release(in[i]);
  cvk_session_release(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cvk_graph *g = NULL;
  start();
  const choice c = choose(data, size);
  if (cvk_graph_load_onnx_memory(ctx, data, size, &g) == CVK_OK)
    run(g, &c);
  else
    fuzz_sentence();
  cvk_graph_release(g);
  return 0;
}
