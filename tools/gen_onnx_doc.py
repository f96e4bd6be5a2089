#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the operator table of docs/onnx.md from api/onnx/import_table.c, between the two marks that stand in it, or checks it.

  tools/gen_onnx_doc.py             writes docs/onnx.md
  tools/gen_onnx_doc.py --check     exit status 1 when it is stale"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOC = ROOT / 'docs' / 'onnx.md'
BEGIN, END = '<!-- written by tools/gen_onnx_doc.py: begin -->', '<!-- end -->'
ROW = re.compile(r'^ *\{"(\w+)", (\d+), (\w+), (\w+), (\w+), (\w+), (\w+)\},$', re.MULTILINE)
OP = re.compile(r'^CVK_ROW\((\w+), (\w+),', re.MULTILINE)
OTHERS = {'Constant': 'a constant', 'If': 'the branch that is taken'}
NEWEST = re.compile(r'^#define CVK_ONNX_NEWEST (\d+)', re.MULTILINE)


def text(path):
    return (ROOT / path).read_text(encoding='utf-8')


def table():
    newest = NEWEST.search(text('api/onnx/import.h')).group(1)
    op_names = {f'CVK_OP_{kind}': name for kind, name in OP.findall(text('api/include/convoke/ops.def'))}
    source = text('api/onnx/import_table.c')
    rows = ROW.findall(source)
    if len(rows) != source.count('    {"'):
        sys.exit('gen_onnx_doc.py: a row of import_table.c is not understood')
    operators = {}
    for onnx, since, until, kind, _, _, _ in rows:
        until = newest if until == 'CVK_ONNX_NEWEST' else until
        first, _, name = operators.get(onnx, (since, until, op_names.get(kind, OTHERS.get(onnx, 'several ops'))))
        operators[onnx] = (first, until, name)
    lines = [BEGIN, '', '| ONNX operator | opsets | op |', '|---|---|---|']
    for onnx, (since, until, name) in operators.items():
        lines.append(f'| {onnx} | {since} to {until} | {name if " " in name else f"`{name}`"} |')
    lines += ['', f'{len(operators)} operators, up to opset {newest}.', '', END]
    return '\n'.join(lines)


def main(arguments):
    old = DOC.read_text(encoding='utf-8')
    begin, end = old.index(BEGIN), old.index(END) + len(END)
    new = old[:begin] + table() + old[end:]
    if arguments == ['--check']:
        print(f'{int(new == old)} passed, {int(new != old)} failed')
        if new != old:
            print('docs/onnx.md is stale: run tools/gen_onnx_doc.py', file=sys.stderr)
        return 0 if new == old else 1
    if arguments:
        sys.exit(__doc__)
    DOC.write_text(new, encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
