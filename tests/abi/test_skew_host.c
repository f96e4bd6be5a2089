/* SPDX-License-Identifier: Apache-2.0 */
/* test_skew_host.c: a host of the next minor, compiled with plugin_next.h and without the library, runs plugins of older minors (the cpu
 * backend of today, one with shorter structs, the kept binary) and one of its own minor. New fields come zero and stay as they were. Every
 * struct is a block of its own size on the heap, for the sanitizers to watch.
 * Rules of docs/plugin-abi.md: G3, G4, G6. */
#include "plugin_next.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "../harness.h"

enum { MOST_CANDIDATES = 16, MARK = 0x5a5a };

/* ---- the host ---- */

static char said[600];

static cvk_status host_fail(void *ctx, cvk_status status, const char *why) {
  (void)ctx;
  snprintf(said, sizeof said, "%s", why);
  return status;
}
static void host_log(void *ctx, int32_t level, const char *text) { (void)ctx, (void)level, (void)text; }
static void *host_alloc(void *ctx, uint64_t bytes, uint64_t alignment) {
  void *p = NULL;
  (void)ctx;
  return posix_memalign(&p, alignment < sizeof p ? sizeof p : (size_t)alignment, (size_t)bytes) == 0 ? p : NULL;
}
static void host_free(void *ctx, void *p) {
  (void)ctx;
  free(p);
}
static int32_t host_workers(void *ctx) {
  (void)ctx;
  return 1;
}
static void host_parallel_for(void *ctx, int64_t n, cvk_task task, void *arg) {
  (void)ctx;
  for (int64_t i = 0; i < n; i++) task(arg, i, 0);
}
static const char *host_option(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return NULL;
}
static const void *host_extension(void *ctx, const char *name) {
  (void)ctx, (void)name;
  return NULL;
}

static const cvk_host next_host = {
    .struct_size = sizeof next_host, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .fail = host_fail, .log = host_log, .alloc = host_alloc,
    .free = host_free, .workers = host_workers, .parallel_for = host_parallel_for, .option = host_option, .extension = host_extension,
};
static const cvk_host entry_host = {
    .struct_size = offsetof(cvk_host, alloc), .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .fail = host_fail, .log = host_log,
};

#define ok(CALL) check_status(CALL, #CALL)
static void check_status(cvk_status status, const char *call) { ck_assert_msg(status == CVK_OK, "%s: status %d: %s", call, (int)status, said); }

/* A copy on the heap that begins with its struct_size. */
static void *boxed(const void *from, size_t bytes) {
  void *p = malloc(bytes);
  ck_assert_ptr_nonnull(p);
  memcpy(p, from, bytes);
  return p;
}

/* ---- a plugin ---- */

typedef struct plugin {
  int32_t minor; /* that it was built for */
  cvk_backend table;
  cvk_instance *inst;
  cvk_backend_device *dev;
} plugin;

static plugin plugin_open(const char *path) {
  cvk_status (*entry)(const cvk_host *, const cvk_backend **);
  const cvk_backend *table = NULL;
  plugin p = {0};
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  ck_assert_msg(library != NULL, "%s", dlerror());
  void *symbol = dlsym(library, "convoke_plugin_entry_0");
  ck_assert_ptr_nonnull(symbol);
  memcpy(&entry, &symbol, sizeof entry);
  ok(entry(&entry_host, &table));
  memcpy(&p.table, table, table->struct_size < sizeof p.table ? table->struct_size : sizeof p.table);
  p.minor = p.table.abi_minor;
  ok(p.table.instance_create(&next_host, &p.inst));
  ok(p.table.device_open(p.inst, 0, &p.dev));
  return p;
}

static void plugin_close(plugin *p) {
  p->table.device_close(p->dev);
  p->table.instance_destroy(p->inst);
}

/* What the plugin left of a field that is newer than it is: as it was; a plugin of this minor writes 7 and 8. */
static void check_next_field(const plugin *p, const int64_t field[2], int64_t before) {
  const int64_t own = p->minor >= CVK_ABI_MINOR;
  ck_assert_int_eq(field[0], own ? 7 : before);
  ck_assert_int_eq(field[1], own ? 8 : before);
}

static void check_table(const plugin *p) {
  check_next_field(p, p->table.next_field, 0);
  if (p->minor < CVK_ABI_MINOR) ck_assert(p->table.next_function == NULL);
  else ck_assert_int_eq(p->table.next_function(p->inst), CVK_BUSY);
}

static void check_info(const plugin *p, const char *id) {
  cvk_device_info *info = boxed(&(cvk_device_info){.struct_size = sizeof *info, .next_field = {MARK, MARK}}, sizeof *info);
  ok(p->table.device_info(p->inst, 0, info));
  ck_assert_str_eq(info->id, id);
  ck_assert_int_ne(info->flags & CVK_DEVICE_HOST_MEMORY, 0);
  ck_assert_int_ge(info->units, 1);
  ck_assert_uint_ge(info->struct_size, offsetof(cvk_device_info, isa)); /* a plugin may say how much it filled */
  ck_assert_uint_le(info->struct_size, sizeof *info);
  check_next_field(p, info->next_field, MARK);
  free(info);
}

/* ---- an op ---- */

typedef struct operand {
  int32_t rank;
  int64_t dim[4];
  int32_t constant;
  float *data;
} operand;

/* What the plugin is shown, all of it in blocks of their own. */
typedef struct shown {
  cvk_op *op;
  cvk_tensor_desc *in[3], *out[1];
  const cvk_tensor_desc *ins[3], *outs[1];
  cvk_post_op *post[1];
  const cvk_post_op *posts[1];
} shown;

static cvk_tensor_desc *show_operand(const operand *o, const cvk_format *format) {
  cvk_tensor_desc d = {.struct_size = sizeof d, .dtype = CVK_F32, .rank = o->rank, .const_data = o->constant ? o->data : NULL};
  memcpy(d.dim, o->dim, sizeof o->dim);
  if (format != NULL) d.format = *format;
  return boxed(&d, sizeof d);
}

/* attr, post_attr: in blocks of the caller's. post: kind of a post-op, or 0. */
static void show(shown *s, int32_t kind, const void *attr, int32_t n, const operand *in, const operand *out, int32_t post, const void *post_attr,
                 const cvk_candidate *c) {
  for (int32_t i = 0; i < n; i++) s->ins[i] = s->in[i] = show_operand(&in[i], c != NULL ? &c->in[i] : NULL);
  s->outs[0] = s->out[0] = show_operand(out, c != NULL ? &c->out[0] : NULL);
  s->post[0] = boxed(&(cvk_post_op){.struct_size = sizeof(cvk_post_op), .kind = post, .input = -1, .attr = post_attr}, sizeof(cvk_post_op));
  s->posts[0] = s->post[0];
  s->op = boxed(&(cvk_op){.struct_size = sizeof(cvk_op), .kind = kind, .n_in = n, .n_out = 1, .in = s->ins, .out = s->outs, .attr = attr,
                          .n_post = post != 0, .flags = CVK_EXACT, .post = s->posts},
                sizeof(cvk_op));
}

static void hide(shown *s) {
  for (int i = 0; i < 3; i++) free(s->in[i]);
  free(s->out[0]);
  free(s->post[0]);
  free(s->op);
  memset(s, 0, sizeof *s);
}

/* Each in a block of its own; *n of them are filled. mark: what next_field holds before. */
static cvk_status ask(const plugin *p, const cvk_op *op, cvk_candidate **list, int64_t mark, int32_t *n) {
  for (int i = 0; i < MOST_CANDIDATES; i++)
    list[i] = boxed(&(cvk_candidate){.struct_size = sizeof(cvk_candidate), .inplace = -1, .next_field = {mark, mark}}, sizeof(cvk_candidate));
  *n = MOST_CANDIDATES;
  const cvk_status status = p->table.supports(p->dev, op, list, n);
  if (status == CVK_OK) {
    ck_assert(*n >= 1 && *n <= MOST_CANDIDATES);
    for (int32_t i = 0; i < *n; i++) check_next_field(p, list[i]->next_field, mark);
  } else {
    *n = 0;
  }
  return status;
}

static void forget(cvk_candidate **list) {
  for (int i = 0; i < MOST_CANDIDATES; i++) free(list[i]);
}

static int all_plain(const cvk_candidate *c) {
  int32_t layouts = c->out[0].layout;
  for (int i = 0; i < 3; i++) layouts |= c->in[i].layout;
  return layouts == CVK_PLAIN;
}

/* One execution; packs where the candidate wants them. */
static void run(const plugin *p, const shown *s, const cvk_candidate *c, const operand *in, const operand *out) {
  cvk_pack *packs[3] = {NULL};
  cvk_kernel *kernel = NULL;
  cvk_arg args[3] = {{0}};
  void *workspace = NULL;
  for (int32_t i = 0; i < s->op->n_in; i++) {
    if (c->pack[i] != 0) ok(p->table.pack_create(p->dev, s->op, c, i, &packs[i]));
    else args[i] = (cvk_arg){in[i].data, 0, (uint64_t)cvk_count(in[i].rank, in[i].dim) * sizeof(float)};
  }
  ok(p->table.prepare(p->dev, s->op, c, packs, &kernel));
  ck_assert_int_eq(posix_memalign(&workspace, 64, (size_t)c->workspace_bytes), 0);
  const cvk_arg y = {out->data, 0, (uint64_t)cvk_count(out->rank, out->dim) * sizeof(float)}, scratch = {workspace, 0, c->workspace_bytes};
  ok(p->table.execute(kernel, NULL, args, &y, &scratch, NULL, 0, NULL));
  p->table.kernel_free(kernel);
  for (int i = 0; i < 3; i++)
    if (packs[i] != NULL) p->table.pack_free(packs[i]);
  free(workspace);
}

/* Runs every plain candidate and returns how many there were; the results are `want`. */
static int run_all(const plugin *p, int32_t kind, const void *attr, int32_t n_in, const operand *in, const operand *out, int32_t post,
                   const void *post_attr, const float *want) {
  const int64_t count = cvk_count(out->rank, out->dim);
  cvk_candidate *list[MOST_CANDIDATES];
  shown s = {0};
  int32_t n = 0;
  int ran = 0;
  show(&s, kind, attr, n_in, in, out, post, post_attr, NULL);
  const cvk_status status = ask(p, s.op, list, MARK, &n);
  ck_assert(status == CVK_OK || status == CVK_UNSUPPORTED);
  forget(list);
  ck_assert_int_eq(ask(p, s.op, list, 0, &n), status);
  hide(&s);
  for (int32_t i = 0; i < n; i++) {
    if (!all_plain(list[i])) continue;
    show(&s, kind, attr, n_in, in, out, post, post_attr, list[i]);
    memset(out->data, 0xff, (size_t)count * sizeof(float));
    run(p, &s, list[i], in, out);
    hide(&s);
    for (int64_t k = 0; k < count; k++)
      ck_assert_msg(out->data[k] == want[k], "%s: output %d is %g, want %g", list[i]->row, (int)k, (double)out->data[k], (double)want[k]);
    ran++;
  }
  forget(list);
  return ran;
}

/* ---- data: whole numbers, so that every order of the sums gives the same bits ---- */

static operand operand_make(int32_t rank, const int64_t *dim, int64_t step, int32_t constant) {
  operand o = {.rank = rank, .constant = constant};
  memcpy(o.dim, dim, (size_t)rank * sizeof *dim);
  const int64_t n = cvk_count(rank, dim);
  ck_assert(n > 0 && n < 1 << 20);
  o.data = malloc((size_t)n * sizeof(float));
  ck_assert_ptr_nonnull(o.data);
  for (int64_t i = 0; i < n; i++) o.data[i] = (float)(i * step % 19 - 9);
  return o;
}

static const int64_t x_dim[4] = {2, 4, 7, 9}, w_dim[4] = {6, 2, 3, 3}, b_dim[1] = {6}, y_dim[4] = {2, 6, 4, 7};
static const cvk_conv_attr conv_attr = {.struct_size = sizeof conv_attr, .kernel = {3, 3}, .stride = {2, 1}, .dilation = {1, 2}, .pad_begin = {1, 0},
                                        .pad_end = {1, 2}, .group = 2};

static float conv_at(const operand *in, int64_t n, int64_t m, int64_t row, int64_t column) {
  const cvk_conv_attr *a = &conv_attr;
  float sum = in[2].data[m];
  for (int64_t c = 0; c < w_dim[1]; c++) {
    for (int64_t i = 0; i < 9; i++) {
      const int64_t y = row * a->stride[0] - a->pad_begin[0] + i / 3 * a->dilation[0], x = column * a->stride[1] - a->pad_begin[1] + i % 3 * a->dilation[1];
      const int64_t channel = m / (w_dim[0] / a->group) * w_dim[1] + c;
      if (y < 0 || y >= x_dim[2] || x < 0 || x >= x_dim[3]) continue;
      sum += in[0].data[((n * x_dim[1] + channel) * x_dim[2] + y) * x_dim[3] + x] * in[1].data[(m * w_dim[1] + c) * 9 + i];
    }
  }
  return sum;
}

/* least, least_post: how many plain candidates there are at least for conv, and for conv with relu behind it. */
static void check_conv(const plugin *p, int least, int least_post) {
  operand in[3] = {operand_make(4, x_dim, 7, 0), operand_make(4, w_dim, 11, 1), operand_make(1, b_dim, 3, 1)}, out = operand_make(4, y_dim, 1, 0);
  cvk_conv_attr *attr = boxed(&conv_attr, sizeof conv_attr);
  cvk_unary_attr *none = boxed(&(cvk_unary_attr){.struct_size = sizeof *none}, sizeof *none);
  float want[2 * 6 * 4 * 7];
  for (int64_t i = 0; i < 2 * 6 * 4 * 7; i++) want[i] = conv_at(in, i / 168, i / 28 % 6, i / 7 % 4, i % 7);
  ck_assert_int_ge(run_all(p, CVK_OP_CONV, attr, 3, in, &out, 0, NULL, want), least);
  for (int64_t i = 0; i < 2 * 6 * 4 * 7; i++) want[i] = want[i] < 0 ? 0 : want[i];
  ck_assert_int_ge(run_all(p, CVK_OP_CONV, attr, 3, in, &out, CVK_OP_RELU, none, want), least_post);
  for (int i = 0; i < 3; i++) free(in[i].data);
  free(out.data);
  free(attr);
  free(none);
}

static void check_relu(const plugin *p) {
  operand in = operand_make(4, y_dim, 5, 0), out = operand_make(4, y_dim, 1, 0);
  cvk_unary_attr *attr = boxed(&(cvk_unary_attr){.struct_size = sizeof *attr}, sizeof *attr);
  float want[2 * 6 * 4 * 7];
  for (int64_t i = 0; i < 2 * 6 * 4 * 7; i++) want[i] = in.data[i] < 0 ? 0 : in.data[i];
  ck_assert_int_ge(run_all(p, CVK_OP_RELU, attr, 1, &in, &out, 0, NULL, want), 1);
  free(in.data);
  free(out.data);
  free(attr);
}

/* A kind that is newer than the plugin: refused. */
static void check_next_op(const plugin *p) {
  operand in = operand_make(4, y_dim, 5, 0), out = operand_make(4, y_dim, 1, 0);
  cvk_candidate *list[MOST_CANDIDATES];
  shown s = {0};
  int32_t n = 0;
  show(&s, CVK_OP_NEXT, NULL, 1, &in, &out, 0, NULL, NULL);
  ck_assert_int_eq(ask(p, s.op, list, 0, &n), CVK_UNSUPPORTED);
  forget(list);
  hide(&s);
  free(in.data);
  free(out.data);
}

static void check_all(const char *path, const char *id, int32_t minor, int least_post) {
  plugin p = plugin_open(path);
  ck_assert_int_eq(p.minor, minor);
  check_table(&p);
  check_info(&p, id);
  check_relu(&p);
  check_conv(&p, 1, least_post);
  check_next_op(&p);
  plugin_close(&p);
}

START_TEST(cpu) { check_all(CPU_PLUGIN, "cpu", CVK_ABI_MINOR - 1, 1); }
END_TEST

START_TEST(older) { check_all(OLDER_PLUGIN, "older", CVK_ABI_MINOR - 2, 0); }
END_TEST

START_TEST(own_minor) { check_all(LATER_PLUGIN, "later", CVK_ABI_MINOR, 0); }
END_TEST

#ifdef KEPT_PLUGIN
START_TEST(kept) { check_all(KEPT_PLUGIN, "abi0_1", 1, 0); }
END_TEST
SUITE("skew_host", cpu, older, own_minor, kept)
#else
SUITE("skew_host", cpu, older, own_minor)
#endif
