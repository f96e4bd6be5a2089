/* SPDX-License-Identifier: Apache-2.0 */
/* test_device.c: listing and choosing devices, references, lost devices and fork.
 * Rules of docs/plugin-abi.md: P16, H6, H12, H16. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../harness.h"
#include "../plugins/sandbox.h"
#include "device_internal.h"
#include "device_spec.h"
#include "op_table.h"

static cvk_context *many_and_good(void) {
  sandbox_add(sandbox_folder(), "many", "many");
  sandbox_add(sandbox_folder(), "good", "good");
  return sandbox_context(sandbox_folder());
}

static void opens(cvk_context *ctx, const char *spec, const char *id) {
  cvk_device *dev = NULL;
  cvk_device_info info = {.struct_size = sizeof info};
  ck_assert_msg(cvk_device_open(ctx, spec, &dev) == CVK_OK, "%s: %s", spec != NULL ? spec : "NULL", cvk_error_message());
  ck_ok(cvk_device_describe(dev, &info));
  ck_assert_str_eq(info.id, id);
  cvk_device_release(dev);
}

/* What is listed as N opens as N; a device whose record makes no sense is left out; the reference is last. */
START_TEST(list) {
  static const char *const ids[] = {"good", "many:0", "many:1", "many:2", "many:4", "reference"};
  cvk_context *ctx = many_and_good();
  int32_t n = 0;
  ck_ok(cvk_device_count(ctx, &n));
  ck_assert_int_eq(n, 6);
  for (int32_t i = 0; i < n; i++) {
    cvk_device_info info = {.struct_size = sizeof info};
    char index[12];
    ck_ok(cvk_device_info_get(ctx, i, &info));
    ck_assert_str_eq(info.id, ids[i]);
    snprintf(index, sizeof index, "%d", (int)i);
    if (i != 3) opens(ctx, index, ids[i]); /* many:2 cannot be opened */
  }
  cvk_device_info info = {.struct_size = sizeof info};
  ck_fails(cvk_device_info_get(ctx, 6, &info), CVK_INVALID_ARGUMENT, "index is 6, there are 6");
  ck_fails(cvk_device_info_get(ctx, -1, &info), CVK_INVALID_ARGUMENT, "index is -1");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

START_TEST(specs) {
  cvk_context *ctx = many_and_good();
  cvk_device *dev = NULL;
  opens(ctx, "good", "good");
  opens(ctx, "good:0", "good");
  opens(ctx, "many", "many:0");
  opens(ctx, "many:1", "many:1");
  opens(ctx, "many:4", "many:4");
  opens(ctx, "Slow CPU", "many:0");
  opens(ctx, "fine gpu [GFX2]", "many:4");
  opens(ctx, "*gfx2*", "many:4");
  opens(ctx, "many:*gfx2*", "many:4");
  opens(ctx, "many:*slow*", "many:0");
  opens(ctx, "ref*", "reference");
  opens(ctx, "reference", "reference");
  ck_fails(cvk_device_open(ctx, "many:2", &dev), CVK_OUT_OF_DEVICE_MEMORY, "device many:2: it is broken");
  ck_fails(cvk_device_open(ctx, "many:7", &dev), CVK_NO_DEVICE, "has 4 devices, allowed is many:0 to many:4");
  ck_fails(cvk_device_open(ctx, "many:*nothing*", &dev), CVK_NO_DEVICE, "Slow CPU");
  ck_fails(cvk_device_open(ctx, "*nothing*", &dev), CVK_NO_DEVICE, "nothing matches \"*nothing*\"");
  ck_fails(cvk_device_open(ctx, "6", &dev), CVK_NO_DEVICE, "index is 6, there are 6 devices");
  ck_fails(cvk_device_open(ctx, "99999999999999999999", &dev), CVK_NO_DEVICE, "there are 6 devices");
  ck_fails(cvk_device_open(ctx, "goof", &dev), CVK_UNKNOWN_BACKEND, "good, many, reference");
  ck_fails(cvk_device_open(ctx, "CUDA", &dev), CVK_UNKNOWN_BACKEND, "\"CUDA\"; backends found: good, many, reference");
  ck_fails(cvk_device_open(ctx, "", &dev), CVK_UNKNOWN_BACKEND, "the name is empty");
  ck_fails(cvk_device_open(ctx, "-1", &dev), CVK_UNKNOWN_BACKEND, "\"-1\"");
  ck_fails(cvk_device_open(NULL, "good", &dev), CVK_INVALID_ARGUMENT, "ctx is NULL");
  ck_fails(cvk_device_open(ctx, "good", NULL), CVK_INVALID_ARGUMENT, "out is NULL");
  ck_assert_ptr_null(dev);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* `auto` passes over the discrete GPU that cannot be opened; CONVOKE_DEVICE is what NULL and "auto" mean. */
START_TEST(automatic) {
  cvk_context *ctx = many_and_good();
  opens(ctx, "auto", "many:1");
  opens(ctx, NULL, "many:1");
  cvk_context_release(ctx);
  setenv("CONVOKE_DEVICE", "*gfx2*", 1);
  const cvk_context_options o = {.plugin_path = sandbox_folder()};
  ck_ok(cvk_context_create(&o, &ctx));
  opens(ctx, "auto", "many:4");
  opens(ctx, NULL, "many:4");
  opens(ctx, "good", "good");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

START_TEST(rank_by_type_never_by_name) {
  static const struct {
    int32_t type;
    uint32_t flags;
    const char *name;
  } devices[] = {
      /* best first; names that mislead */
      {CVK_DEVICE_DISCRETE_GPU, 0, "Intel(R) Arc(TM) A770"},
      {CVK_DEVICE_DISCRETE_GPU, 0, "CPU-like integrated llvmpipe"},
      {CVK_DEVICE_INTEGRATED_GPU, 0, "NVIDIA GeForce (not really)"},
      {CVK_DEVICE_INTEGRATED_GPU, CVK_DEVICE_HOST_MEMORY, "AMD Radeon 780M"},
      {CVK_DEVICE_ACCELERATOR, 0, "GPU of the future"},
      {CVK_DEVICE_ACCELERATOR, CVK_DEVICE_HOST_MEMORY, "NPU"},
      {CVK_DEVICE_CPU, CVK_DEVICE_HOST_MEMORY, "GPU in name only"},
      {CVK_DEVICE_CPU, CVK_DEVICE_HOST_MEMORY, "AMD EPYC"},
      {CVK_DEVICE_CPU, 0, "pthread-NVIDIA"},
      {CVK_DEVICE_CPU, CVK_DEVICE_ASYNC, "cpu"},
      {77, CVK_DEVICE_HOST_MEMORY, "of a later minor"},
      {CVK_DEVICE_REFERENCE, CVK_DEVICE_HOST_MEMORY, "Discrete GPU"},
  };
  int32_t last = -1;
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    cvk_device_info info = {.type = devices[i].type, .flags = devices[i].flags};
    strcpy(info.name, devices[i].name);
    ck_assert_int_ge(cvk_device_rank(&info), last);
    last = cvk_device_rank(&info);
  }
}
END_TEST

static int mapped(const char *file) {
  char line[4096];
  int found = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  while (!found && fgets(line, sizeof line, f) != NULL) found = strstr(line, file) != NULL;
  fclose(f);
  return found;
}

/* Who names a backend opens no other plugin: a GPU driver that crashes does not reach users of the CPU. */
START_TEST(naming_opens_no_other) {
  cvk_context *ctx = many_and_good();
  opens(ctx, "reference", "reference");
  ck_assert(!mapped("convoke-good.so") && !mapped("convoke-many.so"));
  opens(ctx, "many:1", "many:1");
  ck_assert(!mapped("convoke-good.so") && mapped("convoke-many.so"));
  opens(ctx, "auto", "many:1");
  ck_assert(mapped("convoke-good.so"));
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

START_TEST(no_plugin) {
  cvk_context *ctx = sandbox_context(sandbox_folder());
  cvk_device *dev = NULL;
  ck_fails(cvk_device_open(ctx, "auto", &dev), CVK_NO_BACKEND, sandbox_folder());
  ck_fails(cvk_device_open(ctx, "cpu", &dev), CVK_NO_BACKEND, sandbox_folder());
  opens(ctx, "reference", "reference");
  opens(ctx, "0", "reference");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

START_TEST(references) {
  cvk_context *ctx = many_and_good();
  cvk_device *a = NULL, *b = NULL;
  ck_ok(cvk_device_open(ctx, "many:1", &a));
  ck_ok(cvk_device_open(ctx, "*gfx1*", &b));
  ck_assert_ptr_eq(a, b);
  cvk_device_release(a);
  cvk_context_release(ctx);
  cvk_device_info info = {.struct_size = sizeof info};
  ck_ok(cvk_device_describe(b, &info)); /* both live on */
  ck_assert_ptr_eq(cvk_device_retain(b), b);
  cvk_device_release(b);
  cvk_device_release(b);
  cvk_device_release(NULL);
  sandbox_remove();
}
END_TEST

/* A caller built with a shorter or longer cvk_device_info. */
START_TEST(info_of_another_version) {
  cvk_context *ctx = sandbox_context(sandbox_folder());
  struct {
    cvk_device_info info;
    uint64_t later[4];
  } big;
  memset(&big, 0xff, sizeof big);
  big.info.struct_size = sizeof big;
  ck_ok(cvk_device_info_get(ctx, 0, &big.info));
  ck_assert_uint_eq(big.info.struct_size, sizeof big);
  ck_assert_str_eq(big.info.id, "reference");
  ck_assert_uint_eq(big.later[0] | big.later[3], 0);
  cvk_device_info small;
  memset(&small, 0xff, sizeof small);
  small.struct_size = offsetof(cvk_device_info, name);
  ck_ok(cvk_device_info_get(ctx, 0, &small));
  ck_assert_str_eq(small.id, "reference");
  ck_assert_int_eq((unsigned char)small.name[0], 0xff); /* not written past its size */
  small.struct_size = 0;
  ck_fails(cvk_device_info_get(ctx, 0, &small), CVK_INVALID_ARGUMENT, "struct_size is 0");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* A queue that never completes: TIMEOUT in time, the device is lost, and closing it does not hang. */
START_TEST(stuck_queue) {
  cvk_device *dev = NULL, *again = NULL;
  struct timespec begin, end;
  sandbox_add(sandbox_folder(), "stuck", "stuck");
  cvk_context *ctx = sandbox_context(sandbox_folder());
  ck_ok(cvk_device_open(ctx, "stuck", &dev));
  ck_assert(!cvk_device_host_memory(dev));
  ck_ok(cvk_device_check(dev));
  clock_gettime(CLOCK_MONOTONIC, &begin);
  pthread_mutex_lock(&dev->lock);
  ck_fails(cvk_device_finish(dev, 200000000), CVK_TIMEOUT, "did not finish within 200 ms");
  pthread_mutex_unlock(&dev->lock);
  clock_gettime(CLOCK_MONOTONIC, &end);
  ck_assert_int_lt((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000, 400);
  ck_fails(cvk_device_check(dev), CVK_DEVICE_LOST, "device stuck was lost");
  ck_fails(cvk_device_open(ctx, "stuck", &again), CVK_DEVICE_LOST, "stuck");
  cvk_device_release(dev);
  ck_fails(cvk_device_open(ctx, "stuck", &again), CVK_DEVICE_LOST, "stuck");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* After fork(): a device with a driver behind it fails at once, in this context and in a new one; host memory goes on. */
START_TEST(after_fork) {
  cvk_device *dev = NULL, *good = NULL;
  sandbox_add(sandbox_folder(), "stuck", "stuck");
  sandbox_add(sandbox_folder(), "good", "good");
  cvk_context *ctx = sandbox_context(sandbox_folder());
  ck_ok(cvk_device_open(ctx, "stuck", &dev));
  ck_ok(cvk_device_open(ctx, "good", &good));
  const pid_t child = fork();
  if (child == 0) {
    cvk_device *other = NULL;
    int wrong = 0;
    wrong |= (cvk_device_check(dev) != CVK_AFTER_FORK) << 0;
    wrong |= (cvk_device_check(good) != CVK_OK) << 1;
    wrong |= (cvk_device_open(ctx, "stuck", &other) != CVK_AFTER_FORK) << 2;
    cvk_context *mine = sandbox_context(sandbox_folder());
    wrong |= (cvk_device_open(mine, "stuck", &other) != CVK_AFTER_FORK) << 3;
    wrong |= (cvk_device_open(mine, "good", &other) != CVK_OK) << 4;
    cvk_device_release(other);
    cvk_context_release(mine);
    cvk_device_release(good);
    cvk_device_release(dev); /* would hang in queue_close */
    cvk_context_release(ctx);
    _exit(wrong);
  }
  int state = 0;
  ck_assert_int_eq(waitpid(child, &state, 0), child);
  ck_assert_msg(WIFEXITED(state) && WEXITSTATUS(state) == 0, "the child's state is 0x%x", (unsigned)state);
  ck_ok(cvk_device_check(dev));
  cvk_device_finish(dev, 1); /* loses it, so that the release below leaves it behind */
  cvk_device_release(dev);
  cvk_device_release(good);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

static void *open_and_close(void *arg) {
  for (int i = 0; i < 200; i++) {
    cvk_device *dev = NULL;
    if (cvk_device_open(arg, i % 2 ? "many:0" : "many:1", &dev) != CVK_OK) return arg;
    cvk_device_release(cvk_device_retain(dev));
    cvk_device_release(dev);
  }
  return NULL;
}

START_TEST(many_threads) {
  pthread_t thread[4];
  cvk_context *ctx = many_and_good();
  for (int i = 0; i < 4; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, open_and_close, ctx), 0);
  for (int i = 0; i < 4; i++) {
    void *failed = NULL;
    pthread_join(thread[i], &failed);
    ck_assert_ptr_null(failed);
  }
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* The reference runs what the op table has, in plain formats, and keeps nothing of the caller's op. */
START_TEST(reference_backend) {
  cvk_device *dev = NULL;
  cvk_context *ctx = sandbox_context(NULL);
  ck_ok(cvk_device_open(ctx, "reference", &dev));
  const float x[6] = {-1, 2, -3, 4, -0.5f, 0};
  float y[6];
  cvk_tensor_desc desc = {.struct_size = sizeof desc, .dtype = CVK_F32, .rank = 2, .dim = {2, 3}};
  const cvk_tensor_desc *descs[1] = {&desc};
  cvk_unary_attr attr = {.struct_size = sizeof attr, .alpha = 0.5f};
  cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_LEAKY_RELU, .n_in = 1, .n_out = 1, .in = descs, .out = descs, .attr = &attr};
  cvk_candidate candidate = {.struct_size = sizeof candidate};
  cvk_candidate *const candidates[1] = {&candidate};
  cvk_pack *const packs[1] = {NULL};
  cvk_kernel *kernel = NULL;
  int32_t n = 1;
  ck_ok(dev->backend->supports(dev->handle, &op, candidates, &n));
  ck_assert_str_eq(candidate.row, "reference");
  ck_assert(candidate.estimated_ns > 0 && candidate.in[0].layout == CVK_PLAIN && candidate.inplace == -1);
  ck_ok(dev->backend->prepare(dev->handle, &op, &candidate, packs, &kernel));
  memset(&attr, 0xff, sizeof attr);
  memset(&desc, 0xff, sizeof desc);
  memset(&op, 0xff, sizeof op);
  const cvk_arg in = {.buffer = (void *)x, .bytes = sizeof x}, out = {.buffer = y, .bytes = sizeof y};
  ck_ok(dev->backend->execute(kernel, NULL, &in, &out, &(cvk_arg){0}, NULL, 0, NULL));
  const float right[6] = {-0.5f, 2, -1.5f, 4, -0.25f, 0};
  for (int i = 0; i < 6; i++) ck_assert_float_eq(y[i], right[i]);
  dev->backend->kernel_free(kernel);

  desc = (cvk_tensor_desc){.struct_size = sizeof desc, .dtype = CVK_F32, .rank = 1, .dim = {0}};
  op = (cvk_op){.struct_size = sizeof op, .kind = CVK_OP_RELU, .n_in = 1, .n_out = 1, .in = descs, .out = descs};
  ck_ok(dev->backend->supports(dev->handle, &op, candidates, &n));
  ck_ok(dev->backend->prepare(dev->handle, &op, &candidate, packs, &kernel));
  ck_ok(dev->backend->execute(kernel, NULL, &(cvk_arg){0}, &(cvk_arg){0}, &(cvk_arg){0}, NULL, 0, NULL)); /* no elements, no memory */
  dev->backend->kernel_free(kernel);

  const cvk_post_op post = {.struct_size = sizeof post, .kind = CVK_OP_RELU, .input = -1};
  const cvk_post_op *const posts[1] = {&post};
  op.n_post = 1;
  op.post = posts;
  ck_assert_int_eq(dev->backend->supports(dev->handle, &op, candidates, &n), CVK_UNSUPPORTED);
  op.n_post = 0;
  op.kind = 9999;
  ck_assert_int_eq(dev->backend->supports(dev->handle, &op, candidates, &n), CVK_UNSUPPORTED);
  cvk_device_release(dev);
  cvk_context_release(ctx);
}
END_TEST

SUITE("device", list, specs, automatic, rank_by_type_never_by_name, naming_opens_no_other, no_plugin, references, info_of_another_version,
      stuck_queue, after_fork, many_threads, reference_backend)
