# SPDX-License-Identifier: Apache-2.0
"""ncnn on the CPU in f32; the model is what pnnx (PyPI) makes of the ONNX file, kept beside it as NAME.ncnn.param and NAME.ncnn.bin."""
import importlib.util
import os
import pathlib
import subprocess
import tempfile

import ncnn
import numpy as np

from layers import values


def version():
    return ncnn.__version__


def converted(path):
    stem = path.removesuffix('.onnx')
    if not os.path.exists(stem + '.ncnn.param'):
        folder = pathlib.Path(importlib.util.find_spec('pnnx').origin).parent
        tool = next(p for p in [folder / 'pnnx', folder / 'bin' / 'pnnx'] if p.is_file())
        with tempfile.TemporaryDirectory() as d:
            link = pathlib.Path(d) / 'm.onnx'
            link.symlink_to(os.path.abspath(path))
            subprocess.run([tool, 'm.onnx', 'fp16=0'], cwd=d, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for kind in ('param', 'bin'):
                os.replace(os.path.join(d, f'm.ncnn.{kind}'), f'{stem}.ncnn.{kind}')
    return stem


def model(path, threads, shape):
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    stem = converted(path)
    if net.load_param(stem + '.ncnn.param') != 0 or net.load_model(stem + '.ncnn.bin') != 0:
        raise RuntimeError('ncnn cannot load what pnnx wrote')
    array, last = values(shape[1:], 1), []
    x, name_in, name_out = ncnn.Mat(array).clone(), net.input_names()[0], net.output_names()[0]  # a Mat does not keep the array alive

    def run():
        extractor = net.create_extractor()
        extractor.input(name_in, x)
        status, y = extractor.extract(name_out)
        if status != 0:
            raise RuntimeError(f'ncnn: status {status}')
        last[:] = [y]
    return run, lambda: np.array(last[0])
