#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Networks on Convoke and ONNX Runtime side by side: equal results, time of a run, start of a process to its first result, peak memory.

usage: sweep.py BUILD MODEL.onnx... [--devices cpu,opencl] [--threads N] [--rounds N] [--no-startup]
Results are equal where max|y - ref| <= 1e-4 max|ref| for each output. Pictures are pages of dark strokes, as noise leaves a text detector with
outputs of 1e-4, where ONNX Runtime itself is that far off; other inputs are uniform in -1..1, integers in 0..255. Times are medians of pinned
processes that alternate; each library's process is started afresh for the start and the peak (ru_maxrss). Last line: N passed, N failed; exit status 1
where a result differs.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from startup import once

HERE = pathlib.Path(__file__).resolve().parent
PEER = '''
import json, sys, time
import numpy as np, onnxruntime
model, folder, threads, repeat = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])

def page(shape, random):
    x = random.uniform(0.8, 1, shape)
    for top in range(8, shape[2] - 20, 28):
        for left in range(8, shape[3] - 12, 11):
            for across in random.random(3) < 0.5:
                if across:
                    y = top + random.integers(0, 14)
                    x[:, :, y:y + 2, left:left + 8] = -0.8
                else:
                    at = left + random.integers(0, 7)
                    x[:, :, top:top + 16, at:at + 2] = -0.8
    return x

feeds = {}
for i, value in enumerate(session.get_inputs()):
    random, shape = np.random.default_rng(i), [d if isinstance(d, int) else 1 for d in value.shape]
    integer = value.type != 'tensor(float)'
    kind = {'tensor(int32)': np.int32, 'tensor(int64)': np.int64}.get(value.type, np.float32)
    picture = len(shape) == 4 and shape[1] == 3
    feeds[value.name] = (random.integers(0, 256, shape) if integer else page(shape, random) if picture else random.uniform(-1, 1, shape)).astype(kind)
results, times = session.run(None, feeds), []
for _ in range(repeat):
    start = time.perf_counter()
    session.run(None, feeds)
    times.append((time.perf_counter() - start) * 1e3)
if repeat:
    names = {}
    for side, items in ('in', feeds.items()), ('out', zip([o.name for o in session.get_outputs()], results)):
        for i, (name, array) in enumerate(items):
            np.save(f'{folder}/{side}{i}.npy', array)
            names.setdefault(side, []).append(name)
    json.dump({'names': names, 'ms': sorted(times)[len(times) // 2]}, open(f'{folder}/peer.json', 'w'))
'''


def file_name(name):
    return ''.join('_' if c in '/:\\' else c for c in name) + '.npy'


def worst(folder, names):
    """The largest of max|y - ref| / max|ref| over the outputs."""
    import numpy as np  # here: the kernel counts the memory of the process that forks in the peak of its child
    largest = 0
    for i, name in enumerate(names):
        ref, y = np.load(f'{folder}/out{i}.npy'), np.load(f'{folder}/ours/{file_name(name)}')
        if ref.shape != y.shape or ref.dtype != y.dtype or not np.array_equal(np.isnan(ref), np.isnan(y)):
            return float('inf')
        if ref.size:
            largest = max(largest, np.nanmax(np.abs(y.astype(np.float64) - ref)) / max(np.nanmax(np.abs(ref.astype(np.float64))), 1e-30))
    return largest


def main():
    p = argparse.ArgumentParser()
    p.add_argument('build')
    p.add_argument('models', nargs='+')
    p.add_argument('--devices', default='cpu')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--repeat', type=int, default=10)
    p.add_argument('--no-startup', action='store_true')
    a = p.parse_args()
    build = pathlib.Path(a.build).resolve()
    bind = ['taskset', '-c', str(max(os.sched_getaffinity(0)))] if a.threads == 1 else []
    env = {**os.environ, 'OMP_NUM_THREADS': str(a.threads), 'OPENBLAS_NUM_THREADS': '1', 'POCL_AFFINITY': '1', 'POCL_MAX_PTHREAD_COUNT': str(a.threads),
           'CONVOKE_PLUGIN_PATH': f'{build}/backends/cpu:{build}/backends/opencl'}
    failed, checked = [], 0
    base = [once([*bind, sys.executable, '-c', 'import numpy'], env) for _ in range(a.rounds)]
    base = [statistics.median(c) for c in zip(*base)]
    print(f'ONNX Runtime\'s start and peak are without the interpreter and NumPy ({base[0]:.0f} ms, {base[1]:.0f} MB).\n')
    print('| model | device | error | ms | ORT ms | ratio | start ms | ORT | peak MB | ORT | ops elsewhere | reorders |\n|' + '---|' * 12, flush=True)
    for model in a.models:
        name = pathlib.Path(model).stem
        with tempfile.TemporaryDirectory() as folder:
            peer = [*bind, sys.executable, '-c', PEER, model, folder, str(a.threads)]
            first = subprocess.run([*peer, '1'], env=env, capture_output=True, text=True)
            if first.returncode:
                print(f'| {name} | ONNX Runtime: {first.stderr.strip().splitlines()[-1][:200]} |', flush=True)
                failed.append(name)
                checked += 1
                continue
            names = json.load(open(f'{folder}/peer.json'))['names']
            for device in a.devices.split(','):
                checked += 1
                inputs = [v for i, n in enumerate(names.get('in', [])) for v in ('--input', f'{n}={folder}/in{i}.npy')]
                run = [*bind, f'{build}/tools/convoke', 'run', model, *inputs, '--device', device, '--threads', str(a.threads)]
                ours, theirs, report = [], [], None
                for _ in range(a.rounds):
                    r = subprocess.run([*run, '--repeat', str(a.repeat), '--json', '--output-dir', f'{folder}/ours'], env=env, capture_output=True, text=True)
                    if r.returncode:
                        break
                    report = json.loads(r.stdout)
                    ours.append(report['latency_ms']['median'])
                    subprocess.run([*peer, str(a.repeat)], env=env, check=True, capture_output=True)
                    theirs.append(json.load(open(f'{folder}/peer.json'))['ms'])
                if len(ours) < a.rounds:
                    print(f'| {name} | {device} | {r.stderr.strip()[:300]} |', flush=True)
                    failed.append(f'{name} on {device}')
                    continue
                error, ms, peer_ms = worst(folder, names['out']), statistics.median(ours), statistics.median(theirs)
                if not error <= 1e-4:
                    failed.append(f'{name} on {device}')
                starts = ['', '', '', '']
                if not a.no_startup:
                    own = [once(run, env) for _ in range(a.rounds)]
                    other = [once([*peer, '0'], env) for _ in range(a.rounds)]
                    own, other = ([statistics.median(c) for c in zip(*x)] for x in (own, other))
                    starts = [f'{v:.0f}' for v in (own[0], other[0] - base[0], own[1], other[1] - base[1])]
                ops = report['ops']
                elsewhere = sum(n for where, n in ops.items() if where not in ('views', 'reorders', device) and not where.startswith(device + ':'))
                print(f'| {name} | {device} | {error:.1e} | {ms:.2f} | {peer_ms:.2f} | {peer_ms / ms:.2f} | ' + ' | '.join(starts) +
                      f' | {elsewhere} | {ops["reorders"]} |', flush=True)
    for name in failed:
        print(f'not equal: {name}')
    print(f'{checked - len(failed)} passed, {len(failed)} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
