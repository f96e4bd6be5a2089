/* SPDX-License-Identifier: Apache-2.0 */
/* bench_op.c: times every CPU row that takes a layer, through the plugin's table, without reorders. Layers come as CSV on standard input:
 * name,op,N,C,H,W,K,kh,kw,sh,sw,ph,pw,groups (op: conv, or dense of N rows from C to K; others are skipped). Prints CSV: name, row,
 * threads, fastest of the runs in us, GFLOP/s, workspace bytes. Usage: bench_op [ISA [THREADS [RUNS [NAME_PART]]]] < layers.csv */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_op.h"

typedef struct layer {
  char name[64], op[16];
  long n, c, h, w, k, kh, kw, sh, sw, ph, pw, groups;
} layer;

static int read_layer(const char *line, layer *l) {
  return sscanf(line, "%63[^,],%15[^,],%ld,%ld,%ld,%ld,%ld,%ld,%ld,%ld,%ld,%ld,%ld,%ld", l->name, l->op, &l->n, &l->c, &l->h, &l->w, &l->k,
                &l->kh, &l->kw, &l->sh, &l->sw, &l->ph, &l->pw, &l->groups) == 14;
}

static float *values(int64_t n, uint32_t seed) {
  float *p = malloc((size_t)n * sizeof *p);
  if (p) run_fill(p, n, seed, 0);
  return p;
}

/* Times every row that takes the op, whose inputs are filled here. */
static void bench_rows(mini_host *m, const char *name, run_op *op, double flops, int runs) {
  cvk_candidate c[RUN_CANDIDATES];
  float *data[RUN_ARGS] = {0}, *y = values(cvk_count(op->out[0].rank, op->out[0].dim), 9);
  for (int i = 0; i < op->n_in; i++) op->in_data[i] = data[i] = values(cvk_count(op->in[i].rank, op->in[i].dim), (uint32_t)i + 1);
  op->out_data[0] = y;
  const int n = run_candidates(m, op, c);
  for (int i = 0; i < n; i++) {
    double ns = 0;
    const cvk_status status = run_row(m, op, &c[i], RUN_ALIGNED, runs, &ns);
    if (status != CVK_OK)
      printf("%s,%s,failed with status %d: %s\n", name, c[i].row, status, m->message);
    else
      printf("%s,%s%s,%d,%.1f,%.1f,%llu\n", name, c[i].row, c[i].in[0].layout == CVK_PLAIN ? "(plain)" : "", m->threads, ns / 1e3,
             flops / ns, (unsigned long long)c[i].workspace_bytes);
    fflush(stdout);
  }
  for (int i = 0; i < op->n_in; i++) free(data[i]);
  free(y);
}

static void bench_conv(mini_host *m, const layer *l, int runs) {
  const int64_t oh = (l->h + 2 * l->ph - l->kh) / l->sh + 1, ow = (l->w + 2 * l->pw - l->kw) / l->sw + 1;
  const cvk_conv_attr attr = {.struct_size = sizeof attr,
                              .kernel = {l->kh, l->kw},
                              .stride = {l->sh, l->sw},
                              .dilation = {1, 1},
                              .pad_begin = {l->ph, l->pw},
                              .pad_end = {l->ph, l->pw},
                              .group = l->groups};
  run_op op = {.kind = CVK_OP_CONV, .n_in = 3, .n_out = 1, .attr = &attr, .constant = {0, 1, 0}};
  op.in[0] = run_desc(CVK_F32, 4, (int64_t[]){l->n, l->c, l->h, l->w});
  op.in[1] = run_desc(CVK_F32, 4, (int64_t[]){l->k, l->c / l->groups, l->kh, l->kw});
  op.in[2] = run_desc(CVK_F32, 1, (int64_t[]){l->k});
  op.out[0] = run_desc(CVK_F32, 4, (int64_t[]){l->n, l->k, oh, ow});
  bench_rows(m, l->name, &op, 2.0 * (double)(l->n * l->k * oh * ow) * (double)(l->c / l->groups * l->kh * l->kw), runs);
}

static void bench_dense(mini_host *m, const layer *l, int runs) {
  const cvk_gemm_attr attr = {.struct_size = sizeof attr, .trans_b = 1, .alpha = 1, .beta = 1};
  run_op op = {.kind = CVK_OP_GEMM, .n_in = 3, .n_out = 1, .attr = &attr, .constant = {0, 1, 0}};
  op.in[0] = run_desc(CVK_F32, 2, (int64_t[]){l->n, l->c});
  op.in[1] = run_desc(CVK_F32, 2, (int64_t[]){l->k, l->c});
  op.in[2] = run_desc(CVK_F32, 1, (int64_t[]){l->k});
  op.out[0] = run_desc(CVK_F32, 2, (int64_t[]){l->n, l->k});
  bench_rows(m, l->name, &op, 2.0 * (double)(l->n * l->k) * (double)l->c, runs);
}

static void bench(mini_host *m, const layer *l, int runs) {
  if (strcmp(l->op, "conv") == 0)
    bench_conv(m, l, runs);
  else if (strcmp(l->op, "dense") == 0)
    bench_dense(m, l, runs);
}

int main(int argc, char **argv) {
  const char *isa = argc > 1 && strcmp(argv[1], "best") != 0 ? argv[1] : NULL, *part = argc > 4 ? argv[4] : "";
  const int threads = argc > 2 ? atoi(argv[2]) : 1, runs = argc > 3 ? atoi(argv[3]) : 10;
  char line[512];
  mini_host m;
  layer l;
  int opened = 0, cap = 0;
  while (mini_host_caps[cap]) cap++;
  while (!opened && cap-- > 0) /* the widest that the machine runs, or the one asked for */
    if (!isa || strcmp(isa, mini_host_caps[cap]) == 0) opened = mini_host_open(&m, mini_host_caps[cap], threads);
  if (!opened) {
    fprintf(stderr, "bench_op: the machine does not run %s\n", isa ? isa : "the CPU backend");
    return 1;
  }
  printf("name,kernel,threads,min_us,gflops,workspace_bytes\n");
  while (fgets(line, sizeof line, stdin))
    if (read_layer(line, &l) && strstr(l.name, part)) bench(&m, &l, runs > 0 ? runs : 1);
  mini_host_close(&m);
  return 0;
}
