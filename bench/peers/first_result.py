# SPDX-License-Identifier: Apache-2.0
"""usage: first_result.py NAME MODEL.onnx THREADS EXTENT...: opens the model with library NAME and runs it once; startup.py times the process."""
import importlib
import sys

run, result = importlib.import_module(f'peer_{sys.argv[1]}').model(sys.argv[2], int(sys.argv[3]), tuple(map(int, sys.argv[4:])))
run()
print(float(result().sum()))
