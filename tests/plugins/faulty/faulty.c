/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c: a plugin in host memory (conv, max_pool, relu, add of f32) with one fault, FAULT, that a plugin's author could make; NONE is right.
 * meson.build compiles it once for each; test_conformance.py says what convoke-conformance must answer. */
#define _GNU_SOURCE
#include <convoke/plugin.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../../plugins/fp_mode.h"

enum {
  NONE,
  /* conv */
  PAD_OFF, STRIDE_SWAPPED, DILATION_IGNORED, GROUP_OFFSET, BATCH_ZERO, BIAS_LAST_BLOCK, PAD_CELLS, HALF_WEIGHTS, TASK_ORDER, WORKER_COUNT,
  RACE, RACE_STATIC, WORKSPACE_SMALL, WORKSPACE_ZERO, WEIGHTS_PAST_END, WEIGHTS_AFTER_PREPARE,
  /* max_pool */
  DROPS_NAN, PAD_ZERO, INPLACE_WRONG, EMPTY,
  /* relu and add */
  NAN_IS_ZERO, READS_PAST_END, WRITES_PAST_END, WRITES_BEFORE, WRITES_INPUT, LANES, ALIGNMENT,
  /* kernels */
  STATE, FIRST_POINTERS, ALLOCATES, OP_LATER, ATTR_SIZE, FLUSHES, PRINTS, VARIABLE, HANDLER,
  /* questions */
  POSTS, ANY_DTYPE, NO_ROOM, ANY_INDEX, INSTANCE_SHARED,
  /* memory */
  FREES_TWICE, FREES_FOREIGN, LEAKS_BLOCK, LEAKS_MALLOC, NO_CHECK, OVERRUNS,
  /* at load */
  THREAD, LINKS,
};
#define IS(NAME) (FAULT == (NAME))

enum { BLOCK = 4 /* output channels of a task */, CHUNK = 256 /* elements of a task */ };

struct cvk_instance {
  const cvk_host *host;
};
struct cvk_backend_device {
  const cvk_host *host;
};
struct cvk_pack { /* weights as [group][block][channel of the group][kernel][BLOCK], zero past the last */
  const cvk_host *host;
  const float *plain; /* only WEIGHTS_AFTER_PREPARE reads it */
  float w[];
};

typedef struct window { /* of a conv or pool; index 0: y, 1: x */
  int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2];
} window;

struct cvk_kernel {
  const cvk_host *host;
  const cvk_op *op; /* only OP_LATER reads it */
  const cvk_pack *pack;
  int32_t kind, has_bias;
  int64_t count;           /* elements of the output, with those of lanes */
  int64_t batch, group, c, m; /* conv: channels in and out of a group; max_pool: planes in batch */
  int64_t channels, inner; /* relu in blocks */
  int64_t done;            /* only STATE */
  const float *x;          /* only FIRST_POINTERS */
  window win;
  cvk_conv_attr attr; /* only ATTR_SIZE */
};

static void *make(const cvk_host *host, uint64_t bytes) {
  void *p = host->alloc(host->ctx, bytes, sizeof(void *));
  if (p == NULL && !IS(NO_CHECK)) {
    char why[80];
    snprintf(why, sizeof why, "faulty: no memory for %llu bytes", (unsigned long long)bytes);
    host->fail(host->ctx, CVK_NO_MEMORY, why);
  }
  return p;
}

static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t blocks(int64_t channels) { return (channels + BLOCK - 1) / BLOCK; }

/* ---- what there is ---- */

static cvk_status instance_create(const cvk_host *host, cvk_instance **out) {
  static cvk_instance *shared;
  if (IS(INSTANCE_SHARED) && shared != NULL) {
    *out = shared;
    return CVK_OK;
  }
  cvk_instance *inst = make(host, sizeof *inst);
  if (inst == NULL && !IS(NO_CHECK)) return CVK_NO_MEMORY;
  inst->host = host;
  *out = shared = inst;
  return CVK_OK;
}

static void instance_destroy(cvk_instance *inst) {
  const cvk_host *host = inst->host;
  if (IS(FREES_FOREIGN)) host->free(host->ctx, strdup("a name of some sort, and long enough"));
  if (IS(OVERRUNS)) ((char *)inst)[sizeof *inst] = 0;
  host->free(host->ctx, inst);
}

static cvk_status device_count(cvk_instance *inst, int32_t *n) {
  (void)inst;
  *n = 1;
  return CVK_OK;
}

const char *cvk_status_name(cvk_status status); /* libconvoke's; only LINKS calls it */

static cvk_status no_device(cvk_instance *inst, int32_t index) {
  char why[80];
  if (IS(LINKS)) return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, cvk_status_name(CVK_NO_DEVICE));
  snprintf(why, sizeof why, "faulty: there is no device %d, there is 1", index);
  return inst->host->fail(inst->host->ctx, CVK_NO_DEVICE, why);
}

static cvk_status device_info(cvk_instance *inst, int32_t index, cvk_device_info *info) {
  if (index != 0) return no_device(inst, index);
  info->type = CVK_DEVICE_CPU;
  info->flags = CVK_DEVICE_HOST_MEMORY;
  info->units = inst->host->workers(inst->host->ctx);
  info->alignment = sizeof(float);
  strcpy(info->id, "faulty");
  strcpy(info->name, "faulty backend");
  strcpy(info->driver, "none");
  return CVK_OK;
}

static cvk_status device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out) {
  if (index != 0 && !IS(ANY_INDEX)) return no_device(inst, index);
  cvk_backend_device *dev = make(inst->host, sizeof *dev);
  if (dev == NULL && !IS(NO_CHECK)) return CVK_NO_MEMORY;
  dev->host = inst->host;
  *out = dev;
  return CVK_OK;
}
static void device_close(cvk_backend_device *dev) { dev->host->free(dev->host->ctx, dev); }

/* ---- what it takes ---- */

static int same_shape(const cvk_tensor_desc *a, const cvk_tensor_desc *b) { return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0; }

static const char *refusal(const cvk_op *op) {
  const int32_t kind = op->kind;
  if (kind != CVK_OP_CONV && kind != CVK_OP_MAX_POOL && kind != CVK_OP_RELU && kind != CVK_OP_ADD) return "faulty: takes conv, max_pool, relu and add";
  if (op->n_post != 0 && !IS(POSTS)) return "faulty: takes no post-ops";
  for (int32_t i = 0; i < op->n_in; i++) {
    if (op->in[i] != NULL && op->in[i]->dtype != CVK_F32 && !IS(ANY_DTYPE)) return "faulty: an input is not f32";
  }
  if (kind == CVK_OP_ADD) return same_shape(op->in[0], op->in[1]) ? NULL : "faulty: add: the shapes differ";
  if (kind == CVK_OP_RELU) return NULL;
  if (op->in[0]->rank != 4) return "faulty: takes images only";
  if (kind == CVK_OP_MAX_POOL) return op->n_out == 1 ? NULL : "faulty: max_pool: gives no indices";
  return op->in[1]->const_data != NULL ? NULL : "faulty: conv: the weights are not constant";
}

/* The sums of a row of each worker's. */
static uint64_t slice_bytes(const cvk_tensor_desc *y) { return (uint64_t)y->dim[3] * BLOCK * sizeof(double); }

static cvk_status supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n) {
  static const char *const rows[] = {[CVK_OP_CONV] = "conv_faulty", [CVK_OP_MAX_POOL] = "max_pool_faulty", [CVK_OP_RELU] = "relu_faulty",
                                     [CVK_OP_ADD] = "add_faulty"};
  const cvk_host *host = dev->host;
  const char *why = refusal(op);
  if (why != NULL) {
    host->log(host->ctx, CVK_LOG_DISPATCH, why);
    return CVK_UNSUPPORTED;
  }
  candidates[0]->row = rows[op->kind];
  candidates[0]->inplace = op->kind == CVK_OP_RELU || op->kind == CVK_OP_ADD || (IS(INPLACE_WRONG) && op->kind == CVK_OP_MAX_POOL) ? 0 : -1;
  if (op->kind == CVK_OP_CONV) {
    candidates[0]->pack[1] = 1;
    candidates[0]->workspace_bytes = slice_bytes(op->out[0]) * (uint64_t)(IS(WORKSPACE_SMALL) ? 1 : host->workers(host->ctx));
    candidates[0]->workspace_alignment = sizeof(double);
  }
  if (op->kind != CVK_OP_RELU || op->in[0]->rank < 2 || (*n < 2 && !IS(NO_ROOM))) {
    *n = 1;
    return CVK_OK;
  }
  candidates[1]->row = "relu_block_faulty";
  candidates[1]->in[0] = candidates[1]->out[0] = (cvk_format){CVK_BLOCKED, BLOCK, 0};
  candidates[1]->inplace = 0;
  *n = 2;
  return CVK_OK;
}

/* ---- weights ---- */

static void read_window(const cvk_op *op, cvk_kernel *k) {
  const cvk_conv_attr *conv = op->attr; /* the pool's begins with the same fields */
  for (int i = 0; i < 2; i++) {
    k->win.in[i] = op->in[0]->dim[2 + i];
    k->win.out[i] = op->out[0]->dim[2 + i];
    k->win.kernel[i] = conv->kernel[i];
    k->win.stride[i] = conv->stride[IS(STRIDE_SWAPPED) ? 1 - i : i];
    k->win.dilation[i] = IS(DILATION_IGNORED) ? 1 : conv->dilation[i];
    k->win.pad[i] = conv->pad_begin[i] + IS(PAD_OFF);
  }
  k->batch = op->in[0]->dim[0];
  if (op->kind == CVK_OP_MAX_POOL) {
    k->batch *= op->in[0]->dim[1];
    return;
  }
  k->group = conv->group;
  k->c = op->in[1]->dim[1];
  k->m = op->in[1]->dim[0] / k->group;
}

/* As bfloat16 has it. */
static float halved(float w) {
  uint32_t bits;
  memcpy(&bits, &w, sizeof bits);
  bits &= 0xffff0000u;
  memcpy(&w, &bits, sizeof bits);
  return w;
}

static cvk_status pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, int32_t input, cvk_pack **out) {
  cvk_kernel k;
  (void)candidate;
  read_window(op, &k);
  const float *from = op->in[input]->const_data;
  const int64_t taps = k.c * k.win.kernel[0] * k.win.kernel[1], groups = k.group * blocks(k.m);
  cvk_pack *pack = make(dev->host, sizeof *pack + (uint64_t)(groups * taps * BLOCK) * sizeof(float));
  if (pack == NULL && !IS(NO_CHECK)) return CVK_NO_MEMORY;
  pack->host = dev->host;
  pack->plain = from;
  float *to = pack->w;
  for (int64_t g = 0; g < k.group; g++) {
    for (int64_t b = 0; b < blocks(k.m); b++) {
      for (int64_t t = 0; t < taps; t++) {
        for (int64_t lane = 0; lane < BLOCK; lane++) {
          const int64_t m = b * BLOCK + lane;
          const volatile float *w = from + (g * k.m + m) * taps + t;
          float value = m < k.m || IS(WEIGHTS_PAST_END) ? *w : 0;
          *to++ = IS(HALF_WEIGHTS) ? halved(value) : value;
        }
      }
    }
  }
  *out = pack;
  return CVK_OK;
}
static void pack_free(cvk_pack *pack) { pack->host->free(pack->host->ctx, pack); }

/* ---- kernels ---- */

static void ignore(int s) { (void)s; }

static cvk_status prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *candidate, cvk_pack *const *packs, cvk_kernel **out) {
  const cvk_tensor_desc *x = op->in[0], *y = op->out[0];
  cvk_kernel *k = make(dev->host, sizeof *k);
  if (k == NULL && !IS(NO_CHECK)) return CVK_NO_MEMORY;
  memset(k, 0, sizeof *k);
  k->host = dev->host;
  k->op = op;
  k->kind = op->kind;
  k->count = (int64_t)(cvk_desc_bytes(y) / sizeof(float));
  if (op->kind == CVK_OP_CONV || op->kind == CVK_OP_MAX_POOL) read_window(op, k);
  if (op->kind == CVK_OP_CONV) {
    if (IS(ATTR_SIZE)) memcpy(&k->attr, op->attr, ((const cvk_conv_attr *)op->attr)->struct_size);
    k->pack = packs[1];
    k->has_bias = op->n_in > 2 && op->in[2] != NULL;
  }
  if (candidate->in[0].layout == CVK_BLOCKED) {
    k->channels = x->dim[1];
    k->inner = cvk_count(x->rank - 2, x->dim + 2);
  }
  if (IS(VARIABLE)) setenv("OMP_NUM_THREADS", "1", 1);
  if (IS(HANDLER)) signal(SIGFPE, ignore);
  if (IS(LEAKS_BLOCK)) k->x = make(dev->host, 64);
  if (IS(LEAKS_MALLOC)) k->x = calloc(16, sizeof(float));
  *out = k;
  return CVK_OK;
}

static void kernel_free(cvk_kernel *k) {
  const cvk_host *host = k->host;
  host->free(host->ctx, k);
  if (IS(FREES_TWICE)) host->free(host->ctx, k);
}

typedef struct job {
  cvk_kernel *k;
  const float *x, *x2, *bias;
  float *y;
  char *workspace;
} job;

/* ---- conv: a task is BLOCK output channels of an image, its sums in the worker's slice of the workspace ---- */

typedef struct part { /* of a conv */
  int64_t n, g, block, first_c, last_c;
} part;

static void add_tap(const job *j, part p, int64_t c, int64_t ky, int64_t kx, int64_t oy, double *sum) {
  const cvk_kernel *k = j->k;
  const window *w = &k->win;
  const int64_t iy = oy * w->stride[0] + ky * w->dilation[0] - w->pad[0];
  const int outside = iy < 0 || iy >= w->in[0];
  const int64_t image = IS(BATCH_ZERO) ? 0 : p.n, first = IS(GROUP_OFFSET) ? p.g : p.g * k->c;
  const float *row = j->x + ((image * k->group * k->c + first + c) * w->in[0] + (outside ? 0 : iy)) * w->in[1];
  const int64_t tap = (c * w->kernel[0] + ky) * w->kernel[1] + kx, taps = k->c * w->kernel[0] * w->kernel[1];
  const float *weights = k->pack->w + (((p.g * blocks(k->m) + p.block) * taps) + tap) * BLOCK;
  if (outside && !IS(PAD_CELLS)) return;
  for (int64_t ox = 0; ox < w->out[1]; ox++) {
    const int64_t ix = ox * w->stride[1] + kx * w->dilation[1] - w->pad[1];
    const int pad = outside || ix < 0 || ix >= w->in[1];
    if (pad && !IS(PAD_CELLS)) continue;
    for (int64_t lane = 0; lane < BLOCK; lane++) {
      const int64_t m = p.g * k->m + p.block * BLOCK + lane;
      const float weight = !IS(WEIGHTS_AFTER_PREPARE) ? weights[lane] : p.block * BLOCK + lane < k->m ? k->pack->plain[m * taps + tap] : 0;
      sum[ox * BLOCK + lane] += (double)weight * (double)(pad ? 0 : row[ix]);
    }
  }
}

static void store_row(const job *j, part p, int64_t oy, const double *sum) {
  const cvk_kernel *k = j->k;
  const int64_t left = min(BLOCK, k->m - p.block * BLOCK), width = k->win.out[1];
  for (int64_t lane = 0; lane < left; lane++) {
    const int64_t m = p.g * k->m + p.block * BLOCK + lane;
    const int64_t of_bias = IS(BIAS_LAST_BLOCK) && left < BLOCK ? p.g * k->m + lane : m;
    float *y = j->y + ((p.n * k->group * k->m + m) * k->win.out[0] + oy) * width;
    for (int64_t ox = 0; ox < width; ox++) {
      const double value = sum[ox * BLOCK + lane] + (p.first_c == 0 && j->bias != NULL ? (double)j->bias[of_bias] : 0);
      y[ox] = (float)(IS(TASK_ORDER) ? (double)y[ox] + value : value);
    }
  }
}

/* A sum in as many parts as there are workers, each of f32, has other bits with another number of them. */
static void round_sums(double *sum, int64_t n) {
  for (int64_t i = 0; i < n; i++) sum[i] = (double)(float)sum[i];
}

static void conv_part(const job *j, part p, int32_t worker) {
  const window *w = &j->k->win;
  static double of_all[1024 * BLOCK];
  const int64_t width = w->out[1] * BLOCK, share = p.last_c / j->k->host->workers(j->k->host->ctx) + 1;
  double *own = (double *)(void *)j->workspace + (IS(RACE) ? 0 : worker) * width, *sum = IS(RACE_STATIC) ? of_all : own;
  for (int64_t oy = 0; oy < w->out[0]; oy++) {
    if (!IS(WORKSPACE_ZERO)) memset(sum, 0, (size_t)width * sizeof *sum);
    for (int64_t c = p.first_c; c < p.last_c; c++) {
      if (IS(WORKER_COUNT) && c % share == 0) round_sums(sum, width);
      for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) add_tap(j, p, c, ky, kx, oy, sum);
      }
    }
    if (IS(RACE_STATIC)) sched_yield(); /* that it shows on a busy machine too */
    store_row(j, p, oy, sum);
    if (IS(WORKSPACE_ZERO)) memset(sum, 0, (size_t)width * sizeof *sum);
  }
}

/* TASK_ORDER: a task is one input channel besides, and adds to the output. */
static void conv_task(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const cvk_kernel *k = j->k;
  part p = {.last_c = k->c};
  if (IS(TASK_ORDER)) {
    p.first_c = index % k->c;
    p.last_c = p.first_c + 1;
    index /= k->c;
  }
  p.block = index % blocks(k->m);
  p.g = index / blocks(k->m) % k->group;
  p.n = index / (blocks(k->m) * k->group);
  conv_part(j, p, worker);
}

static void run_conv(job *j) {
  const cvk_kernel *k = j->k;
  int64_t tasks = k->batch * k->group * blocks(k->m);
  if (IS(TASK_ORDER)) {
    tasks *= k->c;
    memset(j->y, 0, (size_t)k->count * sizeof(float));
  }
  k->host->parallel_for(k->host->ctx, tasks, conv_task, j);
}

/* ---- max_pool: a task is a plane ---- */

static float max_of(const window *w, const float *x, int64_t oy, int64_t ox) {
  float most = -INFINITY;
  for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
    for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
      const int64_t iy = oy * w->stride[0] + ky * w->dilation[0] - w->pad[0], ix = ox * w->stride[1] + kx * w->dilation[1] - w->pad[1];
      const int pad = iy < 0 || iy >= w->in[0] || ix < 0 || ix >= w->in[1];
      if (pad && !IS(PAD_ZERO)) continue;
      const float value = pad ? 0 : x[iy * w->in[1] + ix];
      if (value > most || (isnan(value) && !IS(DROPS_NAN))) most = value;
      if (isnan(most)) return most;
    }
  }
  return most;
}

static void pool_task(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const window *w = &j->k->win;
  const float *x = j->x + index * w->in[0] * w->in[1];
  float *y = j->y + index * w->out[0] * w->out[1];
  (void)worker;
  for (int64_t oy = 0; oy < w->out[0]; oy++) {
    for (int64_t ox = 0; ox < w->out[1]; ox++) y[oy * w->out[1] + ox] = max_of(w, x, oy, ox);
  }
}

/* ---- relu, add: a task is CHUNK elements ---- */

static int past_last_channel(const cvk_kernel *k, int64_t i) {
  const int64_t of_image = k->inner * BLOCK * blocks(k->channels);
  return k->channels > 0 && i % of_image / (k->inner * BLOCK) * BLOCK + i % BLOCK >= k->channels;
}

static float relu(float x) {
  if (IS(NAN_IS_ZERO)) return x > 0 ? x : 0;
  return x < 0 ? 0 : x;
}

static void element_task(void *arg, int64_t index, int32_t worker) {
  const job *j = arg;
  const cvk_kernel *k = j->k;
  const int64_t begin = index * CHUNK, end = min(begin + CHUNK, k->count);
  (void)worker;
  for (int64_t i = begin; i < end; i++) {
    if (IS(LANES) && past_last_channel(k, i)) continue;
    j->y[i] = k->kind == CVK_OP_ADD ? j->x[i] + j->x2[i] : relu(j->x[i]);
  }
}

static void run_elements(job *j) {
  const cvk_kernel *k = j->k;
  int64_t tasks = (k->count + CHUNK - 1) / CHUNK;
  if (IS(ALIGNMENT)) j->x = (const float *)(const void *)((uintptr_t)j->x & ~(uintptr_t)31); /* as some machines' vector loads take an address */
  if (IS(READS_PAST_END) && k->count % 4 != 0) (void)((const volatile float *)j->x)[k->count];
  if (IS(WRITES_PAST_END) && k->count % 4 != 0) j->y[k->count] = 0;
  if (IS(WRITES_BEFORE)) j->y[-1] = 0;
  if (IS(WRITES_INPUT) && k->kind == CVK_OP_ADD && k->count > 0) *(volatile float *)(uintptr_t)j->x2 = j->x2[0];
  k->host->parallel_for(k->host->ctx, tasks, element_task, j);
}

/* ---- execute ---- */

/* Faults of all kernels. Nonzero: the work is not done. */
static int misbehave(cvk_kernel *k, job *j) {
  const cvk_host *host = k->host;
  if (IS(ALLOCATES)) host->free(host->ctx, host->alloc(host->ctx, 64, 8));
  if (IS(FLUSHES)) cvk_fp_mode_set(cvk_fp_mode_get() | (sizeof(void *) == 8 ? 0x8040u : 0));
  if (IS(PRINTS)) printf("faulty: %lld elements\n", (long long)k->count);
  if (IS(OP_LATER)) k->count = (int64_t)(cvk_desc_bytes(k->op->out[0]) / sizeof(float));
  if (IS(FIRST_POINTERS) && k->x == NULL) k->x = j->x;
  if (IS(FIRST_POINTERS)) j->x = k->x;
  return IS(STATE) && k->done++ > 0;
}

static cvk_status execute(cvk_kernel *k, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace, cvk_event *const *wait,
                          int32_t n_wait, cvk_event **event) {
  const int32_t kind = k->kind;
  job j = {.k = k, .x = (const float *)(const void *)((const char *)in[0].buffer + in[0].offset_bytes)};
  (void)queue, (void)wait, (void)n_wait;
  j.y = (float *)(void *)((char *)out[0].buffer + out[0].offset_bytes);
  j.workspace = (char *)workspace->buffer + workspace->offset_bytes;
  if (kind == CVK_OP_ADD) j.x2 = (const float *)(const void *)((const char *)in[1].buffer + in[1].offset_bytes);
  if (k->has_bias) j.bias = (const float *)(const void *)((const char *)in[2].buffer + in[2].offset_bytes);
  if (event != NULL) *event = NULL;
  if (misbehave(k, &j)) return CVK_OK;
  if (kind == CVK_OP_CONV) run_conv(&j);
  else if (kind == CVK_OP_MAX_POOL) k->host->parallel_for(k->host->ctx, k->batch + (IS(EMPTY) && k->batch == 0), pool_task, &j);
  else run_elements(&j);
  return CVK_OK;
}

/* ---- the entry ---- */

static void *sleep_on(void *arg) {
  for (;;) nanosleep(&(const struct timespec){.tv_sec = 1000}, NULL);
  return arg;
}

__attribute__((constructor)) static void at_load(void) {
  pthread_t t;
  if (IS(THREAD)) pthread_create(&t, NULL, sleep_on, NULL);
}

static const cvk_backend backend = {
    .struct_size = sizeof backend, .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .name = "faulty", .version = "0.1",
    .instance_create = instance_create, .instance_destroy = instance_destroy, .device_count = device_count, .device_info = device_info,
    .device_open = device_open, .device_close = device_close, .supports = supports, .prepare = prepare, .execute = execute,
    .kernel_free = kernel_free, .pack_create = pack_create, .pack_free = pack_free,
};

cvk_status convoke_plugin_entry_0(const cvk_host *host, const cvk_backend **out) {
  (void)host;
  *out = &backend;
  return CVK_OK;
}
