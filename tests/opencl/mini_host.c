/* SPDX-License-Identifier: Apache-2.0 */
/* mini_host.c: see mini_host.h. One device, one queue, one thread. */
#include "mini_host.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define GUARD 256 /* bytes before and after each tensor; a multiple of any alignment used here */
#define MAX_OPTIONS 8
#define MAX_CANDIDATES 16

static struct {
  const cvk_backend *backend;
  cvk_instance *instance;
  cvk_backend_device *device;
  cvk_queue *queue;
  char message[2048];
  char log[1 << 16];
  size_t log_used;
  char option[MAX_OPTIONS][2][512];
  int32_t n_options;
} state;

static cvk_status host_fail(void *ctx, cvk_status status, const char *why) {
  (void)ctx;
  snprintf(state.message, sizeof state.message, "%s", why);
  return status;
}

static void host_log(void *ctx, int32_t level, const char *text) {
  (void)ctx;
  const size_t n = strlen(text);
  if (level == CVK_LOG_DISPATCH || state.log_used + n + 2 > sizeof state.log) return;
  memcpy(state.log + state.log_used, text, n);
  state.log_used += n;
  state.log[state.log_used++] = '\n';
}

static void *host_alloc(void *ctx, uint64_t bytes, uint64_t alignment) {
  (void)ctx;
  void *p = NULL;
  return posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes) == 0 ? p : NULL;
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
  (void)ctx;
  for (int32_t i = 0; i < state.n_options; i++)
    if (strcmp(state.option[i][0], name) == 0) return state.option[i][1][0] ? state.option[i][1] : NULL;
  return strcmp(name, "cl_class") == 0 ? getenv("CONVOKE_CL_CLASS") : NULL;
}

static const void *host_extension(void *ctx, const char *name) {
  (void)ctx;
  (void)name;
  return NULL;
}

static const cvk_host host = {
    .struct_size = sizeof host,
    .abi_major = CVK_ABI_MAJOR,
    .abi_minor = CVK_ABI_MINOR,
    .fail = host_fail,
    .log = host_log,
    .alloc = host_alloc,
    .free = host_free,
    .workers = host_workers,
    .parallel_for = host_parallel_for,
    .option = host_option,
    .extension = host_extension,
};

void mini_option(const char *name, const char *value) {
  int32_t i = 0;
  while (i < state.n_options && strcmp(state.option[i][0], name) != 0) i++;
  ck_assert_int_lt(i, MAX_OPTIONS);
  if (i == state.n_options) state.n_options++;
  snprintf(state.option[i][0], sizeof state.option[i][0], "%s", name);
  snprintf(state.option[i][1], sizeof state.option[i][1], "%s", value ? value : "");
}

int32_t mini_cpu_class(void) {
  const char *class = getenv("CONVOKE_CL_CLASS");
  return !class || strcmp(class, "cpu") == 0;
}

const cvk_backend *mini_backend(void) {
  typedef cvk_status (*entry_fn)(const cvk_host *, const cvk_backend **);
  if (state.backend) return state.backend;
  const char *path = getenv("CONVOKE_OPENCL_PLUGIN");
  ck_assert_ptr_nonnull(path);
  void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  ck_assert_msg(lib != NULL, "%s", lib ? "" : dlerror());
  const entry_fn entry = (entry_fn)dlsym(lib, "convoke_plugin_entry_0");
  ck_assert_ptr_nonnull(entry);
  ck_assert_int_eq(entry(&host, &state.backend), CVK_OK);
  return state.backend;
}

const cvk_host *mini_host(void) {
  return &host;
}
cvk_backend_device *mini_device(void) {
  return state.device;
}
cvk_queue *mini_queue(void) {
  return state.queue;
}
const char *mini_message(void) {
  return state.message;
}

int32_t mini_log_lines(const char *text) {
  int32_t n = 0;
  state.log[state.log_used] = 0;
  for (const char *p = state.log; (p = strstr(p, text)) != NULL; n++) p += strcspn(p, "\n");
  return n;
}

int32_t mini_open(void) {
  const cvk_backend *be = mini_backend();
  int32_t n = 0;
  if (state.device) return 1;
  ck_assert_int_eq(be->instance_create(&host, &state.instance), CVK_OK);
  if (be->device_count(state.instance, &n) == CVK_NO_DEVICE) {
    printf("skipped: %s\n", state.message);
    be->instance_destroy(state.instance);
    return 0;
  }
  ck_assert_int_gt(n, 0);
  ck_assert_msg(be->device_open(state.instance, 0, &state.device) == CVK_OK, "%s", state.message);
  ck_assert_msg(be->queue_open(state.device, 0, &state.queue) == CVK_OK, "%s", state.message);
  return 1;
}

void mini_close(void) {
  if (!state.device) return;
  state.backend->queue_close(state.queue);
  state.backend->device_close(state.device);
  state.backend->instance_destroy(state.instance);
  state.device = NULL;
  state.queue = NULL;
}

mini_tensor mini_f32(int32_t rank, const int64_t *dim, float *data) {
  mini_tensor t = {.dtype = CVK_F32, .rank = rank, .data = data};
  for (int32_t i = 0; i < rank; i++) t.dim[i] = dim[i];
  return t;
}

int64_t mini_count(const mini_tensor *t) {
  return cvk_count(t->rank, t->dim);
}

void mini_random(float *data, int64_t n, uint32_t seed) {
  uint64_t s = 0x9E3779B97F4A7C15u * (seed + 1u);
  for (int64_t i = 0; i < n; i++) {
    s ^= s >> 12;
    s ^= s << 25;
    s ^= s >> 27;
    data[i] = (float)(int64_t)(s * 0x2545F4914F6CDD1Du >> 40) * 0x1p-23f - 1.0f;
  }
}

/* ---- one run ---- */

typedef struct run {
  mini_op *op;
  cvk_tensor_desc in[16], out[5];
  const cvk_tensor_desc *in_ptr[16], *out_ptr[5];
  cvk_op cvk;
  cvk_candidate candidate;
} run;

static cvk_format format_of(int32_t layout) {
  return (cvk_format){.layout = layout, .block = layout == CVK_BLOCKED ? 16 : 0};
}

static void fill_desc(cvk_tensor_desc *d, const mini_tensor *t) {
  *d = (cvk_tensor_desc){.struct_size = sizeof *d, .dtype = t->dtype, .rank = t->rank, .format = format_of(t->layout)};
  for (int32_t i = 0; i < t->rank; i++) d->dim[i] = t->dim[i];
  d->const_data = t->constant ? t->data : NULL;
}

static void fill_op(run *r, mini_op *op) {
  memset(r, 0, sizeof *r);
  r->op = op;
  for (int32_t i = 0; i < op->n_in; i++) {
    fill_desc(&r->in[i], &op->in[i]);
    r->in_ptr[i] = op->in[i].data ? &r->in[i] : NULL;
  }
  for (int32_t i = 0; i < op->n_out; i++) {
    fill_desc(&r->out[i], &op->out[i]);
    r->out_ptr[i] = op->out[i].data ? &r->out[i] : NULL;
  }
  r->cvk = (cvk_op){.struct_size = sizeof r->cvk,
                    .kind = op->kind,
                    .n_in = op->n_in,
                    .n_out = op->n_out,
                    .in = r->in_ptr,
                    .out = r->out_ptr,
                    .attr = op->attr,
                    .n_post = op->n_post,
                    .flags = op->flags,
                    .post = op->post};
}

static cvk_status choose(run *r, const char *row) {
  cvk_candidate list[MAX_CANDIDATES], *ptr[MAX_CANDIDATES];
  int32_t n = MAX_CANDIDATES;
  for (int32_t i = 0; i < MAX_CANDIDATES; i++) {
    list[i] = (cvk_candidate){.struct_size = sizeof list[i]};
    ptr[i] = &list[i];
  }
  const cvk_status status = state.backend->supports(state.device, &r->cvk, ptr, &n);
  if (status != CVK_OK) return status;
  ck_assert_int_ge(n, 1);
  for (int32_t i = 0; i < n; i++) {
    ck_assert_ptr_nonnull(list[i].row);
    if (row && strcmp(list[i].row, row) != 0) continue;
    r->candidate = list[i];
    return CVK_OK;
  }
  return CVK_UNSUPPORTED;
}

int32_t mini_offers(const char *row, mini_op *op) {
  run r;
  fill_op(&r, op);
  return choose(&r, row) == CVK_OK;
}

/* Element (n, c, p) of a desc's format; tensors of rank < 2 are always plain. */
static uint64_t position(const cvk_tensor_desc *d, int64_t i) {
  if (d->rank < 2 || d->format.layout == CVK_PLAIN) return (uint64_t)i;
  int64_t pixels = 1;
  for (int32_t k = 2; k < d->rank; k++) pixels *= d->dim[k];
  const int64_t channels = d->dim[1], p = i % pixels, c = i / pixels % channels, n = i / pixels / channels;
  const int64_t block = d->format.layout == CVK_NHWC ? channels : d->format.block;
  return (uint64_t)(((n * ((channels + block - 1) / block) + c / block) * pixels + p) * block + c % block);
}

static unsigned char *to_device_form(const cvk_tensor_desc *d, const void *plain, uint64_t bytes) {
  const uint64_t size = cvk_dtype_bytes(d->dtype);
  unsigned char *image = malloc(bytes + 2 * GUARD);
  memset(image, 0xFF, bytes + 2 * GUARD);
  if (!plain) return image;
  memset(image + GUARD, 0, bytes);
  const int64_t n = cvk_count(d->rank, d->dim);
  for (int64_t i = 0; i < n; i++) memcpy(image + GUARD + position(d, i) * size, (const char *)plain + (uint64_t)i * size, size);
  return image;
}

static void from_device_form(const cvk_tensor_desc *d, const unsigned char *image, uint64_t bytes, void *plain) {
  const uint64_t size = cvk_dtype_bytes(d->dtype);
  const int64_t n = cvk_count(d->rank, d->dim);
  unsigned char *seen = calloc(bytes + 1, 1);
  for (int64_t i = 0; i < n; i++) {
    memcpy((char *)plain + (uint64_t)i * size, image + GUARD + position(d, i) * size, size);
    memset(seen + position(d, i) * size, 1, size);
  }
  /* Check writes to a file at every assertion, so only failures assert here. */
  for (uint64_t i = 0; i < bytes; i++)
    if (!seen[i] && image[GUARD + i] != 0) ck_abort_msg("an unused lane at byte %llu is not zero", (unsigned long long)i);
  for (uint64_t i = 0; i < GUARD; i++)
    if (image[i] != 0xFF || image[GUARD + bytes + i] != 0xFF)
      ck_abort_msg("a byte outside the output changed (%llu)", (unsigned long long)i);
  free(seen);
}

static cvk_arg place(const cvk_tensor_desc *d, const void *plain, unsigned char **image) {
  const uint64_t bytes = cvk_desc_bytes(d);
  cvk_buffer *buf = NULL;
  *image = to_device_form(d, plain, bytes);
  ck_assert_msg(state.backend->buffer_alloc(state.device, bytes + 2 * GUARD, &buf) == CVK_OK, "%s", state.message);
  ck_assert_int_eq(state.backend->buffer_write(state.queue, buf, 0, bytes + 2 * GUARD, *image), CVK_OK);
  return (cvk_arg){buf, GUARD, bytes};
}

static cvk_status execute(run *r, cvk_kernel *kernel, cvk_pack *const *packs) {
  const cvk_backend *be = state.backend;
  cvk_arg in[16] = {{0}}, out[5] = {{0}}, work = {0};
  unsigned char *in_image[16] = {0}, *out_image[5] = {0};
  for (int32_t i = 0; i < r->cvk.n_in; i++)
    if (r->in_ptr[i] && !packs[i]) in[i] = place(&r->in[i], r->op->in[i].data, &in_image[i]);
  for (int32_t i = 0; i < r->cvk.n_out; i++)
    if (r->out_ptr[i]) out[i] = place(&r->out[i], NULL, &out_image[i]);
  cvk_buffer *scratch = NULL;
  if (r->candidate.workspace_bytes) {
    ck_assert_int_eq(be->buffer_alloc(state.device, r->candidate.workspace_bytes, &scratch), CVK_OK);
    ck_assert_int_eq(be->buffer_fill(state.queue, scratch, 0, r->candidate.workspace_bytes, 0xFF), CVK_OK);
    work = (cvk_arg){scratch, 0, r->candidate.workspace_bytes};
  }
  cvk_status status = be->execute(kernel, state.queue, in, out, &work, NULL, 0, NULL);
  for (int32_t i = 0; i < r->cvk.n_out && status == CVK_OK; i++)
    if (out[i].buffer) status = be->buffer_read(state.queue, out[i].buffer, 0, out[i].bytes + 2 * GUARD, out_image[i]);
  const cvk_status finished = be->queue_finish(state.queue, 60000000000);
  if (status == CVK_OK) status = finished;
  for (int32_t i = 0; i < r->cvk.n_out; i++) {
    if (!out[i].buffer) continue;
    if (status == CVK_OK) from_device_form(&r->out[i], out_image[i], out[i].bytes, r->op->out[i].data);
    be->buffer_free(out[i].buffer);
    free(out_image[i]);
  }
  for (int32_t i = 0; i < r->cvk.n_in; i++) {
    be->buffer_free(in[i].buffer);
    free(in_image[i]);
  }
  be->buffer_free(scratch);
  return status;
}

cvk_status mini_run(const char *row, mini_op *op) {
  const cvk_backend *be = state.backend;
  run r;
  cvk_pack *packs[16] = {0};
  cvk_kernel *kernel = NULL;
  fill_op(&r, op);
  cvk_status status = choose(&r, row);
  if (status != CVK_OK) return status;
  for (int32_t i = 0; i < op->n_in; i++) r.in[i].format = r.candidate.in[i < CVK_CANDIDATE_INPUTS ? i : CVK_CANDIDATE_INPUTS - 1];
  for (int32_t i = 0; i < op->n_out; i++) r.out[i].format = r.candidate.out[i < CVK_CANDIDATE_OUTPUTS ? i : CVK_CANDIDATE_OUTPUTS - 1];
  for (int32_t i = 0; i < op->n_in && i < CVK_CANDIDATE_INPUTS && status == CVK_OK; i++)
    if (r.candidate.pack[i]) status = be->pack_create(state.device, &r.cvk, &r.candidate, i, &packs[i]);
  if (status == CVK_OK) status = be->prepare(state.device, &r.cvk, &r.candidate, packs, &kernel);
  if (status == CVK_OK) status = execute(&r, kernel, packs);
  be->kernel_free(kernel);
  for (int32_t i = 0; i < op->n_in; i++) be->pack_free(packs[i]);
  return status;
}

void mini_must_run(const char *row, mini_op *op) {
  const cvk_status status = mini_run(row, op);
  ck_assert_msg(status == CVK_OK, "%s: status %d: %s", row ? row : "first row", (int)status, state.message);
}
