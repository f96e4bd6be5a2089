/* SPDX-License-Identifier: Apache-2.0 */
/* test_quiet_run.c: a run with outputs given and shapes seen before allocates nothing, and takes no more locks for a network than for one op.
 * This program's own malloc and pthread_mutex_lock count; the library and the plugin resolve to them. CONVOKE_TEST_MODEL names another network
 * (one input, one output) than LeNet-5.
 * Rules of docs/plugin-abi.md: P10. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../harness.h"

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static atomic_int counting, allocations, frees, locks;

static void note(atomic_int *what) {
  if (atomic_load(&counting)) atomic_fetch_add(what, 1);
}

#define COUNTED __attribute__((visibility("default")))
COUNTED void *malloc(size_t n) { return note(&allocations), __libc_malloc(n); }
COUNTED void *calloc(size_t n, size_t size) { return note(&allocations), __libc_calloc(n, size); }
COUNTED void *realloc(void *p, size_t n) { return note(&allocations), __libc_realloc(p, n); }
COUNTED void *aligned_alloc(size_t alignment, size_t n) { return note(&allocations), __libc_memalign(alignment, n); }
COUNTED void *memalign(size_t alignment, size_t n) { return note(&allocations), __libc_memalign(alignment, n); }
COUNTED int posix_memalign(void **p, size_t alignment, size_t n) {
  note(&allocations);
  *p = __libc_memalign(alignment, n);
  return *p ? 0 : ENOMEM;
}
COUNTED void free(void *p) {
  if (p) note(&frees);
  __libc_free(p);
}
COUNTED int pthread_mutex_lock(pthread_mutex_t *mutex) {
  static int (*real)(pthread_mutex_t *);
  if (real == NULL) real = (int (*)(pthread_mutex_t *))(uintptr_t)dlsym(RTLD_NEXT, "pthread_mutex_lock");
  note(&locks);
  return real(mutex);
}

typedef struct counts { int allocations, frees, locks; } counts;

/* Counts over the third of three runs; the first makes the output. */
static counts count_run(cvk_graph *g, cvk_tensor *x) {
  cvk_tensor *y = NULL;
  const cvk_session_options options = {.device = "cpu", .fallback = CVK_FALLBACK_NONE};
  cvk_session *s = NULL;
  ck_ok(cvk_session_create(g, &options, &s));
  for (int i = 0; i < 2; i++) ck_ok(cvk_session_run(s, 1, &x, 1, &y));
  atomic_store(&allocations, 0);
  atomic_store(&frees, 0);
  atomic_store(&locks, 0);
  atomic_store(&counting, 1);
  const cvk_status status = cvk_session_run(s, 1, &x, 1, &y);
  atomic_store(&counting, 0);
  ck_assert_int_eq(status, CVK_OK);
  cvk_tensor_release(y);
  cvk_session_release(s);
  return (counts){atomic_load(&allocations), atomic_load(&frees), atomic_load(&locks)};
}

/* Zeros in the shape of a graph's input; two images where the batch is open. */
static cvk_tensor *input_of(const cvk_graph *g) {
  cvk_value_info info = {.struct_size = sizeof info};
  cvk_tensor *t = NULL;
  ck_assert_int_eq(cvk_graph_input_count(g), 1);
  ck_assert_int_eq(cvk_graph_output_count(g), 1);
  ck_ok(cvk_graph_input_info(g, 0, &info));
  if (info.dim[0] < 0) info.dim[0] = 2;
  ck_ok(cvk_tensor_create(NULL, info.dtype, info.rank, info.dim, NULL, &t));
  return t;
}

START_TEST(nothing_is_allocated) {
  const cvk_context_options options = {.num_threads = 1};
  cvk_context *ctx = NULL;
  const char *model = getenv("CONVOKE_TEST_MODEL") ? getenv("CONVOKE_TEST_MODEL") : LENET5;
  cvk_graph *network = NULL, *single = NULL;
  cvk_value v;
  ck_ok(cvk_context_create(&options, &ctx));
  ck_ok(cvk_graph_load_onnx(ctx, model, &network));
  cvk_tensor *x = input_of(network);
  ck_ok(cvk_graph_create(ctx, &single));
  ck_ok(cvk_graph_input(single, "x", CVK_F32, cvk_tensor_rank(x), cvk_tensor_dims(x), &v));
  ck_ok(cvk_graph_relu(single, v, &v));
  ck_ok(cvk_graph_output(single, v, "y"));
  atomic_store(&counting, 1);
  free(malloc(1));
  atomic_store(&counting, 0);
  ck_assert_int_ge(atomic_load(&allocations), 1); /* the counters work */
  const counts all = count_run(network, x), one = count_run(single, x);
  ck_assert_int_eq(all.allocations, 0);
  ck_assert_int_eq(all.frees, 0);
  ck_assert_int_eq(one.allocations, 0);
  ck_assert_int_ge(one.locks, 1); /* the session's own: the library does resolve to the counting one */
  ck_assert_int_eq(all.locks, one.locks);
  cvk_tensor_release(x);
  cvk_graph_release(network);
  cvk_graph_release(single);
  cvk_context_release(ctx);
}
END_TEST

SUITE("quiet_run", nothing_is_allocated)
