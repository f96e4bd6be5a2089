/* SPDX-License-Identifier: Apache-2.0 */
/* cl.h: the contract inside the OpenCL backend. An op family is one X_list.c with a table of rows and one kernels_cl/X.cl.
 * A row accepts an op (or says why not), then builds a kernel: a list of launches whose arguments are all set at prepare, except the
 * buffers of inputs, outputs and workspace, which cvk execute binds. Every buffer is a pair of kernel arguments, (global T *, ulong offset
 * in elements), so packed constants and run-time tensors use the same source.
 * To add a family: write both files, name the list in lists.c, add both to the meson.build files. */
#ifndef CVK_OPENCL_CL_H
#define CVK_OPENCL_CL_H

#include <CL/cl.h>
#include <convoke/plugin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "class.h"

#define OCL_BLOCK 16 /* channels a block of CVK_BLOCKED tensors: one float16 */

/* ---- errors ---- */

#if defined(__GNUC__)
#define OCL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define OCL_PRINTF(f, a)
#endif

/* host->fail and host->log with a format. */
cvk_status ocl_fail(const cvk_host *host, cvk_status status, const char *fmt, ...) OCL_PRINTF(3, 4);
void ocl_log(const cvk_host *host, int32_t level, const char *fmt, ...) OCL_PRINTF(3, 4);
const char *ocl_error_name(cl_int error);  /* "CL_OUT_OF_RESOURCES" */
cvk_status ocl_error_status(cl_int error); /* the cvk_status that an OpenCL error stands for */
/* CVK_OK, or fails with "CALL: CL_ERROR_NAME" and the device; a lost device is marked. */
cvk_status ocl_check(cvk_backend_device *dev, cl_int error, const char *call);

/* ---- devices ---- */

typedef struct ocl_program ocl_program;

/* What all that is open on one device has in common: some drivers take long to make a context. Kept until the instance goes; after a
 * loss, or in a forked process, the next opening gets a fresh one. */
typedef struct ocl_shared {
  pid_t pid; /* the process that made it */
  cl_context context;
  int32_t users;     /* guarded by the instance's lock */
  atomic_int spoilt; /* a device on it was lost: goes with its last user */
  pthread_mutex_t program_lock;
  ocl_program *programs;
  atomic_int unsaved_programs, cache_refused; /* cache_refused: its folder cannot be written, which was said once */
  atomic_int clblast_used;
} ocl_shared;

typedef struct ocl_record { /* one device as discovered */
  cl_platform_id platform;
  cl_device_id id;
  ocl_shared *shared; /* NULL before the first opening */
} ocl_record;

struct cvk_instance {
  const cvk_host *host;
  pthread_mutex_t lock; /* guards discovery, and what devices share */
  int32_t discovered, n_records;
  ocl_record *records;
};

struct cvk_backend_device {
  const cvk_host *host;
  cvk_instance *instance;
  int32_t index;
  pid_t pid; /* the process that opened it */
  cl_platform_id platform;
  cl_device_id id;
  ocl_shared *shared;
  cl_context context; /* shared->context */
  char identity[512]; /* platform, device, driver and our version: the part of a cached program's key that is not source */
  char label[160];    /* "opencl:0 (NAME)", for messages */
  const ocl_class *class;
  int32_t cpu_class; /* class->cpu */
  int32_t unified;    /* host and device share memory */
  int32_t denormals;  /* it keeps numbers below the smallest normal one */
  int32_t shares;     /* buffers are fine-grained shared memory: the host may read and write them in place */
  uint64_t alignment; /* of buffers and offsets, bytes, >= 64 */
  uint64_t max_alloc_bytes, memory_bytes, local_bytes;
  size_t max_group, max_item[3];
  int32_t units;         /* compute units, >= 1 */
  int32_t vector_floats; /* native width: floats of a register */
  double peak_gflops; /* rough, for cost estimates */
  _Atomic uint64_t used_bytes;
  atomic_int lost;
};

/* A number that the device says of itself; 0 when the driver fails. */
uint64_t ocl_device_ulong(cl_device_id id, cl_device_info what);
uint32_t ocl_device_uint(cl_device_id id, cl_device_info what);

/* CVK_OK, or DEVICE_LOST or AFTER_FORK with the sentence: the first line of every call that reaches the driver. */
cvk_status ocl_device_ready(cvk_backend_device *dev);
void ocl_device_lose(cvk_backend_device *dev); /* from now on it is not ready; the next opening starts afresh */

/* ---- memory ---- */

struct cvk_buffer {
  cvk_backend_device *dev;
  cl_mem mem;
  uint64_t bytes;
  char *shared; /* the same bytes for the host, valid whenever no command is under way; NULL: only commands reach them */
};
/* A cl_mem of at least 1 byte, checked against the device's limits and counted; data NULL: uninitialised. */
cvk_status ocl_mem_create(cvk_backend_device *dev, cl_mem_flags flags, uint64_t bytes, const void *data, cl_mem *out);
cvk_status ocl_buffer_of(cvk_backend_device *dev, uint64_t bytes, void *data, cvk_buffer **out); /* a copy of data */
void ocl_mem_release(cvk_backend_device *dev, cl_mem mem, uint64_t bytes);

typedef struct ocl_read { /* a copy to the host that waits for the end of the queue's commands */
  cl_mem mem; /* retained */
  const char *shared;
  uint64_t offset, bytes;
  void *to;
} ocl_read;

#define OCL_MAX_READS 16

/* In order. Where buffers are shared with the host, what is written while nothing is under way, and what is read when all is done, is
 * copied by the host: a command costs more than the copy of a small tensor. */
struct cvk_queue {
  cvk_backend_device *dev;
  cl_command_queue queue;
  int32_t idle; /* nothing was enqueued since the last finish */
  int32_t n_reads;
  ocl_read reads[OCL_MAX_READS]; /* of commands enqueued so far; done by queue_finish, or before the next command */
};
/* Before a command is enqueued: reads that wait are settled. */
cvk_status ocl_queue_enter(cvk_queue *q);

struct cvk_event { /* of one execution: its first and last commands, which may be one */
  cvk_backend_device *dev;
  cl_event first, last;
};
/* Puts a fresh event around both. Takes them over, also on failure. */
cvk_status ocl_event_wrap(cvk_backend_device *dev, cl_event first, cl_event last, cvk_event **out);
int64_t ocl_now_ns(void);
cvk_status ocl_event_poll(cvk_backend_device *dev, cl_event ev, int64_t timeout_ns);

/* ---- rows ---- */

typedef struct ocl_row ocl_row;

/* A question to a row: "would you run this op?". The candidate comes zeroed, with struct_size, row, inplace -1 and every format plain. */
typedef struct ocl_query {
  cvk_backend_device *dev;
  const ocl_row *row;
  const cvk_op *op;
  cvk_candidate *candidate;
  char why[256];
} ocl_query;

/* An op under preparation, or a constant input under packing (kernel NULL). */
typedef struct ocl_build {
  cvk_backend_device *dev;
  const ocl_row *row;
  const cvk_op *op; /* descs carry the candidate's formats */
  const cvk_candidate *candidate;
  cvk_pack *const *packs;
  cvk_kernel *kernel;
} ocl_build;

typedef struct ocl_call { /* one execution */
  cvk_queue *queue;
  const cvk_arg *in, *out;
  const cvk_arg *workspace;
} ocl_call;

struct ocl_row {
  const char *name; /* as seen in profiles */
  int32_t layout;   /* the row's own use: CVK_PLAIN, CVK_BLOCKED ... */
  int32_t variant;  /* the row's own use */
  /* 1: takes the op; has filled the candidate's formats, pack[], workspace_bytes, estimated_ns. 0: return ocl_refuse(q, "reason"). */
  int32_t (*accepts)(ocl_query *q);
  /* Adds the launches to b->kernel. */
  cvk_status (*prepare)(ocl_build *b);
  /* Packed weights of constant input `input`: their size, and their bytes from b->op->in[input]->const_data. NULL: none. */
  uint64_t (*pack_bytes)(const ocl_build *b, int32_t input);
  void (*pack_fill)(const ocl_build *b, int32_t input, void *dst);
  /* Instead of the launches, for rows on another library; NULL: enqueue the launches. */
  cvk_status (*execute)(cvk_kernel *kernel, const ocl_call *call);
};

typedef struct ocl_list { /* an op family: rows, best first, and the op kinds that they are asked about */
  const int32_t *kinds;
  int32_t n_kinds, n_rows;
  const ocl_row *rows;
} ocl_list;

extern const ocl_list *const ocl_lists[]; /* NULL-terminated; lists.c */
const ocl_row *ocl_row_find(const char *name);

int32_t ocl_refuse(ocl_query *q, const char *fmt, ...) OCL_PRINTF(2, 3); /* returns 0 */
/* Nanoseconds: the larger of the arithmetic at `efficiency` of the peak and the memory traffic, plus a launch. */
double ocl_estimate(const cvk_backend_device *dev, double flops, double bytes, double efficiency);
/* `efficiency` of a kernel of explicit vectors: what it is on a CPU, a thousandth on other devices, whose items it wastes. */
double ocl_vectors(const cvk_backend_device *dev, double efficiency);
/* Sets in[i] (or out[i]) of the candidate to `layout`, with block 16 where that is CVK_BLOCKED. */
void ocl_want_in(ocl_query *q, int32_t i, int32_t layout);
void ocl_want_out(ocl_query *q, int32_t i, int32_t layout);
int32_t ocl_is_blocked16(const cvk_format *f);
/* Asks for constant input i through pack_create, in pack format `number` (>= 1); nothing when the input is absent or run-time. */
void ocl_want_pack(ocl_query *q, int32_t i, uint64_t number);

/* ---- kernels: launches and their arguments ---- */

/* For an execute of a row's own: the launches that its prepare added. `events` NULL: not wanted; else the first
 * launch's and the last's, which may be the same, each to be released. */
cvk_status ocl_enqueue_launches(const cvk_kernel *k, const ocl_call *call, cl_event events[2]);

#define OCL_MAX_BINDINGS 24
enum { OCL_IN = 0, OCL_OUT = 1, OCL_WORKSPACE = 2 };

typedef struct ocl_binding { /* a run-time buffer and its offset: kernel arguments arg and arg + 1 */
  cl_uint arg;
  int32_t source, index; /* OCL_IN ..., position in in[] or out[] */
  uint64_t add_bytes;    /* onto the offset */
  uint64_t element_bytes;
} ocl_binding;

typedef struct ocl_launch {
  cvk_backend_device *dev;
  cl_kernel kernel;
  cvk_status status; /* the first failure while arguments were set */
  cl_uint next_arg, dims;
  size_t global[3], local[3];
  int32_t n_bindings;
  ocl_binding binding[OCL_MAX_BINDINGS];
} ocl_launch;

typedef struct ocl_owned { /* memory that lives as long as the kernel */
  struct ocl_owned *next;
  cl_mem mem;
  uint64_t bytes;
} ocl_owned;

struct cvk_kernel {
  cvk_backend_device *dev;
  const ocl_row *row;
  ocl_owned *owned;
  int32_t n_launches, room;
  ocl_launch **launches;
  void *state; /* of rows with an execute of their own; host->free'd */
};

struct cvk_pack {
  cvk_backend_device *dev;
  cvk_buffer *buffer;
};

/* Starts a launch of kernel function `name` of kernels_cl/FILE.cl built with `options` ("" usually). Arguments follow in the order of the
 * kernel's parameters; a failure sticks and comes out of ocl_launch_end. NULL only when out of memory (ocl_launch_end accepts NULL). */
ocl_launch *ocl_launch_begin(ocl_build *b, const char *file, const char *options, const char *name);
void ocl_arg_long(ocl_launch *l, int64_t v);                    /* a .cl long */
void ocl_arg_longs(ocl_launch *l, int32_t n, const int64_t *v); /* n successive longs */
void ocl_arg_int(ocl_launch *l, int32_t v);
void ocl_arg_ints(ocl_launch *l, int32_t n, const int64_t *v); /* n successive ints; v fit */
void ocl_arg_float(ocl_launch *l, float v);
void ocl_arg_value(ocl_launch *l, size_t bytes, const void *v); /* any other type by value: a long8, a float4 */
void ocl_arg_local(ocl_launch *l, size_t bytes);                /* a local pointer */
/* Buffer pairs (pointer, ulong offset in elements of the tensor's type). ocl_arg_in serves packs and inputs bound at execute; an absent
 * input gives a NULL pointer. */
void ocl_arg_in(ocl_launch *l, ocl_build *b, int32_t i);
void ocl_arg_in_at(ocl_launch *l, ocl_build *b, int32_t i, uint64_t element); /* from that element on */
void ocl_arg_out(ocl_launch *l, ocl_build *b, int32_t i);
void ocl_arg_workspace(ocl_launch *l, uint64_t offset_bytes, uint64_t element_bytes);
void ocl_arg_none(ocl_launch *l);                                                 /* a NULL buffer */
void ocl_arg_data(ocl_launch *l, ocl_build *b, const void *data, uint64_t bytes); /* a table of the kernel's own, copied */
/* Sizes the launch: items per dimension (an item is what the kernel's guard counts) and the local size that would be best; cut to the
 * device's and the kernel's limits, 1 on CPU-class devices, and the items rounded up: kernels guard. No items: the launch is dropped. */
cvk_status ocl_launch_end(ocl_build *b, ocl_launch *l, cl_uint dims, const int64_t *items, const size_t *local);

/* Instead, for kernels with a local size of their own: so many work-groups per dimension. */
cvk_status ocl_launch_groups(ocl_build *b, ocl_launch *l, cl_uint dims, const int64_t *groups, const size_t *local);
/* How many items a work-group of the launch's kernel may have here; 0 after a failure. */
size_t ocl_launch_most_items(const ocl_launch *l);
void ocl_launch_drop(ocl_build *b, ocl_launch *l); /* the launch begun last leaves the kernel again */

/* ---- programs ---- */

/* A kernel object of kernels_cl/FILE.cl, its program built or taken from the cache once a device. */
cvk_status ocl_kernel_create(cvk_backend_device *dev, const char *file, const char *options, const char *name, cl_kernel *out);
void ocl_programs_save(cvk_backend_device *dev); /* writes new programs to the disk cache; after their kernels have run */
void ocl_programs_release(const cvk_host *host, ocl_shared *shared);

/* ---- the table's functions, by file ---- */

cvk_status ocl_device_count(cvk_instance *inst, int32_t *n);
cvk_status ocl_device_info(cvk_instance *inst, int32_t index, cvk_device_info *info);
cvk_status ocl_device_open(cvk_instance *inst, int32_t index, cvk_backend_device **out);
void ocl_device_close(cvk_backend_device *dev);
void ocl_shared_free(const cvk_host *host, ocl_shared *shared); /* NULL: nothing */
cvk_status ocl_supports(cvk_backend_device *dev, const cvk_op *op, cvk_candidate *const *candidates, int32_t *n);
cvk_status ocl_prepare(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *c, cvk_pack *const *packs, cvk_kernel **out);
cvk_status ocl_execute(cvk_kernel *kernel, cvk_queue *queue, const cvk_arg *in, const cvk_arg *out, const cvk_arg *workspace,
                       cvk_event *const *wait, int32_t n_wait, cvk_event **event);
void ocl_kernel_free(cvk_kernel *kernel);
cvk_status ocl_pack_create(cvk_backend_device *dev, const cvk_op *op, const cvk_candidate *c, int32_t input, cvk_pack **out);
void ocl_pack_free(cvk_pack *pack);
cvk_status ocl_buffer_alloc(cvk_backend_device *dev, uint64_t bytes, cvk_buffer **out);
void ocl_buffer_free(cvk_buffer *buf);
cvk_status ocl_buffer_write(cvk_queue *q, cvk_buffer *dst, uint64_t offset, uint64_t bytes, const void *src);
cvk_status ocl_buffer_read(cvk_queue *q, cvk_buffer *src, uint64_t offset, uint64_t bytes, void *dst);
cvk_status ocl_buffer_copy(cvk_queue *q, cvk_buffer *src, uint64_t src_offset, cvk_buffer *dst, uint64_t dst_offset, uint64_t bytes);
cvk_status ocl_buffer_map(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, void **p);
cvk_status ocl_buffer_unmap(cvk_queue *q, cvk_buffer *buf, void *p);
cvk_status ocl_buffer_import(cvk_backend_device *dev, void *host, uint64_t bytes, cvk_buffer **out);
cvk_status ocl_buffer_fill(cvk_queue *q, cvk_buffer *buf, uint64_t offset, uint64_t bytes, int32_t byte_value);
cvk_status ocl_queue_open(cvk_backend_device *dev, int32_t profiling, cvk_queue **out);
cvk_status ocl_queue_finish(cvk_queue *q, int64_t timeout_ns);
void ocl_queue_close(cvk_queue *q);
cvk_status ocl_event_wait(cvk_event *e, int64_t timeout_ns);
cvk_status ocl_event_time(cvk_event *e, int64_t *start_ns, int64_t *end_ns);
void ocl_event_free(cvk_event *e);

/* Why there is no device: the loader, the vendors folder, each .icd file and its library (icd_report.c). Returns buf. */
const char *ocl_icd_report(const cvk_host *host, char *buf, size_t bytes);

#endif
