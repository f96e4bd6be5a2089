#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Convoke's OpenCL backend on a GPU beside CLBlast and, where it is installed and finds the card, PyTorch with cuDNN in float32 (no TF32).

usage: gpu.py BUILD --layers FILE.csv... | --models MODEL.onnx...

Layers: microseconds of one convolution. Convoke by the device's events inside a small graph; CLBlast (its own parameters; the faster of Convgemm and
im2col with Gemm) as a twentieth of twenty calls and one wait; cuDNN as a twentieth of a CUDA graph of twenty. Models: milliseconds from host memory to
host memory for Convoke; PyTorch's networks of the same name from torchvision, input and output on the card, eager and as a CUDA graph.
"""
import argparse
import csv
import math
import os
import pathlib
import re
import statistics
import subprocess
import time

CALLS = 20

try:
    import torch
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    TORCH = torch.cuda.is_available()
except ImportError:
    TORCH = False


def convoke(a, *words):
    plugins = f'{a.build}/backends/cpu:{a.build}/backends/opencl'
    done = subprocess.run([f'{a.build}/tools/convoke', *words, '--device', 'opencl'], env={'CONVOKE_PLUGIN_PATH': plugins, **os.environ}, check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def median_us(run, calls):
    """Of five rounds: run() once, `calls` calls in it."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(times)


def clblast_us(peer, l):
    if l.groups != 1:
        return math.nan
    def batch(enqueue):
        for _ in range(CALLS):
            enqueue()
        peer.queue.finish()
    best = math.inf
    for enqueue in peer.ways(l)[0].values():
        batch(enqueue)
        best = min(best, median_us(lambda: batch(enqueue), CALLS))
    return best


def as_graph(call):
    """call() repeated `CALLS` times as one CUDA graph: a function that runs it and waits."""
    call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(CALLS):
            call()
    def run():
        graph.replay()
        torch.cuda.synchronize()
    return run


def cudnn_us(l):
    if not TORCH:
        return math.nan
    x, w = (torch.randn(shape, device='cuda') for shape in ((l.n, l.c, l.h, l.w), (l.k, l.c // l.groups, l.kh, l.kw)))
    with torch.no_grad():
        run = as_graph(lambda: torch.nn.functional.conv2d(x, w, None, (l.sh, l.sw), (l.ph, l.pw), 1, l.groups))
        return median_us(run, CALLS)


def mean(ratios):
    return math.exp(statistics.fmean(map(math.log, ratios)))


def layers(a):
    import layers as files
    import peer_clblast
    peer, seen, ratios = peer_clblast.Peer(), set(), ([], [])
    print('| layer | row | us | CLBlast / ours | cuDNN / ours |\n|---|---|---|---|---|')
    for file in a.layers:
        lines = [line for line in convoke(a, 'bench', '--layers', file, '--time', '0.02') if not line.startswith('#')]
        ours = {row['name']: row for row in csv.DictReader(lines)}
        for l in files.read(file):
            if l.op != 'conv' or l.name in seen or l.name not in ours:
                continue
            seen.add(l.name)
            us = float(ours[l.name]['median_us'])
            found = [other / us for other in (clblast_us(peer, l), cudnn_us(l))]
            for all_of, ratio in zip(ratios, found):
                if not math.isnan(ratio):
                    all_of.append(ratio)
            print(f'| {l.name} | {ours[l.name]["kernel"]} | {us:.1f} | ' + ' | '.join('' if math.isnan(r) else f'{r:.2f}' for r in found) + ' |', flush=True)
    for name, all_of in zip(('CLBlast', 'cuDNN'), ratios):
        if all_of:
            print(f'\n{name}: {mean(all_of):.2f} (geometric mean of {len(all_of)}), least {min(all_of):.2f}')


def torch_ms(name):
    if not TORCH:
        return '', ''
    import torchvision
    net, x = getattr(torchvision.models, name)(weights=None).eval().cuda(), torch.randn(1, 3, 224, 224, device='cuda')
    def once():
        net(x)
        torch.cuda.synchronize()
    with torch.no_grad():
        for _ in range(5):
            once()
        eager = statistics.median(median_us(once, 1) for _ in range(7)) / 1e3
        return f'{eager:.3f}', f'{median_us(as_graph(lambda: net(x)), CALLS) / 1e3:.3f}'


def models(a):
    print('| network, ms | Convoke | PyTorch | as a CUDA graph |\n|---|---|---|---|')
    for model in a.models:
        name = pathlib.Path(model).stem
        text = '\n'.join(convoke(a, 'run', model, '--repeat', '300'))
        ours = re.search(r'latency_ms median=([\d.]+)', text)
        names = {'alexnet': 'alexnet', 'vgg16': 'vgg16', 'resnet18': 'resnet18', 'resnet50': 'resnet50', 'mobilenetv2': 'mobilenet_v2'}
        print(f'| {name} | {ours[1]} | ' + ' | '.join(torch_ms(names[name]) if name in names else ('', '')) + ' |', flush=True)


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('build')
    p.add_argument('--layers', nargs='+')
    p.add_argument('--models', nargs='+')
    a = p.parse_args()
    if a.layers:
        layers(a)
    if a.models:
        models(a)


if __name__ == '__main__':
    main()
