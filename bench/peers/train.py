#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training of LeNet-5 on Convoke and PyTorch, in turns: seconds of an epoch and the ratio, above 1 where Convoke is faster.

usage: train.py BUILD DATA [--epochs N] [--rounds N] [--threads N] [--batch N] [--lr RATE] [--python /usr/bin/python3]
Each round runs each library once, in a process of its own, for a warm-up epoch and N more; a time is the median of all epochs but the warm-ups:
of Convoke, the column `seconds` of --log. With one thread all are bound to one core. A second table has PyTorch's forward, backward and optimizer,
timed in a run of their own. --python: the interpreter that has PyTorch (see train_torch.py).
"""
import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def torch_command(a):
    return [a.python, str(HERE / 'train_torch.py'), a.data, '--epochs', str(a.epochs + 1), *same(a)]


def same(a):
    """Options that both programs have."""
    return ['--threads', str(a.threads), '--batch', str(a.batch), '--lr', str(a.lr)]


def run(a, command, env=None):
    bind = ['taskset', '-c', str(max(os.sched_getaffinity(0)))] if a.threads == 1 else []
    return subprocess.run([*bind, *command], env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, text=True, check=True).stdout


def run_torch(a, *rest):
    return list(csv.DictReader(run(a, [*torch_command(a), *rest]).splitlines()))


def run_convoke(a, folder):
    build, log = pathlib.Path(a.build).resolve(), pathlib.Path(folder, 'log.csv')
    log.unlink(missing_ok=True)
    run(a, [str(build / 'tools' / 'convoke'), 'train', 'lenet5', '--data', a.data, '--epochs', str(a.epochs + 1), '--optimizer', 'adam', *same(a),
            '--device', 'cpu', '--log', str(log), '--output', f'{folder}/lenet5.onnx'], {'CONVOKE_PLUGIN_PATH': str(build / 'backends' / 'cpu')})
    return list(csv.DictReader(log.read_text(encoding='utf-8').splitlines()))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('data')
    p.add_argument('--epochs', type=int, default=5, help='timed ones, a round')
    p.add_argument('--rounds', type=int, default=3)
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--batch', type=int, default=64)
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--python', default='/usr/bin/python3')
    a = p.parse_args()
    seconds, losses = {'convoke': [], 'torch': []}, {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(a.rounds):
            for name, rows in (('convoke', run_convoke(a, folder)), ('torch', run_torch(a))):
                seconds[name] += [float(r['seconds']) for r in rows[1:]]
                losses[name] = float(rows[-1]['loss'])
    parts = run_torch(a, '--split')[1:]
    ours = statistics.median(seconds['convoke'])
    print(f"\nLeNet-5, batch {a.batch}, Adam, {a.threads} thread{'s' if a.threads > 1 else ''}\n")
    print('| library | s an epoch, median | least | loss of the last epoch | time / convoke |\n|---|---|---|---|---|')
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f'| {name} | {median:.3f} | {min(times):.3f} | {losses[name]:.4f} | {median / ours:.2f} |')
    print('\n| PyTorch, s an epoch | forward | backward | optimizer | whole |\n|---|---|---|---|---|')
    medians = [statistics.median(float(r[part]) for r in parts) for part in ('forward', 'backward', 'optimizer', 'seconds')]
    print('| median | ' + ' | '.join(f'{m:.3f}' for m in medians) + ' |')


if __name__ == '__main__':
    main()
