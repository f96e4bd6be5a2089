# SPDX-License-Identifier: Apache-2.0
"""Layers of bench/layers/*.csv, as NumPy shapes and as ONNX models of one operator."""
import csv
from collections import namedtuple

import numpy as np

Layer = namedtuple('Layer', 'name op n c h w k kh kw sh sw ph pw groups')
MODES = {'pad_constant': 'constant', 'pad_reflect': 'reflect', 'pad_edge': 'edge'}


def read(path):
    with open(path, newline='', encoding='utf-8') as f:
        rows = list(csv.reader(f))[1:]
    return [Layer(row[0], row[1], *map(int, row[2:])) for row in rows]


def model_shape(path):
    """The shape of a model's first input."""
    import onnx
    return tuple(d.dim_value for d in onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape.dim)


def in_shape(l):
    return (l.n, l.c) if l.op == 'dense' else (l.n, l.c, l.h, l.w)


def out_shape(l):
    if l.op == 'dense':
        return (l.n, l.k)
    if l.op == 'globalavgpool':
        return (l.n, l.c, 1, 1)
    if l.op in MODES:
        return (l.n, l.c, l.h + 2 * l.ph, l.w + 2 * l.pw)
    spatial = ((l.h + 2 * l.ph - l.kh) // l.sh + 1, (l.w + 2 * l.pw - l.kw) // l.sw + 1)
    return (l.n, l.k if l.op.startswith('conv') else l.c, *spatial)


def values(shape, seed):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def weights(l):
    """Weights and bias of conv and dense, in the order of ONNX."""
    shape = (l.k, l.c // l.groups, l.kh, l.kw) if l.op == 'conv' else (l.k, l.c)
    return values(shape, 2), values((l.k,), 3)


def onnx_bytes(l):
    """A model of this one operator; input x, output y, constant weights."""
    from onnx import TensorProto, helper, numpy_helper
    init = []

    def constant(name, array):
        init.append(numpy_helper.from_array(array, name))
        return name

    window = {'kernel_shape': [l.kh, l.kw], 'strides': [l.sh, l.sw], 'pads': [l.ph, l.pw, l.ph, l.pw]}
    if l.op in ('conv', 'dense'):
        w, b = weights(l)
        inputs = ['x', constant('w', w), constant('b', b)]
        if l.op == 'conv':
            node = helper.make_node('Conv', inputs, ['y'], group=l.groups, **window)
        else:
            node = helper.make_node('Gemm', inputs, ['y'], transB=1)
    elif l.op in MODES:
        pads = np.array([0, 0, l.ph, l.pw, 0, 0, l.ph, l.pw], np.int64)
        node = helper.make_node('Pad', ['x', constant('pads', pads)], ['y'], mode=MODES[l.op])
    elif l.op == 'globalavgpool':
        node = helper.make_node('GlobalAveragePool', ['x'], ['y'])
    else:
        node = helper.make_node({'maxpool': 'MaxPool', 'avgpool': 'AveragePool'}[l.op], ['x'], ['y'], **window)
    graph = helper.make_graph([node], 'layer', [helper.make_tensor_value_info('x', TensorProto.FLOAT, in_shape(l))],
                              [helper.make_tensor_value_info('y', TensorProto.FLOAT, out_shape(l))], init)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8).SerializeToString()
