#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Convoke beside other libraries on the same layers or model, in turns, and the ratios: above 1, Convoke is faster.

usage: compare.py BUILD --layers FILE.csv... [--layout blocked|nchw] [--only TEXT] [--isa avx2] | --model MODEL.onnx [--check]
                  --peers NAME,... [--threads N] [--rounds N] [--time SECONDS] [--title TEXT] [--summary FILE]
BUILD is Convoke's build folder. In each round every library measures all rows once, in a process of its own; a time is the median of its
rounds' medians. With one thread all are bound to one core. `best` is the fastest of the peers on the row.
"""
import argparse
import csv
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def command(a, name, layers):
    what = ['--layers', layers, '--layout', a.layout] if layers else ['--model', a.model]
    rest = ['--threads', str(a.threads), '--time', str(a.time)] + (['--isa', a.isa] if a.isa else [])
    bind = ['taskset', '-c', '0'] if a.threads == 1 else []
    if name != 'convoke':
        return [*bind, sys.executable, str(HERE / 'peer.py'), name, *what, *rest]
    if not layers:
        what = [a.model]
    return [*bind, program(a), 'bench', '--device', 'cpu', *what,
            *(word.replace('--isa', '--cpu-isa') for word in rest)]


def check(a, names, folder):
    """What every library makes of the model must be what ONNX Runtime makes of it, else its time means nothing: a list of sentences."""
    import numpy as np
    from layers import model_shape, values
    np.save(f'{folder}/x.npy', values(model_shape(a.model), 1))
    results, wrong = {}, []
    for name in ['onnxruntime', *names]:
        if name == 'convoke':
            env = {**os.environ, 'CONVOKE_PLUGIN_PATH': plugins(a)}
            subprocess.run([program(a), 'run', a.model, '--device', 'cpu', '--input', f'{folder}/x.npy', '--output-dir', f'{folder}/y'], env=env,
                           stdout=subprocess.DEVNULL, check=True)
            results[name] = np.load(next(pathlib.Path(folder, 'y').glob('*.npy'))).ravel()
        elif name not in results:
            subprocess.run([sys.executable, str(HERE / 'peer.py'), name, '--model', a.model, '--time', '0.001', '--output', f'{folder}/{name}.npy'],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            file = pathlib.Path(folder, f'{name}.npy')
            results[name] = np.load(file).ravel() if file.exists() else None
    want = results['onnxruntime']
    for name, got in results.items():
        if got is not None and (got.shape != want.shape or not abs(got - want).max() <= 1e-3 * abs(want).max()):
            wrong.append(f'{name} differs from onnxruntime by {abs(got - want).max():.3g} where the largest output is {abs(want).max():.3g}')
    return wrong


def program(a):
    return str(pathlib.Path(a.build).resolve() / 'tools' / 'convoke')


def plugins(a):
    return str(pathlib.Path(a.build).resolve() / 'backends' / 'cpu')


def measure(a, name, layers):
    """{row: (kernel, median us)}; a row without a time is (reason, None)."""
    env = {**os.environ, 'CONVOKE_PLUGIN_PATH': plugins(a)}
    done = subprocess.run(command(a, name, layers), env=env, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if name == 'convoke':
        if done.returncode != 0 or not lines:
            sys.exit(f'compare.py: convoke bench ended with {done.returncode}')
        print(lines.pop(0), file=sys.stderr)
    rows = {}
    for r in csv.DictReader(lines):
        rows[r['name']] = (r['kernel'], float(r['median_us']) if r['median_us'] else None)
    return rows


def merge(rounds):
    """The median of each row over the rounds."""
    out = {}
    for name in rounds[0] if rounds else ():
        times = [r[name][1] for r in rounds if name in r and r[name][1] is not None]
        out[name] = (rounds[0][name][0], statistics.median(times) if times else None)
    return out


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else float('nan')


def gather(a, folder):
    """The rows of all files of layers whose name holds --only, each layer once, as one file."""
    head, rows = None, {}
    for file in a.layers:
        head, *lines = pathlib.Path(file).read_text(encoding='utf-8').splitlines()
        for line in lines:
            name, layer = line.split(',', 1)
            if a.only in name:
                rows.setdefault(layer, name)
    path = pathlib.Path(folder) / 'layers.csv'
    path.write_text('\n'.join([head, *(f'{name},{layer}' for layer, name in rows.items())]) + '\n', encoding='utf-8')
    return str(path)


def title_of(a):
    what = a.title or ' '.join(pathlib.Path(f).stem for f in a.layers or [a.model])
    return what + (f', {a.layout}' if a.layers else '') + (f', {a.isa}' if a.isa else '')


def report(a, results):
    """Prints the table; returns [(row, ours us, fastest peer, its us)]."""
    ours = results.pop('convoke')
    head = ['row', 'kernel', 'convoke us', *(f'{p} us' for p in results), 'best / convoke']
    print(f"\n{title_of(a)}, {a.threads} thread{'s' if a.threads > 1 else ''}\n")
    print('| ' + ' | '.join(head) + ' |\n|' + '---|' * len(head))
    best, ratios, reasons = [], {p: [] for p in results}, []
    for name in [name for name in ours if a.layers or name == 'network']:
        kernel, us = ours[name]
        cells, times = [], []
        for p in results:
            other, t = results[p].get(name, (None, None))
            cells.append(f'{t:.1f}' if t else '-')
            if t:
                times.append((t, p))
                ratios[p].append(t / us)
            elif other:
                reasons.append(f'{p}, {name}: {other}')
        if times:
            best.append((name, us, min(times)[1], min(times)[0]))
        print(f'| {name} | {kernel} | {us:.1f} | ' + ' | '.join(cells) + ' | ' + (f'{best[-1][3] / us:.2f}' if times else '-') + ' |')
    print('\ngeometric means of peer / convoke: ' + ', '.join(f'{p} {geometric_mean(r):.3f}' for p, r in ratios.items() if r))
    for reason in reasons:
        print(f'no time: {reason}')
    sys.stdout.flush()
    return best


def summarise(a, best):
    """One line of the summary: the ratios to the fastest peer of each row."""
    ratios = [us / ours for _, ours, _, us in best]
    least = min(best, key=lambda b: b[3] / b[1])
    below = sum(r < 0.95 for r in ratios)
    what = (f'{least[0]} {least[3] / least[1]:.2f}, {below} of {len(best)} under 0.95' if a.layers
            else f'{least[2]} {least[3] / 1e3:.3f} ms, convoke {least[1] / 1e3:.3f} ms')
    line = f'| {title_of(a)} | {a.threads} | {a.peers} | {geometric_mean(ratios):.3f} | {what} |\n'
    with open(a.summary, 'a', encoding='utf-8') as f:
        f.write(line)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('--layers', nargs='+')
    p.add_argument('--model')
    p.add_argument('--layout', default='blocked', choices=('blocked', 'nchw'))
    p.add_argument('--peers', default='onednn')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--rounds', type=int, default=3)
    p.add_argument('--time', type=float, default=0.1)
    p.add_argument('--isa')
    p.add_argument('--only', default='', help='layers whose name holds this text')
    p.add_argument('--title')
    p.add_argument('--summary', help='file to which a line is added: ratios to the best peer of each row')
    p.add_argument('--check', action='store_true', help='of a model: compare the outputs too')
    a = p.parse_args()
    if (a.layers is None) == (a.model is None):
        p.error('give --layers or --model')
    names = ['convoke', *a.peers.split(',')]
    with tempfile.TemporaryDirectory() as folder:
        layers = gather(a, folder) if a.layers else None
        wrong = check(a, names, folder) if a.model and a.check else []
        rounds = [[measure(a, name, layers) for name in names] for _ in range(a.rounds)]
    best = report(a, {name: merge([r[i] for r in rounds]) for i, name in enumerate(names)})
    if a.summary and best:
        summarise(a, best)
    for sentence in wrong:
        print(f'WRONG: {sentence}')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
