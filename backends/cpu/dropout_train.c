/* SPDX-License-Identifier: Apache-2.0 */
/* dropout_train: DROPOUT_TRAIN, f32, plain, since its random words are numbered as plain elements are. BLOCKS counters of Philox 4x32-10 go
 * through the rounds side by side, in loops that the compiler makes vectors of; the words are what cvk_philox gives. May run in place. */
#include <string.h>

#include "cpu.h"
#include "vec.h"

enum { BLOCKS = 32, WORDS = 4 * BLOCKS, CHUNK = 4096 }; /* CHUNK: floats a task; a multiple of WORDS */

typedef struct dropout_kernel {
  cpu_kernel base;
  int64_t floats;
  uint64_t stream;
  uint32_t limit; /* words below it drop their element */
  float scale;
  double ns;
} dropout_kernel;

typedef struct dropout_job {
  const dropout_kernel *kernel;
  uint64_t seed;
  const float *x;
  float *y;
} dropout_job;

static int32_t accepts(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why) {
  const cvk_tensor_desc *x = op->in[0];
  const double floats = (double)cvk_count(x->rank, x->dim);
  (void)variant;
  if (x->dtype != CVK_F32) return cpu_refuse(why, "element type %d, not f32", x->dtype);
  c->inplace = 0;
  c->estimated_ns = cpu_ns_memory(device, 8 * floats, 1) + 1.2 * floats + 50; /* the random words, on any instruction set */
  return 1;
}

static cvk_status prepare(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out) {
  const cvk_dropout_attr *a = op->attr;
  dropout_kernel *k = cpu_kernel_new(device, sizeof *k);
  if (!k) return CVK_NO_MEMORY;
  k->floats = cvk_count(op->in[0]->rank, op->in[0]->dim);
  k->stream = (uint64_t)a->stream;
  k->limit = (uint32_t)(a->ratio * 4294967296.0f);
  k->scale = (float)(1 / (1 - (double)a->ratio));
  k->ns = c->estimated_ns;
  *out = &k->base;
  return CVK_OK;
}

/* word[i]: word i % 4 of block first + i / 4. */
static void random_words(uint64_t first, uint64_t stream, uint64_t seed, uint32_t word[WORDS]) {
  uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS], k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (uint32_t i = 0; i < BLOCKS; i++) {
    c0[i] = (uint32_t)(first + i);
    c1[i] = (uint32_t)((first + i) >> 32);
    c2[i] = (uint32_t)stream;
    c3[i] = (uint32_t)(stream >> 32);
  }
  for (int32_t round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
    for (int32_t i = 0; i < BLOCKS; i++) {
      const uint64_t p0 = (uint64_t)c0[i] * 0xD2511F53u, p1 = (uint64_t)c2[i] * 0xCD9E8D57u;
      c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = (uint32_t)p1;
      c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = (uint32_t)p0;
    }
  for (int32_t i = 0; i < BLOCKS; i++) {
    word[4 * i] = c0[i];
    word[4 * i + 1] = c1[i];
    word[4 * i + 2] = c2[i];
    word[4 * i + 3] = c3[i];
  }
}

/* All bits where a < b, both without a sign: what borrows in a - b. */
VI vi below(vi a, vi b) {
  const vi ones = vi_set1(-1), same = vi_xor(vi_xor(a, b), ones);
  return vi_sar(vi_or(vi_and(vi_xor(a, ones), b), vi_and(same, vi_sub(a, b))), 31);
}

static void run(void *arg, int64_t index, int32_t worker) {
  const dropout_job *j = arg;
  const dropout_kernel *k = j->kernel;
  const int64_t end = cpu_min(k->floats, (index + 1) * CHUNK);
  const vi limit = vi_set1((int32_t)k->limit), ones = vi_set1(-1);
  const vf scale = v_set1(k->scale);
  (void)worker;
  for (int64_t at = index * CHUNK; at < end; at += WORDS) {
    int32_t word[WORDS];
    random_words((uint64_t)at / 4, k->stream, j->seed, (uint32_t *)word);
    for (int64_t i = 0; i < WORDS && at + i < end; i += VL) {
      const int64_t n = cpu_min(VL, end - at - i);
      const vi keep = vi_xor(below(vi_load(word + i), limit), ones);
      const vf x = n == VL ? v_load(j->x + at + i) : v_load_n(j->x + at + i, n), y = v_from_bits(vi_and(v_bits(v_mul(x, scale)), keep));
      if (n == VL)
        v_store(j->y + at + i, y);
      else
        v_store_n(j->y + at + i, y, n);
    }
  }
}

static cvk_status execute(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace) {
  const dropout_kernel *k = (const dropout_kernel *)kernel;
  dropout_job job = {.kernel = k, .x = in[0], .y = out[0]};
  (void)workspace;
  memcpy(&job.seed, in[1], sizeof job.seed);
  cpu_parallel(kernel->device, cpu_ceil_div(k->floats, CHUNK), k->ns, run, &job);
  return CVK_OK;
}

const cpu_row CVK_ISA_FN(dropout_train_row) = {
    .name = CVK_ISA_ROW("dropout_train"), .kind = CVK_OP_DROPOUT_TRAIN, .accepts = accepts, .prepare = prepare, .execute = execute};
