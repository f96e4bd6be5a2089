/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: a graph made ready for one set of input shapes and one device. Built in this order, one file each:
 *   lower.c (shapes, constant folding, views; widen.c: float16 through float32) -> simplify.c (patterns, pads) -> affine.c (scales and shifts into weights)
 *   -> fuse.c (post-ops) -> place.c (device and kernel row of each op)
 *   -> schedule.c (steps, reorders, copies; alias.c: concat and split without steps) -> memory_plan.c (offsets) -> prepare.c (packs, kernels, arguments); run by execute.c. */
#ifndef CVK_PLAN_H
#define CVK_PLAN_H

#include <convoke/session.h>

#include "arena.h"
#include "device_internal.h"
#include "graph_internal.h"
#include "tensor_internal.h"

#define CVK_PLAN_DEVICES 3 /* the session's, the CPU backend, the reference */
#define CVK_MAX_POST 8
#define CVK_MAX_OPTIONS 16

/* ---- values and ops (lower.c, fuse.c) ---- */

typedef struct cvk_plan_value {
  cvk_tensor_desc desc; /* plain; const_data set when constant */
  cvk_tensor *constant; /* retained, or NULL */
  int32_t pinned;       /* the constant's data is held in memory, and const_data set */
  int32_t view_of;      /* the value whose elements these are under another shape, or -1 */
  int32_t input;        /* index among the graph's inputs, or -1 */
  int32_t uses;         /* reading ops, views and graph outputs */
  int32_t reader;               /* position in order of the last op found reading it, or -1 (cvk_plan_find_readers) */
  int32_t maker;                /* the op that makes it, or -1 (the same) */
  int32_t wide, raw;            /* of a float16 or bfloat16: its float32 (widen.c), and the one it was rounded from; 0: none was made */
} cvk_plan_value;

typedef struct cvk_plan_post {
  int32_t kind;
  int32_t operand; /* value, or -1 */
  int32_t has_attr;
  int32_t op;      /* the op this was */
  cvk_any_attr attr;
} cvk_plan_post;

typedef struct cvk_plan_option { /* a way to run an op */
  int32_t device;
  cvk_candidate candidate;
} cvk_plan_option;

typedef struct cvk_plan_op {
  int32_t kind, has_attr;
  cvk_any_attr attr; /* resolved */
  int32_t n_in, n_out;
  int32_t *in, *out; /* values; -1: absent */
  int32_t n_post;
  cvk_plan_post *post;
  int32_t node;      /* in the graph */
  int32_t with_bn;   /* a batch norm was folded into the weights */
  int32_t dead;      /* absorbed by another op */
  int32_t n_options;
  cvk_plan_option *options;
  int32_t chosen;    /* index of the option taken */
} cvk_plan_op;

/* ---- where values lie and what runs (schedule.c, memory_plan.c) ---- */

enum { CVK_STORAGE_ARENA, CVK_STORAGE_CONSTANT, CVK_STORAGE_INPUT, CVK_STORAGE_OUTPUT };

typedef struct cvk_plan_storage {
  int32_t type, space;
  int32_t io;           /* INPUT, OUTPUT: index among the graph's */
  int32_t first, last;  /* steps between which it is alive */
  int32_t part_of;      /* the storage that this one is a part of (alias.c), or -1 */
  uint64_t bytes, offset; /* offset: of a part, in its whole; memory_plan.c makes it the place in the arena or tensor */
  void *buffer;         /* CONSTANT: host pointer or cvk_buffer; NULL until prepare.c: a step lays it out */
  int32_t owned;        /* CONSTANT: what of buffer is the plan's to free: 0 nothing, 1 host memory, 2 a cvk_buffer */
} cvk_plan_storage;

typedef struct cvk_plan_slot { /* a value in one format in one space */
  int32_t value, space, storage;
  int32_t owner; /* the device whose private layout it is in, or -1 */
  cvk_tensor_desc desc;
} cvk_plan_slot;

enum { CVK_STEP_RUN, CVK_STEP_COPY };

typedef struct cvk_plan_step {
  int32_t type;
  int32_t device;             /* RUN: runs on it */
  int32_t op;                 /* index, or -1 for an inserted reorder or copy */
  int32_t once;               /* lays a constant out: prepare.c runs it and takes it out of the steps */
  int32_t n_in, n_out;
  int32_t *in, *out;          /* slots; -1: absent (a pack, an unread output) */
  cvk_candidate candidate;
  cvk_kernel *kernel;
  cvk_arg *in_args, *out_args, workspace;
  const char *label;          /* "conv+relu" */
  int64_t multiply_adds, bytes, ns, start_ns;
  int64_t host_ns, host_start_ns; /* what the host spent on it: all of it, or its submission */
  cvk_event *event;           /* of the run in hand, when profiling an asynchronous device */
  int32_t timed;              /* start_ns is of the device's clock, for the moment */
} cvk_plan_step;

typedef struct cvk_plan_space { /* 0: host memory; i: the memory of devices[i-1] where it has its own */
  cvk_device *dev;        /* borrowed; NULL for host */
  uint64_t arena_bytes;   /* values, then the workspace */
  uint64_t bound_bytes, workspace_bytes, workspace_offset;
  void *arena;            /* host pointer or cvk_buffer */
} cvk_plan_space;

typedef struct cvk_plan_patch { cvk_arg *arg; int32_t storage; } cvk_plan_patch; /* an argument that each run sets */

typedef struct cvk_plan_output {
  int32_t slot;
  int32_t direct; /* the storage is bound to the output tensor: nothing to transfer */
} cvk_plan_output;

/* One input or output as a plan depends on it. */
typedef struct cvk_io_key {
  int32_t dtype, rank, on_device;
  int64_t dim[CVK_MAX_RANK];
  cvk_tensor *value; /* by-value inputs: a private host copy (in a plan), the tensor itself (in a lookup) */
} cvk_io_key;

typedef struct cvk_weights cvk_weights; /* packed and folded weights, shared among plans and clones: weights.h */

typedef struct cvk_plan {
  cvk_arena memory; /* of all arrays here */
  cvk_graph *graph; /* borrowed from the session */
  cvk_weights *weights;
  const cvk_session_options *options;
  cvk_io_key *inputs;
  int32_t *output_on_device;
  uint64_t used; /* clock of the session's cache */

  int32_t n_devices;
  cvk_device *devices[CVK_PLAN_DEVICES]; /* borrowed from the session; a fallback is NULL until asked for */
  cvk_device *(*fallback)(void *session, int32_t index);
  void *session;

  int32_t n_values, cap_values;
  cvk_plan_value *values; /* 0..graph->n_values-1 are the graph's */
  int32_t n_ops;
  cvk_plan_op *ops;
  int32_t *order;   /* ops in the order of execution; -1: gone */
  int32_t views; /* ops that became another look at memory */
  uint64_t fold_bytes, fold_work; /* what lower.c may still spend on folding; 0 before: in proportion to the graph's constants */
  double cost_ns, runner_up_ns;

  int32_t n_slots, cap_slots, n_storages, cap_storages, n_steps, cap_steps, n_patches, cap_patches;
  cvk_plan_slot *slots;
  cvk_plan_storage *storages;
  cvk_plan_step *steps;
  cvk_plan_patch *patches;
  cvk_plan_output *outputs;
  int32_t host_io; /* a tensor of a run lies in host memory: the run waits for its devices */
  cvk_plan_space spaces[CVK_PLAN_DEVICES + 1];
  int64_t copies, copied_bytes, run_ns; /* of the last run */
} cvk_plan;

cvk_status cvk_plan_lower(cvk_plan *p);
/* The activation attribute of a convolution, the last op so far, becomes an op of its own, which fuse.c offers as a post-op like any other. */
cvk_status cvk_plan_split_activation(cvk_plan *p, cvk_plan_op *op);
/* Nonzero: no device but the reference has the op, of float16 or bfloat16, and one has it in float32. The op's values have their descs. */
int32_t cvk_plan_is_widened(cvk_plan *p, const cvk_plan_op *op);
/* Appends the op in float32, between casts. */
cvk_status cvk_plan_widen(cvk_plan *p, const cvk_plan_op *op);
cvk_status cvk_plan_simplify(cvk_plan *p);
cvk_status cvk_plan_fold_affine(cvk_plan *p);
cvk_status cvk_plan_fuse_and_ask(cvk_plan *p); /* post-ops offered, refused tails dropped; every op has options after it */
cvk_status cvk_plan_place(cvk_plan *p);
cvk_status cvk_plan_schedule(cvk_plan *p);
/* A CONCAT or SPLIT whose parts are ranges of the whole under candidate c: how many, and the byte at which each begins. 0: it needs a step. */
int32_t cvk_plan_parts(const cvk_plan *p, const cvk_plan_op *op, const cvk_candidate *c, uint64_t *at);
int32_t cvk_plan_root(const cvk_plan *p, int32_t storage);    /* the storage that it is a part of in the end, or itself */
uint64_t cvk_plan_offset(const cvk_plan *p, int32_t storage); /* the byte of that one at which it begins */
cvk_status cvk_plan_memory(cvk_plan *p);
cvk_status cvk_plan_prepare(cvk_plan *p);
cvk_status cvk_plan_execute(cvk_plan *p, cvk_tensor *const *inputs, cvk_tensor *const *outputs);
void cvk_plan_free(cvk_plan *p);

/* What every pass must leave true: ops in an order in which values exist before they are read, live values counted, shapes as the ops' rules have
 * them, no memory shared by values that are needed at once. Each pass is followed by it: it costs 0.1 % of what planning takes. INTERNAL with a sentence
 * that names `pass` where it is not so. verify.c */
cvk_status cvk_plan_verify(cvk_plan *p, const char *pass);

/* ---- shared by the passes ---- */

/* edit.c: who reads and makes each value, for the two functions below and for values[].maker. */
void cvk_plan_find_readers(cvk_plan *p);
int32_t cvk_plan_only_reader(const cvk_plan *p, int32_t v);      /* the one op that reads v; -1: several do, a view does, or v is an output */
void cvk_plan_retire(cvk_plan *p, int32_t op);                   /* it is dead and leaves the order */
int32_t cvk_all_finite(const float *x, int64_t n);
int32_t cvk_plan_constants(const cvk_plan *p, const cvk_plan_op *op, int32_t from); /* its inputs from there on are absent or f32 constants */
void cvk_plan_count_uses(cvk_plan *p); /* lower.c: anew; ops whose results nobody reads die. Before outputs are exchanged only (affine.c, fuse.c) */

cvk_status cvk_plan_no_memory(void); /* cvk_fail with the plan's sentence */
cvk_status cvk_plan_add_value(cvk_plan *p, const cvk_tensor_desc *desc, cvk_tensor *constant, int32_t *out); /* retains constant */
cvk_status cvk_plan_pin(cvk_plan *p, int32_t value); /* a constant's data is in memory from here on, and const_data set */
void cvk_plan_unpin(cvk_plan *p, int32_t value);     /* it is not read any more */
int32_t cvk_plan_space_of(const cvk_plan *p, int32_t device);
int64_t cvk_op_multiply_adds(int32_t kind, const cvk_any_attr *attr, const cvk_tensor_desc *const *in, const cvk_tensor_desc *out0);
/* What the reference spends on an op: multiply-adds, or elements read and written where these are more. */
uint64_t cvk_op_work(int32_t kind, const cvk_any_attr *attr, int32_t n_in, const cvk_tensor_desc *const *in, int32_t n_out, const cvk_tensor_desc *out);
int32_t cvk_format_equal(const cvk_format *a, const cvk_format *b);
/* The device that a format belongs to: a private layout's number means something to `device` alone. -1: all know it. */
static inline int32_t cvk_format_owner(const cvk_format *f, int32_t device) { return f->layout == CVK_PRIVATE ? device : -1; }
/* Format that a candidate wants for input i. */
cvk_format cvk_candidate_in(const cvk_plan_op *op, const cvk_candidate *c, int32_t i);
/* A cvk_op for the backend over an op of the plan with n_post post-ops. Formats: plain, or those of `c`. Lives in *hold. */
typedef struct cvk_op_view {
  cvk_op op;
  cvk_tensor_desc in_desc[CVK_MAX_INPUTS + CVK_MAX_POST], out_desc[CVK_MAX_OUTPUTS];
  const cvk_tensor_desc *in[CVK_MAX_INPUTS + CVK_MAX_POST], *out[CVK_MAX_OUTPUTS];
  cvk_post_op post[CVK_MAX_POST];
  const cvk_post_op *posts[CVK_MAX_POST];
} cvk_op_view;
void cvk_op_view_fill(const cvk_plan *p, const cvk_plan_op *op, int32_t n_post, const cvk_candidate *c, cvk_op_view *hold);
/* Asks a device; fills options (room for CVK_MAX_OPTIONS), honouring forced rows and EXACT. */
cvk_status cvk_plan_ask(const cvk_plan *p, int32_t device, const cvk_op *op, cvk_plan_option *options, int32_t *n);

#endif
