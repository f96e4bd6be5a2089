#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_corpus.py: writes the seeds of the fuzz targets: corpus/model/ has a model of one node for each row of import_table.c, named after it, and
models for everything else that the importer reads or refuses; corpus/files/ has tensors, arrays and pictures. Files whose names begin with
"found-" are inputs that a fuzzer found; they stay. The protobuf messages are written here: no package is needed."""
import gzip
import pathlib
import re
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).resolve().parent
F32, U8, I8, U16, I16, I32, I64, BOOL, F16, F64, U32, U64, BF16 = 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16
PACK = {F32: 'f', U8: 'B', I8: 'b', U16: 'H', I16: 'h', I32: 'i', I64: 'q', BOOL: '?', F16: 'e', F64: 'd', U32: 'I', U64: 'Q', BF16: 'H'}
LISTS = {F32: 4, U8: 5, I8: 5, U16: 5, I16: 5, I32: 5, I64: 7, BOOL: 5, F16: 5, F64: 10, U32: 11, U64: 11, BF16: 5}

# ---- protobuf ----


def varint(v):
    v &= (1 << 64) - 1
    out = b''
    while v > 127:
        out += bytes([v & 127 | 128])
        v >>= 7
    return out + bytes([v])


def field(number, value):
    """int: a varint; float: fixed32; str, bytes: a length and the bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack('<f', value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def count(dims):
    n = 1
    for d in dims:
        n *= d
    return n


def numbers(dtype, values):
    return struct.pack(f'<{len(values)}{PACK[dtype]}', *values)


def tensor(dtype, dims, values=None, name='', form='raw'):
    values = [(i * 5) % 7 - 2 if PACK[dtype] not in 'BHIQ?' else i % 2 for i in range(count(dims))] if values is None else values
    out = b''.join(field(1, d) for d in dims) + field(2, dtype)
    number = LISTS[dtype]
    if form == 'raw':
        out += field(9, numbers(dtype, values))
    elif number in (4, 10):
        code = PACK[dtype]
        parts = [struct.pack('<' + code, v) for v in values]
        tag = varint(number << 3 | (5 if number == 4 else 1))
        out += field(number, b''.join(parts)) if form == 'packed' else b''.join(tag + p for p in parts)
    else:
        out += field(number, b''.join(varint(int(v)) for v in values)) if form == 'packed' else b''.join(field(number, int(v)) for v in values)
    return out + (field(8, name) if name else b'')


def attribute(name, value):
    out = field(1, name)
    if isinstance(value, Tensor):
        return out + field(5, value.bytes) + field(20, 4)
    if isinstance(value, Graph):
        return out + field(6, value.bytes) + field(20, 5)
    if isinstance(value, Ref):
        return out + field(21, value.name) + field(20, value.type)
    if isinstance(value, int):
        return out + field(3, value) + field(20, 2)
    if isinstance(value, float):
        return out + field(2, value) + field(20, 1)
    if isinstance(value, str):
        return out + field(4, value) + field(20, 3)
    if value and isinstance(value[0], float):
        return out + field(7, numbers(F32, value)) + field(20, 6)
    return out + b''.join(field(8, v) for v in value) + field(20, 7)


class Bytes:
    def __init__(self, data):
        self.bytes = data


class Tensor(Bytes):
    pass


class Graph(Bytes):
    pass


class Ref:
    def __init__(self, name, type):
        self.name, self.type = name, type


def node(op, inputs, outputs, domain='', name='', **attrs):
    out = b''.join(field(1, i) for i in inputs) + b''.join(field(2, o) for o in outputs) + field(4, op)
    out += field(3, name) if name else b''
    out += b''.join(field(5, attribute(k, v)) for k, v in attrs.items())
    return field(1, out + (field(7, domain) if domain else b''))


def info(dtype, dims):
    shape = b''.join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims) if dims is not None else None
    return field(2, field(1, field(1, dtype) + (field(2, shape) if shape is not None else b'')))


def graph_input(name, dtype, dims):
    return field(11, field(1, name) + info(dtype, dims))


def graph_output(name, dtype=F32):
    return field(12, field(1, name) + info(dtype, None))


def initialiser(name, dtype, dims, values=None, form='raw'):
    return field(5, tensor(dtype, dims, values, name, form))


def model(graph, opset, ir=8, extra=b''):
    return field(1, ir) + field(8, field(1, '') + field(2, opset)) + field(7, graph) + extra


# ---- a node for each row of the import table ----


class In:
    """A graph input."""

    def __init__(self, dims=(1, 2, 4, 4), dtype=F32):
        self.dims, self.dtype = dims, dtype


class Const(In):
    """An initialiser."""

    def __init__(self, dtype, dims, values=None):
        super().__init__(dims, dtype)
        self.values = values


X, PAIR, VEC = In(), [In(), In()], Const(F32, [2])
BOOLS = In((2, 3), BOOL)


def ints(*values):
    return Const(I64, [len(values)], list(values))


def i(values):
    return {'inputs': values}


POOL = dict(kernel_shape=[2, 2], strides=[2, 1], pads=[1, 0, 0, 1])
CONV = dict(kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=1)
NORM5 = [X, VEC, VEC, VEC, Const(F32, [2], [1.0, 2.0])]


def axes_by_input(since):
    """A reduction: axes as an attribute, from opset `since` on as an input."""
    return lambda opset: dict(inputs=[X, ints(1, -1)], keepdims=1) if opset >= since else dict(axes=[1, -1], keepdims=0)


def legacy(opset, dtype=F32):
    if opset < 7:
        return dict(inputs=[In((1, 2, 2, 2), dtype), In((2,), dtype)], broadcast=1, axis=1)
    return dict(inputs=[In((1, 2, 2, 2), dtype), In((2, 1), dtype)])


BINARY = 'Add Sub Mul Div Pow Equal Less Greater LessOrEqual GreaterOrEqual'
# op_type: what the node has, or a function of the opset that says it. Not named: one input [1,2,4,4], no attributes.
NODES = {name: legacy for name in BINARY.split()} | {name: lambda opset: legacy(opset, BOOL) for name in ('And', 'Or', 'Xor')} | {
    name: axes_by_input(13 if name == 'ReduceSum' else 18)
    for name in 'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare'.split()
} | {name: dict(axis=1) for name in ('Flatten', 'Hardmax', 'LogSoftmax', 'Softmax')} | {name: i(PAIR) for name in ('Max', 'Mean', 'Min', 'Sum')} | {
    'ArgMax': dict(axis=1, keepdims=0), 'ArgMin': dict(axis=-1, keepdims=1),
    'AveragePool': lambda opset: dict(POOL, **(dict(count_include_pad=1) if opset >= 7 else {})),
    'BatchNormalization': lambda opset: dict(inputs=NORM5, epsilon=1e-3, **(dict(is_test=1, spatial=1) if opset < 7 else {})),
    'Cast': lambda opset: dict(to='INT64' if opset < 6 else I64), 'CastLike': i([X, In((1,), I32)]),
    'Clip': lambda opset: dict(inputs=[X, Const(F32, [], [0.0]), Const(F32, [], [1.0])]) if opset >= 11 else dict(min=0.0, max=1.0),
    'Concat': dict(inputs=PAIR, axis=1), 'Constant': dict(inputs=[], value=Tensor(tensor(F32, [2, 2]))),
    'ConstantOfShape': dict(inputs=[ints(2, 3)], value=Tensor(tensor(I64, [1], [7]))),
    'Conv': dict(CONV, inputs=[X, Const(F32, [3, 2, 3, 3]), Const(F32, [3])]),
    'ConvTranspose': dict(inputs=[X, Const(F32, [2, 3, 3, 3])], strides=[2, 2], output_padding=[1, 1]),
    'DepthToSpace': dict(inputs=[In((1, 4, 2, 3))], blocksize=2), 'SpaceToDepth': dict(blocksize=2),
    'Dropout': lambda opset: dict(inputs=[X, Const(F32, [], [0.5])]) if opset >= 12 else dict(ratio=0.5),
    'Elu': dict(alpha=0.5), 'Celu': dict(alpha=0.5), 'LeakyRelu': dict(alpha=0.1), 'ThresholdedRelu': dict(alpha=0.1), 'Swish': dict(alpha=2.0),
    'Expand': i([In((3, 1)), ints(2, 1, 6)]), 'Gather': dict(inputs=[X, Const(I64, [2, 1], [0, -1])], axis=2),
    'Gelu': dict(approximate='tanh'), 'Gemm': dict(inputs=[In((2, 3)), Const(F32, [4, 3]), Const(F32, [4])], transB=1, alpha=0.5),
    'GlobalLpPool': lambda opset: dict(p=2.0 if opset < 2 else 2), 'GroupNormalization': dict(inputs=[In((1, 4, 3)), VEC, VEC], num_groups=2),
    'If': lambda opset: dict(inputs=[Const(BOOL, [], [True])], then_branch=branch('Identity', 'a'), else_branch=branch('Not', 'a')),
    'HardSigmoid': dict(alpha=0.25, beta=0.5), 'InstanceNormalization': i([X, VEC, VEC]), 'LRN': dict(size=3, alpha=1e-3, beta=0.75),
    'LayerNormalization': dict(inputs=[X, Const(F32, [4]), Const(F32, [4])], axis=-1), 'LpNormalization': dict(axis=1, p=1),
    'LpPool': lambda opset: dict(kernel_shape=[2, 2], p=2.0 if opset < 2 else 2), 'MatMul': i([In((2, 3)), Const(F32, [3, 2])]),
    'MaxPool': dict(POOL), 'MeanVarianceNormalization': dict(axes=[0, 2, 3]), 'Mod': dict(inputs=[In((4,), I32), Const(I32, [4], [3, -3, 5, 1])]),
    'Not': i([BOOLS]), 'PRelu': i([X, Const(F32, [2, 1, 1])]),
    'Pad': lambda opset: dict(inputs=[X, ints(0, 0, 1, 1, 0, 0, 2, 0), Const(F32, [], [3.0])]) if opset >= 11 else
    dict(value=1.0, **{'paddings' if opset < 2 else 'pads': [0, 0, 1, 1, 0, 0, 2, 0]}),
    'RMSNormalization': i([X, Const(F32, [4])]), 'Range': i([Const(I64, [], [1]), Const(I64, [], [10]), Const(I64, [], [3])]),
    'Reshape': lambda opset: dict(inputs=[X, ints(0, -1, 2)]) if opset >= 5 else dict(shape=[0, -1, 2]),
    'Resize': dict(inputs=[X, Const(F32, [4], [1.0, 1.0, 2.0, 2.0])], mode='nearest'),
    'Upsample': lambda opset: dict(inputs=[X, Const(F32, [4], [1.0, 1.0, 2.0, 2.0])]) if opset >= 9 else
    dict(scales=[1.0, 1.0, 2.0, 2.0]) if opset >= 7 else dict(width_scale=2.0, height_scale=2.0),
    'Selu': dict(alpha=1.5, gamma=1.1), 'Shrink': dict(lambd=0.5, bias=0.1),
    'Slice': lambda opset: dict(inputs=[X, ints(0, -3), ints(2, 9), ints(1, 3), ints(1, 2)]) if opset >= 10 else
    dict(starts=[0, -3], ends=[2, 9], axes=[1, 3]),
    'Split': lambda opset: dict(axis=3, **(dict(inputs=[X, ints(1, 3)]) if opset >= 13 else dict(split=[1, 3]))),
    'Squeeze': lambda opset: dict(inputs=[X, ints(0)]) if opset >= 13 else dict(axes=[0]),
    'Unsqueeze': lambda opset: dict(inputs=[X, ints(0, 2)]) if opset >= 13 else dict(axes=[0, 2]),
    'Tile': lambda opset: i([In((2, 3)), ints(2, 1)]) if opset >= 6 else i([In((2, 3)), Const(F32, [], [2.0]), Const(F32, [], [1.0])]),
    'Transpose': dict(perm=[0, 2, 3, 1]), 'Where': i([BOOLS, In((2, 3)), In((3,))]),
}
BOTH_FORMS = {'BatchNormalization': 9, 'Clip': 11, 'Dropout': 12, 'Split': 13, 'Squeeze': 13, 'Unsqueeze': 13, 'Slice': 10, 'ReduceMax': 18, 'Resize': 11,
              'Upsample': 9}


def one_node(op, opset):
    spec = NODES.get(op, {})
    spec = dict(spec(opset) if callable(spec) else spec)
    graph, names = b'', []
    for k, x in enumerate(spec.pop('inputs', [X])):
        names.append('abcdefgh'[k])
        graph += initialiser(names[-1], x.dtype, x.dims, x.values) if isinstance(x, Const) else graph_input(names[-1], x.dtype, x.dims)
    if op == 'Resize' and opset >= 11:
        names.insert(1, '')
    outputs = ['y', 'z'] if op == 'Split' else ['y']
    return model(graph + node(op, names, outputs, **spec) + b''.join(graph_output(o) for o in outputs), opset)


def rows():
    table = (HERE / '../../api/onnx/import_table.c').read_text()
    found = [(op, int(since)) for op, since in re.findall(r'^    \{"(\w+)", (\d+),', table, flags=re.M)]
    return sorted(set(found) | {(op, BOTH_FORMS[op]) for op, _ in found if op in BOTH_FORMS})


# ---- the other things that a model can hold ----


def chain(graph=b'', ops='Relu Exp Sqrt'.split()):
    names = ['x'] + [f'v{k}' for k in range(len(ops))]
    return graph + graph_input('x', F32, [2, 'N']) + b''.join(node(op, [names[k]], [names[k + 1]]) for k, op in enumerate(ops)) + graph_output(names[-1])


def branch(op, *inputs):
    return Graph(node(op, inputs, ['r']) + field(2, 'branch') + graph_output('r'))


def nested(depth):
    inner = branch('Relu', 'x')
    for _ in range(depth):
        inner = Graph(node('If', ['c'], ['r'], then_branch=inner, else_branch=branch('Neg', 'x')) + graph_output('r'))
    return initialiser('c', BOOL, [], [True]) + graph_input('x', F32, [2]) + inner.bytes


def function(name, inputs, outputs, nodes, attributes=(), domain='local'):
    out = field(1, name) + b''.join(field(4, v) for v in inputs) + b''.join(field(5, v) for v in outputs) + b''.join(field(6, v) for v in attributes)
    out += b''.join(field(7, n) for n in nodes) + field(9, field(1, '') + field(2, 13)) + field(10, domain)
    return field(25, out)


def body(*args, **attrs):
    """A node as it stands in a function: without the graph's field number."""
    whole = node(*args, **attrs)
    at = 1
    while whole[at] & 128:
        at += 1
    return whole[at + 1:]


def others():
    yield 'chain', model(chain(), 13)
    yield 'unsorted', model(graph_input('x', F32, [2]) + node('Exp', ['a'], ['y']) + node('Relu', ['x'], ['a']) + graph_output('y'), 13)
    yield 'cycle', model(graph_input('x', F32, [2]) + node('Add', ['x', 'y'], ['a']) + node('Relu', ['a'], ['y']) + graph_output('y'), 13)
    yield 'twice', model(graph_input('x', F32, [2]) + node('Exp', ['x'], ['y']) + node('Relu', ['x'], ['y']) + graph_output('y'), 13)
    yield 'unknown-rank', model(graph_input('x', F32, None) + node('Relu', ['x'], ['y']) + graph_output('y'), 13)
    yield 'no-opset', field(1, 2) + field(7, chain(ops=['Relu']))
    yield 'opset-99', model(chain(), 99)
    yield 'domains', field(1, 8) + field(8, field(1, 'ai.onnx') + field(2, 12)) + field(8, field(1, 'com.me') + field(2, 1)) + field(7, chain())
    yield 'lacking', model(chain(ops=['Relu', 'Nonesuch', 'LSTM']), 13)
    yield 'truncated', model(chain(), 13)[:-9]
    yield 'group', b'\x0b\x13\x14\x0c' + model(chain(), 13)
    yield 'long-varint', field(1, 8)[:1] + b'\xff' * 9 + b'\x01' + model(chain(), 13)
    yield 'initialiser-is-input', model(graph_input('x', F32, [2]) + initialiser('x', F32, [2]) + node('Relu', ['x'], ['y']) + graph_output('y'), 13)
    yield 'sparse', model(chain(field(15, b'')), 13)
    yield 'external', model(field(5, field(1, 2) + field(2, F32) + field(8, 'w') + field(14, 1) + b''.join(
        field(13, field(1, k) + field(2, v)) for k, v in (('location', 'w.bin'), ('offset', '0'), ('length', '8')))) + graph_output('w'), 13)
    yield 'huge-shape', model(field(5, field(1, 1 << 40) * 2 + field(2, F32) + field(8, 'w') + field(9, b'1234')) + graph_output('w'), 13)
    yield 'huge-constant', model(initialiser('s', I64, [2], [1 << 20, 1 << 20]) + node('ConstantOfShape', ['s'], ['y']) + graph_output('y'), 13)
    yield 'batch-norm-behind-conv', model(
        graph_input('x', F32, [1, 2, 4, 4]) + initialiser('w', F32, [2, 2, 1, 1]) + initialiser('s', F32, [2], [1.0, 2.0]) +
        node('Conv', ['x', 'w'], ['c']) + node('BatchNormalization', ['c', 's', 's', 's', 's'], ['b']) + node('Relu', ['b'], ['y']) +
        graph_output('y'), 13)
    yield 'shapes', model(
        graph_input('x', F32, ['N', 3, 'H']) + node('Shape', ['x'], ['s']) + node('Gather', ['s', 'i'], ['n']) + initialiser('i', I64, [1], [0]) +
        initialiser('m', I64, [1], [-1]) + node('Concat', ['n', 'm'], ['t'], axis=0) + node('Reshape', ['x', 't'], ['y']) + graph_output('y'), 13)
    for dtype, code in sorted(PACK.items()):
        for form in ('raw', 'packed', 'unpacked'):
            yield f'values-{dtype}-{form}', model(initialiser('w', dtype, [3], form=form) + graph_output('w', dtype), 13)
    for name, attrs in (('value_int', dict(value_int=5)), ('value_float', dict(value_float=0.5)), ('value_ints', dict(value_ints=[1, 2])),
                        ('value_floats', dict(value_floats=[1.0, 2.0])), ('value_string', dict(value_string='text'))):
        yield 'constant-' + name, model(node('Constant', [], ['y'], **attrs) + graph_output('y'), 13)
    condition = initialiser('c', BOOL, [], [True])
    yield 'if', model(condition + graph_input('x', F32, [2]) + node('If', ['c'], ['y'], then_branch=branch('Relu', 'x'),
                                                                    else_branch=branch('Neg', 'x')) + graph_output('y'), 13)
    yield 'if-nested', model(nested(5), 13)
    yield 'if-deep', model(nested(60), 13)
    yield 'if-of-a-shape', model(
        graph_input('x', F32, [2, 3]) + node('Size', ['x'], ['n']) + initialiser('six', I64, [], [6]) + node('Equal', ['n', 'six'], ['c']) +
        node('If', ['c'], ['y'], then_branch=branch('Relu', 'x'), else_branch=branch('Neg', 'x')) + graph_output('y'), 13)
    yield 'if-open', model(graph_input('c', BOOL, []) + graph_input('x', F32, [2]) + node(
        'If', ['c'], ['y'], then_branch=branch('Relu', 'x'), else_branch=branch('Neg', 'x')) + graph_output('y'), 13)
    yield 'loop', model(graph_input('x', F32, [2]) + node('Loop', ['', '', 'x'], ['y'], body=branch('Relu', 'x')) + graph_output('y'), 13)
    call = graph_input('x', F32, [2]) + node('Twice', ['x'], ['y'], domain='local', alpha=0.5) + graph_output('y')
    scaled = body('Elu', ['a'], ['t'], alpha=Ref('alpha', 1))
    twice = function('Twice', ['a'], ['b'], [scaled, body('Add', ['t', 't'], ['b'])], ['alpha'])
    yield 'function', model(call, 13, extra=twice)
    yield 'function-nested', model(call.replace(b'Twice', b'Outer'), 13, extra=twice + function(
        'Outer', ['a'], ['b'], [body('Twice', ['a'], ['m'], domain='local', alpha=Ref('alpha', 1)), body('Neg', ['m'], ['b'])], ['alpha']))
    yield 'function-of-itself', model(call, 13, extra=function('Twice', ['a'], ['b'], [body('Twice', ['a'], ['b'], domain='local')]))


# ---- tensors, arrays, pictures ----


def npy(version, descr, shape, data, order='False'):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b'\x93NUMPY' + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', len(header)) + header + data


def png(width, height, channels, bits=8):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    pixels = b''.join(b'\0' + bytes((x * 37 + y * 11) & 255 for x in range(width * channels * bits // 8)) for y in range(height))
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, kind, 0, 0, 0)) + chunk(
        b'IDAT', zlib.compress(pixels)) + chunk(b'IEND', b'')


def jpeg():
    """8x8 grey: one block whose only coefficient is its mean, with tables of one code each."""
    def segment(marker, data):
        return b'\xff' + bytes([marker]) + struct.pack('>H', len(data) + 2) + data
    codes = bytes([0, 1] + [0] * 14)  # one code of two bits
    return b'\xff\xd8' + segment(0xdb, b'\0' + bytes([1] * 64)) + segment(0xc0, struct.pack('>BHHBBBB', 8, 8, 8, 1, 1, 0x11, 0)) + segment(
        0xc4, b'\0' + codes + b'\x05') + segment(0xc4, b'\x10' + codes + b'\0') + segment(0xda, b'\1\1\0\0\x3f\0') + b'\x0a\x1f' + b'\xff\xd9'


def files():
    for dtype in sorted(PACK):
        for form in ('raw', 'packed'):
            yield f'tensor-{dtype}-{form}.pb', tensor(dtype, [2, 2], form=form)
    yield 'tensor-scalar.pb', tensor(F32, [])
    yield 'tensor-empty.pb', tensor(F32, [0, 3])
    yield 'tensor-string.pb', field(1, 1) + field(2, 8) + field(6, 'text')
    for code in ('<f4', '<f8', '<f2', '|i1', '<i2', '<i4', '<i8', '|u1', '<u2', '<u4', '<u8', '|b1'):
        yield f'array-{code[1:]}.npy', npy(1, code, '(2, 3)', b'\1' * 6 * int(code[2]))
    yield 'array-2.npy', npy(2, '<f4', '()', b'\0' * 4)
    yield 'array-fortran.npy', npy(1, '<f4', '(2, 3)', b'\0' * 24, 'True')
    yield 'array-huge.npy', npy(1, '<f4', '(1099511627776, 4)', b'\0' * 24)
    yield 'array-short.npy', npy(1, '<f4', '(7,)', b'\0' * 24)
    for channels in (1, 2, 3, 4):
        yield f'picture-{channels}.png', png(5, 3, channels)
    yield 'picture-16.png', png(2, 2, 3, 16)
    yield 'picture-huge.png', png(2, 2, 3)[:16] + struct.pack('>II', 32768, 32768) + png(2, 2, 3)[24:]
    yield 'picture.jpg', jpeg()
    yield 'picture-short.jpg', jpeg()[:-6]
    yield 'picture.pgm', b'P5 # grey\n3 2\n255\n' + bytes(6)
    yield 'picture.ppm', b'P6\n3 2\n255\n' + bytes(18)
    yield 'digits.idx', b'\0\0\x08\x03' + struct.pack('>III', 2, 2, 2) + bytes(8)
    yield 'digits.gz', gzip.compress(b'\0\0\x08\x01' + struct.pack('>I', 40) + bytes(40), mtime=0)


def write(folder, seeds):
    target = HERE / 'corpus' / folder
    target.mkdir(parents=True, exist_ok=True)
    for old in target.iterdir():
        if not old.name.startswith('found-'):
            old.unlink()
    for name, data in seeds:
        if (target / name).exists():
            sys.exit(f'two seeds are named {name}')
        (target / name).write_bytes(data)
    sizes = [p.stat().st_size for p in target.iterdir()]
    print(f'{folder}: {len(sizes)} files, {sum(sizes)} bytes')


write('model', [(f'{op}-{opset}.onnx', one_node(op, opset)) for op, opset in rows()] + [(f'{name}.onnx', data) for name, data in others()])
write('files', list(files()))
