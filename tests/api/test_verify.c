/* SPDX-License-Identifier: Apache-2.0 */
/* test_verify.c: the verifier finds what is wrong with a plan (api/verify.c). Each test breaks a sound one. */
#include "net.h"
#include "session_internal.h"

static cvk_context *ctx;
static cvk_graph *g;
static cvk_session *session;
static cvk_plan *p;

/* y = exp(-x), z = exp(-x) + x: three ops, each of which has memory of its own. */
static void begin(void) {
  ctx = net_context(1);
  g = net_graph(ctx);
  const cvk_value x = net_input(g, "x", DIMS(2, 3));
  const cvk_value n = net_op(g, CVK_OP_NEG, 1, &x), e = net_op(g, CVK_OP_EXP, 1, &n), z = net_op(g, CVK_OP_ADD, 2, (cvk_value[]){e, x});
  ck_ok(cvk_graph_output(g, net_op(g, CVK_OP_SUB, 2, (cvk_value[]){z, n}), "y"));
  session = net_session(g, "reference");
  cvk_tensor *in = net_tensor(DIMS(2, 3), 1), *out = NULL;
  ck_ok(cvk_session_run(session, 1, &in, 1, &out));
  cvk_tensor_release(in);
  cvk_tensor_release(out);
  p = session->last;
  ck_assert_int_eq(p->n_ops, 4);
  ck_ok(cvk_plan_verify(p, "nothing"));
}

static void check(const char *message) {
  ck_assert_int_eq(cvk_plan_verify(p, "this test"), CVK_INTERNAL);
  ck_assert_msg(strstr(cvk_error_message(), message) != NULL, "%s", cvk_error_message());
  ck_assert_msg(strstr(cvk_error_message(), "the plan is wrong after this test") != NULL, "%s", cvk_error_message());
}

static void end(void) {
  cvk_session_release(session);
  cvk_graph_release(g);
  cvk_context_release(ctx);
}

START_TEST(order) {
  begin();
  const int32_t first = p->order[0];
  p->order[0] = p->order[1];
  p->order[1] = first;
  check("exp reads value 1 before an op has made it");
  p->order[1] = p->order[0];
  p->order[0] = first;
  p->order[2] = first;
  check("value 1 is made twice, by neg the second time");
  p->order[2] = 2;
  ck_ok(cvk_plan_verify(p, "repair"));
  p->order[3] = -1;
  check("no op makes output 0");
  p->order[3] = 3;
  p->ops[2].dead = 1;
  check("add is dead and in the order");
  p->ops[2].dead = 0;
  end();
}
END_TEST

START_TEST(operands) {
  begin();
  const int32_t in = p->ops[1].in[0];
  p->ops[1].in[0] = 1000;
  check("exp reads value 1000 of");
  p->ops[1].in[0] = in;
  p->values[p->ops[1].out[0]].desc.dim[1] = 4;
  check("output 0 of exp is not what the op's rule gives");
  p->values[p->ops[1].out[0]].desc.dim[1] = 3;
  end();
}
END_TEST

START_TEST(counts) {
  begin();
  const int32_t slots = p->n_slots;
  p->n_slots = 0; /* as if there were no schedule yet; the uses have been spent by this one */
  check("is read 2 times and counted 0 times");
  p->n_slots = slots;
  end();
}
END_TEST

START_TEST(memory) {
  begin();
  cvk_plan_storage *a = NULL, *b = NULL;
  for (int32_t i = 0; i < p->n_storages; i++) {
    if (p->storages[i].type != CVK_STORAGE_ARENA) continue;
    b = a;
    a = &p->storages[i];
  }
  ck_assert_ptr_nonnull(b);
  const cvk_plan_storage kept_a = *a, kept_b = *b;
  a->first = b->first = 0;
  a->last = b->last = 1000;
  a->offset = b->offset;
  check("two values share memory in steps that need both");
  *a = kept_a;
  *b = kept_b;
  a->offset = UINT64_MAX - 3;
  check("are outside the arena of");
  *a = kept_a;
  a->first = a->last = 1000;
  check("uses memory that is kept from step 1000 to 1000");
  *a = kept_a;
  ck_ok(cvk_plan_verify(p, "repair"));
  end();
}
END_TEST

SUITE("verify", order, operands, counts, memory)
