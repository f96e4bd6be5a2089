/* SPDX-License-Identifier: Apache-2.0 */
/* fixtures.h: losses of PyTorch 1.13 in float64 (make_fixtures.py): the network small_net, 12 steps on one batch. */
#ifndef CVK_TESTS_TRAIN_FIXTURES_H
#define CVK_TESTS_TRAIN_FIXTURES_H

enum { FIXTURE_STEPS = 12 };

typedef struct fixture {
  const char *name;
  cvk_trainer_options o;
  int batch_norm;
  double loss[FIXTURE_STEPS]; /* before the update of each step */
  double last;                /* of the parameters behind the last update, as at inference: without smoothing and weights; 0: not told */
} fixture;

static const int64_t fixture_labels[SMALL_BATCH] = {1, 4, 2, 0, 3, 1, 4, 2}, fixture_ignored[SMALL_BATCH] = {1, 4, -100, 0, 3, -100, 4, 2};
static const float fixture_weights[SMALL_CLASSES] = {0.5f, 1, 2, 0.25f, 1.5f};

static const fixture fixtures[] = {
    {"sgd",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f},
     0,
     {1.856492192239, 1.682491046229, 1.578880993564, 1.507279935017, 1.451489158249, 1.403820187685,
      1.3601028235, 1.318912515696, 1.279020653788, 1.240099887074, 1.201122352624, 1.161947598335},
     1.123671718956},
    {"momentum",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f},
     0,
     {1.856492192239, 1.682491046229, 1.496229928414, 1.388372474477, 1.315214065076, 1.212719539554,
      1.058125932516, 0.8778041851814, 0.7072533014756, 0.5659420601185, 0.4458830817304, 0.3348284331046},
     0.2314548343646},
    {"nesterov_decay",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .weight_decay = 0.0005f},
     0,
     {1.856492192239, 1.56988604314, 1.414347096507, 1.300248429276, 1.168853191535, 1.011352700172,
      0.8401779495984, 0.6734169444505, 0.5211399198763, 0.3829879180728, 0.2679370054736, 0.1802212196322},
     0.1182644861181},
    {"adam",
     {.optimizer = CVK_ADAM, .learning_rate = 0.01f},
     0,
     {1.856492192239, 1.703607166256, 1.591261112055, 1.507972235353, 1.442927874619, 1.388008587125,
      1.336786777878, 1.286699887905, 1.235034018176, 1.18117987955, 1.126019628752, 1.071043559536},
     1.015759860811},
    {"adam_decay",
     {.optimizer = CVK_ADAM, .learning_rate = 0.01f, .weight_decay = 0.01f},
     0,
     {1.856492192239, 1.70339013607, 1.591129415415, 1.508035783681, 1.443127985804, 1.388442922962,
      1.337327783985, 1.287501616483, 1.23629906607, 1.18307769438, 1.129110386827, 1.075317337715},
     1.021564447165},
    {"adamw",
     {.optimizer = CVK_ADAMW, .learning_rate = 0.01f, .weight_decay = 0.01f},
     0,
     {1.856492192239, 1.703554578511, 1.591213184666, 1.507958757316, 1.442959876613, 1.38809015588,
      1.336926089407, 1.286905482557, 1.23531915029, 1.181556827898, 1.126511285194, 1.071655604942},
     1.01650343203},
    {"label_smoothing",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .label_smoothing = 0.1f},
     0,
     {1.850646138303, 1.589272801783, 1.456248799876, 1.366276910779, 1.261312934116, 1.135530069377,
      0.998920231494, 0.8680628812722, 0.7489092441645, 0.64363798713, 0.5559996351948, 0.4909368306022},
     0},
    {"ignore",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .has_ignore = 1, .ignore_index = -100},
     0,
     {1.929961168701, 1.493505392313, 1.289248388302, 1.122995573595, 0.9438019930126, 0.7513927588178,
      0.5538680441194, 0.373332436528, 0.2362437472646, 0.1434299871159, 0.08514128686729, 0.05044558591933},
     0.03036347905851},
    {"class_weights",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .class_weights = fixture_weights, .n_class_weights = SMALL_CLASSES},
     0,
     {1.988559590159, 1.407816312315, 1.182374009423, 1.09764982881, 1.001020133032, 0.8842870116987,
      0.7672648544136, 0.660389748314, 0.5671446612658, 0.4866979445076, 0.4153101524034, 0.351144710178},
     0},
    {"ignore_class_weights",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .has_ignore = 1, .ignore_index = -100, .class_weights = fixture_weights, .n_class_weights = SMALL_CLASSES},
     0,
     {2.053064794698, 1.365284389454, 1.104425562091, 0.9606716644395, 0.8420016032148, 0.7130683099493,
      0.574520009828, 0.4487017697208, 0.3509729364414, 0.2760251875139, 0.2224625375611, 0.1824207425961},
     0},
    {"ignore_class_weights_smoothing",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .label_smoothing = 0.1f, .has_ignore = 1, .ignore_index = -100, .class_weights = fixture_weights, .n_class_weights = SMALL_CLASSES},
     0,
     {2.031260690201, 1.390472515277, 1.1568531092, 1.042786452813, 0.9498444029108, 0.846067316346,
      0.733142975893, 0.6297183614211, 0.5517942811987, 0.4959553545189, 0.4581184472478, 0.4330685222904},
     0},
    {"clip_pytorch",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .clip_norm = 0.5f},
     0,
     {1.856492192239, 1.733883832596, 1.59576619595, 1.471149304092, 1.366922605996, 1.265655328523,
      1.152355699679, 1.024158377281, 0.8829220703332, 0.7379415086088, 0.596711324369, 0.4607015429739},
     0.3374524698653},
    {"mse",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .loss = CVK_LOSS_MEAN_SQUARED_ERROR},
     0,
     {0.8435333933032, 0.3427766965853, 0.3482387333935, 0.274479127934, 0.1932912652066, 0.1412583672279,
      0.1092905501647, 0.0874221985924, 0.06998041924876, 0.05538547214155, 0.04350504705657, 0.0346545219},
     0.02825137786251},
    {"schedule_step",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .schedule = CVK_SCHEDULE_STEP, .decay_steps = 4, .decay_factor = 0.5f},
     0,
     {1.856492192239, 1.569908707613, 1.414313302168, 1.300121849745, 1.168548580814, 1.087975190355,
      0.995696272995, 0.8964303221468, 0.7977827833958, 0.7479132983005, 0.6976855627978, 0.6473378642883},
     0.5976266799936},
    {"schedule_cosine",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .schedule = CVK_SCHEDULE_COSINE, .total_steps = FIXTURE_STEPS},
     0,
     {1.856492192239, 1.569908707613, 1.416054616053, 1.307765587504, 1.194032109709, 1.074177581444,
      0.9607298562936, 0.8653201302916, 0.7932131223672, 0.7433064973982, 0.7134492436815, 0.6994927614783},
     0.6958104898811},
    {"schedule_onecycle",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1, .schedule = CVK_SCHEDULE_ONE_CYCLE, .total_steps = FIXTURE_STEPS},
     0,
     {1.856492192239, 1.841465932161, 1.676566521683, 1.467481939043, 1.349976289714, 1.248188957269,
      1.106707651055, 0.9630935100944, 0.8438983169193, 0.7598388566088, 0.7083645404117, 0.6836027996973},
     0.6768836687753},
    {"batch_norm",
     {.optimizer = CVK_SGD, .learning_rate = 0.1f, .momentum = 0.9f, .nesterov = 1},
     1,
     {2.320790648274, 1.512034685541, 1.200335322565, 0.810448826118, 0.5372533856119, 0.3480866337103,
      0.2123081281738, 0.1233829790827, 0.07058513901064, 0.04112627362351, 0.02454167393145, 0.01496315713927},
     0.02647086581414},
    {"batch_norm_adamw",
     {.optimizer = CVK_ADAMW, .learning_rate = 0.01f, .weight_decay = 0.01f},
     1,
     {2.320790648274, 1.95033510667, 1.692771876777, 1.53203473673, 1.432255205207, 1.361765023191,
      1.297246290565, 1.228722048997, 1.154712686852, 1.076610545308, 0.9963270102369, 0.9150160202771},
     0.9726253636261},
};
enum { FIXTURES = sizeof fixtures / sizeof *fixtures };

/* Running statistics of "batch_norm" behind the last step, as ONNX defines them (the batch's variance with its count as divisor). */
static const double fixture_running_mean[4] = {0.02248377626698, 0.006361862324369, -0.04660381460903, 0.03983849295314};
static const double fixture_running_var_population[4] = {0.5264530499548, 0.5227679892994, 0.4963262204692, 0.4764018774537};

#endif
