# SPDX-License-Identifier: Apache-2.0
"""oneDNN 3 through its C API and ctypes: layers in its own layouts, weights packed before.

The library is the OpenMP build inside the PyPI package paddlepaddle, else any libdnnl.so.3 that the Python prefix or ONEDNN_LIBRARY names (the
PyPI package onednn is a SYCL build, whose queue costs more than small layers do). A run is: reorder in, the primitive, reorder out. `blocked`
counts the primitive alone, so that its data comes out of the cache in the state in which Convoke's profile finds it; `nchw` counts all three.
What a call through ctypes costs by itself is measured and subtracted.
"""
import ctypes
import importlib.util
import os
import pathlib
import sys
import time

import numpy as np

from layers import in_shape, out_shape, values, weights

ANY, F32, CPU, TRAINING, INFERENCE, IN_ORDER = 1, 3, 1, 64, 96, 1
CONV_DIRECT, CONV_AUTO, POOL_MAX, POOL_AVG = 1, 3, 511, 1023  # the average leaves padding out
SRC, DST, WEIGHTS, BIAS, DIFF_DST, DIFF_WEIGHTS = 1, 17, 33, 41, 145, 161
QUERY_IMPLEMENTATION, QUERY_SRC, QUERY_WEIGHTS, QUERY_DIFF_WEIGHTS, QUERY_DST, QUERY_DIFF_DST = 8, 129, 131, 132, 133, 134
BLOCKED = {16: 78, 8: 102}  # format tags aBcd16b, aBcd8b
Dims = ctypes.c_int64 * 12
P = ctypes.c_void_p


class Arg(ctypes.Structure):
    _fields_ = [('arg', ctypes.c_int), ('memory', P)]


def library():
    named = os.environ.get('ONEDNN_LIBRARY')
    paddle = importlib.util.find_spec('paddle')
    candidates = [named] if named else [pathlib.Path(p) / 'libs' / 'libdnnl.so.3' for p in (paddle.submodule_search_locations if paddle else [])]
    candidates.append(pathlib.Path(sys.prefix) / 'lib' / 'libdnnl.so.3')
    for path in map(pathlib.Path, candidates):
        if path.is_file():
            for name in ('libiomp5.so', 'libgomp.so.1'):
                if (path.parent / name).is_file():
                    ctypes.CDLL(str(path.parent / name), ctypes.RTLD_GLOBAL)
            return ctypes.CDLL(str(path))
    raise RuntimeError('no libdnnl.so.3: pip install -r requirements.txt, or set ONEDNN_LIBRARY')


lib = library()


def call(name, *args):
    status = getattr(lib, name)(*args)
    if status != 0:
        raise RuntimeError(f'{name}: oneDNN status {status}')


def version():
    class Version(ctypes.Structure):
        _fields_ = [('number', ctypes.c_int * 3)]
    lib.dnnl_version.restype = ctypes.POINTER(Version)
    return '.'.join(map(str, lib.dnnl_version().contents.number))


def dims(values_):
    return Dims(*values_)


class Peer:
    def __init__(self):
        self.engine, self.stream = P(), P()
        call('dnnl_engine_create', ctypes.byref(self.engine), CPU, ctypes.c_size_t(0))
        call('dnnl_stream_create', ctypes.byref(self.stream), self.engine, IN_ORDER)
        lib.dnnl_primitive_desc_query_md.restype = P
        self.kept = []
        isa = lib.dnnl_get_effective_cpu_isa()
        self.block = 16 if isa >= 0x27 else 8  # the bits of avx512_core

    def desc(self, shape, tag=None):
        """A memory descriptor; without a tag, row-major."""
        md = P()
        if tag is None:
            strides = [int(np.prod(shape[i + 1:])) for i in range(len(shape))]
            call('dnnl_memory_desc_create_with_strides', ctypes.byref(md), len(shape), dims(shape), F32, dims(strides))
        else:
            call('dnnl_memory_desc_create_with_tag', ctypes.byref(md), len(shape), dims(shape), F32, tag)
        return md

    def memory(self, md, array=None):
        """Memory of the library's, or over an array."""
        m = P()
        handle = P(-1 & (2 ** 64 - 1)) if array is None else P(array.ctypes.data)
        call('dnnl_memory_create', ctypes.byref(m), md, self.engine, handle)
        self.kept.append(array)
        return m

    def primitive(self, pd):
        p = P()
        call('dnnl_primitive_create', ctypes.byref(p), pd)
        return p

    def reorder(self, src_md, dst_md):
        pd = P()
        call('dnnl_reorder_primitive_desc_create', ctypes.byref(pd), src_md, self.engine, dst_md, self.engine, None)
        return self.primitive(pd)

    def execute(self, primitive, args):
        call('dnnl_primitive_execute', primitive, self.stream, len(args), args)
        call('dnnl_stream_wait', self.stream)

    def packed(self, array, md):
        """A constant in the layout that the primitive wants."""
        plain = self.desc(array.shape)
        if lib.dnnl_memory_desc_equal(plain, md):
            return self.memory(plain, array)
        m = self.memory(md)
        self.execute(self.reorder(plain, md), (Arg * 2)(Arg(SRC, self.memory(plain, array)), Arg(DST, m)))
        return m

    def describe(self, l, tag):
        """The primitive descriptor, its source and destination in the layout `tag` (None: row-major)."""
        pd, src, dst = P(), self.desc(in_shape(l), tag), self.desc(out_shape(l), ANY)
        pads = dims([l.ph, l.pw])
        if l.op == 'conv':
            shape = (l.k, l.c, l.kh, l.kw) if l.groups == 1 else (l.groups, l.k // l.groups, l.c // l.groups, l.kh, l.kw)
            call('dnnl_convolution_forward_primitive_desc_create', ctypes.byref(pd), self.engine, INFERENCE, CONV_AUTO, src, self.desc(shape, ANY),
                 self.desc((l.k,)), dst, dims([l.sh, l.sw]), dims([0, 0]), pads, pads, None)
        elif l.op == 'dense':
            call('dnnl_inner_product_forward_primitive_desc_create', ctypes.byref(pd), self.engine, INFERENCE, src, self.desc((l.k, l.c), ANY),
                 self.desc((l.k,)), dst, None)
        elif l.op in ('maxpool', 'avgpool', 'globalavgpool'):
            kernel = [l.h, l.w] if l.op == 'globalavgpool' else [l.kh, l.kw]
            call('dnnl_pooling_forward_primitive_desc_create', ctypes.byref(pd), self.engine, INFERENCE, POOL_MAX if l.op == 'maxpool' else POOL_AVG,
                 src, dst, dims([l.sh, l.sw]), dims(kernel), dims([0, 0]), pads, pads, None)
        else:
            return None
        return pd

    def gradient(self, l):
        """(kernel, run) of a convolution's gradient in its weights, the primitive alone."""
        forward, pd, name = P(), P(), ctypes.c_char_p()
        split = (l.k, l.c, l.kh, l.kw) if l.groups == 1 else (l.groups, l.k // l.groups, l.c // l.groups, l.kh, l.kw)
        src, weights_, dst = (self.desc(shape, ANY) for shape in (in_shape(l), split, out_shape(l)))
        window = dims([l.sh, l.sw]), dims([0, 0]), dims([l.ph, l.pw]), dims([l.ph, l.pw])
        call('dnnl_convolution_forward_primitive_desc_create', ctypes.byref(forward), self.engine, TRAINING, CONV_AUTO, src, weights_, None, dst,
             *window, None)
        call('dnnl_convolution_backward_weights_primitive_desc_create', ctypes.byref(pd), self.engine, CONV_AUTO, src, weights_, None, dst, *window,
             forward, None)
        call('dnnl_primitive_desc_query', pd, QUERY_IMPLEMENTATION, 0, ctypes.byref(name))
        src_md, dst_md, weights_md = (P(lib.dnnl_primitive_desc_query_md(pd, q, 0)) for q in (QUERY_SRC, QUERY_DIFF_DST, QUERY_DIFF_WEIGHTS))
        args = [Arg(SRC, self.packed(values(in_shape(l), 1), src_md)), Arg(DIFF_DST, self.packed(values(out_shape(l), 2), dst_md)),
                Arg(DIFF_WEIGHTS, self.memory(weights_md))]
        return name.value.decode(), self.runner(None, (self.primitive(pd), (Arg * 3)(*args)), None, True)

    def layer(self, l, layout):
        """(kernel, run): run() returns the ns that count. None: oneDNN has no such layer."""
        if l.op == 'conv_grad_weight':
            return self.gradient(l)
        pool = l.op in ('maxpool', 'avgpool', 'globalavgpool')
        pd = self.describe(l, BLOCKED[self.block] if pool else ANY)  # a pool takes what it is given, the others choose
        if pd is None:
            return None
        name = ctypes.c_char_p()
        call('dnnl_primitive_desc_query', pd, QUERY_IMPLEMENTATION, 0, ctypes.byref(name))
        src_md, dst_md = (P(lib.dnnl_primitive_desc_query_md(pd, q, 0)) for q in (QUERY_SRC, QUERY_DST))
        src, dst, args = self.memory(src_md), self.memory(dst_md), []
        if not pool:
            w, b = weights(l)
            if l.groups > 1:
                w = w.reshape(l.groups, l.k // l.groups, l.c // l.groups, l.kh, l.kw)
            weights_md = P(lib.dnnl_primitive_desc_query_md(pd, QUERY_WEIGHTS, 0))
            args = [Arg(WEIGHTS, self.packed(w, weights_md)), Arg(BIAS, self.memory(self.desc(b.shape), b))]
        steps = []
        for md, m, shape, inward in ((src_md, src, in_shape(l), True), (dst_md, dst, out_shape(l), False)):
            plain = self.desc(shape)
            array = values(shape, 1)
            outer = self.memory(plain, array)
            if lib.dnnl_memory_desc_equal(plain, md):
                steps.append(None)
                if inward:
                    src = outer
                else:
                    dst = outer
            elif inward:
                steps.append((self.reorder(plain, md), (Arg * 2)(Arg(SRC, outer), Arg(DST, m))))
            else:
                steps.append((self.reorder(md, plain), (Arg * 2)(Arg(SRC, m), Arg(DST, outer))))
        args = [Arg(SRC, src), Arg(DST, dst)] + args
        main = (self.primitive(pd), (Arg * len(args))(*args))
        return name.value.decode(), self.runner(steps[0], main, steps[1], layout == 'blocked')

    def runner(self, before, main, after, main_only):
        execute, wait, stream, clock = lib.dnnl_primitive_execute, lib.dnnl_stream_wait, self.stream, time.perf_counter_ns
        steps = [(s[0], stream, len(s[1]), s[1]) for s in (before, main, after) if s]
        at = 1 if before else 0
        overhead = self.overhead(steps[at]) * (1 if main_only else len(steps))

        def run():
            if main_only:
                for step in steps[:at]:
                    execute(*step)
                start = clock()
                execute(*steps[at])
                wait(stream)
                end = clock()
                for step in steps[at + 1:]:
                    execute(*step)
            else:
                start = clock()
                for step in steps:
                    execute(*step)
                wait(stream)
                end = clock()
            return max(end - start - overhead, 1)

        # A failure would be silent above.
        for step in steps:
            if execute(*step) != 0:
                raise RuntimeError('dnnl_primitive_execute failed')
        return run

    def overhead(self, step):
        """ns of a call as cheap as one can be, with as many arguments: refused at once, as there is no primitive."""
        execute, wait, stream, clock = lib.dnnl_primitive_execute, lib.dnnl_stream_wait, self.stream, time.perf_counter_ns
        step = (P(), *step[1:])
        best = None
        for _ in range(2000):
            start = clock()
            execute(*step)
            wait(stream)
            ns = clock() - start
            best = ns if best is None else min(best, ns)
        return best
