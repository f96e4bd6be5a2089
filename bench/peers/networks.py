#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the six networks of docs/performance.md as ONNX files with fixed random weights, batch 1: LeNet-5, AlexNet (two groups, LRN), VGG-16,
ResNet-18, ResNet-50 (stride in the 3x3), MobileNetV2. Batch norms are nodes of their own, as exporters leave them. About 1 GB in all.

usage: networks.py FOLDER [NAME...]
"""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """A chain of nodes: each method appends one to value x of c channels and returns the new value."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def constant(self, array):
        name = f'w{len(self.weights)}'
        self.weights.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def normal(self, shape, deviation, mean=0.0):
        return self.constant(self.random.normal(mean, deviation, shape))

    def node(self, kind, inputs, **attributes):
        out = f'{kind.lower()}{len(self.nodes)}'
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out

    def conv(self, x, c, k, size, stride=1, pad=0, groups=1, bias=True):
        fan_in = c // groups * size * size
        inputs = [x, self.normal((k, c // groups, size, size), (2 / fan_in) ** 0.5)] + ([self.normal((k,), 0.01)] if bias else [])
        return self.node('Conv', inputs, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)

    def norm(self, x, c, scale=1.0):
        """scale: small on the last of a residual branch, so that sums do not grow from block to block."""
        variance = self.constant(self.random.uniform(0.9, 1.1, c))
        return self.node('BatchNormalization', [x, self.normal((c,), 0.1 * scale, scale), self.normal((c,), 0.01), self.normal((c,), 0.05), variance])

    def relu(self, x):
        return self.node('Relu', [x])

    def max_pool(self, x, size, stride, pad=0):
        return self.node('MaxPool', [x], kernel_shape=[size] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def dense(self, x, c, k):
        return self.node('Gemm', [x, self.normal((k, c), (2 / c) ** 0.5), self.normal((k,), 0.01)], transB=1)

    def head(self, x, extents):
        """Dense layers with relu between them, then softmax."""
        x = self.node('Flatten', [x])
        for i, (c, k) in enumerate(zip(extents, extents[1:])):
            x = self.dense(x if i == 0 else self.relu(x), c, k)
        return self.node('Softmax', [x], axis=1)

    def save(self, path, y, shape, classes):
        graph = helper.make_graph(self.nodes, 'network', [helper.make_tensor_value_info('input', TensorProto.FLOAT, shape)],
                                  [helper.make_tensor_value_info(y, TensorProto.FLOAT, [shape[0], classes])], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), path)


def lenet5(b):
    x = b.max_pool(b.relu(b.conv('input', 1, 6, 5, pad=2)), 2, 2)
    x = b.max_pool(b.relu(b.conv(x, 6, 16, 5)), 2, 2)
    return b.head(x, [400, 120, 84, 10]), [1, 1, 28, 28], 10


def alexnet(b):
    def lrn_pool(x):
        return b.max_pool(b.node('LRN', [x], size=5, alpha=1e-4, beta=0.75, bias=1.0), 3, 2)
    x = lrn_pool(b.relu(b.conv('input', 3, 96, 11, 4)))
    x = lrn_pool(b.relu(b.conv(x, 96, 256, 5, pad=2, groups=2)))
    for c, k, groups in ((256, 384, 1), (384, 384, 2), (384, 256, 2)):
        x = b.relu(b.conv(x, c, k, 3, pad=1, groups=groups))
    return b.head(b.max_pool(x, 3, 2), [9216, 4096, 4096, 1000]), [1, 3, 227, 227], 1000


def vgg16(b):
    x, c = 'input', 3
    for layers, k in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(layers):
            x, c = b.relu(b.conv(x, c, k, 3, pad=1)), k
        x = b.max_pool(x, 2, 2)
    return b.head(x, [25088, 4096, 4096, 1000]), [1, 3, 224, 224], 1000


def resnet(b, blocks, bottleneck):
    def conv_norm(x, c, k, size, stride=1, scale=1.0):
        return b.norm(b.conv(x, c, k, size, stride, size // 2, bias=False), k, scale)
    x, c = b.max_pool(b.relu(conv_norm('input', 3, 64, 7, 2)), 3, 2, 1), 64
    for stage, n in enumerate(blocks):
        width = 64 << stage
        k = 4 * width if bottleneck else width
        for i in range(n):
            stride = 2 if stage > 0 and i == 0 else 1
            if bottleneck:
                y = b.relu(conv_norm(x, c, width, 1))
                y = conv_norm(b.relu(conv_norm(y, width, width, 3, stride)), width, k, 1, scale=0.5)
            else:
                y = conv_norm(b.relu(conv_norm(x, c, k, 3, stride)), k, k, 3, scale=0.5)
            if stride != 1 or c != k:
                x = conv_norm(x, c, k, 1, stride)
            x, c = b.relu(b.node('Add', [y, x])), k
    return b.head(b.node('GlobalAveragePool', [x]), [c, 1000]), [1, 3, 224, 224], 1000


def mobilenetv2(b):
    low, high = b.constant(0), b.constant(6)

    def conv_norm(x, c, k, size, stride=1, groups=1, scale=1.0, clip=True):
        x = b.norm(b.conv(x, c, k, size, stride, size // 2, groups, bias=False), k, scale)
        return b.node('Clip', [x, low, high]) if clip else x
    x, c = conv_norm('input', 3, 32, 3, 2), 32
    for expand, k, n, first_stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            stride, wide = first_stride if i == 0 else 1, c * expand
            y = conv_norm(x, c, wide, 1) if expand > 1 else x
            y = conv_norm(conv_norm(y, wide, wide, 3, stride, wide), wide, k, 1, scale=0.5, clip=False)
            x, c = b.node('Add', [x, y]) if stride == 1 and c == k else y, k
    return b.head(b.node('GlobalAveragePool', [conv_norm(x, c, 1280, 1)]), [1280, 1000]), [1, 3, 224, 224], 1000


NETWORKS = {
    'lenet5': lenet5,
    'alexnet': alexnet,
    'vgg16': vgg16,
    'resnet18': lambda b: resnet(b, (2, 2, 2, 2), False),
    'resnet50': lambda b: resnet(b, (3, 4, 6, 3), True),
    'mobilenetv2': mobilenetv2,
}


def main(folder, *names):
    os.makedirs(folder, exist_ok=True)
    for seed, (name, make) in enumerate(NETWORKS.items()):
        if names and name not in names:
            continue
        b = Builder(seed)
        b.save(os.path.join(folder, f'{name}.onnx'), *make(b))
        print(os.path.join(folder, f'{name}.onnx'))


if __name__ == '__main__':
    main(*sys.argv[1:])
