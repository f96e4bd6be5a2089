/* SPDX-License-Identifier: Apache-2.0 */
/* convoke/train.h: gradients of graphs, and training: a trainer holds a model's weights on a device and takes steps; cvk_fit runs epochs.
 *
 *   cvk_trainer_create(model, &(cvk_trainer_options){.device = "auto", .optimizer = CVK_ADAM, .learning_rate = 1e-3f}, &t);
 *   cvk_fit(t, train, &(cvk_fit_options){.epochs = 10, .batch = 64, .validation = test}, NULL);
 *   cvk_trainer_graph(t, &trained); */
#ifndef CONVOKE_TRAIN_H
#define CONVOKE_TRAIN_H

#include <convoke/dataset.h>
#include <convoke/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Adds to g the ops that make the gradients of `loss` (one number, float32 or float64) in the n values `of`: inputs, constants or results.
 * gradients[i] is a new value of the shape and type of of[i], or CVK_NO_VALUE where the loss does not depend on it. All inputs must have
 * known shapes. The ops are ordinary ones, placed and fused as any (reverse-mode differentiation, Linnainmaa 1970); what their rules say of
 * equal maxima and of kinks is in docs/training.md. May be asked again, also of gradients. The graph must not have a session yet.
 * UNSUPPORTED: an op on the way has no gradient, the message names it; the graph then has ops that nothing reads. */
CVK_EXPORT cvk_status cvk_graph_gradients(cvk_graph *g, cvk_value loss, int32_t n, const cvk_value *of, cvk_value *gradients);

/* How new weights are drawn; n is their fan-in: elements of a filter, of a dense weight [out, in] `in`. */
enum cvk_initializer {
  CVK_INIT_HE_NORMAL = 0,   /* normal of variance 2 / n (He et al. 2015) */
  CVK_INIT_HE_UNIFORM = 1,  /* even in +-sqrt(6 / n) */
  CVK_INIT_LECUN_UNIFORM = 2, /* even in +-sqrt(1 / n), as PyTorch's layers begin, biases too */
};
/* Fills a host tensor of float32. fan_in >= 1. stream tells the tensors of one model apart; the same numbers on every machine but for the last
 * bits of a normal's logarithm. INVALID_ARGUMENT. */
CVK_EXPORT cvk_status cvk_tensor_initialize(cvk_tensor *t, int32_t initializer, int64_t fan_in, uint64_t seed, int64_t stream);

/* ---- the trainer -------------------------------------------------------------------------------------------------- */

typedef struct cvk_trainer cvk_trainer;

enum cvk_optimizer { CVK_ADAM = 0, CVK_ADAMW = 1, CVK_SGD = 2 }; /* formulas: cvk_adam_attr, cvk_sgd_attr in plugin.h */
enum cvk_loss { CVK_LOSS_SOFTMAX_CROSS_ENTROPY = 0, CVK_LOSS_MEAN_SQUARED_ERROR = 1 };
/* The rate of step s (from 0) of total_steps. CONSTANT: the learning rate. STEP: times decay_factor for each decay_steps. COSINE: to 0
 * along half a cosine (Loshchilov and Hutter 2017). ONE_CYCLE (Smith 2018): a quarter of the steps rises evenly from a 25th of the
 * rate, the rest falls along half a cosine to a thousandth. warmup > 0: that share of the steps rises evenly to the rate, with any schedule. */
enum cvk_schedule { CVK_SCHEDULE_CONSTANT = 0, CVK_SCHEDULE_STEP = 1, CVK_SCHEDULE_COSINE = 2, CVK_SCHEDULE_ONE_CYCLE = 3 };

typedef struct cvk_trainer_options { /* zero-initialise; 0 stands for what is said */
  uint32_t struct_size;    /* 0: the size this library was built with */
  int32_t fallback;        /* CVK_FALLBACK_* */
  const char *device;      /* a spec of cvk_device_open */
  uint32_t flags;          /* CVK_EXACT. CVK_DETERMINISTIC is always on: the same seed gives the same losses, bit for bit, on one backend and
                              instruction set, for any number of threads */
  int32_t loss;            /* CVK_LOSS_* */
  float label_smoothing;   /* cross-entropy: 0 .. 1 */
  int32_t has_ignore;      /* cross-entropy: targets of ignore_index count nothing */
  int64_t ignore_index;
  const float *class_weights; /* cross-entropy: one for each class, or NULL; copied */
  int64_t n_class_weights;
  int32_t optimizer;       /* CVK_ADAM, ... */
  int32_t nesterov;        /* SGD */
  float learning_rate;     /* 0: 0.001, SGD 0.01 */
  float momentum;          /* SGD; 0: none */
  float beta1, beta2;      /* Adam; 0: 0.9 and 0.999 */
  float epsilon;           /* Adam; 0: 1e-8 */
  float weight_decay;      /* of weights of rank 2 and more, not of biases and norms */
  float clip_norm;         /* > 0: all gradients are scaled so that their common norm is at most this (Pascanu et al. 2013) */
  float clip_value;        /* > 0: each element of a gradient is clipped to +-this, before that */
  int32_t schedule;        /* CVK_SCHEDULE_* */
  float warmup;
  float decay_factor;      /* STEP; 0: 0.1 */
  int64_t decay_steps;     /* STEP; 0: a third of total_steps */
  int64_t total_steps;     /* 0: each cvk_fit sets it: epochs times batches; cvk_trainer_step alone is INVALID_ARGUMENT where the schedule wants it */
  uint64_t seed;           /* of dropout, and of cvk_fit's order and augmentation */
  int32_t profile;         /* nonzero: each step times every op (cvk_trainer_session) */
  int32_t reserved;
} cvk_trainer_options;

/* A trainer for `model`: a graph with one input [N, ...] of float32 and at least one output, whose weights are constants. Trained are the
 * float32 constants that are weights or biases of conv, conv_transpose, gemm, matmul (and the add behind one), scale and bias of
 * batch_norm, and prelu's slopes, also behind reshapes and transposes. batch_norm takes the statistics of the batch and keeps running ones
 * (0.9 of the old at each step); dropout drops; a softmax over axis 1 at the end is left out, since the cross-entropy has one. The model itself is not changed
 * and may be released. The caller owns the trainer. INVALID_ARGUMENT, UNSUPPORTED, NO_MEMORY, ... */
CVK_EXPORT cvk_status cvk_trainer_create(cvk_graph *model, const cvk_trainer_options *options, cvk_trainer **out);
CVK_EXPORT void cvk_trainer_release(cvk_trainer *t); /* NULL is allowed */

typedef struct cvk_step_result {
  uint32_t struct_size; /* set by the caller */
  int32_t reserved;
  double loss;          /* as the optimiser sees it: smoothed, weighted, a mean over the batch */
  int64_t count;        /* targets that were not ignored */
  int64_t correct;      /* cross-entropy: of these, those where the target has the largest output (the first of equals) */
  float rate;           /* the learning rate of this step */
} cvk_step_result;
/* One step on one batch: x [n, ...] of float32, target i64 [n, ...] class numbers or float32 of the output's shape, both host tensors. Plans once
 * for each n (two are kept). result may be NULL. On failure the weights are as before. A trainer is used by one thread at a time. */
CVK_EXPORT cvk_status cvk_trainer_step(cvk_trainer *t, cvk_tensor *x, cvk_tensor *target, cvk_step_result *result);
/* Steps taken. */
CVK_EXPORT int64_t cvk_trainer_step_count(const cvk_trainer *t);
/* The session of the last step, for its reports; borrowed, until the next step. NULL before the first. */
CVK_EXPORT cvk_session *cvk_trainer_session(cvk_trainer *t);

/* The model with the weights as they are now, as a new graph of the caller's: for sessions and for cvk_graph_save_onnx. */
CVK_EXPORT cvk_status cvk_trainer_graph(cvk_trainer *t, cvk_graph **out);

typedef struct cvk_evaluation {
  uint32_t struct_size; /* set by the caller */
  int32_t reserved;
  double loss;          /* mean over the targets that are not ignored, without smoothing and weights */
  int64_t count, correct;
} cvk_evaluation;
/* Runs the model as at inference over all of `data`, `batch` samples at a time, without augmentation. */
CVK_EXPORT cvk_status cvk_trainer_evaluate(cvk_trainer *t, cvk_dataset *data, int64_t batch, cvk_evaluation *out);

/* Everything that training goes on from - weights, optimiser, statistics, steps, history - to a file, by way of a temporary one and rename, and
 * back. Loading needs a trainer of the same model and options; a file that is damaged or of another one changes nothing. IO_ERROR,
 * INVALID_ARGUMENT. */
CVK_EXPORT cvk_status cvk_trainer_save(cvk_trainer *t, const char *path);
CVK_EXPORT cvk_status cvk_trainer_load(cvk_trainer *t, const char *path);

/* ---- epochs ------------------------------------------------------------------------------------------------------- */

typedef struct cvk_epoch_result { /* fixed: 72 bytes */
  int64_t epoch;                 /* from 1 */
  double loss, accuracy;         /* over the epoch's steps, while it learned; accuracy in 0..1, 0 without classes */
  double validation_loss, validation_accuracy; /* after it; 0 without validation data */
  double seconds;                /* of its steps */
  double images_per_second;
  double rate;                   /* the learning rate of its last step */
  int64_t improved;              /* nonzero: the best validation loss so far */
} cvk_epoch_result;

typedef struct cvk_fit_progress {
  uint32_t struct_size;
  int32_t reserved;
  int64_t epoch, epochs, step, steps; /* from 1: of this epoch */
  int64_t images;                     /* of this epoch so far */
  double loss, accuracy;              /* means of this epoch so far */
  double seconds, seconds_left;       /* of this epoch; of all epochs */
} cvk_fit_progress;

typedef struct cvk_fit_options { /* zero-initialise */
  uint32_t struct_size;  /* 0: the size this library was built with */
  int32_t no_shuffle, no_augment; /* the dataset's order; the dataset's samples as they are */
  int32_t resume;        /* nonzero: goes on from `checkpoint` where that file exists */
  int64_t epochs, batch; /* >= 1 */
  cvk_dataset *validation; /* evaluated behind each epoch, or NULL */
  int64_t patience;      /* > 0: stops after so many epochs without a better validation loss, with the weights of the best */
  const char *checkpoint; /* written behind each epoch, or NULL: whatever kills the process, what is lost is the epoch in hand */
  int32_t (*on_step)(void *arg, const cvk_fit_progress *p);  /* NULL: none; nonzero ends the training at once: the weights stay as they are,
                                                                the epoch in hand is not in history and checkpoint */
  int32_t (*on_epoch)(void *arg, const cvk_epoch_result *e); /* NULL: none; behind the checkpoint; nonzero: no further epoch */
  void *arg;             /* of both */
} cvk_fit_options;

/* Trains for `epochs` epochs in all, those of the checkpoint counted. Order and augmentation come from the trainer's seed and the epoch, so that
 * a run that was killed and resumed gives the same bits as one that was not. INVALID_ARGUMENT where the loss is no longer finite: the
 * message has the step; the checkpoint is then of the last whole epoch. */
CVK_EXPORT cvk_status cvk_fit(cvk_trainer *t, cvk_dataset *data, const cvk_fit_options *options);
/* Epochs trained so far, of loaded checkpoints too, and number `index` of them. */
CVK_EXPORT int64_t cvk_trainer_epoch_count(const cvk_trainer *t);
CVK_EXPORT cvk_status cvk_trainer_epoch(const cvk_trainer *t, int64_t index, cvk_epoch_result *out);

#ifdef __cplusplus
}
#endif
#endif
