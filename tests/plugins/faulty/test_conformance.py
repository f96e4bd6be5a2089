#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_conformance.py CONFORMANCE FAULTY: convoke-conformance finds each of the seeded faults of the plugins in FAULTY, and none in those without one;
its reports and exit statuses."""
import concurrent.futures
import json
import pathlib
import platform
import sys
import tempfile
import xml.etree.ElementTree

from checks import check, finish, run, skip

RIGHT = ['none', 'device_none']
CRASH = 'killed by signal 11'
AGAIN = 'P10, a second execution'
# fault: the op or rule that must be among the failures, and what its reason must have in it
FAULTS = {
    'pad_off': ('conv', 'elements differ'),
    'stride_swapped': ('conv', 'stride=2,3'),
    'dilation_ignored': ('conv', 'dilation=2,2'),
    'group_offset': ('conv', 'group=2'),
    'batch_zero': ('conv', "'conv 2x"),
    'bias_last_block': ('conv', 'elements differ'),
    'pad_cells': ('conv', 'nan'),
    'half_weights': ('conv', 'elements differ'),
    'task_order': ('conv', 'P14'),
    'worker_count': ('conv', 'P14'),
    'race': ('conv', 'P14: two tasks of a loop write the same bytes'),
    'race_static': ('conv', 'P14'),
    'workspace_small': ('conv', 'P11: it wrote outside of its workspace'),
    'workspace_zero': ('conv', 'nan'),
    'weights_past_end': ('conv', CRASH),
    'weights_after_prepare': ('conv', ''),
    'drops_nan': ('max_pool', 'wanted nan'),
    'pad_zero': ('max_pool', 'got 0'),
    'inplace_wrong': ('max_pool', 'in place'),
    'empty': ('max_pool', "'max_pool 0x"),
    'nan_is_zero': ('relu', 'wanted nan'),
    'reads_past_end': ('relu', CRASH),
    'writes_past_end': ('relu', CRASH),
    'writes_before': ('relu', 'P11: it wrote outside of output 0'),
    'writes_input': ('add', CRASH),
    'lanes': ('relu', 'P12: lanes past the last channel are not zero'),
    'alignment': ('relu', 'elements differ'),
    'state': ('relu', AGAIN),
    'first_pointers': ('conv', AGAIN),
    'allocates': ('relu', 'P10: execute allocates memory'),
    'op_later': ('relu', CRASH),
    'attr_size': ('conv', 'P11: it wrote past the end of memory that it had from alloc'),
    'flushes': ('relu', 'P6: it changed the floating-point mode'),
    'prints': ('P6', 'bytes to standard output'),
    'variable': ('P6', 'changes the environment'),
    'handler': ('P6', 'installs 1 signal handlers'),
    'posts': ('P9', 'it is taken'),
    'any_dtype': ('P7', 'elements of type 77'),
    'no_room': ('P8', 'room for one candidate'),
    'any_index': ('P18', 'device_open of index -1 answers OK'),
    'instance_shared': ('P20', CRASH),
    'frees_twice': ('relu', 'P17: it gave free what alloc did not give'),
    'frees_foreign': ('P20', 'P17: it gave free what alloc did not give'),
    'leaks_block': ('P20', 'are not given back'),
    'leaks_malloc': ('P20', 'bytes of malloc'),
    'no_check': ('P19', 'allocation 0 fails'),
    'overruns': ('P20', 'P11: it wrote past the end of memory'),
    'thread': ('P5', 'it starts 1 threads'),
    'exports_more': ('P1', 'it exports run_conv'),
    'links_libconvoke': ('P2', 'it is linked with libconvoke'),
    'fast_math': ('P5', 'floating-point mode'),
    'device_finish_times_out': ('P23', 'answers TIMEOUT'),
    'device_finish_is_late': ('P23', 'ms'),
    'device_copy_swapped': ('P24', 'does not come back'),
    'device_writes_rounded': ('relu', 'P11: it wrote outside of input 0'),
    'device_fill_nothing': ('P24', 'does not come back'),
    'device_fork_hangs': ('P16', 'hangs in a child'),
    'device_fork_crashes': ('P16', 'by signal 11'),
    'device_alloc_any': ('P24', 'buffer_alloc of 2^60 bytes answers OK'),
    'device_event_never': ('relu', 'execute: TIMEOUT'),
    'device_offset_ignored': ('add', 'elements differ'),
    'device_read_early': ('add', 'elements differ'),
    'device_buffer_leaks': ('P20', 'are not given back'),
    'device_queue_leaks': ('P20', 'are not given back'),
    'device_event_leaks': ('relu', 'P20'),
}


def conform(name, *flags):
    return run([PROGRAM, FAULTY / f'{name}.so', '--no-speed', *flags])


def failures_of(text):
    """(op or rule, reason) of each failure of the JSON report."""
    try:
        report = json.loads(text)
    except ValueError:
        return None
    found = [(f['op'], f['reason']) for f in report['failures']]
    return found + [(r['rule'], r.get('reason', '')) for r in report['rules'] if r['verdict'] == 'FAIL']


def one_plugin(name):
    result = conform(name, '--json')
    found = failures_of(result.stdout)
    if found is None:
        return [(f'{name}: a report', False, result.stdout + result.stderr)]
    text = '\n'.join(f'{where}: {reason}' for where, reason in found[:20])
    if name in RIGHT:
        return [(f'{name}: nothing is wrong', result.returncode == 0 and not found, text)]
    where, wanted = FAULTS[name]
    return [(f'{name}: exit status 1', result.returncode == 1, f'{result.returncode}\n{text}'),
            (f'{name}: {where}: "...{wanted}..."', any(w == where and wanted in reason for w, reason in found), text)]


def reports(folder):
    """The text and the JUnit file say the same as the JSON document."""
    file = pathlib.Path(folder) / 'junit.xml'
    found = failures_of(conform('drops_nan', '--json').stdout)
    result = conform('drops_nan', '--junit', file)
    last = result.stdout.rstrip().splitlines()[-1]
    yield 'text: the last line', last.split(', ')[1] == f'{len(found)} failed', last
    yield 'text: the failures', all(f'FAIL {op} {reason}' in result.stdout for op, reason in found), result.stdout
    suites = xml.etree.ElementTree.parse(file).getroot()
    told = [(case.get('classname'), case.find('failure').get('message')) for case in suites.iter('testcase') if case.find('failure') is not None]
    yield 'JUnit: the failures', told == [('ops', reason) for _, reason in found], told
    yield 'JUnit: their number', suites.find('testsuite').get('failures') == str(len(found)), suites.find('testsuite').attrib
    result = conform('none', '--op', 'relu')
    yield 'one op: its cases and no rule', result.returncode == 0 and 'relu_faulty' in result.stdout and 'P1 ' not in result.stdout, result.stdout


def usage():
    plugin = FAULTY / 'none.so'
    for arguments in [[], ['--nonsense'], [plugin, plugin], [plugin, '--op'], [plugin, '--op', 'nonsense'], [FAULTY / 'nowhere.so'],
                      [plugin, '--op', 'relu', '--no-speed', '--junit', '/nowhere/junit.xml']]:
        result = run([PROGRAM, *arguments])
        yield f'exit status 2 for {arguments}', result.returncode == 2 and result.stderr != '', (result.returncode, result.stderr)
    result = run([PROGRAM, '--help'])
    yield 'help', result.returncode == 0 and result.stdout.startswith('usage: '), result.stdout
    result = run([PROGRAM, __file__])
    yield 'what is no plugin is not passed', result.returncode == 1 and result.stderr != '', (result.returncode, result.stderr)


def main():
    jobs = [*RIGHT, *FAULTS]
    if platform.machine() != 'x86_64':
        jobs.remove('fast_math')
        skip('fast_math', 'changes no mode on this machine')
    jobs.sort(key=lambda name: 'fork_hangs' not in name and 'late' not in name)  # those that take long come first
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for checks in pool.map(one_plugin, jobs):
            for what, ok, details in checks:
                check(what, ok, details)
    with tempfile.TemporaryDirectory(prefix='convoke-conformance-') as folder:
        for what, ok, details in [*reports(folder), *usage()]:
            check(what, ok, details)
    return finish()


if __name__ == '__main__':
    PROGRAM, FAULTY = sys.argv[1], pathlib.Path(sys.argv[2])
    sys.exit(main())
