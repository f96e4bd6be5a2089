/* SPDX-License-Identifier: Apache-2.0 */
/* fuse.c: a matmul and the bias added to it are one gemm; activations and additions that follow an op are offered to the device as ordered
 * post-ops, and what it refuses runs by itself. */
#include <stdio.h>
#include <string.h>

#include "plan.h"

/* Ops that may carry post-ops; asking the others would only cost time. */
static int32_t is_head(int32_t kind) {
  static const int32_t heads[] = {CVK_OP_CONV, CVK_OP_CONV_TRANSPOSE, CVK_OP_GEMM, CVK_OP_MATMUL, CVK_OP_BATCH_NORM, CVK_OP_BATCH_NORM_TRAIN,
                                  CVK_OP_ADD,  CVK_OP_MUL};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    if (heads[i] == kind) return 1;
  }
  return 0;
}

/* Describes op `next` as a post-op on value v. 0: it can't be one. */
static int32_t as_post(const cvk_plan *p, int32_t next, int32_t v, cvk_plan_post *post) {
  const cvk_plan_op *op = &p->ops[next];
  if (op->n_out != 1) return 0;
  *post = (cvk_plan_post){.kind = op->kind, .operand = -1, .op = next, .has_attr = op->has_attr, .attr = op->attr};
  if (op->kind >= CVK_OP_RELU && op->kind <= CVK_OP_THRESHOLDED_RELU && op->kind != CVK_OP_PRELU) return op->in[0] == v;
  if (op->kind != CVK_OP_ADD && op->kind != CVK_OP_MUL) return 0;
  post->operand = op->in[0] == v ? op->in[1] : op->in[0];
  const cvk_tensor_desc *a = &p->values[v].desc, *b = &p->values[post->operand].desc;
  return post->operand != v && a->dtype == b->dtype && a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

/* The chain of post-ops that could follow op `head`: at most CVK_MAX_POST. One with several results stays where it is, as those may be read
 * early: its post-ops have no operands. */
static int32_t find_chain(const cvk_plan *p, const cvk_plan_op *head, cvk_plan_post chain[CVK_MAX_POST]) {
  int32_t n = 0, v = head->out[0];
  if (p->options->no_fusion || v < 0 || !is_head(head->kind) || p->values[v].desc.dtype != CVK_F32) return 0;
  while (n < CVK_MAX_POST) {
    const int32_t next = cvk_plan_only_reader(p, v);
    if (next < 0 || p->ops[next].dead || p->ops[next].n_options || !as_post(p, next, v, &chain[n])) break;
    if (head->n_out > 1 && chain[n].operand >= 0) break;
    v = p->ops[next].out[0];
    n++;
  }
  return n;
}

/* Options of `op` on one device with as many post-ops as it takes. UNSUPPORTED: none at all. */
static cvk_status ask_device(cvk_plan *p, cvk_plan_op *op, int32_t device, int32_t n_chain) {
  cvk_plan_option options[CVK_MAX_OPTIONS];
  cvk_op_view view;
  int32_t n = 0;
  cvk_status status = CVK_UNSUPPORTED;
  for (int32_t k = n_chain; k >= 0; k--) {
    cvk_op_view_fill(p, op, k, NULL, &view);
    status = cvk_plan_ask(p, device, &view.op, options, &n);
    if (status != CVK_UNSUPPORTED) {
      op->n_post = k;
      break;
    }
  }
  if (status != CVK_OK) return status;
  op->options = cvk_arena_alloc(&p->memory, (size_t)n, sizeof *op->options);
  if (op->options == NULL) return cvk_plan_no_memory();
  memcpy(op->options, options, (size_t)n * sizeof *options);
  op->n_options = n;
  return CVK_OK;
}

static cvk_status ask_devices(cvk_plan *p, cvk_plan_op *op, int32_t n_chain) {
  cvk_status status = ask_device(p, op, 0, n_chain);
  if (status != CVK_UNSUPPORTED || p->options->fallback == CVK_FALLBACK_NONE) return status;
  for (int32_t d = 1; d < CVK_PLAN_DEVICES && status == CVK_UNSUPPORTED; d++) {
    if (p->devices[d] == NULL) p->devices[d] = p->fallback(p->session, d);
    if (p->devices[d] == NULL || p->devices[d] == p->devices[0]) continue;
    if (d >= p->n_devices) p->n_devices = d + 1;
    status = ask_device(p, op, d, n_chain);
  }
  return status;
}

/* The op takes its post-ops' result. It runs where the last of them stood, since their operands exist by then, or stays (find_chain). */
static void absorb(cvk_plan *p, int32_t head) {
  cvk_plan_op *op = &p->ops[head];
  int32_t at_last = -1;
  for (int32_t k = 0; k < op->n_post; k++) {
    const int32_t o = op->post[k].op;
    for (int32_t at = 0; at < p->n_ops; at++) {
      if (p->order[at] == o) at_last = at;
    }
    op->out[0] = p->ops[o].out[0];
    cvk_plan_retire(p, o);
  }
  if (op->n_out == 1) {
    for (int32_t at = 0; at < p->n_ops; at++) {
      if (p->order[at] == head) p->order[at] = -1;
    }
    p->order[at_last] = head;
  }
  cvk_plan_find_readers(p);
}

/* One sentence that lists every op the device lacks. */
static cvk_status fail_unsupported(cvk_plan *p, const int32_t *ops, int32_t n) {
  char list[1024] = "";
  size_t used = 0;
  for (int32_t i = 0; i < n && used + 100 < sizeof list; i++) {
    const cvk_graph_node *node = &p->graph->nodes[p->ops[ops[i]].node];
    const char *op = cvk_op_def_find(p->ops[ops[i]].kind)->name;
    used += (size_t)snprintf(list + used, sizeof list - used, "%s%s%s%.60s%s", i ? ", " : "", op, node->name ? " '" : "",
                             node->name ? node->name : "", node->name ? "'" : "");
  }
  return cvk_fail(CVK_UNSUPPORTED, "%s does not run %d of the graph's ops%s: %s", p->devices[0]->info.id, n,
                  p->options->fallback == CVK_FALLBACK_NONE ? " and fallback is off" : ", nor does any fallback", list);
}

/* Backends may look at constants when they are asked. */
static cvk_status pin_constants(cvk_plan *p) {
  cvk_status status = CVK_OK;
  for (int32_t at = 0; at < p->n_ops; at++) {
    if (p->order[at] < 0) continue;
    const cvk_plan_op *op = &p->ops[p->order[at]];
    for (int32_t i = 0; i < op->n_in && status == CVK_OK; i++) {
      if (op->in[i] >= 0) status = cvk_plan_pin(p, op->in[i]);
    }
  }
  return status;
}

/* What `matmul` with the constant of the addition `add` behind it is as one gemm. 0: it is none. */
static int32_t as_gemm(const cvk_plan *p, const cvk_plan_op *matmul, const cvk_plan_op *add, int32_t in[3], cvk_plan_op *gemm) {
  const int32_t y = matmul->out[0], c = add->in[0] == y ? add->in[1] : add->in[0];
  const cvk_tensor_desc *dy = &p->values[y].desc, *dc = &p->values[c].desc;
  if (p->values[matmul->in[0]].desc.rank != 2 || p->values[matmul->in[1]].desc.rank != 2 || dy->dtype != CVK_F32) return 0;
  if (c == y || p->values[c].constant == NULL || dc->dtype != CVK_F32 || dc->rank > 2) return 0;
  for (int32_t i = 0; i < dc->rank; i++) {
    const int64_t dim = dc->dim[i];
    if (dim != 1 && dim != dy->dim[2 - dc->rank + i]) return 0;
  }
  in[0] = matmul->in[0];
  in[1] = matmul->in[1];
  in[2] = c;
  *gemm = *matmul;
  gemm->kind = CVK_OP_GEMM;
  gemm->has_attr = 1;
  gemm->attr = (cvk_any_attr){.gemm = {.struct_size = sizeof gemm->attr.gemm, .alpha = 1, .beta = 1}};
  gemm->in = in;
  gemm->n_in = 3;
  return 1;
}

/* A matmul and the constant added to its result become one gemm, where the device has that. */
static cvk_status fuse_biases(cvk_plan *p) {
  cvk_plan_option options[CVK_MAX_OPTIONS];
  cvk_op_view view;
  cvk_plan_op gemm;
  int32_t in[3], n;
  cvk_plan_find_readers(p);
  for (int32_t at = 0; at < p->n_ops; at++) {
    cvk_plan_op *matmul = p->order[at] < 0 ? NULL : &p->ops[p->order[at]];
    const int32_t next = matmul && matmul->kind == CVK_OP_MATMUL ? cvk_plan_only_reader(p, matmul->out[0]) : -1;
    if (next < 0 || p->ops[next].kind != CVK_OP_ADD || !as_gemm(p, matmul, &p->ops[next], in, &gemm)) continue;
    cvk_op_view_fill(p, &gemm, 0, NULL, &view);
    const cvk_status status = cvk_plan_ask(p, 0, &view.op, options, &n);
    if (status == CVK_UNSUPPORTED) continue;
    if (status != CVK_OK) return status;
    gemm.in = cvk_arena_alloc(&p->memory, 3, sizeof *gemm.in);
    if (gemm.in == NULL) return cvk_plan_no_memory();
    memcpy(gemm.in, in, sizeof in);
    *matmul = gemm;
    matmul->out[0] = p->ops[next].out[0];
    cvk_plan_retire(p, next);
  }
  return CVK_OK;
}

cvk_status cvk_plan_fuse_and_ask(cvk_plan *p) {
  cvk_plan_post chain[CVK_MAX_POST];
  cvk_status begun = pin_constants(p);
  if (begun == CVK_OK && !p->options->no_fusion) begun = fuse_biases(p);
  if (begun != CVK_OK) return begun;
  int32_t *lacking = cvk_arena_alloc(&p->memory, (size_t)p->n_ops + 1, sizeof *lacking), n_lacking = 0;
  if (lacking == NULL) return cvk_plan_no_memory();
  cvk_plan_find_readers(p);
  for (int32_t at = 0; at < p->n_ops; at++) {
    const int32_t o = p->order[at];
    if (o < 0 || p->ops[o].n_options) continue;
    cvk_plan_op *op = &p->ops[o];
    const int32_t n_chain = find_chain(p, op, chain);
    op->post = cvk_arena_alloc(&p->memory, (size_t)n_chain, sizeof *op->post);
    if (op->post == NULL) return cvk_plan_no_memory();
    memcpy(op->post, chain, (size_t)n_chain * sizeof *chain);
    const cvk_status status = ask_devices(p, op, n_chain);
    if (status == CVK_UNSUPPORTED) {
      lacking[n_lacking++] = o;
    } else if (status != CVK_OK) {
      return status;
    } else if (op->n_post) {
      absorb(p, o);
    }
  }
  return n_lacking ? fail_unsupported(p, lacking, n_lacking) : CVK_OK;
}
