/* SPDX-License-Identifier: Apache-2.0 */
/* conformance.h: convoke-conformance, the program that holds a plugin against the rules of docs/plugin-abi.md. The parent opens no plugin: every
 * group of checks runs in a child of its own, which tells its results over a pipe, so that a plugin that crashes or hangs costs one check.
 *   main.c  arguments and the order of groups        report.c  table, JSON, JUnit
 *   child.c  one group in a child                    host.c    the host table that the plugin sees
 *   memory.c  blocks at guard pages                  layout.c  plain tensors to and from other formats
 *   plugin.c  opening it, and an op run once         op_case.c a case's line as an op
 *   op_checks.c  every op against the reference      rule_checks.c, device_checks.c  all other rules
 *   elf.c     what the file exports and needs        speed.c   times beside the cpu backend */
#ifndef CVK_CONFORMANCE_H
#define CVK_CONFORMANCE_H

#include <convoke/convoke.h>
#include <pthread.h>
#include <stdatomic.h>

#include "loader.h"
#include "sample_run.h"

enum { TEXT_BYTES = 600 };

/* ---- children (child.c) ---- */

typedef struct line_sink { /* in the parent: gets each result line, '\0'-terminated */
  void (*take)(void *arg, char *line);
  void *arg;
} line_sink;

typedef struct child_end {
  int32_t complete;      /* it came to its end */
  char what[TEXT_BYTES]; /* else: "killed by signal 11 (Segmentation fault) in: ..." */
  int64_t out_bytes, err_bytes; /* that it wrote to standard output and error */
} child_end;

/* Runs group(arg) in a child. seconds: of silence, after which it is taken to hang. */
void child_run(void (*group)(void *arg), void *arg, int32_t seconds, line_sink sink, child_end *end);
/* In a child: what it is at, and results; printf formats. */
void child_at(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void child_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- the host (host.c) ---- */

enum { IN_ORDER, REVERSED, ON_THREADS }; /* how parallel_for runs its tasks: one worker; workers taking turns, last task first; three threads */
enum { WATCHED = SAMPLE_OUTPUTS + 1 };
typedef struct watched { const void *data; uint64_t bytes; } watched;

typedef struct test_host {
  cvk_host table;
  cvk_context *settings;  /* whose options the plugin may ask for; NULL: none */
  int32_t mode;
  _Atomic int64_t live, calls; /* allocations that were not freed; all of them */
  int64_t fail_at;             /* the call that gets no memory; -1: none */
  int32_t in_execute;
  _Atomic int64_t execute_calls; /* allocations while in_execute */
  _Atomic int64_t overruns;      /* blocks written past their end */
  _Atomic int64_t strays;        /* frees of what alloc did not give */
  watched watch[WATCHED];        /* memory that the tasks of a loop share out; looked at in mode REVERSED */
  int64_t clashes;               /* tasks that changed what another worker's task of the loop had changed */
  char said[TEXT_BYTES];         /* the last sentence of fail */
} test_host;

void test_host_init(test_host *h, cvk_context *settings);
/* After instance_destroy. 0: `why` says what is wrong with its memory. */
int test_host_is_clean(const test_host *h, char *why, size_t why_bytes);

/* ---- memory (memory.c) ---- */

enum { AT_END, AT_START };
typedef struct block { /* bytes between two pages that nobody may touch, at the one end or the other, 0xff in the rest */
  char *map;
  size_t map_bytes;
  char *data;
  uint64_t bytes;
} block;
int block_make(block *b, uint64_t bytes, uint64_t alignment, int where); /* 0: no memory */
void block_protect(block *b, int writable);
int block_is_sound(const block *b); /* nothing around the data was written */
void block_free(block *b);

/* ---- formats (layout.c) ---- */

/* plain, d->format's: host pointers, elements of d->dtype. Not CVK_PRIVATE. */
void layout_from_plain(const cvk_tensor_desc *d, const void *plain, void *to);
void layout_to_plain(const cvk_tensor_desc *d, const void *from, void *plain);
int layout_lanes_are_zero(const cvk_tensor_desc *d, const void *data); /* of a blocked tensor */

/* ---- a plugin (plugin.c) ---- */

typedef struct plugin {
  test_host *host;
  cvk_backend table;
  cvk_instance *inst;
  cvk_backend_device *dev;
  cvk_device_info info;
  int32_t host_memory;
  cvk_queue *queue;
} plugin;

/* Opens file and device `index`. 0: `why` has the sentence. */
int plugin_load(plugin *p, const char *path, char *why, size_t why_bytes);
int plugin_open(plugin *p, test_host *host, int32_t index, char *why, size_t why_bytes);
void plugin_close(plugin *p); /* device and instance; the library stays */

/* Where a tensor lies: a block, or a range of a device's buffer with 0xff around. */
typedef struct place {
  block b;
  cvk_buffer *buffer;
  cvk_arg arg;
} place;
cvk_status place_make(plugin *p, uint64_t bytes, uint64_t alignment, int where, place *out);
cvk_status place_write(plugin *p, place *at, const void *data);
cvk_status place_read(plugin *p, place *at, void *data);
int place_is_sound(plugin *p, place *at);
void place_free(plugin *p, place *at);

cvk_status plugin_finish(plugin *p); /* waits for the queue, if any */
uint64_t plugin_tensor_bytes(plugin *p, const cvk_tensor_desc *d);

enum { MOST_CANDIDATES = 16 };
/* Asks for candidates; *n 0: not supported. 0: the answer breaks a rule, told in why. */
int plugin_ask(plugin *p, const cvk_op *op, cvk_candidate *room, int32_t *n, char *why, size_t why_bytes);

/* ---- cases as ops (op_case.c) ---- */

enum { CASE_IN = SAMPLE_OPERANDS + SAMPLE_STEPS };
typedef struct op_case {
  op_sample sample;      /* cut to what the op covers */
  int32_t n_own;         /* operands of the op itself; those of post-ops follow */
  int32_t tensor[CASE_IN]; /* of the sample; -1: absent */
  void *data[CASE_IN];
  cvk_tensor_desc in_desc[CASE_IN], out_desc[SAMPLE_OUTPUTS];
  const cvk_tensor_desc *in[CASE_IN], *out[SAMPLE_OUTPUTS];
  uint64_t attr[72], post_attr[SAMPLE_STEPS][8]; /* room for any attribute, for any activation's */
  cvk_post_op post[SAMPLE_STEPS];
  const cvk_post_op *posts[SAMPLE_STEPS];
  cvk_op op;
} op_case;

int32_t op_case_posts(const op_sample *s); /* post-ops that the steps behind the first can be, at most */
/* way: SAMPLE_*. 0: `why` says what is wrong. */
int op_case_make(const op_sample *s, int way, int32_t n_post, op_case *c, char *why, size_t why_bytes);
void op_case_free(op_case *c);
/* The formats of a candidate in the descs. */
void op_case_format(op_case *c, const cvk_candidate *candidate);

/* ---- groups of checks ---- */

typedef struct group_arg {
  const char *path;
  const char *cpu_path; /* for times; NULL: none */
  int32_t device;
  int32_t kind;         /* ops */
  int32_t from;         /* the first case, after a crash */
} group_arg;

/* Lines: "C\tINDEX\tPASS|FAIL|SKIP\tWORST\tTEXT" a case, "W\tROW" a row that ran, "F\tTEXT" a fault of no one case. */
void op_group(void *arg);
int32_t op_cases_of(int32_t kind); /* how many there are */
const char *op_case_text(int32_t kind, int32_t index);
/* "S\tNS\tCPU_NS": the best row's time for the op's larger case, and that of the cpu backend (0: none). */
void speed_group(void *arg);

typedef struct rule_check { /* of rules beside results */
  const char *rule, *title;
  void (*run)(const group_arg *g); /* tells check_pass, check_fail or check_skip once; none: passed */
} rule_check;
extern const rule_check rule_checks[], device_checks[]; /* end with a NULL rule */
void check_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void check_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- the file (elf.c) ---- */

typedef struct elf_names { int32_t n; char name[64][128]; } elf_names;
/* Functions that the file exports, libraries that it needs. 0: not a 64-bit ELF file. */
int elf_read(const char *path, elf_names *exports, elf_names *needed);

#endif
