/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h: the inside contract of the CPU backend: kernel rows, their kernels and packs, and the helpers that rows share.
 * A row is a cpu_row named NAME_row in a file NAME.c, built once per instruction set, plus its line in rows.def (in order of preference).
 * The framework (rows.c, plugin.c) walks the list, logs refusals, sorts what accepts by estimate, and turns execute's arguments into
 * pointers. Tensors are blocked by device->isa->lanes channels (VL in a kernel source). At prepare const_data is plain; at execute a
 * constant comes as any input does, in the candidate's format, unless the row took it as a pack. */
#ifndef CVK_CPU_H
#define CVK_CPU_H

#include <convoke/plugin.h>

#define CPU_MAX_ARGS 80 /* inputs (post-op operands counted) or outputs of one op */
#define CPU_REASON_BYTES 256
#define CPU_PART 256 /* products of a total; longer sums are cut into such parts, so that rounding errors stay small */

typedef struct cvk_backend_device cpu_device;

/* Why a row refused: one clause with the numbers ("group 1 is not the channel count 64"). */
typedef struct cpu_reason {
  char text[CPU_REASON_BYTES];
} cpu_reason;

/* Every kernel begins with this; rows append their own state. Immutable after prepare. */
typedef struct cpu_kernel {
  const struct cpu_row *row;
  const cpu_device *device;
  int32_t n_in, n_out;
  const struct cvk_pack *pack[CVK_CANDIDATE_INPUTS];
} cpu_kernel;

/* A constant input rearranged for a row; shared by kernels. `data` is 64-byte aligned. */
struct cvk_pack {
  const cpu_device *device;
  uint64_t bytes;
  float *data;
};

typedef struct cpu_row {
  const char *name;        /* with its instruction set: CVK_ISA_ROW("conv_direct") */
  int32_t kind, kind_last; /* the op kinds kind..kind_last; kind_last 0: only kind */
  int32_t variants;        /* how many ways (formats) accepts is asked for, numbered from 0; 0 counts as 1 */
  int32_t takes_post;      /* 0: ops with post-ops are refused before accepts is asked */
  /* 1 and a filled candidate, or 0 and a reason (return cpu_refuse(...)). The candidate comes with row, plain formats and inplace -1 set;
   * backend_data[1..3] are the row's own. estimated_ns is for one thread, so that choices never depend on the thread count. */
  int32_t (*accepts)(const cpu_device *device, const cvk_op *op, int32_t variant, cvk_candidate *c, cpu_reason *why);
  /* Makes the kernel with cpu_kernel_new; op has the candidate's formats. */
  cvk_status (*prepare)(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, cpu_kernel **out);
  /* in[], out[]: one pointer an argument, NULL where absent or packed. */
  cvk_status (*execute)(const cpu_kernel *kernel, const void *const *in, void *const *out, void *workspace);
  /* Optional: makes the pack of input `input` with cpu_pack_new. */
  cvk_status (*pack)(const cpu_device *device, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out);
  /* Optional: frees what the kernel owns besides itself. */
  void (*release)(cpu_kernel *kernel);
} cpu_row;

/* One instruction set's copy of all rows. */
typedef struct cpu_isa {
  const char *name;
  int32_t lanes;
  double gflops;              /* multiply-adds of one core at full rate, GFLOP/s: scale of the estimates, not a promise */
  double gbytes;              /* streaming bandwidth of one core from cache or memory, GB/s */
  const cpu_row *const *rows; /* ends with NULL */
} cpu_isa;

struct cvk_backend_device {
  const cvk_host *host;
  const cpu_isa *isa;
};

/* ---- for accepts ------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) int32_t cpu_refuse(cpu_reason *why, const char *format, ...); /* always 0 */
/* 1 when every present input and output is f32. */
int32_t cpu_all_f32(const cvk_op *op, cpu_reason *why);
/* Plain format (block 0) or NCHWc by `block`. */
cvk_format cpu_format(int32_t block);
/* Estimates of one execution on one thread, ns; `efficiency` is the share of the peak (of the bandwidth) that the row reaches. */
double cpu_ns_compute(const cpu_device *device, double multiply_adds, double efficiency);
double cpu_ns_memory(const cpu_device *device, double bytes, double efficiency);

/* ---- for prepare, pack, execute ----------------------------------------------------------------------------------- */

/* The message of the failing call; returns status. */
__attribute__((format(printf, 3, 4))) cvk_status cpu_fail(const cpu_device *device, cvk_status status, const char *format, ...);
/* `bytes` (at least sizeof(cpu_kernel)), zeroed, or NULL with the message set (answer CVK_NO_MEMORY). */
void *cpu_kernel_new(const cpu_device *device, uint64_t bytes);
/* Memory that a kernel owns, 64-byte aligned, zeroed; freed with cpu_free in the row's release. NULL with the message set. */
void *cpu_alloc(const cpu_device *device, uint64_t bytes);
void cpu_free(const cpu_device *device, void *p);
cvk_status cpu_pack_new(const cpu_device *device, uint64_t bytes, cvk_pack **out); /* data not initialised: write all of it */
int64_t cpu_workers(const cpu_device *device);                                     /* threads that may run tasks at once: workspace slots */
/* task(arg, i, worker) for 0 <= i < n: inline when one task or under ~20 us of work in all, else on the host's threads. */
void cpu_parallel(const cpu_device *device, int64_t n, double work_ns, cvk_task task, void *arg);
/* a * b * ... in bytes for pack and workspace sizes; UINT64_MAX when it overflows. */
uint64_t cpu_product(int32_t n, const int64_t *factor);

static inline int64_t cpu_ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}
static inline int64_t cpu_min(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static inline int64_t cpu_max(int64_t a, int64_t b) {
  return a > b ? a : b;
}

#endif
