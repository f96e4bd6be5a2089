# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/performance.md from the results that compare.py and startup.py left.

usage: tables.py RESULTS.jsonl [DOCUMENT]    Prints them; with DOCUMENT, puts them between its two marks.
Every ratio is time of the fastest peer / time of Convoke; above 1, Convoke is faster.
"""
import json
import math
import pathlib
import re
import sys

LIBRARIES = ('onnxruntime', 'openvino', 'ncnn', 'mnn', 'opencv')
NETWORKS = {'lenet5': 2.0, 'alexnet': 1.15, 'vgg16': 1.35, 'resnet18': 1.6, 'resnet50': 1.25, 'mobilenetv2': 1.2}
MEAN, EACH = 'geometric mean', 'each row'
LAYERS = [  # title of compare.py, what it is, against, how it counts, target, and which rows
    ('convolutions, blocked', 'convolutions of AlexNet, VGG-16, ResNet-18/50, blocked', 'oneDNN, its own layouts', MEAN, 1.25),
    ('convolutions, blocked', 'the same, the slowest layer', 'oneDNN', EACH, 0.95),
    ('convolutions, nchw', 'the same from plain to plain', 'oneDNN with reorders, ONNX Runtime', MEAN, 1.2),
    ('depthwise, blocked', 'depthwise 3x3 of MobileNetV2', 'oneDNN', MEAN, 1.3),
    ('pools, blocked', 'pools, blocked', 'oneDNN', EACH, 1.0),
    ('pools, nchw', 'pools, plain', 'oneDNN, ONNX Runtime, OpenCV', EACH, 1.0),
    ('pads, nchw', 'pads, plain', 'ONNX Runtime, OpenCV', EACH, 1.0),
    ('dense, blocked', 'dense 4096x4096, batch 1', 'oneDNN', MEAN, 1.0, '4096x4096_b1$'),
    ('dense, blocked', 'dense 4096x4096, batch 16', 'oneDNN', MEAN, 1.5, '4096x4096_b16$'),
    ('convolutions, blocked, avx2', 'convolutions, all capped to AVX2', 'oneDNN', MEAN, 1.1),
]
MARKS = ('<!-- written by bench/peers/run.sh: begin -->', '<!-- end -->')


def ratios(rows):
    """[(ratio to the fastest peer, row)]"""
    return [(min(times.values()) / us, name) for name, _, us, times in rows if times]


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float('nan')


def cell(ratio, target):
    return f'{ratio:.2f}' if ratio >= target else f'**{ratio:.2f}**'


def by_threads(results, title, make):
    return [make(results[title, t]) if (title, t) in results else '-' for t in (1, 2)]


def layer_target(results, title, what, against, how, target, which=''):
    def make(rows):
        found = [r for r in ratios(rows) if re.search(which, r[1])]
        if how == MEAN:
            return cell(mean([r for r, _ in found]), target)
        least, name = min(found)
        below = sum(r < target for r, _ in found)
        return f'{cell(least, target)} ({name}; {below} of {len(found)} below)'
    return [what, against, f'>= {target} ({how})', *by_threads(results, title, make)]


def best_of_fewer(results):
    """A network on two threads is held against peers on two threads or one, whichever is faster: small networks lose by threads."""
    for name in NETWORKS:
        one, two = (results.get((name, t)) for t in (1, 2))
        if one and two:
            times = two[0][3]
            times.update({p: min(t, times.get(p, t)) for p, t in one[0][3].items()})


def network_target(results, name, target):
    return [name, 'the best of five', f'>= {target}', *by_threads(results, name, lambda rows: cell(ratios(rows)[0][0], target))]


def scaling(results, name):
    one, two = (results.get((name, t)) for t in (1, 2))
    return [f'{name}, 2 threads against 1', 'itself', '>= 1.9', '', cell(one[0][2] / two[0][2], 1.9) if one and two else '-']


def startup(results):
    def ratio(libraries):
        return cell(min(libraries[p][0] for p in LIBRARIES if p in libraries) / libraries['convoke'][0], 2.0)

    def memory(libraries):
        return f"{libraries['convoke'][1]:.0f}" if libraries['convoke'][1] <= 200 else f"**{libraries['convoke'][1]:.0f}**"
    return [['resnet50, start to first result', 'the best of five', '>= 2.0', *by_threads(results, 'startup', ratio)],
            ['resnet50, peak memory, MB', '', '<= 200', *by_threads(results, 'startup', memory)]]


def table(head, rows):
    return '\n'.join(['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head), *('| ' + ' | '.join(map(str, row)) + ' |' for row in rows)])


def targets(results):
    rows = [layer_target(results, *target) for target in LAYERS]
    rows += [network_target(results, *target) for target in NETWORKS.items()]
    rows += [scaling(results, name) for name in ('vgg16', 'resnet18', 'resnet50')] + startup(results)
    return table(['what', 'against', 'target', '1 thread', '2 threads'], rows)


def networks(results):
    rows = []
    for name in NETWORKS:
        for t in (1, 2):
            for _, _, us, times in results.get((name, t), ()):
                rows.append([name, t, f'{us / 1e3:.3f}', *(f'{times[p] / 1e3:.3f}' if p in times else '-' for p in LIBRARIES)])
    return table(['network, ms', 'threads', 'convoke', *LIBRARIES], rows)


def first_results(results):
    rows = []
    for t in (1, 2):
        libraries = results.get(('startup', t), {})
        for name, (ms, megabytes) in libraries.items():
            rows.append([name, t, f'{ms:.0f}', f'{megabytes:.0f}'])
    return table(['library', 'threads', 'ms', 'peak MB'], rows)


def layers(results, title):
    rows = []
    two = {name: (us, times) for name, _, us, times in results.get((title, 2), ())}
    for name, kernel, us, times in results.get((title, 1), ()):
        cells = [name, kernel]
        for ours, theirs in ((us, times), two.get(name, (0, {}))):
            cells += [f'{ours:.1f}', f'{min(theirs.values()):.1f}', f'{min(theirs.values()) / ours:.2f}'] if theirs else [f'{ours:.1f}', '-', '-']
        rows.append(cells)
    return table(['layer (kernel, in, out, extent)', 'row', 'us, 1 thread', 'oneDNN', 'ratio', 'us, 2 threads', 'oneDNN', 'ratio'], rows)


def read(path):
    results = {}
    for line in pathlib.Path(path).read_text(encoding='utf-8').splitlines():
        r = json.loads(line)
        results[r['title'], r['threads']] = r.get('rows') or r['libraries']
    return results


def main(path, document=None):
    results = read(path)
    best_of_fewer(results)
    text = '\n\n'.join([targets(results), networks(results), 'ResNet-50, start of a process to its first result:', first_results(results),
                        'Layers, blocked in and out, beside oneDNN:',
                        *(layers(results, f'{kind}, blocked') for kind in ('convolutions', 'depthwise', 'grouped', 'pools', 'dense'))])
    print('\n' + text)
    if document:
        file = pathlib.Path(document)
        old = file.read_text(encoding='utf-8')
        new, n = re.subn(f'({re.escape(MARKS[0])}\n).*?({re.escape(MARKS[1])})', lambda m: f'{m[1]}\n{text}\n\n{m[2]}', old, count=1, flags=re.DOTALL)
        if n != 1:
            sys.exit(f'{document} has no marks')
        file.write_text(new, encoding='utf-8')


main(*sys.argv[1:])
