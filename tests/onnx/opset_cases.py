#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the node cases of the installed onnx package (PyPI, onnx==1.23.2) as test folders for `convoke onnx-test`: NAME/model.onnx,
NAME/test_data_set_N/input_K.pb and output_K.pb. Usage: opset_cases.py FOLDER [LOWEST_OPSET HIGHEST_OPSET]"""
import os
import sys

from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def write_arrays(folder, stem, arrays, infos):
    for k, (array, info) in enumerate(zip(arrays, infos)):
        tensor = array if hasattr(array, "SerializeToString") else numpy_helper.from_array(array, info.name)
        with open(os.path.join(folder, f"{stem}_{k}.pb"), "wb") as f:
            f.write(tensor.SerializeToString())


def main():
    folder = sys.argv[1]
    low, high = (int(v) for v in sys.argv[2:4]) if len(sys.argv) > 3 else (1, 28)
    written = unwritable = 0
    for case in collect_testcases(None):
        opset = max((o.version for o in case.model.opset_import if o.domain in ("", "ai.onnx")), default=0)
        if not low <= opset <= high or not case.data_sets:
            continue
        target = os.path.join(folder, case.name)
        os.makedirs(target, exist_ok=True)
        try:
            for n, (inputs, outputs) in enumerate(case.data_sets):
                data = os.path.join(target, f"test_data_set_{n}")
                os.makedirs(data, exist_ok=True)
                write_arrays(data, "input", inputs, case.model.graph.input)
                write_arrays(data, "output", outputs, case.model.graph.output)
        except Exception as error:  # sequences and optionals are no tensors: the program skips such models anyway
            unwritable += 1
            print(f"{case.name}: no tensor data ({error})", file=sys.stderr)
        with open(os.path.join(target, "model.onnx"), "wb") as f:
            f.write(case.model.SerializeToString())
        written += 1
    print(f"{written} cases of opset {low} to {high}, {unwritable} without tensor data")


if __name__ == "__main__":
    main()
