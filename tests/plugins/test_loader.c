/* SPDX-License-Identifier: Apache-2.0 */
/* test_loader.c: what the loader takes and what it refuses, each with the sentence the user sees.
 * Rules of docs/plugin-abi.md: G3, G4, P3, P4, P7, H3, H4, H5, H10. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../harness.h"
#include "device_internal.h"
#include "fp_mode.h"
#include "sandbox.h"

/* Each module, alone with a good one beside it: its status, and what its verdict says. */
static const struct {
  const char *module;
  cvk_status status;
  const char *says;
} cases[] = {
    {"good", CVK_OK, "loaded"},
    {"old", CVK_OK, "loaded"},
    {"newer", CVK_OK, "loaded"},
    {"size_less", CVK_OK, "loaded"},
    {"size_more", CVK_OK, "loaded"},
    {"size_zero", CVK_INVALID_ARGUMENT, "struct_size is 0, allowed are multiples of 8 from "},
    {"size_huge", CVK_INVALID_ARGUMENT, "struct_size is 1073741824, allowed are multiples of 8 from "},
    {"size_torn", CVK_INVALID_ARGUMENT, "struct_size is "},
    {"size_short", CVK_INVALID_ARGUMENT, "struct_size is "},
    {"wrong_major", CVK_UNSUPPORTED, "built for plugin ABI 7, this library speaks 0.2"},
    {"table_major", CVK_UNSUPPORTED, "built for plugin ABI 3.4, this library speaks 0.2"},
    {"null_required", CVK_INVALID_ARGUMENT, "the required function execute of backend nullrequired is NULL"},
    {"half_group", CVK_INVALID_ARGUMENT, "the functions for packs come together, pack_free is the odd one"},
    {"bad_name", CVK_INVALID_ARGUMENT, "a backend's name is 1 to 31 of"},
    {"no_table", CVK_INVALID_ARGUMENT, "the entry gave no table"},
    {"entry_fails", CVK_UNSUPPORTED, "this machine has 3 wheels, 4 are needed"},
    {"undefined", CVK_IO_ERROR, "convoke_test_function_that_nobody_has"},
};

START_TEST(verdicts) {
  const char *folder = sandbox_folder();
  char file[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(file, sizeof file, "case%02zu", i);
    sandbox_add(folder, cases[i].module, file);
  }
  cvk_context *ctx = sandbox_context(folder);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    snprintf(file, sizeof file, "/convoke-case%02zu.so", i);
    const cvk_plugin_verdict v = sandbox_verdict(ctx, file);
    /* size_less and size_more are both called "size": the second is not used, and says why */
    if (strcmp(cases[i].module, "size_more") == 0) {
      ck_assert_int_eq(v.status, CVK_UNSUPPORTED);
      ck_assert_ptr_nonnull(strstr(v.verdict, "the backend size of "));
      continue;
    }
    ck_assert_msg(v.status == cases[i].status && strstr(v.verdict, cases[i].says) != NULL, "%s: %s: %s", cases[i].module,
                  cvk_status_name(v.status), v.verdict);
    ck_assert_ptr_null(strchr(v.verdict, '\n'));
  }
  cvk_device *dev = NULL;
  ck_ok(cvk_device_open(ctx, "good", &dev));
  cvk_device_release(dev);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

START_TEST(not_plugins) {
  const char *folder = sandbox_folder();
  Dl_info libm;
  ck_assert_int_ne(dladdr(dlsym(RTLD_DEFAULT, "cbrt"), &libm), 0);
  sandbox_copy(libm.dli_fname, folder, "convoke-m.so");
  sandbox_write(folder, "convoke-text.so", "not a library\n");
  sandbox_write(folder, "convoke-empty.so", "");
  sandbox_add(folder, "good", "good");
  cvk_context *ctx = sandbox_context(folder);
  ck_assert_str_eq(sandbox_verdict(ctx, "convoke-m.so").verdict, "not a plugin: symbol convoke_plugin_entry_0 missing");
  ck_assert_ptr_nonnull(strstr(sandbox_verdict(ctx, "convoke-text.so").verdict, "cannot be opened: "));
  ck_assert_ptr_nonnull(strstr(sandbox_verdict(ctx, "convoke-empty.so").verdict, "cannot be opened: "));
  const cvk_plugin_verdict good = sandbox_verdict(ctx, "convoke-good.so");
  ck_assert_int_eq(good.status, CVK_OK);
  ck_assert_str_eq(good.backend, "good");
  ck_assert_str_eq(good.version, "1.0");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* The name of the library that is missing reaches the user, through the verdict and through the error of an open. */
START_TEST(missing_library) {
  const char *folder = sandbox_folder();
  sandbox_add(folder, "without_library", "lonely");
  cvk_context *ctx = sandbox_context(folder);
  cvk_device *dev = NULL;
  ck_assert_ptr_nonnull(strstr(sandbox_verdict(ctx, "convoke-lonely.so").verdict, "libconvoke_test_gone.so"));
  ck_fails(cvk_device_open(ctx, "lonely", &dev), CVK_UNKNOWN_BACKEND, "libconvoke_test_gone.so");
  ck_fails(cvk_device_open(ctx, "auto", &dev), CVK_NO_BACKEND, "libconvoke_test_gone.so");
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

static void run_relu(cvk_device *dev) {
  const float x[4] = {-1, 2, -3, 4};
  float y[4] = {0};
  const cvk_tensor_desc desc = {.struct_size = sizeof desc, .dtype = CVK_F32, .rank = 1, .dim = {4}};
  const cvk_tensor_desc *const descs[1] = {&desc};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_RELU, .n_in = 1, .n_out = 1, .in = descs, .out = descs};
  cvk_candidate candidate = {.struct_size = sizeof candidate};
  cvk_candidate *const candidates[1] = {&candidate};
  cvk_pack *const packs[1] = {NULL};
  int32_t n = 1;
  cvk_kernel *kernel = NULL;
  ck_ok(dev->backend->supports(dev->handle, &op, candidates, &n));
  ck_ok(dev->backend->prepare(dev->handle, &op, &candidate, packs, &kernel));
  const cvk_arg in = {.buffer = (void *)x, .bytes = sizeof x}, out = {.buffer = y, .bytes = sizeof y};
  ck_ok(dev->backend->execute(kernel, NULL, &in, &out, &(cvk_arg){0}, NULL, 0, NULL));
  dev->backend->kernel_free(kernel);
  ck_assert(y[0] == 0 && y[1] == 2 && y[2] == 0 && y[3] == 4);
}

/* An older plugin (short table) and a newer one (long table) run in this host, and what the older one lacks is absent. */
START_TEST(version_skew) {
  static const char *const names[] = {"old", "newer", "good"};
  const char *folder = sandbox_folder();
  for (int i = 0; i < 3; i++) sandbox_add(folder, names[i], names[i]);
  cvk_context *ctx = sandbox_context(folder);
  for (int i = 0; i < 3; i++) {
    cvk_device *dev = NULL;
    ck_ok(cvk_device_open(ctx, names[i], &dev));
    ck_assert_uint_eq(dev->backend->struct_size, sizeof(cvk_backend));
    ck_assert(dev->backend->pack_create == NULL && dev->backend->queue_open == NULL && dev->backend->extension == NULL);
    ck_assert(cvk_device_host_memory(dev));
    ck_assert_uint_eq(dev->info.alignment, 1);
    run_relu(dev);
    cvk_device_release(dev);
  }
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* Two plugins export the same function; neither sees the other's, nor does the program. */
START_TEST(clashing_symbols) {
  const char *folder = sandbox_folder();
  cvk_device *a = NULL, *b = NULL;
  sandbox_add(folder, "clash_a", "clash_a");
  sandbox_add(folder, "clash_b", "clash_b");
  cvk_context *ctx = sandbox_context(folder);
  ck_ok(cvk_device_open(ctx, "clash_a", &a));
  ck_ok(cvk_device_open(ctx, "clash_b", &b));
  ck_assert_int_eq(a->info.units, 11);
  ck_assert_int_eq(b->info.units, 22);
  ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "conv2d_impl"));
  ck_assert_ptr_null(dlsym(RTLD_DEFAULT, "convoke_plugin_entry_0"));
  cvk_device_release(a);
  cvk_device_release(b);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

START_TEST(floating_point_mode_is_kept) {
  const char *folder = sandbox_folder();
  cvk_device *dev = NULL;
  const uint64_t mode = cvk_fp_mode_get();
  sandbox_add(folder, "ftz", "ftz");
  cvk_context *ctx = sandbox_context(folder);
  ck_assert_int_eq(sandbox_verdict(ctx, "convoke-ftz.so").status, CVK_OK);
  ck_assert_uint_eq(cvk_fp_mode_get(), mode);
  ck_ok(cvk_device_open(ctx, "ftz", &dev));
  ck_assert_uint_eq(cvk_fp_mode_get(), mode);
  cvk_device_release(dev);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* The entry is called once a process (good.c fails a second call), an instance is made for each context. */
START_TEST(many_contexts) {
  const char *folder = sandbox_folder();
  sandbox_add(folder, "good", "good");
  cvk_instance *first = NULL;
  cvk_context *ctx[3];
  cvk_device *dev[3];
  for (int i = 0; i < 3; i++) {
    ctx[i] = sandbox_context(folder);
    ck_ok(cvk_device_open(ctx[i], "good", &dev[i]));
    ck_assert_ptr_eq(dev[i]->backend, dev[0]->backend);
    if (i == 0)
      first = dev[i]->instance;
    else
      ck_assert_ptr_ne(dev[i]->instance, first);
  }
  for (int i = 0; i < 3; i++) {
    cvk_context_release(ctx[i]);
    run_relu(dev[i]); /* the device keeps its context alive */
    cvk_device_release(dev[i]);
  }
  for (int i = 0; i < 200; i++) {
    cvk_context *c = sandbox_context(folder);
    cvk_device *d = NULL;
    ck_ok(cvk_device_open(c, "good", &d));
    cvk_device_release(d);
    cvk_context_release(c);
  }
  sandbox_remove();
}
END_TEST

static int lines;
static void count_line(void *arg, int32_t level, const char *text) {
  (void)arg, (void)level;
  if (strcmp(text, "entry of good") == 0) lines++;
}

START_TEST(entry_may_log) {
  const char *folder = sandbox_folder();
  cvk_context *ctx = NULL;
  int32_t n;
  sandbox_add(folder, "good", "good");
  const cvk_context_options o = {.plugin_path = folder, .no_env = 1, .log = count_line, .log_topics = "info"};
  ck_ok(cvk_context_create(&o, &ctx));
  ck_assert_int_eq(lines, 0);
  ck_ok(cvk_plugin_count(ctx, &n));
  ck_assert_int_eq(lines, 1);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

/* A backend that cannot start has a verdict and a sentence; the others are not disturbed. */
START_TEST(backends_that_do_not_start) {
  const char *folder = sandbox_folder();
  cvk_device *dev = NULL;
  int32_t n = 0;
  sandbox_add(folder, "no_instance", "noinstance");
  sandbox_add(folder, "bad_count", "badcount");
  sandbox_add(folder, "good", "good");
  cvk_context *ctx = sandbox_context(folder);
  ck_fails(cvk_device_open(ctx, "noinstance", &dev), CVK_NO_DEVICE, "no driver in /etc/test/vendors");
  ck_fails(cvk_device_open(ctx, "badcount", &dev), CVK_INTERNAL, "-5 devices");
  ck_ok(cvk_device_count(ctx, &n));
  ck_assert_int_eq(n, 2); /* good and the reference */
  const cvk_plugin_verdict v = sandbox_verdict(ctx, "convoke-noinstance.so");
  ck_assert_int_eq(v.status, CVK_NO_DEVICE);
  ck_assert_ptr_nonnull(strstr(v.verdict, "no driver in /etc/test/vendors"));
  ck_ok(cvk_device_open(ctx, "auto", &dev));
  ck_assert_str_eq(dev->info.id, "good");
  cvk_device_release(dev);
  cvk_context_release(ctx);
  sandbox_remove();
}
END_TEST

SUITE("loader", verdicts, not_plugins, missing_library, version_skew, clashing_symbols, floating_point_mode_is_kept, many_contexts,
      entry_may_log, backends_that_do_not_start)
