/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_train.c: convoke train: trains a network on a folder of labelled images and writes it as ONNX. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "curves.h"
#include "data.h"
#include "nets.h"

#define OF_THE_RECIPE -1e300 /* a number that was not given */

typedef struct training {
  cli_common common;
  const char *net, *data, *output, *plot, *log;
  int64_t epochs, batch, seed, patience;
  double rate, decay, smoothing, momentum, clip, mean, deviation;
  int optimizer, schedule, augment, resume, profile; /* optimizer, schedule: -1: the recipe's */
  data_set set;
  cvk_context *ctx;
  cvk_graph *model;
  cvk_dataset *train, *test;
  cvk_trainer *trainer;
  int bar; /* a line of progress stands on the terminal */
  int code;
} training;

/* ---- what is trained ---- */

/* Mean and deviation of each channel's pixels, as the net sees them. */
static void measure(const training *t, const unsigned char *data, net_wish *w) {
  const cvk_tensor *x = t->set.train_x;
  const int64_t plane = w->height * w->width, images = cvk_tensor_dims(x)[0];
  const int bytes = cvk_tensor_dtype(x) == CVK_U8;
  for (int64_t c = 0; c < w->channels; c++) {
    double sum = 0, square = 0;
    for (int64_t n = 0; n < images; n++) {
      for (int64_t i = (n * w->channels + c) * plane, end = i + plane; i < end; i++) {
        const double v = bytes ? data[i] / 255.0 : (double)((const float *)(const void *)data)[i];
        sum += v;
        square += v * v;
      }
    }
    const double n = (double)images * (double)plane, mean = sum / n, var = square / n - mean * mean;
    w->mean[c] = (float)((mean - t->mean) / t->deviation);
    w->deviation[c] = var > 1e-12 ? (float)(sqrt(var) / t->deviation) : 1;
  }
}

static int build_net(training *t, const net_recipe *recipe) {
  const int64_t *dim = cvk_tensor_dims(t->set.train_x);
  net_wish w = {.classes = t->set.classes, .seed = (uint64_t)t->seed};
  if (cvk_tensor_rank(t->set.train_x) != 4) return cli_fail(CLI_FAILED, "%s wants images [N,C,H,W], the data has rank %d", t->net, cvk_tensor_rank(t->set.train_x));
  w.channels = dim[1], w.height = dim[2], w.width = dim[3];
  if (w.channels < 1 || w.channels > NETS_MAX_CHANNELS || w.height < recipe->least || w.width < recipe->least)
    return cli_fail(CLI_FAILED, "%s wants images of 1 to %d channels and at least %lld x %lld, these have %lld of %lld x %lld", t->net, NETS_MAX_CHANNELS,
                    (long long)recipe->least, (long long)recipe->least, (long long)w.channels, (long long)w.height, (long long)w.width);
  unsigned char *data = malloc(cvk_tensor_bytes(t->set.train_x) + 1);
  int code = data ? CLI_OK : cli_fail(CLI_FAILED, "no memory for the images");
  if (code == CLI_OK && cvk_tensor_read(t->set.train_x, data, cvk_tensor_bytes(t->set.train_x)) != CVK_OK) code = cli_library("train");
  if (code == CLI_OK) measure(t, data, &w);
  free(data);
  if (code == CLI_OK && net_build(t->ctx, t->net, &w, &t->model) != CVK_OK) code = cli_library(t->net);
  return code;
}

static int check_model(const training *t) {
  cvk_value_info in = {.struct_size = sizeof in}, out = {.struct_size = sizeof out};
  if (cvk_graph_input_count(t->model) < 1 || cvk_graph_input_info(t->model, 0, &in) != CVK_OK || cvk_graph_output_info(t->model, 0, &out) != CVK_OK)
    return cli_fail(CLI_FAILED, "%s has no input or no output", t->net);
  const int64_t *dim = cvk_tensor_dims(t->set.train_x);
  for (int32_t i = 1; i < in.rank && i < cvk_tensor_rank(t->set.train_x); i++) {
    if (in.dim[i] >= 0 && in.dim[i] != dim[i])
      return cli_fail(CLI_FAILED, "%s wants images with %lld on axis %d, the data has %lld", t->net, (long long)in.dim[i], i, (long long)dim[i]);
  }
  return CLI_OK;
}

static int load(training *t) {
  char error[TOOL_ERROR_BYTES];
  net_recipe recipe;
  data_wish wish = {.channels = 1, .seed = (uint64_t)t->seed};
  cvk_value_info in = {.struct_size = sizeof in};
  const int own = net_find(t->net, &recipe);
  if (!own && cvk_graph_load_onnx(t->ctx, t->net, &t->model) != CVK_OK)
    return cli_fail(CLI_FAILED, "%s (networks that need no file: %s)", cvk_error_message(), net_names);
  if (!own && cvk_graph_input_info(t->model, 0, &in) == CVK_OK && in.rank == 4) {
    wish.channels = in.dim[1] == 3 ? 3 : 1;
    wish.height = in.dim[2] > 0 ? in.dim[2] : 0;
    wish.width = in.dim[3] > 0 ? in.dim[3] : 0;
  }
  if (!data_load(t->data, &wish, &t->set, error)) return cli_fail(CLI_FAILED, "%s", error);
  return own ? build_net(t, &recipe) : check_model(t);
}

/* recipe: with its augmentation; NULL: without. */
static int make_dataset(training *t, cvk_tensor *x, cvk_tensor *y, const net_recipe *recipe, cvk_dataset **out) {
  cvk_dataset_options o = {.scale = cvk_tensor_dtype(x) == CVK_U8 ? 1 / 255.0f : 1.0f};
  o.scale /= (float)t->deviation;
  o.offset = (float)(-t->mean / t->deviation);
  o.fill = o.offset;
  if (recipe) {
    o.rotate_degrees = recipe->rotate_degrees;
    o.translate = recipe->translate;
    o.zoom = recipe->zoom;
    o.shear_degrees = recipe->shear_degrees;
  }
  return cvk_dataset_create(t->ctx, x, y, &o, out) == CVK_OK ? CLI_OK : cli_library("train");
}

static float given(double value, float otherwise) { return value != OF_THE_RECIPE ? (float)value : otherwise; }

static int make_trainer(training *t) {
  net_recipe recipe = {CVK_ADAM, CVK_SCHEDULE_ONE_CYCLE, 1e-3f, 0, 0, 10, 20, 64, 0, 10, 0.1f, 0.1f, 0};
  static const int32_t optimizers[] = {CVK_ADAM, CVK_ADAMW, CVK_SGD, CVK_SGD, CVK_SGD};
  net_find(t->net, &recipe);
  if (t->epochs == 0) t->epochs = t->augment ? recipe.epochs_augmented : recipe.epochs;
  if (t->batch == 0) t->batch = recipe.batch;
  const int momentum = t->optimizer >= 3; /* momentum, nesterov */
  const int own = t->optimizer < 0; /* the recipe's rate and decay are for its optimiser */
  const cvk_trainer_options o = {
      .device = t->common.device, .fallback = t->common.fallback, .flags = t->common.exact ? CVK_EXACT : 0, .seed = (uint64_t)t->seed, .profile = t->profile,
      .optimizer = own ? recipe.optimizer : optimizers[t->optimizer], .nesterov = t->optimizer == 4,
      .momentum = momentum ? (float)t->momentum : 0, .learning_rate = given(t->rate, t->optimizer >= 2 ? 0.02f : recipe.learning_rate),
      .weight_decay = given(t->decay, own || t->optimizer == 1 ? recipe.weight_decay : 0), .label_smoothing = given(t->smoothing, recipe.label_smoothing),
      .schedule = t->schedule < 0 ? recipe.schedule : t->schedule, .clip_norm = (float)t->clip};
  int code = make_dataset(t, t->set.train_x, t->set.train_y, t->augment ? &recipe : NULL, &t->train);
  if (code == CLI_OK) code = make_dataset(t, t->set.test_x, t->set.test_y, NULL, &t->test);
  if (code == CLI_OK && cvk_trainer_create(t->model, &o, &t->trainer) != CVK_OK) code = cli_library("train");
  return code;
}

/* ---- what is shown ---- */

static void clear_bar(training *t) {
  if (t->bar) fprintf(stderr, "\r\033[K");
  t->bar = 0;
}

static int32_t on_step(void *arg, const cvk_fit_progress *p) {
  training *t = arg;
  enum { CELLS = 24 };
  char bar[CELLS + 1];
  const int64_t full = p->step * CELLS / p->steps;
  for (int i = 0; i < CELLS; i++) bar[i] = i < full ? '#' : '.';
  bar[CELLS] = 0;
  if (p->step % 4 != 0 && p->step != p->steps) return 0;
  fprintf(stderr, "\r\033[Kepoch %lld/%lld [%s] loss %.4f accuracy %.4f  %.0f images/s  %lld:%02lld left", (long long)p->epoch, (long long)p->epochs, bar, p->loss,
          p->accuracy, (double)p->images / p->seconds, (long long)p->seconds_left / 60, (long long)p->seconds_left % 60);
  fflush(stderr);
  t->bar = 1;
  return 0;
}

static int write_curves(training *t) {
  char error[TOOL_ERROR_BYTES], title[512];
  cvk_epoch_result e = {0};
  const int64_t n = cvk_trainer_epoch_count(t->trainer);
  if (n > 0) cvk_trainer_epoch(t->trainer, n - 1, &e);
  snprintf(title, sizeof title, "%.200s: %lld images, batch %lld, test accuracy %.4f", t->net, (long long)cvk_dataset_count(t->train), (long long)t->batch,
           e.validation_accuracy);
  if (t->log && !curves_csv(t->log, t->trainer, error)) return cli_fail(CLI_FAILED, "%s", error);
  if (t->plot && n > 0 && !curves_svg(t->plot, title, t->trainer, error)) return cli_fail(CLI_FAILED, "%s", error);
  return CLI_OK;
}

static void print_epoch(const cvk_epoch_result *e) {
  printf("epoch %lld loss %.6f train_accuracy %.4f test_accuracy %.4f seconds %.3f test_loss %.6f images_per_second %.0f\n", (long long)e->epoch, e->loss,
         e->accuracy, e->validation_accuracy, e->seconds, e->validation_loss, e->images_per_second);
  fflush(stdout);
}

static int32_t on_epoch(void *arg, const cvk_epoch_result *e) {
  training *t = arg;
  clear_bar(t);
  if (!t->common.json) print_epoch(e);
  t->code = write_curves(t);
  return t->code != CLI_OK;
}

static void add_profile(cvk_session *s, const cvk_session_report *r, cJSON *root) {
  cJSON *list = cJSON_AddArrayToObject(root, "profile");
  for (int32_t i = 0; i < r->n_ops; i++) {
    cvk_op_report op = {.struct_size = sizeof op};
    if (cvk_session_op_report(s, i, &op) != CVK_OK) continue;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "op", op.op);
    cJSON_AddStringToObject(o, "name", op.name);
    cJSON_AddStringToObject(o, "device", op.device);
    cJSON_AddStringToObject(o, "kernel", op.kernel);
    cJSON_AddNumberToObject(o, "ms", (double)op.ns / 1e6);
    cJSON_AddItemToArray(list, o);
  }
}

/* The result, and where the ops of a step ran. */
static int print_result(training *t) {
  cJSON *root = cJSON_CreateObject(), *epochs = cJSON_AddArrayToObject(root, "epochs"), *o;
  cvk_session *s = cvk_trainer_session(t->trainer);
  cvk_session_report r = {.struct_size = sizeof r};
  cvk_epoch_result e = {0};
  for (int64_t i = 0; cvk_trainer_epoch(t->trainer, i, &e) == CVK_OK; i++) {
    cJSON_AddItemToArray(epochs, o = cJSON_CreateObject());
    cJSON_AddNumberToObject(o, "epoch", (double)e.epoch);
    cJSON_AddNumberToObject(o, "loss", e.loss);
    cJSON_AddNumberToObject(o, "train_accuracy", e.accuracy);
    cJSON_AddNumberToObject(o, "test_loss", e.validation_loss);
    cJSON_AddNumberToObject(o, "test_accuracy", e.validation_accuracy);
    cJSON_AddNumberToObject(o, "seconds", e.seconds);
  }
  if (s && cvk_session_report_get(s, &r) == CVK_OK) {
    cli_add_places(&r, root);
    if (t->profile) add_profile(s, &r, root);
  }
  cJSON_AddStringToObject(root, "output", t->output);
  if (t->common.json) {
    cli_print_json(root);
    return CLI_OK;
  }
  if (cJSON_GetObjectItem(root, "ops")) {
    printf("ops");
    cJSON_ArrayForEach(o, cJSON_GetObjectItem(root, "ops")) printf(" %s=%.0f", o->string, o->valuedouble);
    printf("\n");
  }
  cJSON_ArrayForEach(o, cJSON_GetObjectItem(root, "profile")) {
    printf("%9.4f ms  %-28s %-10s %-34s %s\n", cJSON_GetObjectItem(o, "ms")->valuedouble, cJSON_GetObjectItem(o, "op")->valuestring,
           cJSON_GetObjectItem(o, "device")->valuestring, cJSON_GetObjectItem(o, "kernel")->valuestring, cJSON_GetObjectItem(o, "name")->valuestring);
  }
  printf("output %s\n", t->output);
  cJSON_Delete(root);
  return CLI_OK;
}

static int save_model(training *t) {
  cvk_graph *g = NULL;
  cvk_status status = cvk_trainer_graph(t->trainer, &g);
  if (status == CVK_OK) status = cvk_graph_save_onnx(g, t->output, NULL);
  cvk_graph_release(g);
  return status == CVK_OK ? CLI_OK : cli_library("train");
}

static int fit(training *t) {
  char checkpoint[PATH_MAX];
  const cvk_fit_options o = {.epochs = t->epochs, .batch = t->batch, .validation = t->test, .patience = t->patience, .no_augment = !t->augment,
                             .checkpoint = checkpoint, .resume = t->resume, .on_step = isatty(STDERR_FILENO) ? on_step : NULL, .on_epoch = on_epoch, .arg = t};
  snprintf(checkpoint, sizeof checkpoint, "%s.checkpoint", t->output);
  const cvk_status status = cvk_fit(t->trainer, t->train, &o);
  clear_bar(t);
  if (status != CVK_OK) return cli_library("train");
  return t->code != CLI_OK ? t->code : write_curves(t);
}

/* Files go where they can, told before the work and not behind it. */
static int check_file(const char *path) {
  char folder[PATH_MAX];
  if (path == NULL) return CLI_OK;
  if (strlen(path) + sizeof ".checkpoint.new" > sizeof folder) return cli_fail(CLI_USAGE, "a path of %zu characters is too long", strlen(path));
  strcpy(folder, path);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = 0;
  if (access(slash ? folder : ".", W_OK) != 0) return cli_fail(CLI_FAILED, "%s: %s", path, strerror(errno));
  return CLI_OK;
}

static int check_flags(const training *t) {
  const struct { const char *name; double value, least, most; } numbers[] = {
      {"--lr", t->rate, 0, 1e6}, {"--weight-decay", t->decay, 0, 1e6}, {"--label-smoothing", t->smoothing, 0, 1}, {"--momentum", t->momentum, 0, 1},
      {"--clip-norm", t->clip, 0, INFINITY}};
  if (t->data == NULL || t->output == NULL) return cli_fail(CLI_USAGE, "train needs --data and --output");
  if (t->epochs < 0 || t->epochs > 1000000 || t->batch < 0 || t->batch > 1000000 || t->patience < 0)
    return cli_fail(CLI_USAGE, "--epochs and --batch must be 1..1000000, --patience 0 or more (got %lld, %lld, %lld)", (long long)t->epochs, (long long)t->batch,
                    (long long)t->patience);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    if (numbers[i].value != OF_THE_RECIPE && !(numbers[i].value >= numbers[i].least && numbers[i].value <= numbers[i].most))
      return cli_fail(CLI_USAGE, "%s must be %g..%g (got %g)", numbers[i].name, numbers[i].least, numbers[i].most, numbers[i].value);
  }
  if (t->rate == 0 || t->momentum == 1) return cli_fail(CLI_USAGE, "--lr must be above 0, --momentum below 1 (got %g, %g)", t->rate, t->momentum);
  if (!(t->deviation > 0) || !isfinite(t->mean) || !isfinite(t->deviation))
    return cli_fail(CLI_USAGE, "--std must be above 0, --mean a number (got %g, %g)", t->deviation, t->mean);
  return CLI_OK;
}

int cmd_train(int argc, char **argv) {
  training t = {.rate = OF_THE_RECIPE, .decay = OF_THE_RECIPE, .smoothing = OF_THE_RECIPE, .momentum = 0.9, .mean = 0, .deviation = 1, .optimizer = -1, .schedule = -1, .seed = 1};
  int n;
  const cli_flag flags[] = {
      {"--data", FLAG_TEXT, &t.data, NULL, "folder: MNIST's files, {x,y}_{train,test}.npy, or pictures in train/CLASS and test/CLASS"},
      {"--output", FLAG_TEXT, &t.output, NULL, "the ONNX file; OUTPUT.checkpoint is kept beside it, to resume from"},
      {"--epochs", FLAG_INT, &t.epochs, NULL, "default: 10; with --augment lenet5 20, cnn 15"},
      {"--batch", FLAG_INT, &t.batch, NULL, "images a step (64)"},
      {"--lr", FLAG_NUMBER, &t.rate, NULL, "learning rate, the highest of the schedule"},
      {"--optimizer", FLAG_CHOICE, &t.optimizer, "adam|adamw|sgd|momentum|nesterov", "lenet5, cnn: adamw; models: adam"},
      {"--schedule", FLAG_CHOICE, &t.schedule, "constant|step|cosine|one-cycle", "of the learning rate (one-cycle)"},
      {"--momentum", FLAG_NUMBER, &t.momentum, NULL, "of momentum and nesterov (0.9)"},
      {"--weight-decay", FLAG_NUMBER, &t.decay, NULL, "of weights, not of biases and norms"},
      {"--label-smoothing", FLAG_NUMBER, &t.smoothing, NULL, "0..1"},
      {"--clip-norm", FLAG_NUMBER, &t.clip, NULL, "the largest norm of all gradients together"},
      {"--augment", FLAG_SWITCH, &t.augment, NULL, "small random rotations, shifts and zooms, new in each epoch"},
      {"--seed", FLAG_INT, &t.seed, NULL, "of weights, order, augmentation and dropout (1)"},
      {"--patience", FLAG_INT, &t.patience, NULL, "stop after so many epochs without a better test loss, with the best weights"},
      {"--mean", FLAG_NUMBER, &t.mean, NULL, "subtracted from each value (bytes count as v/255); lenet5 and cnn normalise inside"},
      {"--std", FLAG_NUMBER, &t.deviation, NULL, "divides each value"},
      {"--resume", FLAG_SWITCH, &t.resume, NULL, "goes on from OUTPUT.checkpoint where there is one"},
      {"--plot", FLAG_TEXT, &t.plot, NULL, "SVG file with the curves of loss and accuracy"},
      {"--log", FLAG_TEXT, &t.log, NULL, "CSV file with a line an epoch"},
      {"--profile", FLAG_SWITCH, &t.profile, NULL, "the ops of the last step and their times"},
      CLI_COMMON_FLAGS(t.common),
  };
  int code = cli_parse("train", argc, argv, flags, sizeof flags / sizeof *flags, &t.net, 1, 1, &n);
  if (code >= 0) return code;
  code = check_flags(&t);
  if (code == CLI_OK) code = check_file(t.output);
  if (code == CLI_OK) code = check_file(t.log);
  if (code == CLI_OK) code = check_file(t.plot);
  if (code == CLI_OK) code = cli_context(&t.common, &t.ctx);
  if (code == CLI_OK) code = load(&t);
  if (code == CLI_OK) code = make_trainer(&t);
  if (code == CLI_OK) code = fit(&t);
  if (code == CLI_OK) code = save_model(&t);
  if (code == CLI_OK) code = print_result(&t);
  cvk_trainer_release(t.trainer);
  cvk_dataset_release(t.train);
  cvk_dataset_release(t.test);
  cvk_graph_release(t.model);
  data_free(&t.set);
  cvk_context_release(t.ctx);
  return code;
}
