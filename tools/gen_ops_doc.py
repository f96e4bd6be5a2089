#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints docs/ops.md from api/include/convoke/ops.def, or checks that it is current.

  tools/gen_ops_doc.py api/include/convoke/ops.def > docs/ops.md
  tools/gen_ops_doc.py api/include/convoke/ops.def --check docs/ops.md    (exit status 1 when it is stale)
"""
import argparse
import re
import sys

ROW = re.compile(r'^CVK_ROW\((\w+), (\w+), "(\w*)", (\w+), (\d+), (\d+), (\d+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), "([^"]*)"\)$')
GROUP = re.compile(r'^/\* (.*) \*/$')
ANY_NUMBER = 64

INTRO = """# Ops

Written by `tools/gen_ops_doc.py api/include/convoke/ops.def > docs/ops.md`; a test fails when it is stale.

Each op has two C functions, `cvk_NAME` (runs now) and `cvk_graph_NAME` (adds to a graph): see `<convoke/ops.h>`. Attribute structs are in
`<convoke/plugin.h>`; NULL stands for ONNX's defaults. Inputs in *italics* are read when the op is prepared, so their value must be known
by then. The C reference of every op is in `api/ops/`.

What holds for all of them:

- An output has the type of the first input unless said. float32 is computed as float32 or better and rounded once; sums are formed in
  double; float16 and bfloat16 round to nearest even.
- NaN stays NaN and wins in every maximum and minimum. Padding cells never enter a product.
- Integers wrap on overflow. Integer division truncates; a zero divisor is INVALID_ARGUMENT.
- Shapes broadcast as NumPy's where two or more inputs meet. Empty tensors are allowed everywhere a result is defined.
- Axes may be negative. Ranks go to 8, extents and sizes to 2^63-1; larger ones are SIZE_OVERFLOW before anything is allocated.

Gradient: whether `cvk_graph_gradients` goes through the op ([training.md](training.md) has the rules). 0: its result does not change where it
could be differentiated, so nothing passes. -: it has none, asking for one is UNSUPPORTED.
"""


def parse(path):
    """Yields (title, rows); a row is the tuple of ROW's groups."""
    title, rows = None, []
    with open(path, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip('\n')
            group, row = GROUP.match(line), ROW.match(line)
            if row:
                rows.append(row.groups())
            elif line.startswith('CVK_ROW('):
                sys.exit(f'{path}:{number}: row not understood')
            elif group:
                if rows:
                    yield title, rows
                title, rows = group.group(1), []
    if rows:
        yield title, rows


def count_text(low, high):
    if high == ANY_NUMBER:
        return f'{low}..n'
    return str(low) if low == high else f'{low}..{high}'


def inputs_text(low, high, values):
    read = [str(i) for i in range(high) if values >> i & 1]
    return count_text(low, high) + (f' (*{", ".join(read)}*)' if read else '')


def outputs_text(high):
    return count_text(1, high)


def gradient_text(function):
    return {'none': '-', 'zero': '0'}.get(function, 'yes')


def document(path):
    out = [INTRO]
    total = differentiable = 0
    for title, rows in parse(path):
        out.append(f'## {title[0].upper()}{title[1:]}\n')
        out.append('| op | ONNX | inputs | outputs | attribute | gradient | rule |')
        out.append('|---|---|---|---|---|---|---|')
        for _, name, onnx, _, low, high, outputs, attr, _, _, _, gradient, values, doc in rows:
            attr = '' if attr == 'cvk_no_attr' else f'`{attr}`'
            doc = doc.replace('|', '\\|')
            out.append(f'| `{name}` | {onnx or "-"} | {inputs_text(int(low), int(high), int(values, 0))} | {outputs_text(int(outputs))} '
                       f'| {attr} | {gradient_text(gradient)} | {doc} |')
            total += 1
            differentiable += gradient_text(gradient) == 'yes'
        out.append('')
    out.append(f'{total} ops.\n\n{differentiable} of them have a gradient.')
    return '\n'.join(out) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('ops_def')
    parser.add_argument('--check', metavar='OPS_MD')
    args = parser.parse_args()
    text = document(args.ops_def)
    if args.check is None:
        sys.stdout.write(text)
        return 0
    with open(args.check, encoding='utf-8') as f:
        current = f.read() == text
    if not current:
        print(f'{args.check} is stale: run tools/gen_ops_doc.py {args.ops_def} > {args.check}', file=sys.stderr)
    print(f'{int(current)} passed, {int(not current)} failed')
    return 0 if current else 1


if __name__ == '__main__':
    sys.exit(main())
