#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times layers or a model on another library and prints CSV as `convoke bench` does: name,kernel,threads,median_us,min_us.

usage: peer.py NAME --layers FILE.csv [--layout blocked|nchw] | --model MODEL.onnx   [--threads N] [--time SECONDS] [--isa avx2]
NAME: a file peer_NAME.py beside this one. A row that the library cannot run has the reason in place of its kernel, and no times.
"""
import argparse
import importlib
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# What is set before a library is loaded: its threads, kept from sleeping between runs.
ENVIRONMENT = {'OMP_NUM_THREADS': '{threads}', 'OMP_WAIT_POLICY': 'ACTIVE', 'OPENBLAS_NUM_THREADS': '1', 'POCL_MAX_PTHREAD_COUNT': '{threads}'}
ISA = {'avx2': {'ONEDNN_MAX_CPU_ISA': 'AVX2'}}


def measure(run, seconds):
    """Median and least of the ns that run() returns, after a warm-up."""
    end = time.perf_counter() + 0.05
    run()
    while time.perf_counter() < end:
        run()
    samples, end = [], time.perf_counter() + seconds
    while len(samples) < 5 or time.perf_counter() < end:
        samples.append(run())
    return statistics.median(samples) / 1e3, min(samples) / 1e3


def timed(run):
    """A run() that returns the ns of the whole call."""
    def call():
        start = time.perf_counter_ns()
        run()
        return time.perf_counter_ns() - start
    return call


def row(out, name, make, threads, seconds):
    try:
        made = make()
        if made is None:
            return
        kernel, run = made
        median, least = measure(run, seconds)
        print(f'{name},{kernel},{threads},{median:.3f},{least:.3f}', file=out, flush=True)
    except Exception as e:  # what a library cannot do is a result
        reason = ' '.join(str(e).replace(',', ';').split())[:150]
        print(f'{name},{type(e).__name__}: {reason},{threads},,', file=out, flush=True)


def network(layers, module, a):
    import numpy
    run, result = module.model(a.model, a.threads, layers.model_shape(a.model))
    run()
    if a.output:
        numpy.save(a.output, result())
    return a.name, timed(run)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('name')
    p.add_argument('--layers')
    p.add_argument('--model')
    p.add_argument('--layout', default='blocked', choices=('blocked', 'nchw'))
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--time', type=float, default=0.3)
    p.add_argument('--output', help='file for the output of a model, .npy')
    p.add_argument('--version', action='store_true')
    p.add_argument('--isa', choices=sorted(ISA), help='the highest instruction set, where the library has such a cap')
    a = p.parse_args()
    for name, value in {**ENVIRONMENT, **ISA.get(a.isa, {})}.items():
        os.environ.setdefault(name, value.format(threads=a.threads))
    import layers  # NumPy starts threads when it is loaded
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # some libraries print
    module = importlib.import_module(f'peer_{a.name}')
    if a.version:
        print(a.name, module.version(), file=out)
        return
    print('name,kernel,threads,median_us,min_us', file=out, flush=True)
    if a.layers:
        peer = module.Peer()
        for l in layers.read(a.layers):
            row(out, l.name, lambda l=l: peer.layer(l, a.layout), a.threads, a.time)
    if a.model:
        row(out, 'network', lambda: network(layers, module, a), a.threads, a.time)


if __name__ == '__main__':
    main()
