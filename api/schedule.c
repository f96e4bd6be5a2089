/* SPDX-License-Identifier: Apache-2.0 */
/* schedule.c: turns the placed ops into steps. Each value lies in slots (a format in a space); a slot that a step needs and that does not
 * exist is made then: a reorder on a device of the value's space (the one that owns the layout, where it is private), a copy between spaces, both at
 * most once per value and format. */
#include <stdio.h>
#include <string.h>

#include "context_internal.h"
#include "plan.h"

static const cvk_format plain = {CVK_PLAIN, 0, 0};

/* ---- growing arrays in the plan's arena ---- */

static cvk_status grow(cvk_plan *p, void **array, int32_t n, int32_t *cap, size_t bytes) {
  if (n < *cap) return CVK_OK;
  void *bigger = cvk_arena_alloc(&p->memory, (size_t)*cap * 2 + 32, bytes);
  if (bigger == NULL) return cvk_plan_no_memory();
  if (n) memcpy(bigger, *array, (size_t)n * bytes);
  *array = bigger;
  *cap = *cap * 2 + 32;
  return CVK_OK;
}

static cvk_status add_storage(cvk_plan *p, int32_t type, int32_t space, uint64_t bytes, int32_t *out) {
  cvk_status status = grow(p, (void **)&p->storages, p->n_storages, &p->cap_storages, sizeof *p->storages);
  if (status != CVK_OK) return status;
  p->storages[p->n_storages] = (cvk_plan_storage){.type = type, .space = space, .io = -1, .first = p->n_steps, .last = p->n_steps, .part_of = -1, .bytes = bytes};
  *out = p->n_storages++;
  return CVK_OK;
}

/* `device` makes it. */
static cvk_status add_slot(cvk_plan *p, int32_t value, int32_t space, int32_t device, const cvk_format *format, int32_t storage, int32_t *out) {
  cvk_status status = grow(p, (void **)&p->slots, p->n_slots, &p->cap_slots, sizeof *p->slots);
  if (status != CVK_OK) return status;
  const int32_t owner = cvk_format_owner(format, device);
  p->slots[p->n_slots] = (cvk_plan_slot){.value = value, .space = space, .storage = storage, .owner = owner, .desc = p->values[value].desc};
  p->slots[p->n_slots].desc.format = *format;
  *out = p->n_slots++;
  return CVK_OK;
}

/* Whether the slot is in `format` as `device` means it. */
static int32_t slot_is(const cvk_plan_slot *slot, const cvk_format *format, int32_t device) {
  return cvk_format_equal(&slot->desc.format, format) && slot->owner == cvk_format_owner(format, device);
}

/* space < 0: any. format NULL: any; device: who means it. */
static int32_t find_slot(const cvk_plan *p, int32_t value, int32_t space, const cvk_format *format, int32_t device) {
  for (int32_t s = p->n_slots - 1; s >= 0; s--) {
    const cvk_plan_slot *slot = &p->slots[s];
    if (slot->value != value || (space >= 0 && slot->space != space)) continue;
    if (format == NULL || slot_is(slot, format, device)) return s;
  }
  return -1;
}

static cvk_status slot_bytes(const cvk_plan *p, int32_t device, const cvk_tensor_desc *desc, uint64_t *bytes) {
  const cvk_device *dev = p->devices[device];
  *bytes = desc->format.layout == CVK_PRIVATE && dev->backend->tensor_bytes ? dev->backend->tensor_bytes(dev->handle, desc) : cvk_desc_bytes(desc);
  return *bytes == UINT64_MAX ? cvk_fail(CVK_SIZE_OVERFLOW, "a value's size in layout %d overflows", desc->format.layout) : CVK_OK;
}

static cvk_status add_step(cvk_plan *p, int32_t type, int32_t device, int32_t n_in, int32_t n_out, cvk_plan_step **out) {
  cvk_status status = grow(p, (void **)&p->steps, p->n_steps, &p->cap_steps, sizeof *p->steps);
  if (status != CVK_OK) return status;
  cvk_plan_step *s = &p->steps[p->n_steps];
  *s = (cvk_plan_step){.type = type, .device = device, .op = -1, .n_in = n_in, .n_out = n_out};
  s->in = cvk_arena_alloc(&p->memory, (size_t)(n_in + n_out), sizeof *s->in);
  s->in_args = cvk_arena_alloc(&p->memory, (size_t)(n_in + n_out), sizeof *s->in_args);
  if (s->in == NULL || s->in_args == NULL) return cvk_plan_no_memory();
  s->out = s->in + n_in;
  s->out_args = s->in_args + n_in;
  *out = s;
  return CVK_OK;
}

static void touch(cvk_plan *p, int32_t slot) {
  if (slot < 0) return;
  p->storages[p->slots[slot].storage].last = p->n_steps;
  p->storages[cvk_plan_root(p, p->slots[slot].storage)].last = p->n_steps;
}

/* ---- making slots ---- */

/* A device whose reorders work on memory of `space`. */
static int32_t device_of_space(const cvk_plan *p, int32_t space, int32_t prefer) {
  if (cvk_plan_space_of(p, prefer) == space) return prefer;
  for (int32_t d = 0; d < p->n_devices; d++) {
    if (p->devices[d] && cvk_plan_space_of(p, d) == space) return d;
  }
  return -1;
}

/* Who reorders slot `source` to `format` for `device`: only the owner knows a private layout. */
static int32_t reorderer(const cvk_plan *p, int32_t source, int32_t device, const cvk_format *format) {
  const cvk_plan_slot *slot = &p->slots[source];
  if (slot->owner >= 0) return slot->owner;
  return format->layout == CVK_PRIVATE ? device : device_of_space(p, slot->space, device);
}

/* Asks device d, and for layouts that all know in host memory the reference as well, for a row that reorders one desc to the other. */
static cvk_status ask_reorder(cvk_plan *p, int32_t *d, const cvk_tensor_desc *from, const cvk_tensor_desc *to, cvk_candidate *c) {
  cvk_plan_option options[CVK_MAX_OPTIONS];
  const cvk_tensor_desc *in[1] = {from}, *out[1] = {to};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = in, .out = out};
  int32_t n = 0;
  cvk_status status = cvk_plan_ask(p, *d, &op, options, &n);
  const int32_t private_layout = from->format.layout == CVK_PRIVATE || to->format.layout == CVK_PRIVATE;
  if (status == CVK_UNSUPPORTED && cvk_plan_space_of(p, *d) == 0 && !private_layout) {
    const int32_t last = CVK_PLAN_DEVICES - 1;
    if (p->devices[last] == NULL) p->devices[last] = p->fallback(p->session, last);
    if (p->devices[last]) {
      p->n_devices = CVK_PLAN_DEVICES;
      *d = last;
      status = cvk_plan_ask(p, *d, &op, options, &n);
    }
  }
  if (status != CVK_OK) {
    return cvk_fail(CVK_INTERNAL, "%s offers layout %d (block %d) but no reorder to or from it", p->devices[*d]->info.id,
                    to->format.layout ? to->format.layout : from->format.layout, to->format.block + from->format.block);
  }
  *c = options[0].candidate;
  c->in[0] = from->format;
  c->out[0] = to->format;
  return CVK_OK;
}

/* `device` wants it. */
static cvk_status add_reorder(cvk_plan *p, int32_t device, int32_t source, const cvk_format *format, int32_t *out) {
  cvk_plan_step *step;
  cvk_candidate candidate;
  const cvk_plan_slot from = p->slots[source];
  cvk_tensor_desc to = from.desc;
  uint64_t bytes;
  int32_t storage;
  device = reorderer(p, source, device, format);
  to.format = *format;
  cvk_status status = slot_bytes(p, device, &to, &bytes);
  if (status == CVK_OK) status = ask_reorder(p, &device, &from.desc, &to, &candidate);
  if (status == CVK_OK) status = add_step(p, CVK_STEP_RUN, device, 1, 1, &step);
  if (status == CVK_OK) status = add_storage(p, CVK_STORAGE_ARENA, from.space, bytes, &storage);
  if (status == CVK_OK) status = add_slot(p, from.value, from.space, device, format, storage, out);
  if (status != CVK_OK) return status;
  touch(p, source);
  step->candidate = candidate;
  step->in[0] = source;
  step->out[0] = *out;
  step->label = "reorder";
  step->bytes = (int64_t)(bytes + p->storages[from.storage].bytes);
  p->n_steps++;
  return CVK_OK;
}

static cvk_status add_copy(cvk_plan *p, int32_t source, int32_t space, int32_t *out) {
  cvk_plan_step *step;
  const cvk_plan_slot from = p->slots[source];
  const uint64_t bytes = cvk_desc_bytes(&from.desc);
  int32_t storage;
  cvk_status status = add_step(p, CVK_STEP_COPY, space ? space - 1 : from.space - 1, 1, 1, &step);
  if (status == CVK_OK) status = add_storage(p, CVK_STORAGE_ARENA, space, bytes, &storage);
  if (status == CVK_OK) status = add_slot(p, from.value, space, -1, &plain, storage, out);
  if (status != CVK_OK) return status;
  touch(p, source);
  step->in[0] = source;
  step->out[0] = *out;
  step->label = "copy";
  step->bytes = (int64_t)bytes;
  p->n_steps++;
  return CVK_OK;
}

static cvk_status get_slot(cvk_plan *p, int32_t value, int32_t space, int32_t device, const cvk_format *format, int32_t *out);

/* A constant in a private layout: its owner lays it out, once. The plain data stays as well: packs are the way for large constants. */
static cvk_status private_constant(cvk_plan *p, int32_t value, int32_t space, int32_t device, const cvk_format *format, int32_t *out) {
  int32_t source;
  cvk_status status = get_slot(p, value, space, device, &plain, &source);
  if (status == CVK_OK) status = add_reorder(p, device, source, format, out);
  if (status != CVK_OK) return status;
  p->steps[p->n_steps - 1].once = 1;
  p->storages[p->slots[*out].storage].type = CVK_STORAGE_CONSTANT;
  return CVK_OK;
}

/* A constant in the format and space asked for, laid out now; prepare.c uploads what is not in host memory. */
static cvk_status constant_slot(cvk_plan *p, int32_t value, int32_t space, int32_t device, const cvk_format *format, int32_t *out) {
  const cvk_plan_value *v = &p->values[value];
  cvk_tensor_desc desc = v->desc;
  uint64_t bytes;
  int32_t storage;
  if (format->layout == CVK_PRIVATE) return private_constant(p, value, space, device, format, out);
  desc.format = *format;
  cvk_status status = cvk_plan_pin(p, value);
  if (status == CVK_OK) status = slot_bytes(p, device, &desc, &bytes);
  if (status == CVK_OK) status = add_storage(p, CVK_STORAGE_CONSTANT, space, bytes, &storage);
  if (status == CVK_OK) status = add_slot(p, value, space, device, format, storage, out);
  if (status != CVK_OK) return status;
  cvk_plan_storage *s = &p->storages[storage];
  if (format->layout == CVK_PLAIN) {
    s->buffer = (void *)(uintptr_t)v->desc.const_data;
    return CVK_OK;
  }
  const cvk_tensor_desc *in[1] = {&v->desc}, *to[1] = {&desc};
  const cvk_op op = {.struct_size = sizeof op, .kind = CVK_OP_REORDER, .n_in = 1, .n_out = 1, .in = in, .out = to};
  s->buffer = cvk_memory_alloc(bytes, 64, 0);
  s->owned = 1;
  if (s->buffer == NULL) return cvk_plan_no_memory();
  return cvk_op_def_find(CVK_OP_REORDER)->reference(&op, (const void *const[]){v->desc.const_data}, (void *const[]){s->buffer});
}

static cvk_status view_slot(cvk_plan *p, int32_t value, int32_t space, int32_t device, int32_t *out) {
  int32_t base;
  cvk_status status = get_slot(p, p->values[value].view_of, space, device, &plain, &base);
  return status == CVK_OK ? add_slot(p, value, space, device, &plain, p->slots[base].storage, out) : status;
}

/* The slot of `value` in `format` in `space`, made if need be; `device` is who wants it. */
static cvk_status get_slot(cvk_plan *p, int32_t value, int32_t space, int32_t device, const cvk_format *format, int32_t *out) {
  int32_t source;
  cvk_status status = CVK_OK;
  *out = find_slot(p, value, space, format, device);
  if (*out >= 0) return CVK_OK;
  if (p->values[value].constant) return constant_slot(p, value, space, device, format, out);
  if (p->values[value].view_of >= 0 && cvk_format_equal(format, &plain)) return view_slot(p, value, space, device, out);
  source = find_slot(p, value, space, &plain, device);
  if (source < 0) source = find_slot(p, value, space, NULL, device);
  if (source < 0 && p->values[value].view_of >= 0) status = view_slot(p, value, space, device, &source);
  if (source < 0 && status == CVK_OK) { /* it lies elsewhere: bring it over plain */
    int32_t away = find_slot(p, value, -1, NULL, device);
    if (away < 0) return cvk_fail(CVK_INTERNAL, "value %d is read before it is made", value);
    const int32_t from = space && p->slots[away].space ? 0 : p->slots[away].space; /* between two devices: through host memory */
    const int32_t owner = device_of_space(p, p->slots[away].space, 0);
    status = get_slot(p, value, from, owner, &plain, &away);
    if (status == CVK_OK) status = add_copy(p, away, space, &source);
  }
  if (status != CVK_OK) return status;
  if (slot_is(&p->slots[source], format, device)) {
    *out = source;
    return CVK_OK;
  }
  if (!cvk_format_equal(&p->slots[source].desc.format, &plain) && !cvk_format_equal(format, &plain)) {
    status = add_reorder(p, device, source, &plain, &source);
  }
  return status == CVK_OK ? add_reorder(p, device, source, format, out) : status;
}

/* ---- steps ---- */

static const char *step_label(cvk_plan *p, const cvk_plan_op *op) {
  char text[160];
  size_t n = (size_t)snprintf(text, sizeof text, "%s%s", cvk_op_def_find(op->kind)->name, op->with_bn ? "+batch_norm" : "");
  for (int32_t k = 0; k < op->n_post && n + 24 < sizeof text; k++) {
    n += (size_t)snprintf(text + n, sizeof text - n, "+%s", cvk_op_def_find(op->post[k].kind)->name);
  }
  return cvk_arena_strdup(&p->memory, text);
}

/* Output 0 may take over input i's memory: it dies here, is the arena's own, and is large enough. */
static int32_t take_over(const cvk_plan *p, const cvk_plan_step *s, uint64_t bytes) {
  const int32_t i = s->candidate.inplace;
  if (i < 0 || i >= s->n_in || s->in[i] < 0 || p->options->keep_values) return -1;
  const int32_t storage = p->slots[s->in[i]].storage;
  const cvk_plan_storage *st = &p->storages[storage];
  if (st->type != CVK_STORAGE_ARENA || st->bytes != bytes || st->space != cvk_plan_space_of(p, s->device)) return -1;
  const int32_t root = cvk_plan_root(p, storage);
  for (int32_t v = 0; v < p->n_slots; v++) { /* every value in it, or in a whole that it is part of, must have been read for the last time */
    if (cvk_plan_root(p, p->slots[v].storage) == root && p->values[p->slots[v].value].uses > 0) return -1;
  }
  return storage;
}

/* The op's operands have been read once more. */
static void spend_uses(cvk_plan *p, const cvk_plan_op *op) {
  for (int32_t i = 0; i < op->n_in; i++) {
    if (op->in[i] >= 0) p->values[op->in[i]].uses--;
  }
  for (int32_t k = 0; k < op->n_post; k++) {
    if (op->post[k].operand >= 0) p->values[op->post[k].operand].uses--;
  }
}

/* The memory that holds inputs i.. of a concat and may become part of a new whole: input i's own, or a whole that the inputs from i on fill
 * (the features so far, joined again with one more). *covers: how many inputs. -1: none. */
static int32_t piece_at(const cvk_plan *p, int32_t space, int32_t n, const int32_t *in, int32_t i, int32_t *covers) {
  const int32_t piece = cvk_plan_root(p, p->slots[in[i]].storage);
  const cvk_plan_storage *s = &p->storages[piece];
  uint64_t filled = 0;
  if (s->type != CVK_STORAGE_ARENA || s->space != space) return -1;
  for (*covers = 0; i < n && filled < s->bytes; ++*covers, i++) {
    const cvk_plan_slot *slot = &p->slots[in[i]];
    const cvk_plan_storage *part = &p->storages[slot->storage];
    if (part->bytes != cvk_desc_bytes(&slot->desc)) return -1;
    if (cvk_plan_root(p, slot->storage) != piece || cvk_plan_offset(p, slot->storage) != filled) return -1;
    filled += part->bytes;
  }
  return filled == s->bytes && filled > 0 ? piece : -1;
}

/* Makes the inputs parts of storage `whole`, or finds that they cannot be: 0, and nothing is changed. */
static int32_t join(cvk_plan *p, int32_t space, int32_t n, const int32_t *in, const uint64_t *at, int32_t whole) {
  int32_t piece[CVK_MAX_INPUTS], covers, pieces = 0;
  uint64_t place[CVK_MAX_INPUTS];
  for (int32_t i = 0; i < n; i += covers) {
    piece[pieces] = piece_at(p, space, n, in, i, &covers);
    place[pieces] = at[i];
    if (piece[pieces] < 0) return 0;
    for (int32_t k = 0; k < pieces; k++) {
      if (piece[k] == piece[pieces]) return 0;
    }
    pieces++;
  }
  for (int32_t k = 0; k < pieces; k++) {
    cvk_plan_storage *s = &p->storages[piece[k]];
    s->part_of = whole;
    s->offset = place[k];
    if (s->first < p->storages[whole].first) p->storages[whole].first = s->first;
  }
  return 1;
}

/* A concat's output as a whole of its inputs' memory. */
static cvk_status join_op(cvk_plan *p, const cvk_plan_op *op, const cvk_candidate *c, int32_t space, const int32_t *in, const uint64_t *at,
                          int32_t *done) {
  cvk_tensor_desc desc = p->values[op->out[0]].desc;
  int32_t whole, slot;
  desc.format = c->out[0];
  cvk_status status = add_storage(p, CVK_STORAGE_ARENA, space, cvk_desc_bytes(&desc), &whole);
  if (status != CVK_OK) return status;
  *done = join(p, space, op->n_in, in, at, whole);
  if (*done) return add_slot(p, op->out[0], space, -1, &desc.format, whole, &slot);
  p->n_storages--;
  return CVK_OK;
}

/* A split's outputs as ranges of its input's memory. */
static cvk_status split_op(cvk_plan *p, const cvk_plan_op *op, const cvk_candidate *c, int32_t space, int32_t whole, const uint64_t *at,
                           int32_t *done) {
  cvk_status status = CVK_OK;
  if (p->storages[whole].type == CVK_STORAGE_CONSTANT) return CVK_OK;
  *done = 1;
  for (int32_t i = 0; i < op->n_out && status == CVK_OK; i++) {
    cvk_tensor_desc desc = p->values[op->out[i]].desc;
    int32_t storage, slot;
    if (p->values[op->out[i]].uses == 0) continue;
    desc.format = c->out[0];
    status = add_storage(p, p->storages[whole].type, space, cvk_desc_bytes(&desc), &storage);
    if (status != CVK_OK) break;
    p->storages[storage].part_of = whole;
    p->storages[storage].offset = at[i];
    status = add_slot(p, op->out[i], space, -1, &desc.format, storage, &slot);
  }
  return status;
}

/* Runs a concat or split by where its tensors lie (alias.c). *done: it needs no step. */
static cvk_status alias_op(cvk_plan *p, const cvk_plan_op *op, const cvk_candidate *c, int32_t space, const int32_t *in, int32_t *done) {
  uint64_t at[CVK_MAX_INPUTS > CVK_MAX_OUTPUTS ? CVK_MAX_INPUTS : CVK_MAX_OUTPUTS];
  cvk_status status = CVK_OK;
  *done = 0;
  if (op->n_post > 0 || cvk_plan_parts(p, op, c, at) == 0) return CVK_OK;
  if (op->kind == CVK_OP_CONCAT) status = join_op(p, op, c, space, in, at, done);
  else status = split_op(p, op, c, space, p->slots[in[0]].storage, at, done);
  if (!*done) return status;
  spend_uses(p, op);
  p->views++;
  return status;
}

static cvk_status schedule_op(cvk_plan *p, int32_t index) {
  const cvk_plan_op *op = &p->ops[index];
  const cvk_plan_option *option = &op->options[op->chosen];
  const cvk_candidate *c = &option->candidate;
  const int32_t space = cvk_plan_space_of(p, option->device);
  int32_t in[CVK_MAX_INPUTS + CVK_MAX_POST], n_in = 0;
  const cvk_tensor_desc *descs[CVK_MAX_INPUTS];
  cvk_plan_step *s;
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < op->n_in + op->n_post && status == CVK_OK; i++) {
    const int32_t post = i - op->n_in, v = post < 0 ? op->in[i] : op->post[post].operand;
    if (post >= 0 && v < 0) continue;
    const cvk_format format = cvk_candidate_in(op, c, i);
    const int32_t packed = post < 0 && v >= 0 && i < CVK_CANDIDATE_INPUTS && c->pack[i] && p->values[v].constant;
    in[n_in] = -1;
    if (v >= 0 && !packed) status = get_slot(p, v, space, option->device, &format, &in[n_in]);
    n_in++;
  }
  int32_t done = 0;
  if (status == CVK_OK) status = alias_op(p, op, c, space, in, &done);
  if (done) return status;
  if (status == CVK_OK) status = add_step(p, CVK_STEP_RUN, option->device, n_in, op->n_out, &s);
  if (status != CVK_OK) return status;
  memcpy(s->in, in, (size_t)n_in * sizeof *in);
  s->op = index;
  s->candidate = *c;
  s->label = step_label(p, op);
  for (int32_t i = 0; i < n_in; i++) touch(p, in[i]);
  for (int32_t i = 0; i < op->n_in; i++) {
    descs[i] = op->in[i] >= 0 ? &p->values[op->in[i]].desc : NULL;
    if (op->in[i] >= 0) s->bytes += (int64_t)cvk_desc_bytes(descs[i]);
  }
  spend_uses(p, op);
  s->multiply_adds = cvk_op_multiply_adds(op->kind, &op->attr, descs, &p->values[op->out[0]].desc);
  for (int32_t i = 0; i < op->n_out && status == CVK_OK; i++) {
    s->out[i] = -1;
    if (p->values[op->out[i]].uses == 0 && i > 0) continue;
    cvk_tensor_desc desc = p->values[op->out[i]].desc;
    desc.format = c->out[i < CVK_CANDIDATE_OUTPUTS ? i : CVK_CANDIDATE_OUTPUTS - 1];
    uint64_t bytes;
    status = slot_bytes(p, option->device, &desc, &bytes);
    if (status != CVK_OK) break;
    int32_t storage = i == 0 ? take_over(p, s, bytes) : -1;
    if (storage < 0) status = add_storage(p, CVK_STORAGE_ARENA, space, bytes, &storage);
    if (status == CVK_OK) status = add_slot(p, op->out[i], space, option->device, &desc.format, storage, &s->out[i]);
    if (status == CVK_OK) touch(p, s->out[i]);
    s->bytes += (int64_t)bytes;
  }
  p->n_steps++;
  return status;
}

static cvk_status schedule_inputs(cvk_plan *p) {
  cvk_status status = CVK_OK;
  for (int32_t i = 0; i < p->graph->n_inputs && status == CVK_OK; i++) {
    const int32_t v = p->graph->inputs[i], space = p->inputs[i].on_device ? cvk_plan_space_of(p, 0) : 0;
    int32_t storage, slot;
    if (p->values[v].constant) continue; /* read by value: part of the plan */
    status = add_storage(p, CVK_STORAGE_INPUT, space, cvk_desc_bytes(&p->values[v].desc), &storage);
    if (status != CVK_OK) break;
    p->storages[storage].io = i;
    status = add_slot(p, v, space, -1, &plain, storage, &slot);
  }
  return status;
}

/* Each output ends in a plain slot; where its memory is the arena's own and in the output tensor's space, the tensor itself takes its place. */
static cvk_status schedule_outputs(cvk_plan *p) {
  cvk_status status = CVK_OK;
  p->outputs = cvk_arena_alloc(&p->memory, (size_t)p->graph->n_outputs, sizeof *p->outputs);
  if (p->outputs == NULL) return cvk_plan_no_memory();
  for (int32_t o = 0; o < p->graph->n_outputs && status == CVK_OK; o++) {
    const int32_t v = p->graph->outputs[o], space = p->output_on_device[o] ? cvk_plan_space_of(p, 0) : 0;
    int32_t base = v;
    while (p->values[base].view_of >= 0) base = p->values[base].view_of;
    const int32_t here = find_slot(p, base, space, NULL, 0), any = here >= 0 ? here : find_slot(p, base, -1, NULL, 0);
    const int32_t from = any >= 0 ? p->slots[any].space : space;
    const int32_t owner = device_of_space(p, from, 0);
    status = get_slot(p, v, from, owner < 0 ? 0 : owner, &plain, &p->outputs[o].slot);
    if (status != CVK_OK) break;
    cvk_plan_storage *s = &p->storages[p->slots[p->outputs[o].slot].storage];
    p->storages[cvk_plan_root(p, p->slots[p->outputs[o].slot].storage)].last = s->last = INT32_MAX;
    if (s->type == CVK_STORAGE_ARENA && s->part_of < 0 && s->space == space && s->bytes == cvk_desc_bytes(&p->values[v].desc) && !p->options->keep_values) {
      s->type = CVK_STORAGE_OUTPUT;
      s->io = o;
      p->outputs[o].direct = 1;
    }
  }
  return status;
}

cvk_status cvk_plan_schedule(cvk_plan *p) {
  cvk_status status = schedule_inputs(p);
  for (int32_t at = 0; at < p->n_ops && status == CVK_OK; at++) {
    if (p->order[at] >= 0) status = schedule_op(p, p->order[at]);
  }
  return status == CVK_OK ? schedule_outputs(p) : status;
}
