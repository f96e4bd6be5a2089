#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_examples.py EAGER MODEL TRAIN EXAMPLES_FOLDER: the example programs run on every device and print what they should."""
import os
import re
import sys
import tempfile

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


def check_train(train, model, device):
    """It learns, and what it writes is a model."""
    with tempfile.TemporaryDirectory(prefix='convoke-example-') as folder:
        file = f'{folder}/bars.onnx'
        text = check_run(f'train on {device}', [train, file, device]).stdout
        right = re.search(r'^(\d+) of 90 right$', text, re.M)
        check(f'train on {device}: eight epochs', len(re.findall(r'^epoch \d: loss [\d.]+, test accuracy [\d.]+$', text, re.M)) == 8, text)
        check(f'train on {device}: it learns', right is not None and int(right[1]) >= 81, text)
        check(f'train on {device}: one file', os.listdir(folder) == ['bars.onnx'], str(os.listdir(folder)))
        check(f'train on {device}: scores of three classes', 'scores: 3 values' in check_run('the file', [model, file, device]).stdout)


def main(eager, model, train, examples):
    digits = f'{examples}/digits/lenet5_digits.onnx'
    for device in ['cpu', 'opencl', 'reference']:
        result = run([eager, device])
        if device == 'opencl' and 'NO_DEVICE' in result.stderr or 'UNKNOWN_BACKEND' in result.stderr:
            skip(f'examples on {device}', result.stderr.strip())
            continue
        check(f'eager on {device}', result.returncode == 0 and result.stdout.startswith(f'device {device}'), result.stdout + result.stderr)
        check(f'eager on {device}: the pooled edges', numbers(result.stdout, 'pooled') == EDGES, result.stdout)
        result = check_run(f'model on {device}', [model, digits, device])
        check_train(train, model, device)
        check(f'model on {device}: ten probabilities', 'probability: 10 values, the first is 0.0442' in result.stdout, result.stdout)
    result = run([eager, 'no such device'])
    check('a device that does not exist is an error with a sentence', result.returncode == 1 and 'no such device' in result.stderr, result.stderr)
    check('model without arguments tells its usage', run([model]).returncode == 2)
    check('train without arguments tells its usage', run([train]).returncode == 2)
    result = run([train, '/no/such/folder/m.onnx', 'reference'])
    check('train tells where it cannot write', result.returncode == 1 and '/no/such/folder/m.onnx' in result.stderr, result.stderr)
    return finish()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
