/* SPDX-License-Identifier: Apache-2.0 */
/* curves.c: see curves.h. */
#include "curves.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A new file beside `path`, which end_file puts in its place. */
static FILE *begin_file(const char *path, char *temporary, size_t size, char error[TOOL_ERROR_BYTES]) {
  snprintf(temporary, size, "%s.new", path);
  FILE *f = fopen(temporary, "w");
  if (f == NULL) snprintf(error, TOOL_ERROR_BYTES, "%.400s: %s", temporary, strerror(errno));
  return f;
}

static int end_file(FILE *f, const char *path, const char *temporary, char error[TOOL_ERROR_BYTES]) {
  const int bad = ferror(f);
  if ((fclose(f) == 0) & !bad && rename(temporary, path) == 0) return 1;
  snprintf(error, TOOL_ERROR_BYTES, "%.400s: %s", path, strerror(errno));
  unlink(temporary);
  return 0;
}

int curves_csv(const char *path, const cvk_trainer *t, char error[TOOL_ERROR_BYTES]) {
  char temporary[4096];
  FILE *f = begin_file(path, temporary, sizeof temporary, error);
  cvk_epoch_result e;
  if (f == NULL) return 0;
  fprintf(f, "epoch,loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,rate\n");
  for (int64_t i = 0; cvk_trainer_epoch(t, i, &e) == CVK_OK; i++) {
    fprintf(f, "%lld,%.9g,%.6f,%.9g,%.6f,%.4f,%.1f,%.9g\n", (long long)e.epoch, e.loss, e.accuracy, e.validation_loss, e.validation_accuracy, e.seconds,
            e.images_per_second, e.rate);
  }
  return end_file(f, path, temporary, error);
}

/* ---- the drawing: two panels over a common axis of epochs ---- */

enum { WIDTH = 720, PANEL = 220, LEFT = 70, RIGHT = 150, TOP = 50, GAP = 40 };

typedef struct panel {
  FILE *f;
  const cvk_trainer *t;
  double low, high;
  int top;
  int64_t epochs;
} panel;

typedef double (*curve)(const cvk_epoch_result *e);

static double train_accuracy(const cvk_epoch_result *e) { return e->accuracy * 100; }
static double test_accuracy(const cvk_epoch_result *e) { return e->validation_accuracy * 100; }
static double train_loss(const cvk_epoch_result *e) { return e->loss; }
static double test_loss(const cvk_epoch_result *e) { return e->validation_loss; }

static double x_of(const panel *p, int64_t epoch) {
  const double wide = WIDTH - LEFT - RIGHT;
  return LEFT + (p->epochs > 1 ? wide * (double)(epoch - 1) / (double)(p->epochs - 1) : wide / 2);
}

static double y_of(const panel *p, double v) { return p->top + PANEL * (1 - (v - p->low) / (p->high - p->low)); }

/* A step of 1, 2 or 5 times a power of ten that cuts the range in 4 to 10. */
static double tick(double range) {
  const double power = pow(10, floor(log10(range / 4)));
  return range / 4 / power >= 5 ? 5 * power : range / 4 / power >= 2 ? 2 * power : power;
}

static void grow(panel *p, curve of) {
  cvk_epoch_result e;
  for (int64_t i = 0; cvk_trainer_epoch(p->t, i, &e) == CVK_OK; i++) {
    p->low = fmin(p->low, of(&e));
    p->high = fmax(p->high, of(&e));
  }
}

static void frame(panel *p, const char *name) {
  const double step = tick(p->high - p->low);
  p->low = floor(p->low / step) * step;
  p->high = ceil(p->high / step) * step;
  for (double v = p->low; v <= p->high + step / 2; v += step) {
    fprintf(p->f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT, WIDTH - RIGHT,
            y_of(p, v), y_of(p, v), LEFT - 8, y_of(p, v) + 4, fabs(v) < step / 2 ? 0 : v);
  }
  fprintf(p->f, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", LEFT, p->top - 8, name);
}

static void draw(const panel *p, curve of, const char *colour, const char *name, int row) {
  cvk_epoch_result e;
  fprintf(p->f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour);
  for (int64_t i = 0; cvk_trainer_epoch(p->t, i, &e) == CVK_OK; i++) fprintf(p->f, "%.1f,%.1f ", x_of(p, e.epoch), y_of(p, of(&e)));
  fprintf(p->f, "\"/>\n");
  if (cvk_trainer_epoch(p->t, p->epochs - 1, &e) != CVK_OK) return;
  fprintf(p->f, "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s %.4g</text>\n", WIDTH - RIGHT + 12, p->top + 12 + 20 * row, colour,
          WIDTH - RIGHT + 32, p->top + 18 + 20 * row, name, of(&e));
}

static void epochs_axis(const panel *p) {
  const int64_t step = p->epochs / 10 + 1;
  for (int64_t e = 1; e <= p->epochs; e += step)
    fprintf(p->f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%lld</text>\n", x_of(p, e), p->top + PANEL + 18, (long long)e);
  fprintf(p->f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">epoch</text>\n", (LEFT + WIDTH - RIGHT) / 2, p->top + PANEL + 36);
}

/* Characters that XML or its encoding might not allow become '?'. */
static void text(FILE *f, const char *s) {
  for (; *s; s++) fputs(*s == '<' ? "&lt;" : *s == '&' ? "&amp;" : (char[]){*s >= ' ' && *s <= '~' ? *s : '?', 0}, f);
}

int curves_svg(const char *path, const char *title, const cvk_trainer *t, char error[TOOL_ERROR_BYTES]) {
  char temporary[4096];
  const int height = TOP + 2 * PANEL + GAP + 50;
  FILE *f = begin_file(path, temporary, sizeof temporary, error);
  if (f == NULL) return 0;
  panel accuracy = {f, t, 100, 100, TOP, cvk_trainer_epoch_count(t)}, loss = {f, t, 0, 1e-3, TOP + PANEL + GAP, accuracy.epochs};
  fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", WIDTH, height);
  fprintf(f, "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/><text x=\"%d\" y=\"20\" font-size=\"14\">", LEFT);
  text(f, title);
  fprintf(f, "</text>\n");
  grow(&accuracy, train_accuracy);
  grow(&accuracy, test_accuracy);
  if (accuracy.low > 99) accuracy.low = 99;
  grow(&loss, train_loss);
  grow(&loss, test_loss);
  frame(&accuracy, "accuracy, %");
  draw(&accuracy, train_accuracy, "#1f77b4", "train", 0);
  draw(&accuracy, test_accuracy, "#d62728", "test", 1);
  frame(&loss, "loss");
  draw(&loss, train_loss, "#1f77b4", "train", 0);
  draw(&loss, test_loss, "#d62728", "test", 1);
  epochs_axis(&loss);
  fprintf(f, "</svg>\n");
  return end_file(f, path, temporary, error);
}
