# SPDX-License-Identifier: Apache-2.0
"""CLBlast through its C API on the first OpenCL device: convolution as Convgemm and as im2col with Gemm; the faster one is the row's time.
Parameters that tune_clblast.sh found, in the folder CLBLAST_TUNED, replace the library's own. The bias is not added and not counted."""
import ctypes
import json
import os
import pathlib
import statistics
import time

import numpy as np
import pyopencl as cl

from layers import in_shape, out_shape, values, weights
from peer import timed

ROW_MAJOR, NO, YES, SINGLE, CROSS_CORRELATION = 101, 111, 112, 32, 151
NAMES = {'xgemm': 'Xgemm', 'xgemm_direct': 'XgemmDirect', 'xconvgemm': 'Xconvgemm'}
lib = ctypes.CDLL('libclblast.so.1')
size, pointer = ctypes.c_size_t, ctypes.c_void_p


def version():
    return '1.5.3 of Debian' + (', tuned' if os.environ.get('CLBLAST_TUNED') else ', not tuned')


def call(name, *args):
    status = getattr(lib, 'CLBlast' + name)(*args)
    if status != 0:
        raise RuntimeError(f'{name}: CLBlast status {status}')


def tuned(device):
    folder = os.environ.get('CLBLAST_TUNED')
    for file in sorted(pathlib.Path(folder).glob('clblast_*_32.json')) if folder else ():
        found = json.loads(file.read_text(encoding='utf-8'))
        pairs = [p.split('=') for p in found['best_parameters'].split() if not p.startswith('PRECISION')]
        names = (ctypes.c_char_p * len(pairs))(*(k.encode() for k, _ in pairs))
        numbers = (size * len(pairs))(*(int(v) for _, v in pairs))
        # a family has several parts; those that this version does not let override are left as they are
        lib.CLBlastOverrideParameters(pointer(device.int_ptr), NAMES[found['kernel_family'].rsplit('_', 1)[0] if found['kernel_family'][-1].isdigit()
                                      else found['kernel_family']].encode(), SINGLE, size(len(pairs)), names, numbers)


class Peer:
    def __init__(self):
        device = cl.get_platforms()[0].get_devices()[0]
        self.context = cl.Context([device])
        self.queue = cl.CommandQueue(self.context)
        self.handle = ctypes.byref(pointer(self.queue.int_ptr))
        tuned(device)

    def buffer(self, array):
        return cl.Buffer(self.context, cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR, hostbuf=np.ascontiguousarray(array))

    def convgemm(self, l, x, w, y):
        call('Sconvgemm', CROSS_CORRELATION, *map(size, (l.c, l.h, l.w, l.kh, l.kw, l.ph, l.pw, l.sh, l.sw, 1, 1, l.k, l.n)), pointer(x.int_ptr), size(0),
             pointer(w.int_ptr), size(0), pointer(y.int_ptr), size(0), self.handle, None)

    def im2col(self, l, x, w, y, columns):
        pixels, depth = int(np.prod(out_shape(l)[2:])), l.c * l.kh * l.kw
        for n in range(l.n):
            call('Sim2col', CROSS_CORRELATION, *map(size, (l.c, l.h, l.w, l.kh, l.kw, l.ph, l.pw, l.sh, l.sw, 1, 1)), pointer(x.int_ptr),
                 size(n * l.c * l.h * l.w), pointer(columns.int_ptr), size(0), self.handle, None)
            call('Sgemm', ROW_MAJOR, NO, NO, size(l.k), size(pixels), size(depth), ctypes.c_float(1), pointer(w.int_ptr), size(0), size(depth),
                 pointer(columns.int_ptr), size(0), size(pixels), ctypes.c_float(0), pointer(y.int_ptr), size(n * l.k * pixels), size(pixels), self.handle,
                 None)

    def ways(self, l):
        """{name: enqueue()}, and the output."""
        x, w, y = self.buffer(values(in_shape(l), 1)), self.buffer(weights(l)[0]), self.buffer(np.zeros(out_shape(l), np.float32))
        if l.op == 'dense':
            return {'gemm': lambda: call('Sgemm', ROW_MAJOR, NO, YES, size(l.n), size(l.k), size(l.c), ctypes.c_float(1), pointer(x.int_ptr), size(0),
                                         size(l.c), pointer(w.int_ptr), size(0), size(l.c), ctypes.c_float(0), pointer(y.int_ptr), size(0), size(l.k),
                                         self.handle, None)}, y
        columns = self.buffer(np.zeros(l.c * l.kh * l.kw * int(np.prod(out_shape(l)[2:])), np.float32))
        return {'convgemm': lambda: self.convgemm(l, x, w, y), 'im2col': lambda: self.im2col(l, x, w, y, columns)}, y

    def layer(self, l, layout):
        if l.op not in ('conv', 'dense'):
            return None
        if l.groups != 1:
            raise RuntimeError('CLBlast has no groups')
        ways, y = self.ways(l)
        want, best = None, None
        for name, enqueue in ways.items():
            def run(enqueue=enqueue):
                enqueue()
                self.queue.finish()
            run()
            got = np.empty(out_shape(l), np.float32)
            cl.enqueue_copy(self.queue, got, y)
            want = got if want is None else want
            if not abs(got - want).max() <= 1e-3 * abs(want).max():
                raise RuntimeError('Convgemm and im2col with Gemm differ')
            times = []
            for _ in range(3):
                start = time.perf_counter()
                run()
                times.append(time.perf_counter() - start)
            if best is None or statistics.median(times) < best[0]:
                best = (statistics.median(times), name, run)
        return best[1], timed(best[2])
