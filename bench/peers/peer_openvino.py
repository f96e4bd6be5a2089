# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU in f32 (no bf16), one stream, latency hint; the request keeps its tensors."""
import io
import os

import openvino

from layers import in_shape, onnx_bytes, values
from peer import timed


def version():
    return openvino.__version__.split('-')[0]


def model(source, threads, shape):
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(source), 'CPU', {
        'INFERENCE_PRECISION_HINT': 'f32', 'PERFORMANCE_HINT': 'LATENCY', 'NUM_STREAMS': '1', 'INFERENCE_NUM_THREADS': str(threads)})
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(values(shape, 1)))
    return request.infer, lambda: request.get_output_tensor(0).data


class Peer:
    def layer(self, l, layout):
        if layout != 'nchw':
            return None
        return 'openvino', timed(model(io.BytesIO(onnx_bytes(l)), int(os.environ['OMP_NUM_THREADS']), in_shape(l))[0])
