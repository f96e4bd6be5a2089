#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_install.py BUILD_ROOT PREFIX MODEL: installs the build into a scratch folder, and from there: the program lists the same devices from any
working directory and after the prefix was moved; an application compiles against convoke.pc; a plugin compiles against convoke-plugin.pc
alone, in a folder of its own, and runs; a new author gets from an empty folder to `convoke run` on a plugin of his own in ten commands."""
import os
import pathlib
import re
import sys
import tempfile

from checks import check, check_run, finish, run

APPLICATION = r'''
#include <convoke/convoke.h>
#include <stdio.h>
int main(int argc, char **argv) {
  float v[4] = {-2, -1, 0, 3};
  cvk_context *ctx; cvk_device *dev; cvk_tensor *x, *y;
  if (cvk_context_create(NULL, &ctx) || cvk_device_open(ctx, argc > 1 ? argv[1] : "cpu", &dev) ||
      cvk_tensor_create(dev, CVK_F32, 1, (const int64_t[]){4}, v, &x) || cvk_leaky_relu(x, &(cvk_unary_attr){.alpha = 0.5f}, &y) ||
      cvk_tensor_read(y, v, sizeof v)) return puts(cvk_error_message()), 1;
  printf("%g %g %g %g\n", v[0], v[1], v[2], v[3]);
  return 0;
}
'''
MODEL = None  # of examples/digits
ANSWER = '-1 -0.5 0 3\n'


def environment(**more):
    """The caller's, less all that could lead to other files than the installed ones."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(('CONVOKE_', 'PKG_CONFIG', 'LD_LIBRARY'))}
    return {**keep, **{k: str(v) for k, v in more.items()}}


def devices(prefix, cwd):
    return run([prefix / 'bin' / 'convoke', 'devices', '--verbose'], cwd=cwd, env=environment())


def check_devices(prefix, folders):
    """P01: the same from everywhere, and every plugin is the prefix's. Returns the lines of the devices."""
    seen = set()
    for cwd in folders:
        result = devices(prefix, cwd)
        if not check(f'devices from {cwd}', result.returncode == 0, result.stdout + result.stderr):
            continue
        seen.add('\n'.join(line for line in result.stdout.splitlines() if not line.startswith('plugin ')))
        loaded = [line.split()[1] for line in result.stdout.splitlines() if line.startswith('plugin ') and 'status=OK' in line]
        check(f'plugins from {cwd} are the installed ones', loaded and all(path.startswith(f'{prefix}/') for path in loaded), result.stdout)
    check('the same devices from every folder', len(seen) == 1, '\n---\n'.join(seen))
    listed = seen.pop() if seen else ''
    check('the CPU is listed', listed.startswith('cpu '), listed)
    return listed


def check_application(prefix, pkgconfig, folder):
    source = folder / 'application.c'
    source.write_text(APPLICATION)
    flags = check_run('convoke.pc', ['pkg-config', '--cflags', '--libs', 'convoke'], env=environment(PKG_CONFIG_PATH=pkgconfig)).stdout.split()
    program = folder / 'application'
    check_run('an application compiles', ['cc', '-std=c11', '-Wall', '-Wextra', '-Werror', source, '-o', program, *flags])
    library = pkgconfig.parent
    result = check_run('an application runs', [program], env=environment(LD_LIBRARY_PATH=library))
    check('its answer', result.stdout == ANSWER, result.stdout)
    return lambda device, **more: run([program, device], env=environment(LD_LIBRARY_PATH=library, **more))


def check_plugin(prefix, pkgconfig, folder, application):
    """What a new author does, as docs/plugin-guide.md says, with what is installed alone."""
    empty, seven = folder / 'author', MODEL
    empty.mkdir()
    mine = empty / 'first'
    flags = run(['pkg-config', '--cflags', '--libs', 'convoke-plugin'], env=environment(PKG_CONFIG_PATH=pkgconfig)).stdout.split()
    check('convoke-plugin.pc asks for one folder of headers, no library',
          [os.path.realpath(flag.removeprefix('-I')) for flag in flags] == [str(prefix / 'include')], flags)
    here = environment(PKG_CONFIG_PATH=pkgconfig, PATH=f'{prefix}/bin:{os.environ["PATH"]}', CONVOKE_PLUGIN_PATH=mine / 'build',
                       LD_LIBRARY_PATH=pkgconfig.parent, CONVOKE_CACHE_DIR=folder / 'cache')
    commands = [(empty, 'convoke new-plugin first'), (mine, 'meson setup build --werror'), (mine, 'meson test -C build'), (mine, 'convoke devices'),
                (mine, f'convoke run {seven} --device first --profile')]
    check('ten commands at most', len(commands) <= 10)
    for where, command in commands:
        result = check_run(command.replace(str(seven), 'lenet5_digits.onnx'), command.split(), cwd=where, env=here)
        if command == 'convoke devices':
            check('its device is listed', any(line.startswith('first ') for line in result.stdout.splitlines()), result.stdout)
        if command.startswith('meson test'):
            check('conformance and its test passed', re.search(r'^Ok: +2', result.stdout, re.MULTILINE), result.stdout)
    check('its convolution runs', 'conv_first' in result.stdout, result.stdout + result.stderr)
    check('its CI script passes', run([mine / 'ci.sh'], env=here).returncode == 0)
    result = run(['convoke', 'new-plugin', 'first'], cwd=empty, env=here)
    check('a folder that is there is left alone', result.returncode == 1 and 'the folder first cannot be made: File exists' in result.stderr, result.stderr)
    result = run(['convoke', 'new-plugin', 'My-Plugin'], cwd=empty, env=here)
    check('a name that cannot be is refused', result.returncode == 2 and "not auto or reference: 'My-Plugin'" in result.stderr, result.stderr)
    check('an application has its device', application('first', CONVOKE_PLUGIN_PATH=mine / 'build').stdout == ANSWER)
    check('without it there is no such device', application('first').returncode != 0)


def main(build, prefix_in, model):
    global MODEL
    MODEL = model
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        stage, elsewhere = folder / 'stage', folder / 'elsewhere'
        elsewhere.mkdir()
        check_run('meson install', ['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', stage], env=environment())
        prefix = stage / prefix_in.lstrip('/')
        before = check_devices(prefix, ['/', elsewhere, build])
        moved = folder / 'moved'
        prefix.rename(moved)
        after = check_devices(moved, ['/', elsewhere])
        check('the same devices after the prefix was moved', before == after, f'{before}\n---\n{after}')
        found = list(moved.glob('**/convoke.pc'))
        if check('convoke.pc is installed once', len(found) == 1, found):
            application = check_application(moved, found[0].parent, folder)
            check_plugin(moved, found[0].parent, folder, application)
    return finish()


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
