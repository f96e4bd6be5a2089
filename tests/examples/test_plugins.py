#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_plugins.py BUILD_ROOT PREFIX EXAMPLES: installs the build into a scratch folder, builds every plugin of EXAMPLES/plugins against it, as somebody
without Convoke's sources would, and holds each against convoke-conformance. Then docs/plugin-guide.md: what it quotes stands in those sources."""
import json
import os
import pathlib
import re
import sys
import tempfile

from checks import check, check_run, finish, run, skip

# backend: ops that it must have passed cases of
PLUGINS = {
    'blas': {'blas': ['conv', 'gemm', 'matmul']},
    'onednn': {'onednn': ['conv', 'max_pool', 'avg_pool', 'gemm', 'matmul']},
    'remote': {'remote': ['conv', 'max_pool', 'gemm', 'softmax', 'add', 'concat', 'transpose', 'reorder']},
    'guide': {
        'second': ['conv', 'max_pool'],
        'packed': ['matmul'],
        'fusion': ['conv'],
        'buffers': ['add'],
        'queue': ['relu'],
        'events': ['relu'],
        'private': ['relu', 'add'],
    },
}


def environment(**more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(('CONVOKE_', 'PKG_CONFIG', 'LD_LIBRARY'))}
    return {**keep, **{k: str(v) for k, v in more.items()}}


def conforms(prefix, plugin, backend, ops):
    result = run([prefix / 'bin' / 'convoke-conformance', plugin, '--json', '--no-speed'], env=environment())
    if not check(f'{backend}: conformance', result.returncode == 0, result.stdout[-4000:] + result.stderr):
        return
    report = json.loads(result.stdout)
    check(f'{backend}: its name', report['backend'] == backend, report['backend'])
    for op in ops:
        passed = [o['passed'] for o in report['ops'] if o['op'] == op]
        check(f'{backend}: {op} was tested', passed and passed[0] > 0, passed)


def build_and_test(name, prefix, pkgconfig, source, folder):
    setup = run(['meson', 'setup', folder, source, '--werror'], env=environment(PKG_CONFIG_PATH=pkgconfig))
    missing = re.search(r'ERROR: .*(?:Dependency|C shared or static library) "?(\S+?)"? (?:not found|.* not found)', setup.stdout)
    if setup.returncode != 0 and missing:
        skip(f'examples/plugins/{name}', missing.group(0))
        return
    if not check(f'{name}: meson setup', setup.returncode == 0, setup.stdout + setup.stderr):
        return
    check_run(f'{name}: builds without warnings', ['ninja', '-C', folder], env=environment(PKG_CONFIG_PATH=pkgconfig))
    for backend, ops in PLUGINS[name].items():
        conforms(prefix, folder / f'convoke-{backend}.so', backend, ops)
    listed = run([prefix / 'bin' / 'convoke', 'devices', '--verbose'], env=environment(CONVOKE_PLUGIN_PATH=folder, CONVOKE_CACHE_DIR=folder / 'cache'))
    for backend in PLUGINS[name]:
        check(f'{name}: the device {backend} is listed', any(line.startswith(f'{backend} ') for line in listed.stdout.splitlines()), listed.stdout)


def check_quotes(examples):
    """Each C block of the guide that names a file stands in that file, to the letter."""
    guide = (examples.parent / 'docs' / 'plugin-guide.md').read_text(encoding='utf-8')
    blocks = re.findall(r'\(`(examples/plugins/guide/[^`]+)`\):?\n\n```c\n(.*?)```', guide, re.DOTALL)
    check('the guide quotes the examples', len(blocks) >= 7, len(blocks))
    for file, text in blocks:
        check(f'{file} has what the guide quotes', text in (examples.parent / file).read_text(encoding='utf-8'), text)


def main(build, prefix_in, examples_in):
    examples = pathlib.Path(examples_in)
    check_quotes(examples)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        check_run('meson install', ['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', folder / 'stage'], env=environment())
        prefix = folder / 'stage' / prefix_in.lstrip('/')
        pkgconfig = next(prefix.glob('**/convoke-plugin.pc')).parent
        for name in PLUGINS:
            build_and_test(name, prefix, pkgconfig, examples / 'plugins' / name, folder / name)
    return finish()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
