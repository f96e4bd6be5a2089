/* SPDX-License-Identifier: Apache-2.0 */
/* train_internal.h: the trainer as the files of this folder see it. */
#ifndef CVK_TRAIN_INTERNAL_H
#define CVK_TRAIN_INTERNAL_H

#include <convoke/train.h>

#include "graph_internal.h"
#include "tensor_internal.h"

enum { CVK_MAX_SLOTS = 2, CVK_TRAINER_STEPS = 2 };

/* A tensor that a step changes: a weight with its optimiser's state, or a running statistic. A step reads `now` and writes `next`, and then
 * the two change places: a step that fails has changed nothing. All lie on the device. */
typedef struct cvk_variable {
  char *name;
  cvk_value model;           /* the constant of the model; statistics of several batch norms may be one constant there */
  int32_t statistic;         /* 0: a weight; else the input (3: mean, 4: variance) of the batch norm that is the model's node number `node` */
  int32_t node;
  cvk_tensor_desc desc;
  cvk_tensor *now, *next;
  cvk_tensor *slot[CVK_MAX_SLOTS], *slot_next[CVK_MAX_SLOTS]; /* of weights; n_slots of the trainer */
} cvk_variable;

/* What a copy of the model is made for, and where its parts are. */
typedef struct cvk_model_copy {
  const cvk_tensor_desc *batch; /* for training: the shape of the input; NULL: for inference */
  int32_t logits;           /* the first output is what goes into the loss */
  cvk_value *variable;      /* training: input of each variable */
  cvk_value *new_statistic; /* training: a variable's new value, CVK_NO_VALUE for weights */
  cvk_value x, seed, output; /* seed: CVK_NO_VALUE without dropout */
} cvk_model_copy;

/* A step for one shape of batches. */
typedef struct cvk_step {
  cvk_tensor_desc x, target;
  uint64_t used;
  cvk_session *session;
  int32_t n_in, n_out, takes_seed;
  cvk_tensor **in, **out; /* filled anew for each run; out[1] is the model's output, a host tensor of this step */
  cvk_tensor *output;
} cvk_step;

struct cvk_trainer {
  cvk_graph *model;  /* retained */
  cvk_device *device;
  char *device_spec;
  cvk_trainer_options options; /* defaults filled in; pointers are the trainer's */
  cvk_tensor *class_tensor;    /* of class_weights, or NULL */
  int32_t n_variables, n_slots;
  cvk_variable *variables;
  int32_t classes_last;        /* the softmax that was left out ran along the last axis, which must be the classes' */
  cvk_value logits;            /* of the model: its output 0 without a softmax at the end */
  int64_t steps_taken;
  int64_t total_steps;         /* of the schedule: the option, or what cvk_fit makes of it; 0: not known */
  cvk_tensor *rate, *step, *seed, *loss; /* host scalars */
  cvk_step steps[CVK_TRAINER_STEPS];
  cvk_step *last;
  cvk_session *inference;      /* logits, with the weights of inference_step */
  int64_t inference_step;
  int64_t n_epochs, cap_epochs; /* history */
  cvk_epoch_result *epochs;
  double best_loss;
  int64_t best_epoch; /* 0: none */
  cvk_tensor **best;  /* host copies of the variables at best_epoch, or NULL */
};

/* ---- model_graph.c ---- */

/* Finds the variables (name, model, statistic, desc) and t->logits. */
cvk_status cvk_trainer_find_variables(cvk_trainer *t);
/* Copies the model into g as `c` says. Inference: constants hold the variables as they are now. */
cvk_status cvk_trainer_copy_model(cvk_trainer *t, cvk_graph *g, cvk_model_copy *c);

/* ---- step.c ---- */

/* The step for this batch; plans it where it is new. target: its desc as given. */
cvk_status cvk_trainer_find_step(cvk_trainer *t, const cvk_tensor *x, const cvk_tensor *target, cvk_step **out);
void cvk_step_free(cvk_step *s);

/* ---- schedule.c ---- */

/* Whether rates depend on the number of all steps. */
int32_t cvk_trainer_needs_total(const cvk_trainer_options *o);
float cvk_trainer_rate(const cvk_trainer_options *o, int64_t total_steps, int64_t step);

/* ---- score.c ---- */

/* INVALID_ARGUMENT: the loss wants another type of targets. */
cvk_status cvk_trainer_check_target(const cvk_trainer *t, const cvk_tensor *target);

typedef struct cvk_score {
  double loss; /* sum over the targets that count, without smoothing and weights; squared errors: over all elements */
  int64_t count, correct;
} cvk_score;
/* Adds to *s what outputs [n, ...] say of targets, both host tensors. INVALID_ARGUMENT, INVALID_SHAPE: they do not fit one another or the loss. */
cvk_status cvk_trainer_score(const cvk_trainer *t, const cvk_tensor *output, const cvk_tensor *target, int32_t with_loss, cvk_score *s);

/* ---- trainer.c ---- */

/* Host copies of all variables' values, and back. */
cvk_status cvk_trainer_take_best(cvk_trainer *t);
cvk_status cvk_trainer_give_best(cvk_trainer *t);
void cvk_trainer_drop_best(cvk_trainer *t);
cvk_status cvk_trainer_add_epoch(cvk_trainer *t, const cvk_epoch_result *e);

#endif
