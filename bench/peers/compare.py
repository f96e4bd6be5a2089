#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Convoke beside other libraries on the same layers or model, in turns, and the ratios: above 1, Convoke is faster.

usage: compare.py BUILD --layers FILE.csv... [--layout blocked|nchw] [--only PATTERN] [--isa avx2] | --model MODEL.onnx [--check]
                  --peers NAME,... [--device cpu|opencl] [--threads N] [--rounds N] [--time SECONDS] [--title TEXT] [--results FILE]
BUILD is Convoke's build folder. In each round every library measures all rows once, in a process of its own; a time is the median of its
rounds' medians. With one thread all are bound to one core. `best` is the fastest of the peers on the row.
"""
import argparse
import csv
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
OURS = ('convoke', 'convoke-cpu')  # the second: Convoke's CPU backend as a peer of another device of ours


def command(a, name, layers):
    what = ['--layers', layers, '--layout', a.layout] if layers else ['--model', a.model]
    rest = ['--threads', str(a.threads), '--time', str(a.time)] + (['--isa', a.isa] if a.isa else [])
    bind = ['taskset', '-c', str(max(os.sched_getaffinity(0)))] if a.threads == 1 else []
    if name not in OURS:
        return [*bind, sys.executable, str(HERE / 'peer.py'), name, *what, *rest]
    if not layers:
        what = [a.model]
    return [*bind, program(a), 'bench', '--device', 'cpu' if name == 'convoke-cpu' else a.device, *what,
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
            subprocess.run([program(a), 'run', a.model, '--device', a.device, '--input', f'{folder}/x.npy', '--output-dir', f'{folder}/y'], env=env,
                           stdout=subprocess.DEVNULL, check=True)
            results[name] = np.load(next(pathlib.Path(folder, 'y').glob('*.npy'))).ravel()
        elif name not in results and name not in OURS:
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
    return os.pathsep.join(str(pathlib.Path(a.build).resolve() / 'backends' / name) for name in ('cpu', 'opencl'))


def measure(a, name, layers):
    """{row: (kernel, median us)}; a row without a time is (reason, None)."""
    env = {**os.environ, 'CONVOKE_PLUGIN_PATH': plugins(a), 'POCL_MAX_PTHREAD_COUNT': str(a.threads)}
    done = subprocess.run(command(a, name, layers), env=env, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if name in OURS:
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
    """The rows of all files of layers whose name has --only, each layer once, as one file."""
    head, rows = None, {}
    for file in a.layers:
        head, *lines = pathlib.Path(file).read_text(encoding='utf-8').splitlines()
        for line in lines:
            name, layer = line.split(',', 1)
            if re.search(a.only, name):
                rows.setdefault(layer, name)
    path = pathlib.Path(folder) / 'layers.csv'
    path.write_text('\n'.join([head, *(f'{name},{layer}' for layer, name in rows.items())]) + '\n', encoding='utf-8')
    return str(path)


def title_of(a):
    what = a.title or ' '.join(pathlib.Path(f).stem for f in a.layers or [a.model])
    return what + (f', {a.layout}' if a.layers else '') + (f', {a.isa}' if a.isa else '') + (f', {a.device}' if a.device != 'cpu' else '')


def report(a, results):
    """Prints the table and gives its rows: (name, kernel, convoke us, {peer: us})."""
    ours, peers = results['convoke'], [p for p in results if p != 'convoke']
    rows = [(name, *ours[name], {p: results[p][name][1] for p in peers if name in results[p] and results[p][name][1]})
            for name in ours if a.layers or name == 'network']
    head = ['row', 'kernel', 'convoke us', *(f'{p} us' for p in peers), 'best / convoke']
    print(f"\n{title_of(a)}, {a.threads} thread{'s' if a.threads > 1 else ''}\n")
    print('| ' + ' | '.join(head) + ' |\n|' + '---|' * len(head))
    for name, kernel, us, times in rows:
        cells = [f'{times[p]:.1f}' if p in times else '-' for p in peers]
        print(f'| {name} | {kernel} | {us:.1f} | ' + ' | '.join(cells) + ' | ' + (f'{min(times.values()) / us:.2f}' if times else '-') + ' |')
    means = {p: geometric_mean([times[p] / us for _, _, us, times in rows if p in times]) for p in peers}
    best = geometric_mean([min(times.values()) / us for _, _, us, times in rows if times])
    print('\ngeometric means of peer / convoke: ' + ', '.join(f'{p} {mean:.3f}' for p, mean in {**means, 'best of each row': best}.items()))
    for p in peers:
        for name, (reason, us) in results[p].items():
            if us is None:
                print(f'no time: {p}, {name}: {reason}')
    sys.stdout.flush()
    return rows


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
    p.add_argument('--device', default='cpu', help='of Convoke: cpu or opencl')
    p.add_argument('--only', default='', help='layers whose name has this regular expression')
    p.add_argument('--title')
    p.add_argument('--results', help='file to which the rows are added as a line of JSON, for tables.py')
    p.add_argument('--check', action='store_true', help='of a model: compare the outputs too')
    a = p.parse_args()
    if (a.layers is None) == (a.model is None):
        p.error('give --layers or --model')
    names = ['convoke', *a.peers.split(',')]
    with tempfile.TemporaryDirectory() as folder:
        layers = gather(a, folder) if a.layers else None
        wrong = check(a, names, folder) if a.model and a.check else []
        rounds = [[measure(a, name, layers) for name in names] for _ in range(a.rounds)]
    rows = report(a, {name: merge([r[i] for r in rounds]) for i, name in enumerate(names)})
    if a.results:
        with open(a.results, 'a', encoding='utf-8') as f:
            f.write(json.dumps({'title': title_of(a), 'threads': a.threads, 'rows': rows}) + '\n')
    for sentence in wrong:
        print(f'WRONG: {sentence}')
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
