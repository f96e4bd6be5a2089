#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_examples.py EAGER MODEL EXAMPLES_FOLDER: the example programs run on every device and print what they should."""
import sys

from checks import check, check_run, finish, run, skip

EDGES = [[0, 0, 0, 0], [0, 2, 2, 0], [0, 2, 2, 0], [0, 0, 0, 0]]


def numbers(text, title):
    """The lines of numbers behind the line that begins with title."""
    rows, inside = [], False
    for line in text.splitlines():
        if line[:1].isalpha():
            inside = line.startswith(title)
        elif inside:
            rows.append([float(word) for word in line.split()])
    return rows


def main(eager, model, examples):
    digits = f'{examples}/digits/lenet5_digits.onnx'
    for device in ['cpu', 'opencl', 'reference']:
        result = run([eager, device])
        if device == 'opencl' and 'NO_DEVICE' in result.stderr or 'UNKNOWN_BACKEND' in result.stderr:
            skip(f'examples on {device}', result.stderr.strip())
            continue
        check(f'eager on {device}', result.returncode == 0 and result.stdout.startswith(f'device {device}'), result.stdout + result.stderr)
        check(f'eager on {device}: the pooled edges', numbers(result.stdout, 'pooled') == EDGES, result.stdout)
        result = check_run(f'model on {device}', [model, digits, device])
        check(f'model on {device}: ten probabilities', 'probability: 10 values, the first is 0.0152' in result.stdout, result.stdout)
    result = run([eager, 'no such device'])
    check('a device that does not exist is an error with a sentence', result.returncode == 1 and 'no such device' in result.stderr, result.stderr)
    check('model without arguments tells its usage', run([model]).returncode == 2)
    return finish()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
