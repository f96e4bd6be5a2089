# SPDX-License-Identifier: Apache-2.0
"""MNN on the CPU in f32; the model is what MNN's converter makes of the ONNX file, kept beside it as NAME.mnn."""
import os
import subprocess
import sys

import MNN
import numpy as np

from layers import values


def version():
    return MNN.version()


def converted(path):
    out = path.removesuffix('.onnx') + '.mnn'
    if not os.path.exists(out):
        tool = os.path.join(os.path.dirname(sys.executable), 'mnnconvert')
        subprocess.run([tool, '-f', 'ONNX', '--modelFile', path, '--MNNModel', out, '--bizCode', 'peer'], check=True, stdout=subprocess.DEVNULL)
    return out


def model(path, threads, shape):
    interpreter = MNN.Interpreter(converted(path))
    session = interpreter.createSession({'backend': 'CPU', 'numThread': threads, 'precision': 'high'})
    x = interpreter.getSessionInput(session)
    host = MNN.Tensor(shape, MNN.Halide_Type_Float, values(shape, 1), MNN.Tensor_DimensionType_Caffe)
    y = interpreter.getSessionOutput(session)
    result = MNN.Tensor(y.getShape(), MNN.Halide_Type_Float, values(y.getShape(), 1), MNN.Tensor_DimensionType_Caffe)

    def run():
        x.copyFrom(host)
        interpreter.runSession(session)
        y.copyToHostTensor(result)
    return run, lambda: np.array(result.getData())
