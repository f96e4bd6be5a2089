/* SPDX-License-Identifier: Apache-2.0 */
/* op_checks.c: the cases of one op, each with every row that the plugin offers: results against the reference; the same bits whatever the number and
 * order of tasks, on the second execution, in place, and with structs of a newer host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fp_mode.h"
#include "op_run.h"

enum { MOST_CASES = 4096 };

/* ---- the list ---- */

static int parse(int32_t index, op_sample *s, char *why, size_t why_bytes) {
  const char *text = op_samples_at(index);
  return text != NULL && op_sample_parse(text, s, why, why_bytes);
}

/* The index in the whole list of the kind's case `nth`; -1: there is none. */
static int32_t find_case(int32_t kind, int32_t nth) {
  static int32_t kinds[MOST_CASES], n; /* of the first op of each */
  op_sample s;
  char why[200];
  for (; n < MOST_CASES && op_samples_at(n); n++) kinds[n] = parse(n, &s, why, sizeof why) ? s.step[0].kind : 0;
  for (int32_t i = 0; i < n; i++) {
    if (kinds[i] == kind && nth-- == 0) return i;
  }
  return -1;
}

/* Reorders have no line of their own: an identity between two formats. */
#define NCHW {CVK_PLAIN, 0, 0}
#define NHWC {CVK_NHWC, 0, 0}
#define BLOCK(N) {CVK_BLOCKED, N, 0}
static const struct { const char *text; cvk_format from, to; } reorders[] = {
    {"identity 2x17x5x3", NCHW, NHWC},        {"identity 2x17x5x3", NHWC, NCHW},        {"identity 2x17x5x3", NCHW, BLOCK(4)},
    {"identity 2x17x5x3", BLOCK(4), NCHW},    {"identity 2x17x5x3", NCHW, BLOCK(8)},    {"identity 2x17x5x3", BLOCK(8), NCHW},
    {"identity 2x17x5x3", NCHW, BLOCK(16)},   {"identity 2x17x5x3", BLOCK(16), NCHW},   {"identity 1x33x7x7", BLOCK(8), BLOCK(16)},
    {"identity 1x33x7x7", BLOCK(16), BLOCK(8)}, {"identity 1x33x7x7", NHWC, BLOCK(16)}, {"identity 1x33x7x7", BLOCK(16), NHWC},
    {"identity 3x20@special", NCHW, BLOCK(16)}, {"identity 3x20@special", BLOCK(16), NCHW}, {"identity 0x4x5x5", NCHW, BLOCK(8)},
    {"identity 1x16x64x64", NCHW, BLOCK(16)}, {"identity 1x16x64x64", BLOCK(16), NCHW}, {"identity 1x16x64x64", NCHW, NHWC},
};
enum { REORDERS = sizeof reorders / sizeof *reorders };

int32_t op_cases_of(int32_t kind) {
  int32_t n = 0;
  if (kind == CVK_OP_REORDER) return REORDERS;
  while (find_case(kind, n) >= 0) n++;
  return n;
}

const char *op_case_text(int32_t kind, int32_t index) {
  if (kind == CVK_OP_REORDER) return index < REORDERS ? reorders[index].text : NULL;
  const int32_t i = find_case(kind, index);
  return i >= 0 ? op_samples_at(i) : NULL;
}

/* ---- a row ---- */

typedef struct trial { /* of one case in one way with one row */
  plugin *p;               /* of the run in hand: one of `plugins` */
  plugin *const *plugins;  /* an instance with one worker, one with several */
  op_case *c;
  const cvk_candidate *candidate;
  const cvk_candidate *with_workers; /* the same of the second instance; NULL: it offers none */
  const sample_expected *expected;
  void *first[SAMPLE_OUTPUTS]; /* results of the first run */
  double worst;                /* in units of the bound for direct sums, at most */
  char why[TEXT_BYTES];
} trial;

static int say(trial *t, const char *text, const char *more) {
  snprintf(t->why, sizeof t->why, "%s%.400s", text, more);
  return 0;
}

static int say_status(trial *t, const char *what, cvk_status status) {
  snprintf(t->why, sizeof t->why, "%s: %s: %.300s", what, cvk_status_name(status), t->p->host->said);
  return 0;
}

static int is_right(trial *t) {
  cvk_tensor *out[SAMPLE_OUTPUTS] = {NULL};
  const double scale = t->candidate->error_class == CVK_ERROR_WINOGRAD ? SAMPLE_WINOGRAD_SCALE : 1;
  double worst = 0;
  int ok = 1;
  for (int32_t o = 0; o < t->c->op.n_out && ok; o++) {
    const cvk_tensor_desc *d = &t->c->out_desc[o];
    ok = cvk_tensor_create(NULL, d->dtype, d->rank, d->dim, t->first[o], &out[o]) == CVK_OK;
  }
  if (ok) ok = sample_compare(t->expected, out, scale, &worst, t->why, sizeof t->why);
  else say(t, "no memory", "");
  if (worst / scale > t->worst) t->worst = worst / scale;
  for (int32_t o = 0; o < SAMPLE_OUTPUTS; o++) cvk_tensor_release(out[o]);
  return ok;
}

/* Takes the results of a run: the first are compared with the reference, all others with the first. what: how this run differs, with its rule. */
static int take_results(trial *t, op_run *r, int32_t inplace, const char *what) {
  const int first = t->first[0] == NULL;
  for (int32_t o = 0; o < t->c->op.n_out; o++) {
    const uint64_t bytes = op_run_bytes(r, o);
    int lanes = 1;
    if (r->c->out[o] == NULL) continue;
    void *data = calloc(1, (size_t)bytes + 8);
    const cvk_status status = data ? op_run_read(r, o, inplace, data, &lanes) : CVK_NO_MEMORY;
    const int same = status == CVK_OK && (first || memcmp(data, t->first[o], (size_t)bytes) == 0);
    if (first) t->first[o] = data;
    else free(data);
    if (status != CVK_OK) return say_status(t, "reading an output", status);
    if (!lanes) return say(t, "P12: lanes past the last channel are not zero", "");
    if (!same) return say(t, what, ": other bits than in the first run");
  }
  return first ? is_right(t) : 1;
}

static int execute(trial *t, op_run *r, int32_t inplace, const char *what) {
  const cvk_status status = op_run_execute(r, inplace);
  if (status != CVK_OK) return say_status(t, "execute", status);
  if (!t->p->host_memory && !take_results(t, r, inplace, what)) return 0; /* first of all: these reads are queued right behind the op */
  if (!op_run_is_sound(r, t->why, sizeof t->why)) return 0;
  if (t->p->host_memory && !take_results(t, r, inplace, what)) return 0;
  return inplace >= 0 || op_run_kept_inputs(r, t->why, sizeof t->why);
}

static int can_be_in_place(const trial *t, const op_run *r) {
  const int32_t i = t->candidate->inplace;
  return i >= 0 && t->c->in[i] && !r->packs[i] && r->in[i].arg.bytes == r->out[0].arg.bytes && t->c->in[i]->dtype == t->c->out_desc[0].dtype &&
         t->c->in[i]->const_data == NULL;
}

/* One kernel, in one of the host's modes. */
static int run_mode(trial *t, int32_t mode) {
  static const char *const differs[] = {"P10, a second execution, with other buffers", "P14, tasks last first, by three workers in turn",
                                        "P14 or P25, three threads, and structs of a newer host"};
  t->p = t->plugins[mode != IN_ORDER];
  op_run r = {.p = t->p, .c = t->c, .candidate = mode == IN_ORDER ? t->candidate : t->with_workers, .mode = mode, .fp_mode = cvk_fp_mode_get()};
  const cvk_status status = op_run_make(&r, mode == REVERSED ? AT_START : AT_END, mode == ON_THREADS);
  int ok = status == CVK_OK ? execute(t, &r, -1, differs[mode]) : say_status(t, "prepare", status);
  r.with_event = 1;
  if (ok && mode == IN_ORDER) ok = op_run_move(&r, AT_START) == CVK_OK ? execute(t, &r, -1, differs[mode]) : say(t, "no memory", "");
  if (ok && mode == IN_ORDER && can_be_in_place(t, &r)) ok = execute(t, &r, t->candidate->inplace, "its candidate may work in place");
  op_run_release(&r);
  return ok;
}

static int run_row(trial *t) {
  const int32_t modes = t->with_workers ? ON_THREADS : IN_ORDER;
  int ok = 1;
  if (t->c->op.kind != CVK_OP_REORDER) op_case_format(t->c, t->candidate);
  for (int32_t mode = IN_ORDER; mode <= modes && ok; mode++) {
    child_at("case '%.200s', row %.60s", t->c->sample.text, t->candidate->row);
    ok = run_mode(t, mode);
  }
  for (int32_t o = 0; o < SAMPLE_OUTPUTS; o++) free(t->first[o]);
  memset(t->first, 0, sizeof t->first);
  if (ok) child_tell("W\t%.60s", t->candidate->row);
  return ok;
}

/* ---- a case ---- */

enum { PASSED, FAILED, LACKING };

static int ask_reorder(plugin *p, const op_sample *s, int32_t nth, op_case *c, cvk_candidate *room, int32_t *n, char *why, size_t why_bytes) {
  *n = 0;
  if (!op_case_make(s, SAMPLE_ALL_RUN_TIME, 0, c, why, why_bytes)) return 0;
  c->op.kind = CVK_OP_REORDER;
  c->in_desc[0].format = reorders[nth].from;
  c->out_desc[0].format = reorders[nth].to;
  return plugin_ask(p, &c->op, room, n, why, why_bytes);
}

/* The longest chain that it takes; *n 0: none. */
static int ask(plugin *p, const op_sample *s, int way, op_case *c, cvk_candidate *room, int32_t *n, char *why, size_t why_bytes) {
  *n = 0;
  for (int32_t posts = op_case_posts(s); posts >= 0; posts--) {
    const int made = op_case_make(s, way, posts, c, why, why_bytes);
    if (!made && posts == 0) return 0;
    if (made && !plugin_ask(p, &c->op, room, n, why, why_bytes)) return 0;
    if (*n > 0) return 1;
    op_case_free(c);
  }
  return 1;
}

/* The candidate of the same row and formats; NULL: there is none. */
static const cvk_candidate *like(const cvk_candidate *c, const cvk_candidate *room, int32_t n) {
  for (int32_t i = 0; i < n; i++) {
    if (strcmp(room[i].row, c->row) == 0 && memcmp(room[i].in, c->in, sizeof c->in) == 0 && memcmp(room[i].out, c->out, sizeof c->out) == 0) return &room[i];
  }
  return NULL;
}

static int run_way(plugin *const *plugins, cvk_context *ctx, const op_sample *s, int32_t reorder, int way, double *worst, char *why, size_t why_bytes) {
  cvk_candidate room[MOST_CANDIDATES], more[MOST_CANDIDATES];
  plugin *p = plugins[0];
  op_case *c = calloc(1, sizeof *c);
  sample_expected expected = {0};
  int32_t n = 0, n_more = 0;
  child_at("case '%.200s', supports", s->text);
  if (c == NULL || !(reorder < 0 ? ask(p, s, way, c, room, &n, why, why_bytes) : ask_reorder(p, s, reorder, c, room, &n, why, why_bytes))) {
    free(c);
    return FAILED;
  }
  int result = n > 0 ? PASSED : LACKING;
  if (n > 0 && plugins[1] && !plugin_ask(plugins[1], &c->op, more, &n_more, why, why_bytes)) result = FAILED;
  if (result == PASSED && sample_expect(ctx, &c->sample, &expected) != CVK_OK) {
    snprintf(why, why_bytes, "the reference: %.400s", cvk_error_message());
    result = FAILED;
  }
  for (int32_t i = 0; i < n && result == PASSED; i++) {
    trial t = {.plugins = plugins, .c = c, .candidate = &room[i], .with_workers = like(&room[i], more, n_more), .expected = &expected};
    if (!run_row(&t)) result = FAILED;
    if (t.worst > *worst) *worst = t.worst;
    if (result == FAILED) snprintf(why, why_bytes, "%srow %.60s: %.480s", way == SAMPLE_CONSTANTS ? "constant weights, " : "", room[i].row, t.why);
  }
  sample_expected_free(&expected);
  op_case_free(c);
  free(c);
  return result;
}

static void run_case(plugin *const *plugins, cvk_context *ctx, int32_t kind, int32_t nth) {
  static const char *const names[] = {"PASS", "FAIL", "SKIP"};
  op_sample s;
  char why[TEXT_BYTES] = "";
  double worst = 0;
  const int32_t reorder = kind == CVK_OP_REORDER ? nth : -1;
  int passed = 0, failed = !op_sample_parse(op_case_text(kind, nth), &s, why, sizeof why);
  for (int way = 0; way < SAMPLE_WAYS && !failed; way++) {
    if (way == SAMPLE_CONSTANTS && !sample_has_constants(&s)) break;
    const int result = run_way(plugins, ctx, &s, reorder, way, &worst, why, sizeof why);
    passed |= result == PASSED;
    failed = result == FAILED;
  }
  child_tell("C\t%d\t%s\t%g\t%s", nth, names[failed ? FAILED : passed ? PASSED : LACKING], worst, why);
}

void op_group(void *arg) {
  const group_arg *g = arg;
  cvk_context *ctx = NULL;
  static test_host hosts[2];
  static plugin p[2];
  plugin *plugins[2] = {&p[0], NULL};
  char why[TEXT_BYTES];
  child_at("opening it");
  if (cvk_context_create(NULL, &ctx) != CVK_OK) return;
  for (int i = 0; i < 2; i++) {
    test_host_init(&hosts[i], ctx);
    hosts[i].mode = i == 0 ? IN_ORDER : REVERSED;
    if (plugin_load(&p[i], g->path, why, sizeof why) && plugin_open(&p[i], &hosts[i], g->device, why, sizeof why)) continue;
    child_tell("C\t%d\tFAIL\t0\t%s", g->from, why);
    return;
  }
  if (p[0].host_memory) plugins[1] = &p[1]; /* elsewhere the host's workers compute nothing */
  const int32_t n = op_cases_of(g->kind);
  for (int32_t i = g->from; i < n; i++) run_case(plugins, ctx, g->kind, i);
  child_at("closing it");
  for (int i = 0; i < 2; i++) plugin_close(&p[i]);
  for (int i = 0; i < 2; i++) {
    if (!test_host_is_clean(&hosts[i], why, sizeof why)) child_tell("F\t%s", why);
  }
  cvk_context_release(ctx);
}
