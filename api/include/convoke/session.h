/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/session.h: a graph planned for a device: folded, fused, placed, memory-planned, prepared; then run many times. */
#ifndef CONVOKE_SESSION_H
#define CONVOKE_SESSION_H

#include <convoke/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cvk_session cvk_session;

enum { CVK_FALLBACK_CPU = 0, /* an op the device lacks runs on the CPU backend, what that lacks on the reference; counted in the report */
       CVK_FALLBACK_NONE = 1 /* it is an error (UNSUPPORTED) that lists all such ops */ };

typedef struct cvk_session_options { /* zero-initialise */
  uint32_t struct_size; /* 0: the size this library was built with */
  int32_t fallback;     /* CVK_FALLBACK_* */
  const char *device;   /* a spec of cvk_device_open */
  uint32_t flags;       /* CVK_EXACT, CVK_DETERMINISTIC */
  int32_t profile;      /* nonzero: each run times every op (report) */
  int32_t no_fusion;    /* nonzero: every op runs by itself, so that every value exists (compare) */
  int32_t keep_values;  /* nonzero: no value's memory is reused, so that cvk_session_value can read any */
  int32_t untuned;      /* nonzero: rows are chosen by their estimates, as if nothing had been tuned (cvk_session_tune) */
} cvk_session_options;

/* Plans g for a device. With symbolic input extents the planning happens at the first run of each new set of shapes (a bounded number
 * of plans is kept, weights are packed once). The caller owns the session. */
CVK_EXPORT cvk_status cvk_session_create(cvk_graph *g, const cvk_session_options *options, cvk_session **out);
/* Another session with the same packed weights, for use by another thread. */
CVK_EXPORT cvk_status cvk_session_clone(cvk_session *s, cvk_session **out);
CVK_EXPORT void cvk_session_release(cvk_session *s); /* NULL is allowed */

/* Runs. inputs: in the graph's order, host tensors or tensors of the session's device. outputs[i]: a tensor to write to (right dtype and shape,
 * in host memory or on the session's device, not overlapping an input: ALIAS), or NULL: a new host tensor, owned by the caller. With all
 * outputs given and shapes seen before nothing is allocated. With device tensors only the run may still be in flight on return: reading a tensor waits for it.
 * On failure no output may be used. INVALID_SHAPE, INVALID_ARGUMENT, DEVICE_MISMATCH, ... */
CVK_EXPORT cvk_status cvk_session_run(cvk_session *s, int32_t n_in, cvk_tensor *const *inputs, int32_t n_out, cvk_tensor **outputs);

/* One executed op of the last plan, in order. Strings live until the session's next run with new shapes. */
typedef struct cvk_op_report {
  uint32_t struct_size;
  int32_t kind;         /* CVK_OP_REORDER for an inserted layout change */
  const char *name;     /* node name, or the op's */
  const char *op;       /* "conv+batch_norm+relu": what was fused */
  const char *device;   /* id */
  const char *kernel;   /* row */
  int64_t multiply_adds;
  int64_t bytes;        /* tensors read and written */
  int64_t ns;           /* of the last run, 0 without profile */
  int64_t start_ns;     /* since the start of the last run, 0 without profile */
  int32_t error_class;  /* CVK_ERROR_* */
  int32_t rank;         /* shape of output 0 */
  int64_t dim[CVK_MAX_RANK];
  int64_t host_ns, host_start_ns; /* what the host spent on it, as above: its submission, on a device that works by itself; else the same times */
  int32_t node;         /* the graph's op of this number (fused: the first); -1: an inserted reorder or copy */
  int32_t reserved;
} cvk_op_report;
typedef struct cvk_session_report {
  uint32_t struct_size;
  int32_t n_ops;           /* entries for cvk_session_op_report */
  int32_t ops_device, ops_cpu, ops_reference, views; /* ops run by the session's device, by fallback devices; ops that cost nothing */
  int32_t reorders;
  int64_t copies;          /* host-device and device-device transfers in the last run */
  int64_t copied_bytes;
  uint64_t arena_bytes;    /* planned memory of intermediate values */
  uint64_t arena_bound_bytes; /* the most that is alive at once: no plan can be smaller */
  uint64_t workspace_bytes, weight_bytes;
  double estimated_ns, runner_up_ns; /* cost of the chosen placement, and of the best one that keeps to plain layouts */
  const char *device;      /* id */
  int64_t run_ns;          /* the last run, from the call to its end; 0 without profile */
} cvk_session_report;
CVK_EXPORT cvk_status cvk_session_report_get(cvk_session *s, cvk_session_report *out); /* out->struct_size set by the caller; needs a plan */
CVK_EXPORT cvk_status cvk_session_op_report(cvk_session *s, int32_t index, cvk_op_report *out);
/* Row number `k` of those that the device offered for executed op `index`, best first; the report's `kernel` is the one taken. NULL past the
 * last, and for inserted reorders and copies. Any of them can be forced (cvk_context_options.kernel). */
CVK_EXPORT const char *cvk_session_op_row(cvk_session *s, int32_t index, int32_t k);

/* Keeps what was measured for executed op `index` of a session made with untuned: how long each of these rows took, or that its results were
 * wrong. From then on every plan for this device (same driver, thread count and Convoke), in this process and through a file in the cache
 * folder in later ones, chooses among these rows by these times for ops of the same shape class: same kind, types and attribute, extents alike
 * (above 8: rounded up to the next of 12, 16, 24, 32, 48, ...). A row that is wrong or was not measured is not used for them. Replaces what was
 * kept before. `convoke tune` measures and checks. INVALID_ARGUMENT; IO_ERROR where the file can't be written: it then holds for the open device only. */
typedef struct cvk_row_time { /* fixed: 16 bytes */
  const char *row;      /* one of cvk_session_op_row's */
  int64_t ns;           /* of one execution; -1: its results were wrong */
} cvk_row_time;
CVK_EXPORT cvk_status cvk_session_tune(cvk_session *s, int32_t index, int32_t n, const cvk_row_time *rows);
/* With keep_values and no_fusion: a host copy of output `output` of graph op `index` after the last run. UNSUPPORTED: folded away. */
CVK_EXPORT cvk_status cvk_session_value(cvk_session *s, int32_t op_index, int32_t output, cvk_tensor **out);

#ifdef __cplusplus
}
#endif
#endif
