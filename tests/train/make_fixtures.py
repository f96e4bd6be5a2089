#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the losses of a tiny network under each optimiser and loss, computed by PyTorch in float64, as JSON for the trainer's tests.

usage: make_fixtures.py FILE.json, with PyTorch >= 1.10 (Debian: apt-get install python3-torch). The file describes itself: "about" has the network
and the formula of all values, every other key is a case: hyperparameters, loss and gradient norm of each step before its update.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F

STEPS = 12
LABELS = [1, 4, 2, 0, 3, 1, 4, 2]
WITH_IGNORED = [1, 4, -100, 0, 3, -100, 4, 2]
CLASS_WEIGHTS = [0.5, 1.0, 2.0, 0.25, 1.5]
# name: (shape, seed of the formula, scale); all values are exact in float32 too
PARAMETERS = {'conv.weight': ([4, 1, 3, 3], 2, 0.5), 'conv.bias': ([4], 3, 0.25), 'dense.weight': ([5, 36], 4, 0.25), 'dense.bias': ([5], 5, 0.25)}
ABOUT = {
    'network': 'x [8,1,6,6] -> conv 3x3 pad 1, 4 filters -> (batch norm) -> ReLU -> max pool 2x2 stride 2 -> flatten (C,H,W) -> dense 5. '
               'Each step is on the same batch; a loss and a gradient norm are of the parameters before the update of the step.',
    'formula': 'element i of seed k, u32 arithmetic: i += k*0x9E3779B9; i ^= i>>16; i *= 0x7feb352d; i ^= i>>15; i *= 0x846ca68b; i ^= i>>16; '
               'value = ((i>>8) * 2/2^24 - 1) * scale',
    'x': {'shape': [8, 1, 6, 6], 'seed': 1, 'scale': 1.0},
    'target_mse': {'shape': [8, 5], 'seed': 6, 'scale': 1.0, 'loss': 'mean over all 40 elements of (y - target)^2'},
    'labels': LABELS,
    'decay': 'weight_decay of sgd and adam is added to the gradient (L2), after clipping; of adamw it is decoupled: p -= lr * weight_decay * p '
             'before the step. decay_rank: the least rank of a parameter that decays (2: weights only; 1: all).',
    'sgd': 'b = momentum * b + g, b = 0 before the first step; p -= lr * (nesterov ? g + momentum * b : b)',
    'adam': 'm = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; p -= lr * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps), t = 1 at the first step',
    'cross_entropy': 'mean over the samples whose label is not ignore_index, divided by the sum of their class weights; with label_smoothing a: '
                     '(1-a) * the loss + a/C * sum over samples and classes of -w[c] log p[c], with the same divisor',
    'clip': 'all gradients times min(1, clip / (norm + clip_eps)), norm over all parameters together; gradient_norm is the one before clipping',
    'batch_norm': 'eps 1e-5, scale 1 and bias 0 at the start (both learn, neither decays where decay_rank is 2), no bias of the conv. running = '
                  '0.9 * running + 0.1 * batch, from mean 0, var 1: running_var as PyTorch has it (batch variance with n-1 = 287 in the divisor), '
                  'running_var_population as ONNX (n = 288). eval_loss: of the parameters after the last step, with each of the two.',
    'case': 'first_gradients: of the first step, before clipping (left out where they equal those of the case sgd); final_loss: after the last '
            'update.',
    'schedule': 'lr of step i = 0..11, T = 12; step: lr * 0.5^(i // 4); cosine: lr * (1 + cos(pi i / T)) / 2; onecycle, w = 0.25 T: i < w: '
                'lr * (1/25 + (1 - 1/25) i / w), else lr * (0.001 + 0.999 * (1 + cos(pi (i-w) / (T-w))) / 2)',
}
SGD = {'optimizer': 'sgd', 'lr': 0.1, 'momentum': 0.9, 'nesterov': True}
ADAM = {'optimizer': 'adam', 'lr': 0.01, 'beta1': 0.9, 'beta2': 0.999, 'eps': 1e-8}
CASES = {
    'sgd': {'optimizer': 'sgd', 'lr': 0.1},
    'momentum': {'optimizer': 'sgd', 'lr': 0.1, 'momentum': 0.9},
    'nesterov_decay': {**SGD, 'weight_decay': 5e-4, 'decay_rank': 2},
    'nesterov_decay_all': {**SGD, 'weight_decay': 5e-4, 'decay_rank': 1},
    'adam': ADAM,
    'adam_decay': {**ADAM, 'weight_decay': 0.01, 'decay_rank': 2},
    'adamw': {**ADAM, 'optimizer': 'adamw', 'weight_decay': 0.01, 'decay_rank': 2},
    'adamw_decay_all': {**ADAM, 'optimizer': 'adamw', 'weight_decay': 0.01, 'decay_rank': 1},
    'label_smoothing': {**SGD, 'label_smoothing': 0.1},
    'ignore': {**SGD, 'labels': WITH_IGNORED, 'ignore_index': -100},
    'class_weights': {**SGD, 'class_weights': CLASS_WEIGHTS},
    'ignore_class_weights': {**SGD, 'labels': WITH_IGNORED, 'ignore_index': -100, 'class_weights': CLASS_WEIGHTS},
    'ignore_class_weights_smoothing': {**SGD, 'labels': WITH_IGNORED, 'ignore_index': -100, 'class_weights': CLASS_WEIGHTS, 'label_smoothing': 0.1},
    'clip': {**SGD, 'clip': 0.5, 'clip_eps': 0.0},
    'clip_pytorch': {**SGD, 'clip': 0.5, 'clip_eps': 1e-6},
    'clip_decay': {**SGD, 'clip': 0.5, 'clip_eps': 0.0, 'weight_decay': 5e-4, 'decay_rank': 2},
    'mse': {**SGD, 'loss': 'mse'},
    'schedule_step': {**SGD, 'schedule': 'step'},
    'schedule_cosine': {**SGD, 'schedule': 'cosine'},
    'schedule_onecycle': {**SGD, 'schedule': 'onecycle'},
    'batch_norm': {**SGD, 'batch_norm': True},
    'batch_norm_adamw': {**ADAM, 'optimizer': 'adamw', 'weight_decay': 0.01, 'decay_rank': 2, 'batch_norm': True},
}


def value(i, seed):
    mask = 0xFFFFFFFF
    i = (i + seed * 0x9E3779B9) & mask
    i ^= i >> 16
    i = i * 0x7feb352d & mask
    i ^= i >> 15
    i = i * 0x846ca68b & mask
    i ^= i >> 16
    return (i >> 8) * 2 / 2**24 - 1


def tensor(shape, seed, scale):
    return torch.tensor([value(i, seed) * scale for i in range(math.prod(shape))], dtype=torch.float64).reshape(shape)


def rate(case, i):
    c = math.cos
    return case['lr'] * {
        None: lambda: 1.0, 'step': lambda: 0.5 ** (i // 4), 'cosine': lambda: (1 + c(math.pi * i / STEPS)) / 2,
        'onecycle': lambda: 1 / 25 + (1 - 1 / 25) * i / 3 if i < 3 else 0.001 + 0.999 * (1 + c(math.pi * (i - 3) / 9)) / 2,
    }[case.get('schedule')]()


def optimizer(case, parameters):
    decays = [p for p in parameters if p.dim() >= case.get('decay_rank', 1)]
    rest = [p for p in parameters if p.dim() < case.get('decay_rank', 1)]
    groups = [{'params': decays, 'weight_decay': case.get('weight_decay', 0.0)}] + ([{'params': rest, 'weight_decay': 0.0}] if rest else [])
    if case['optimizer'] == 'sgd':
        return torch.optim.SGD(groups, lr=case['lr'], momentum=case.get('momentum', 0.0), nesterov=case.get('nesterov', False))
    kind = {'adam': torch.optim.Adam, 'adamw': torch.optim.AdamW}[case['optimizer']]
    return kind(groups, lr=case['lr'], betas=(case['beta1'], case['beta2']), eps=case['eps'])


class Network:
    def __init__(self, case):
        self.case, self.x = case, tensor(*ABOUT['x'].values())
        self.p = {name: tensor(*row).requires_grad_() for name, row in PARAMETERS.items()}
        if case.get('batch_norm'):
            del self.p['conv.bias']
            self.p['norm.scale'] = torch.ones(4, dtype=torch.float64, requires_grad=True)
            self.p['norm.bias'] = torch.zeros(4, dtype=torch.float64, requires_grad=True)
        self.mean, self.var, self.population = torch.zeros(4).double(), torch.ones(4).double(), torch.ones(4).double()

    def forward(self, variance=None):
        """The outputs in training, or with the running statistics and the given variance."""
        y = F.conv2d(self.x, self.p['conv.weight'], self.p.get('conv.bias'), padding=1)
        if self.case.get('batch_norm'):
            mean, var = (self.mean, self.var) if variance is None else (self.mean, variance)
            if variance is None:
                with torch.no_grad():
                    self.population.mul_(0.9).add_(0.1 * y.var(dim=(0, 2, 3), unbiased=False))
            y = F.batch_norm(y, mean, var, self.p['norm.scale'], self.p['norm.bias'], training=variance is None, momentum=0.1, eps=1e-5)
        y = F.max_pool2d(F.relu(y), 2).flatten(1)
        return F.linear(y, self.p['dense.weight'], self.p['dense.bias'])

    def loss(self, y):
        c = self.case
        if c.get('loss') == 'mse':
            return F.mse_loss(y, tensor(*list(ABOUT['target_mse'].values())[:3]))
        weights = torch.tensor(c['class_weights'], dtype=torch.float64) if 'class_weights' in c else None
        return F.cross_entropy(y, torch.tensor(c.get('labels', LABELS)), weight=weights, ignore_index=c.get('ignore_index', -100),
                               label_smoothing=c.get('label_smoothing', 0.0))


def digits(t):
    return [float(f'{v:.13g}') for v in torch.as_tensor(t, dtype=torch.float64).detach().flatten().tolist()]


def train(case):
    net = Network(case)
    step, losses, norms, rates = optimizer(case, list(net.p.values())), [], [], [rate(case, i) for i in range(STEPS)]
    gradients = None
    for lr in rates:
        for group in step.param_groups:
            group['lr'] = lr
        loss = net.loss(net.forward())
        step.zero_grad()
        loss.backward()
        gradients = gradients or {name: digits(p.grad) for name, p in net.p.items()}
        norm = math.sqrt(sum((p.grad**2).sum().item() for p in net.p.values()))
        if 'clip' in case:
            for p in net.p.values():
                p.grad *= min(1.0, case['clip'] / (norm + case['clip_eps']))
        step.step()
        losses.append(loss.item())
        norms.append(norm)
    out = {'hyperparameters': case, 'losses': digits(losses), 'gradient_norms': digits(norms), 'lr': digits(rates), 'first_gradients': gradients}
    with torch.no_grad():
        out['final_loss'] = digits(net.loss(net.forward(net.var)))[0]
        if case.get('batch_norm'):
            out.update(running_mean=digits(net.mean), running_var=digits(net.var), running_var_population=digits(net.population))
            out['eval_loss'] = out.pop('final_loss')
            out['eval_loss_population'] = digits(net.loss(net.forward(net.population)))[0]
    return out


def main():
    torch.set_num_threads(1)
    parameters = {name: {'shape': shape, 'seed': seed, 'scale': scale} for name, (shape, seed, scale) in PARAMETERS.items()}
    about = {**ABOUT, 'parameters': parameters, 'steps': STEPS, 'written_by': f'make_fixtures.py, PyTorch {torch.__version__}, float64'}
    cases = {name: train(case) for name, case in CASES.items()}
    for name, case in cases.items():
        if name != 'sgd' and case['first_gradients'] == cases['sgd']['first_gradients']:
            del case['first_gradients']
    lines = [f'{json.dumps(name)}: ' + '{\n  ' + ',\n  '.join(f'{json.dumps(k)}: {json.dumps(v)}' for k, v in body.items()) + '}'
             for name, body in [('about', about), *cases.items()]]
    with open(sys.argv[1], 'w', encoding='utf-8') as f:
        f.write('{' + ',\n'.join(lines) + '}\n')


if __name__ == '__main__':
    main()
