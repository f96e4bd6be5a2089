#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start of a process to its first result, and its peak memory: each library runs the model once and ends.

usage: startup.py BUILD MODEL.onnx [--peers NAME,...] [--threads N] [--rounds N] [--results FILE]
Convoke: bench/first_result of BUILD, the ONNX file as it is. Peers: first_result.py, which imports NumPy and the library; MNN and ncnn load the
file that their converter made before (not counted). `python` is the interpreter with NumPy alone; `net ms` and `net MB` are without it.
Median of the rounds, files in the page cache; peak is the kernel's ru_maxrss, mapped files included.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# The kernel counts the memory of the process that forks in the peak of its child: nothing large is loaded here.

SHAPE = 'import sys; from layers import model_shape; print(*model_shape(sys.argv[1]))'


def once(command, env):
    start = time.perf_counter()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    ms = (time.perf_counter() - start) * 1e3
    child.returncode = os.waitstatus_to_exitcode(status)
    return (ms, usage.ru_maxrss / 1024) if child.returncode == 0 else None


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('model')
    p.add_argument('--peers', default='onnxruntime,openvino,ncnn,mnn,opencv')
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--results', help='file to which the medians are added as a line of JSON, for tables.py')
    a = p.parse_args()
    build = pathlib.Path(a.build).resolve()
    bind = ['taskset', '-c', str(max(os.sched_getaffinity(0)))] if a.threads == 1 else []
    env = {**os.environ, 'CONVOKE_PLUGIN_PATH': str(build / 'backends' / 'cpu'), 'OMP_NUM_THREADS': str(a.threads), 'OPENBLAS_NUM_THREADS': '1'}
    a.model = str(pathlib.Path(a.model).resolve())
    shape = subprocess.check_output([sys.executable, '-c', SHAPE, a.model], cwd=HERE, text=True).split()
    commands = {'convoke': [*bind, str(build / 'bench' / 'first_result'), a.model, str(a.threads)],
                'python': [*bind, sys.executable, '-c', 'import numpy']}
    for name in a.peers.split(','):
        commands[name] = [*bind, sys.executable, str(HERE / 'first_result.py'), name, a.model, str(a.threads), *shape]
    taken = {name: [] for name in commands}
    for turn in range(a.rounds + 1):
        for name, command in commands.items():
            result = once(command, env)
            if turn > 0 and result:  # the first turn brings files into the page cache
                taken[name].append(result)
    medians = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in taken.items() if runs}
    print(f"\n{pathlib.Path(a.model).stem}, start to first result, {a.threads} thread{'s' if a.threads > 1 else ''}\n")
    print('| library | ms | net ms | peak MB | net MB | ms / convoke | net ms / convoke |\n|---|---|---|---|---|---|---|')
    base, ours = medians['python'], medians['convoke'][0]
    for name, (ms, megabytes) in medians.items():
        own = (0, 0) if name in ('convoke', 'python') else base
        net = (ms - own[0], megabytes - own[1])
        print(f'| {name} | {ms:.0f} | {net[0]:.0f} | {megabytes:.0f} | {net[1]:.0f} | {ms / ours:.2f} | {net[0] / ours:.2f} |')
    for name in commands.keys() - medians.keys():
        print(f'no result: {name}')
    if a.results:
        with open(a.results, 'a', encoding='utf-8') as f:
            f.write(json.dumps({'title': 'startup', 'threads': a.threads, 'libraries': medians}) + '\n')


if __name__ == '__main__':
    main()
