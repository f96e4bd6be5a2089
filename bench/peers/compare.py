#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Convoke beside other libraries on the same layers or model, in turns, and the ratios: above 1, Convoke is faster.

usage: compare.py BUILD (--layers FILE.csv [--layout blocked|nchw] | --model MODEL.onnx) --peers NAME,... [--threads N] [--rounds N]
                  [--time SECONDS] [--isa avx2] [--only TEXT]
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
    return [*bind, str(pathlib.Path(a.build) / 'tools' / 'convoke'), 'bench', '--device', 'cpu', *what,
            *(word.replace('--isa', '--cpu-isa') for word in rest)]


def measure(a, name, layers):
    """{row: (kernel, median us)}; a row without a time is (reason, None)."""
    env = {**os.environ, 'CONVOKE_PLUGIN_PATH': str(pathlib.Path(a.build).resolve() / 'backends' / 'cpu')}
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


def only(a, folder):
    """The layers whose name holds --only, as a file."""
    if not a.layers or not a.only:
        return a.layers
    lines = pathlib.Path(a.layers).read_text(encoding='utf-8').splitlines()
    path = pathlib.Path(folder) / 'layers.csv'
    path.write_text('\n'.join(lines[:1] + [line for line in lines[1:] if a.only in line.split(',')[0]]) + '\n', encoding='utf-8')
    return str(path)


def report(a, results):
    ours = results.pop('convoke')
    rows = [name for name in ours if a.layers or name == 'network']
    title = pathlib.Path(a.layers or a.model).stem
    print(f"\n{title}, {a.threads} thread{'s' if a.threads > 1 else ''}" + (f', {a.layout}' if a.layers else '') + (f', {a.isa}' if a.isa else '') + '\n')
    head = ['row', 'kernel', 'convoke us', *(f'{p} us' for p in results), 'best / convoke']
    print('| ' + ' | '.join(head) + ' |\n|' + '---|' * len(head))
    best_ratios, peer_ratios, reasons = [], {p: [] for p in results}, []
    for name in rows:
        kernel, us = ours[name]
        cells, times = [], []
        for p in results:
            other, t = results[p].get(name, (None, None))
            cells.append(f'{t:.1f}' if t else '-')
            if t:
                times.append(t)
                peer_ratios[p].append(t / us)
            elif other:
                reasons.append(f'{p}, {name}: {other}')
        if times:
            best_ratios.append(min(times) / us)
        print(f'| {name} | {kernel} | {us:.1f} | ' + ' | '.join(cells) + ' | ' + (f'{min(times) / us:.2f}' if times else '-') + ' |')
    summary = '; '.join(f'{p} {geometric_mean(r):.3f} (least {min(r):.2f})' for p, r in peer_ratios.items() if r)
    if best_ratios:
        print(f'\ngeometric means: {summary}; best {geometric_mean(best_ratios):.3f} (least {min(best_ratios):.2f})')
    for reason in reasons:
        print(f'no time: {reason}')
    sys.stdout.flush()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('--layers')
    p.add_argument('--model')
    p.add_argument('--layout', default='blocked', choices=('blocked', 'nchw'))
    p.add_argument('--peers', default='onednn')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--rounds', type=int, default=3)
    p.add_argument('--time', type=float, default=0.1)
    p.add_argument('--isa')
    p.add_argument('--only')
    a = p.parse_args()
    if (a.layers is None) == (a.model is None):
        p.error('give --layers or --model')
    names = ['convoke', *a.peers.split(',')]
    with tempfile.TemporaryDirectory() as folder:
        layers = only(a, folder)
        rounds = [[measure(a, name, layers) for name in names] for _ in range(a.rounds)]
    report(a, {name: merge([r[i] for r in rounds]) for i, name in enumerate(names)})


if __name__ == '__main__':
    main()
