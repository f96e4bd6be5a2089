/* SPDX-License-Identifier: Apache-2.0 */
/* op_run.h: see op_run.c. Order: set p, c, candidate, mode and fp_mode; op_run_make; op_run_execute and the questions, any number of times;
 * op_run_release, also after a failure. */
#ifndef CVK_OP_RUN_H
#define CVK_OP_RUN_H

#include "conformance.h"

typedef struct op_run {
  plugin *p;
  op_case *c; /* with the candidate's formats */
  const cvk_candidate *candidate;
  int32_t mode;       /* of parallel_for */
  int32_t with_event; /* ask for one, where there are any */
  int32_t unwatched;  /* inputs may be written: for times */
  uint64_t fp_mode;
  cvk_kernel *kernel;
  cvk_pack *packs[CASE_IN];
  block constant[CASE_IN]; /* const_data as the plugin sees it: while the rules say that it lives */
  place in[CASE_IN], out[SAMPLE_OUTPUTS], workspace;
} op_run;

/* where: AT_END, AT_START. newer: structs as a newer host would fill them. */
cvk_status op_run_make(op_run *r, int where, uint32_t newer);
/* The same kernel with other memory for all tensors. */
cvk_status op_run_move(op_run *r, int where);
/* inplace >= 0: output 0 is where this input is. */
cvk_status op_run_execute(op_run *r, int32_t inplace);
int op_run_is_sound(op_run *r, char *why, size_t why_bytes);
int op_run_kept_inputs(op_run *r, char *why, size_t why_bytes);
/* Output o in plain format; op_run_bytes of it. *lanes 0: lanes past the last channel are not zero. */
cvk_status op_run_read(op_run *r, int32_t o, int32_t inplace, void *plain, int *lanes);
uint64_t op_run_bytes(const op_run *r, int32_t o);
void op_run_release(op_run *r);

#endif
