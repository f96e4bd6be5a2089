/* SPDX-License-Identifier: Apache-2.0 */
/* rule_checks.c: rules that ask for no computation: the file, the entry, manners. Each check is alone in a process. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fp_mode.h"
#include "op_run.h"
#include "op_table.h"

static test_host host;
static plugin p;

static void tell(const char *verdict, const char *fmt, va_list args) {
  char text[TEXT_BYTES];
  vsnprintf(text, sizeof text, fmt, args);
  child_tell("R\t%s\t%s", verdict, text);
}

void check_fail(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  tell("FAIL", fmt, args);
  va_end(args);
}

void check_skip(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  tell("SKIP", fmt, args);
  va_end(args);
}

static int load(const group_arg *g) {
  char why[TEXT_BYTES];
  cvk_context *ctx = NULL;
  cvk_context_create(NULL, &ctx);
  test_host_init(&host, ctx);
  child_at("opening it");
  if (plugin_load(&p, g->path, why, sizeof why)) return 1;
  check_fail("%s", why);
  return 0;
}

static int open_it(const group_arg *g) {
  char why[TEXT_BYTES];
  if (!load(g)) return 0;
  child_at("opening its device");
  if (plugin_open(&p, &host, g->device, why, sizeof why)) return 1;
  check_fail("%s", why);
  return 0;
}

/* ---- the file ---- */

static void check_exports(const group_arg *g) {
  elf_names exports, needed;
  if (!elf_read(g->path, &exports, &needed)) {
    check_fail("it is no 64-bit ELF file");
    return;
  }
  for (int32_t i = 0; i < exports.n; i++) {
    if (strcmp(exports.name[i], "convoke_plugin_entry_0") == 0 || exports.name[i][0] == '_') continue; /* _: of the compiler's runtime */
    check_fail("it exports %s besides its entry: hide it (-fvisibility=hidden), another plugin may have one of that name", exports.name[i]);
    return;
  }
}

static void check_needed(const group_arg *g) {
  elf_names exports, needed;
  if (!elf_read(g->path, &exports, &needed)) return;
  for (int32_t i = 0; i < needed.n; i++) {
    if (strncmp(needed.name[i], "libconvoke", 10) == 0) check_fail("it is linked with %s: it gets all that it needs through its host", needed.name[i]);
  }
}

/* ---- the entry ---- */

static cvk_status quiet_fail(void *ctx, cvk_status status, const char *why) {
  (void)ctx, (void)why;
  return status;
}

static void quiet_log(void *ctx, int32_t level, const char *text) {
  (void)ctx, (void)level, (void)text;
}

/* The host of the entry ends at a page that nobody may read. */
static void check_entry(const group_arg *g) {
  const cvk_host limited = {
      .struct_size = offsetof(cvk_host, alloc), .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .fail = quiet_fail, .log = quiet_log};
  cvk_status (*entry)(const cvk_host *, const cvk_backend **);
  const cvk_backend *table = NULL;
  cvk_backend copy;
  char why[CVK_VERDICT_BYTES];
  block b;
  void *library = dlopen(g->path, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, "convoke_plugin_entry_0") : NULL;
  if (symbol == NULL || !block_make(&b, limited.struct_size, sizeof(void *), AT_END)) {
    check_fail("%s", library ? "it has no function convoke_plugin_entry_0" : dlerror());
    return;
  }
  memcpy(&entry, &symbol, sizeof entry);
  memcpy(b.data, &limited, limited.struct_size);
  child_at("its entry, with a host that serves fail and log only");
  const cvk_status status = entry((const cvk_host *)b.data, &table);
  memset(b.data, 0xdd, limited.struct_size);
  if (status != CVK_OK) check_fail("the entry answers %s", cvk_status_name(status));
  else if (cvk_plugin_check_table(table, &copy, why) != CVK_OK) check_fail("%s", why);
}

static int32_t threads(void) {
  DIR *dir = opendir("/proc/self/task");
  int32_t n = 0;
  for (const struct dirent *e; dir && (e = readdir(dir)) != NULL;) n += e->d_name[0] != '.';
  if (dir) closedir(dir);
  return n;
}

static void check_load_is_quiet(const group_arg *g) {
  const int32_t before = threads();
  const uint64_t mode = cvk_fp_mode_get();
  const void *library = dlopen(g->path, RTLD_NOW | RTLD_LOCAL);
  if (library != NULL && cvk_fp_mode_get() != mode) check_fail("its loading changes the floating-point mode: is it linked with -ffast-math?");
  if (!load(g)) return;
  if (threads() > before) check_fail("it starts %d threads while it is opened", threads() - before);
}

/* ---- questions that have an answer ---- */

static void check_indices(const group_arg *g) {
  int32_t n = 0;
  if (!load(g)) return;
  cvk_status status = p.table.instance_create(&host.table, &p.inst);
  if (status == CVK_OK) status = p.table.device_count(p.inst, &n);
  if (status != CVK_OK) {
    check_fail("%s: %.300s", cvk_status_name(status), host.said);
    return;
  }
  const int32_t wrong[] = {-1, n, INT32_MAX, INT32_MIN};
  for (int i = 0; i < 4; i++) {
    cvk_device_info info = {.struct_size = sizeof info};
    cvk_backend_device *dev = NULL;
    child_at("device_info and device_open of index %d, of %d", wrong[i], n);
    if (p.table.device_info(p.inst, wrong[i], &info) == CVK_OK) check_fail("device_info of index %d answers OK, there are %d devices", wrong[i], n);
    else if (p.table.device_open(p.inst, wrong[i], &dev) == CVK_OK) check_fail("device_open of index %d answers OK, there are %d devices", wrong[i], n);
    else continue;
    return;
  }
  p.table.instance_destroy(p.inst);
}

static const cvk_tensor_desc small = {.struct_size = sizeof small, .dtype = CVK_F32, .rank = 2, .dim = {2, 3}};

/* Kinds of a later minor, and types that nobody has. */
static void check_unknown_ops(const group_arg *g) {
  const cvk_tensor_desc *one[1] = {&small};
  static const int32_t kinds[] = {-1, 0, 5000, 1 << 30};
  cvk_candidate room[MOST_CANDIDATES];
  op_case *c = malloc(sizeof *c);
  op_sample s;
  char why[TEXT_BYTES];
  int32_t n;
  if (c == NULL || !open_it(g)) return;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    const cvk_op op = {.struct_size = sizeof op, .kind = kinds[i], .n_in = 1, .n_out = 1, .in = one, .out = one};
    child_at("supports of op kind %d", kinds[i]);
    if (!plugin_ask(&p, &op, room, &n, why, sizeof why)) check_fail("op kind %d: %s", kinds[i], why);
    else if (n > 0) check_fail("it takes an op of kind %d, which is none", kinds[i]);
  }
  for (int32_t i = 0; op_samples_at(i); i++) {
    if (!op_sample_parse(op_samples_at(i), &s, why, sizeof why) || !op_case_make(&s, SAMPLE_ALL_RUN_TIME, 0, c, why, sizeof why)) continue;
    for (int32_t k = 0; k < c->op.n_in; k++) c->in_desc[k].dtype = 77;
    for (int32_t k = 0; k < c->op.n_out; k++) c->out_desc[k].dtype = 77;
    child_at("supports of '%.200s' with elements of type 77", s.text);
    const int ok = plugin_ask(&p, &c->op, room, &n, why, sizeof why);
    op_case_free(c);
    if (ok && n == 0) continue;
    check_fail("'%.200s' with elements of type 77, which is none: %s", s.text, ok ? "it is taken" : why);
    break;
  }
  plugin_close(&p);
  free(c);
}

static void check_unknown_posts(const group_arg *g) {
  cvk_candidate room[MOST_CANDIDATES];
  op_case *c = malloc(sizeof *c);
  op_sample s;
  char why[TEXT_BYTES];
  int32_t n, asked = 0;
  if (c == NULL || !open_it(g)) return;
  for (int32_t i = 0; op_samples_at(i); i++) {
    if (!op_sample_parse(op_samples_at(i), &s, why, sizeof why) || !op_case_make(&s, SAMPLE_ALL_RUN_TIME, 0, c, why, sizeof why)) continue;
    const cvk_post_op post = {.struct_size = sizeof post, .kind = 5000, .input = -1};
    int ok = plugin_ask(&p, &c->op, room, &n, why, sizeof why);
    const int takes = ok && n > 0;
    c->posts[0] = &post;
    c->op.n_post = 1;
    child_at("supports of '%.200s' with a post-op of kind 5000", s.text);
    ok = ok && plugin_ask(&p, &c->op, room, &n, why, sizeof why);
    op_case_free(c);
    asked += takes;
    if (ok && n == 0) continue;
    check_fail("'%.200s' with a post-op of kind 5000, which is none: %s", s.text, ok ? "it is taken" : why);
    break;
  }
  if (asked == 0) check_skip("no case was supported");
  plugin_close(&p);
  free(c);
}

/* Room for one candidate means one. */
static void check_room(const group_arg *g) {
  op_case *c = malloc(sizeof *c);
  op_sample s;
  char why[TEXT_BYTES];
  if (c == NULL || !open_it(g)) return;
  for (int32_t i = 0; op_samples_at(i); i++) {
    cvk_candidate one = {.struct_size = sizeof one, .inplace = -1};
    cvk_candidate *list[2] = {&one, NULL};
    int32_t n = 1;
    if (!op_sample_parse(op_samples_at(i), &s, why, sizeof why) || !op_case_make(&s, SAMPLE_CONSTANTS, 0, c, why, sizeof why)) continue;
    child_at("supports of '%.200s' with room for one candidate", s.text);
    const cvk_status status = p.table.supports(p.dev, &c->op, list, &n);
    op_case_free(c);
    if (status != CVK_OK || n == 1) continue;
    check_fail("'%.200s': it says that there are %d candidates, room was for 1", s.text, n);
    break;
  }
  plugin_close(&p);
  free(c);
}

const rule_check rule_checks[] = {
    {"P1", "exports its entry only", check_exports},
    {"P2", "does not link libconvoke", check_needed},
    {"P3", "entry asks its host for fail and log only, table is whole", check_entry},
    {"P5", "starts no thread when opened, and leaves the floating-point mode", check_load_is_quiet},
    {"P7", "refuses unknown ops and element types", check_unknown_ops},
    {"P8", "fills no more candidates than there is room for", check_room},
    {"P9", "refuses unknown post-ops", check_unknown_posts},
    {"P18", "refuses devices that are not there", check_indices},
    {NULL, NULL, NULL},
};
