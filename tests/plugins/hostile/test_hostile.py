#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_hostile.py CONVOKE HOSTILE MODULES OPENCL_PLUGIN: each plugin and OpenCL driver that harms who opens it, in a folder with a good one beside it,
through `convoke devices --verbose`: its verdict, the good device still there, and nothing left behind. Then what a second start costs and says.
Rules of docs/plugin-abi.md: H17, H18, H19."""
import concurrent.futures
import os
import pathlib
import re
import shutil
import sys
import tempfile

from checks import check, finish, run, skip

TRIAL = 'refused after a trial: '
KILLED = TRIAL + 'the process was killed by signal '
# module: what its verdict must say; None: it is loaded
PLUGINS = {
    'segfault_constructor': KILLED + '11 (Segmentation fault) in: opening it',
    'segfault_entry': KILLED + '11 (Segmentation fault) in: opening it',
    'segfault_device_count': KILLED + '11 (Segmentation fault) in: device_count',
    'segfault_prepare': KILLED + '11 (Segmentation fault) in: a tiny op',
    'segfault_execute': KILLED + '11 (Segmentation fault) in: a tiny op',
    'segfault_destroy': KILLED + '11 (Segmentation fault) in: instance_destroy',
    'segfault_exit': KILLED + '11 (Segmentation fault) in: its end',
    'abort_create': KILLED + '6 (Aborted) in: instance_create',
    'exit_constructor': TRIAL + 'it ended the process with status 0 in: opening it',
    'exit_supports': TRIAL + 'it ended the process with status 0 in: a tiny op',
    'hang_constructor': TRIAL + 'no answer within 10 s in: opening it',
    'hang_open': TRIAL + 'no answer within 10 s in: device_open',
    'fork_bomb': TRIAL + 'it started more than 64 processes in: opening it',
    'forge': TRIAL + 'the answer of the trial was forged or torn in: opening it',
    'print': TRIAL + 'it wrote 6 bytes to standard output',
    'wrong_result': TRIAL + 'device wrong_result: its relu gave 3 where 2 is right',
    'thread': 'loaded; it leaves 1 thread running',
    'daemon': TRIAL + 'it leaves 1 process running',
    'fast_math': 'loaded',
    'same_ids': 'loaded',
    'wrong_major': 'refused: built for plugin ABI 7',
    'table_major': 'refused: built for plugin ABI 3.4',
    'size_zero': "refused: the table's struct_size is 0,",
    'size_more': 'loaded',
    'size_less': 'loaded',
    'size_huge': "refused: the table's struct_size is 1073741824,",
    'null_required': 'refused: the required function execute of backend nullrequired is NULL',
    'undefined': 'cannot be opened: ',
    'without_library': 'cannot be opened: libconvoke_test_gone.so',
    'clash_a': 'loaded',
    'clash_b': 'loaded',
}
# what stands in the folder instead of a library
FILES = {
    'garbage': 'cannot be opened: ',
    'text': 'cannot be opened: ',
    'empty': 'cannot be opened: ',
    'fifo': 'refused: not a regular file',
    'open_to_all': 'refused: writable by everybody (mode 0777)',
    'folder': 'refused: not a regular file',
}
DRIVERS = {
    'driver_segfault_constructor': 'the process was killed by signal 11 (Segmentation fault) in: ',
    'driver_segfault_platforms': 'the process was killed by signal 11 (Segmentation fault) in: device_count',
    'driver_abort_platforms': 'the process was killed by signal 6 (Aborted) in: device_count',
    'driver_exit_platforms': 'it ended the process with status 0 in: device_count',
    'driver_hang_platforms': 'no answer within 30 s in: device_count',
    'driver_empty_table': 'offers no device',
}
DRIVER_FILES = {
    'missing': 'offers no device',
    'empty': 'offers no device',
    'fifo': 'refused: not a regular file',
    'open_to_all': 'refused: writable by everybody (mode 0666)',
}


def start(folder, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith('CONVOKE_')}
    return run([PROGRAM, 'devices', '--verbose'], env={**env, 'CONVOKE_PLUGIN_PATH': str(folder), 'CONVOKE_CACHE_DIR': str(folder / 'cache'), 'TMPDIR': SCRATCH, **more})


def verdict(result, end):
    """The line on the file whose path ends so."""
    found = [line for line in result.stdout.splitlines() if line.startswith(('plugin ', 'driver ')) and line.split()[1].endswith('/' + end)]
    return found[0].split(': ', 1)[1] if len(found) == 1 else f'{len(found)} lines'


def has_device(result, name):
    return any(line.split()[0] == name for line in result.stdout.splitlines() if line)


def in_folder(name, fill):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f'{name}-', dir=SCRATCH))
    shutil.copy(MODULES / 'good.so', folder / 'convoke-good.so')
    fill(folder)
    return folder


def judge(name, folder, wanted):
    result = start(folder)
    told = verdict(result, f'convoke-{name}.so')
    print(f'convoke-{name}.so: {told}')
    whole = wanted == told if wanted == 'loaded' else told.startswith(wanted)
    return [(f'{name}: "{wanted}..."', whole, told), (f'{name}: the good device is there', result.returncode == 0 and has_device(result, 'good'), result.stdout + result.stderr),
            (f'{name}: nothing is printed', result.stderr == '' and 'hello' not in result.stdout, result.stderr + result.stdout)], result


def one_plugin(name):
    source = HOSTILE / f'{name}.so'
    if not source.exists():
        source = MODULES / f'{name}.so'
    folder = in_folder(name, lambda f: shutil.copy(source, f / f'convoke-{name}.so'))
    checks, result = judge(name, folder, PLUGINS[name])
    if name == 'same_ids':
        ids = [line.split()[0] for line in result.stdout.splitlines() if line.startswith('same_ids')]
        checks.append(('same_ids: three devices, three ids', ids == ['same_ids:0', 'same_ids:1', 'same_ids:2'], ids))
    return checks


def fill_file(kind, path):
    if kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'open_to_all':
        shutil.copy(MODULES / 'good.so', path)
        path.chmod(0o777)
    else:
        path.write_bytes({'garbage': bytes(range(256)) * 40, 'text': b'not a library\n', 'empty': b''}[kind])


def one_file(name):
    folder = in_folder(name, lambda f: fill_file(name, f / f'convoke-{name}.so'))
    return judge(name, folder, FILES[name])[0]


def vendors_of(name, folder):
    """A vendors folder with the system's drivers and one more."""
    vendors = folder / 'vendors'
    vendors.mkdir()
    for icd in pathlib.Path('/etc/OpenCL/vendors').glob('*.icd'):
        shutil.copy(icd, vendors / icd.name)
    bad = vendors / f'{name}.icd'
    if name == 'fifo':
        os.mkfifo(bad)
    else:
        bad.write_text({'missing': '/nowhere/libnothing.so\n', 'empty': '', 'open_to_all': '/nowhere/libnothing.so\n'}.get(name, f'{HOSTILE}/{name}.so\n'))
    if name == 'open_to_all':
        bad.chmod(0o666)
    return vendors


def one_driver(name):
    wanted = DRIVERS.get(name) or DRIVER_FILES[name]
    folder = in_folder(name, lambda f: shutil.copy(OPENCL, f / 'convoke-opencl.so'))
    vendors = vendors_of(name, folder)
    checks = []
    for again in ['', ' (second start)']:
        result = start(folder, OCL_ICD_VENDORS=str(vendors))
        told = verdict(result, f'{name}.icd')
        print(f'{name}.icd{again}: {told}')
        checks.append((f'{name}.icd: "{wanted}..."{again}', wanted in told, told))
        checks.append((f'{name}.icd: the good device is there{again}', result.returncode == 0 and has_device(result, 'good'), result.stdout + result.stderr))
        checks.append((f'{name}.icd: the good driver is there{again}', has_device(result, 'opencl:0'), result.stdout + result.stderr))
    return checks


def clashing_drivers():
    """Each works, at least as well as the other; both in one process crash: the later one is left out."""
    folder = in_folder('clash', lambda f: shutil.copy(OPENCL, f / 'convoke-opencl.so'))
    vendors = vendors_of('driver_clash_a', folder)
    (vendors / 'driver_clash_b.icd').write_text(f'{HOSTILE}/driver_clash_b.so\n')
    result = start(folder, OCL_ICD_VENDORS=str(vendors))
    first, second = verdict(result, 'driver_clash_a.icd'), verdict(result, 'driver_clash_b.icd')
    print(f'driver_clash_b.icd: {second}')
    yield 'drivers that clash: the first is kept', 'offers no device' in first, first
    yield 'drivers that clash: the second is not', second.startswith('works alone; together with those before it: the process was killed by signal 11'), second
    yield 'drivers that clash: the good driver is there', result.returncode == 0 and has_device(result, 'opencl:0'), result.stdout + result.stderr


def opencl_in_use():
    """A program that uses OpenCL itself has no driver tried, and what it finds is not kept for others."""
    folder = in_folder('in_use', lambda f: shutil.copy(OPENCL, f / 'convoke-opencl.so'))
    told = verdict(start(folder, LD_PRELOAD='libOpenCL.so.1'), f'{folder.name}/convoke-opencl.so')
    yield 'OpenCL in use: said', told == 'loaded; its drivers were not tried: this program uses OpenCL already', told
    result = start(folder)
    yield 'OpenCL in use: the next program tries them', any(line.startswith('driver ') for line in result.stdout.splitlines()), result.stdout


def left_over(needle):
    """Processes whose environment or command has the text."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / 'cmdline').read_bytes() + (entry / 'environ').read_bytes()
        except OSError:
            continue
        if needle.encode() in text:
            found.append(entry.name)
    return found


def memory():
    """What is kept between starts, and what CONVOKE_PROBE does."""
    folder = in_folder('memory', lambda f: shutil.copy(HOSTILE / 'segfault_device_count.so', f / 'convoke-bad.so'))
    first = start(folder)
    kept = {p.name: p.stat().st_mtime_ns for p in (folder / 'cache' / 'probe').iterdir()}
    second = start(folder)
    same = {p.name: p.stat().st_mtime_ns for p in (folder / 'cache' / 'probe').iterdir()}
    yield 'a second start tells the same', first.stdout == second.stdout, first.stdout + second.stdout
    yield 'a second start tries nothing', kept == same and len(kept) >= 2, (kept, same)
    start(folder, CONVOKE_PROBE='force')
    forced = {p.name: p.stat().st_mtime_ns for p in (folder / 'cache' / 'probe').iterdir()}
    yield 'force tries again', all(forced[n] != kept[n] for n in kept), forced
    bad = folder / 'convoke-bad.so'
    bad.unlink()
    shutil.copy(MODULES / 'clash_a.so', bad)
    result = start(folder)
    yield 'a file that changed is tried again', verdict(result, 'convoke-bad.so') == 'loaded' and has_device(result, 'clash_a'), result.stdout
    bad.unlink()
    shutil.copy(HOSTILE / 'segfault_device_count.so', bad)
    result = start(folder, CONVOKE_PROBE='off')
    yield 'off tries nothing', result.returncode == -11, (result.returncode, result.stdout)
    result = start(folder, CONVOKE_PROBE='maybe')
    yield 'another word is refused', result.returncode == 1 and 'CONVOKE_PROBE is "maybe", allowed are on, off and force' in result.stderr, result.stderr
    for file in (folder / 'cache' / 'probe').iterdir():
        file.write_text(re.sub(r'\n\d+\n', '\n1000\n', file.read_text(), count=1))
    result = start(folder)
    yield 'an old refusal is tried again', (folder / 'cache' / 'probe').exists() and TRIAL in verdict(result, 'convoke-bad.so'), result.stdout
    for file in (folder / 'cache' / 'probe').iterdir():
        file.write_bytes(b'convoke probe 1\n\n\0garbage')
    result = start(folder)
    yield 'a damaged record is tried again', TRIAL in verdict(result, 'convoke-bad.so'), result.stdout


def main():
    jobs = [(one_plugin, n) for n in PLUGINS] + [(one_file, n) for n in FILES]
    if OPENCL:
        jobs += [(one_driver, n) for n in [*DRIVERS, *DRIVER_FILES]]
    else:
        skip('drivers', 'built without OpenCL')
    jobs.sort(key=lambda job: 'hang' not in job[1])  # those that take long come first
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for checks in pool.map(lambda job: job[0](job[1]), jobs):
            for what, ok, details in checks:
                check(what, ok, details)
    for what, ok, details in [*memory(), *([*clashing_drivers(), *opencl_in_use()] if OPENCL else [])]:
        check(what, ok, details)
    check('no process is left', left_over(SCRATCH) == [], left_over(SCRATCH))
    check('no folder of drivers is left', not list(pathlib.Path(SCRATCH).glob('convoke-opencl-*')))
    return finish()


if __name__ == '__main__':
    PROGRAM, HOSTILE, MODULES, OPENCL = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
    with tempfile.TemporaryDirectory(prefix='convoke-hostile-') as SCRATCH:
        sys.exit(main())
