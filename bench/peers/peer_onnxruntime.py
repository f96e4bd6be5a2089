# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime, CPU provider; inputs and outputs bound to arrays that stay, so that a run copies and allocates nothing."""
import os

import numpy as np
import onnxruntime

from layers import in_shape, onnx_bytes, values
from peer import timed


def version():
    return onnxruntime.__version__


def open_model(model, threads, shape):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    binding = session.io_binding()
    x, y = session.get_inputs()[0], session.get_outputs()[0]
    binding.bind_ortvalue_input(x.name, onnxruntime.OrtValue.ortvalue_from_numpy(values(shape, 1)))
    binding.bind_ortvalue_output(y.name, onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(y.shape, np.float32)))
    return session, binding


def model(path, threads, shape):
    session, binding = open_model(path, threads, shape)
    return lambda: session.run_with_iobinding(binding), lambda: binding.copy_outputs_to_cpu()[0]


class Peer:
    def layer(self, l, layout):
        if layout != 'nchw':
            return None
        session, binding = open_model(onnx_bytes(l), int(os.environ['OMP_NUM_THREADS']), in_shape(l))
        return 'onnxruntime', timed(lambda: session.run_with_iobinding(binding))
