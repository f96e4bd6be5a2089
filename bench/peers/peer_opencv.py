# SPDX-License-Identifier: Apache-2.0
"""OpenCV's dnn module on the CPU."""
import os

import cv2
import numpy as np

from layers import in_shape, onnx_bytes, values
from peer import timed


def version():
    return cv2.__version__


def runner(net, threads, shape):
    cv2.setNumThreads(threads)
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    x, last = values(shape, 1), []

    def run():
        net.setInput(x)
        last[:] = [net.forward()]
    return run, lambda: last[0]


def model(path, threads, shape):
    return runner(cv2.dnn.readNetFromONNX(path), threads, shape)


class Peer:
    def layer(self, l, layout):
        if layout != 'nchw':
            return None
        net = cv2.dnn.readNetFromONNX(np.frombuffer(onnx_bytes(l), np.uint8))
        return 'opencv', timed(runner(net, int(os.environ['OMP_NUM_THREADS']), in_shape(l))[0])
