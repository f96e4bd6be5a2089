# SPDX-License-Identifier: Apache-2.0
"""The contract of the convoke program: exit status, what goes to stdout and what to stderr, and the lines that others read.

usage: cli.py CONVOKE MODEL.onnx NUMERIC.json      (CONVOKE_PLUGIN_PATH names the plugins)
Each test is a function named test_*; prints a line for each that fails, then "N passed, N failed".
"""
import csv
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

CONVOKE, MODEL, NUMERIC = sys.argv[1:4]
SHAPE = ["--shape", "image=1x1x28x28"]
DONE, FAILED, USAGE = 0, 1, 2


def run(*args, env=None, stdin=None, **more):
    full = dict(os.environ)
    for name, value in (env or {}).items():
        if value is None:
            full.pop(name, None)
        else:
            full[name] = value
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([CONVOKE, *args], env=full, text=True, errors="replace", timeout=300, **more)


def fails(status, *args, says=(), env=None):
    """The command ends with this status, one sentence on stderr that holds each of `says`, and nothing on stdout."""
    r = run(*args, env=env)
    what = " ".join(args)
    assert r.returncode == status, f"{what}: exit {r.returncode}, wanted {status}: {r.stderr}"
    assert r.stdout == "", f"{what}: text on stdout: {r.stdout[:200]!r}"
    lines = r.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("convoke: "), f"{what}: not one sentence: {r.stderr[:400]!r}"
    for word in says:
        assert word in lines[0], f"{what}: no {word!r} in {lines[0]!r}"


def works(*args, env=None):
    r = run(*args, env=env)
    assert r.returncode == DONE, f"{' '.join(args)}: exit {r.returncode}: {r.stderr}"
    assert r.stderr == "", f"{' '.join(args)}: text on stderr: {r.stderr[:300]!r}"
    return r.stdout


def commands():
    listed = re.findall(r"^  (\S+) ", works("--help"), re.M)
    assert {"devices", "info", "run", "eval", "compare", "onnx-test", "cases", "selftest", "bench", "tune", "features"} <= set(listed), listed
    return listed


# ---- wrong usage ----

def test_no_command():
    r = run()
    assert r.returncode == USAGE and r.stdout == "" and r.stderr.startswith("usage: convoke"), r


def test_unknown_command():
    fails(USAGE, "runn", says=["'runn'", "--help"])


def test_unknown_flag_of_each_command():
    for name in commands():
        fails(USAGE, name, "--no-such-flag", says=["--no-such-flag", name])


def test_flag_without_value():
    fails(USAGE, "run", MODEL, "--device", says=["--device"])


def test_values_out_of_range():
    fails(USAGE, "run", MODEL, "--threads", "many", says=["--threads", "many"])
    fails(USAGE, "run", MODEL, "--threads", "-1", says=["-1"])
    fails(USAGE, "run", MODEL, "--repeat", "0", says=["--repeat", "0"])
    fails(USAGE, "run", MODEL, "--fallback", "gpu", says=["gpu", "cpu|none"])


def test_missing_argument():
    for name in ("info", "run", "eval", "compare", "features", "onnx-test", "cases"):
        r = run(name)
        assert r.returncode == USAGE and r.stdout == "" and len(r.stderr.splitlines()) == 1, (name, r)


def test_one_argument_too_many():
    fails(USAGE, "info", MODEL, MODEL, says=["one too many"])


def test_help_everywhere():
    for name in commands():
        text = works(name, "--help")
        assert text.startswith(f"usage: convoke {name}"), text
        assert "--" in text


def test_version():
    assert re.fullmatch(r"convoke \d+\.\d+\.\d+\n", works("--version"))


# ---- devices ----

def test_devices_lines():
    lines = works("devices").splitlines()
    ids = [line.split()[0] for line in lines]
    assert "cpu" in ids and ids[-1] == "reference", ids
    for i, line in enumerate(lines):
        assert re.match(rf"\S+ +index={i} type=\S+ units=\d+ ", line), line


def test_devices_json():
    d = json.loads(works("devices", "--json"))
    assert [x["id"] for x in d["devices"]] == [line.split()[0] for line in works("devices").splitlines()]


def test_devices_verbose_tells_every_candidate():
    text = works("devices", "--verbose")
    assert "convoke-cpu.so" in text and "loaded" in text, text


def test_isa_cap_shows():
    lines = works("devices", env={"CONVOKE_CPU_ISA": "scalar"}).splitlines()
    cpu = next(line for line in lines if line.split()[0] == "cpu")
    assert "isa=scalar" in cpu, cpu


def test_misspelt_device():
    fails(FAILED, "run", MODEL, *SHAPE, "--device", "opencI", says=["opencI", "cpu", "reference"])
    fails(FAILED, "selftest", "--device", "opencI", says=["opencI"])
    fails(FAILED, "cases", NUMERIC, "--device", "opencI", says=["opencI"])
    fails(FAILED, "run", MODEL, *SHAPE, says=["opencI"], env={"CONVOKE_DEVICE": "opencI"})


def test_device_number_too_high():
    fails(FAILED, "run", MODEL, *SHAPE, "--device", "cpu:7", says=["7"])
    fails(FAILED, "run", MODEL, *SHAPE, "--device", "99", says=["99"])


def test_flag_wins_over_variable():
    assert "device reference\n" in works("run", MODEL, *SHAPE, "--device", "reference", env={"CONVOKE_DEVICE": "cpu"})


def test_no_plugins():
    with tempfile.TemporaryDirectory() as empty:
        env = {"CONVOKE_PLUGIN_PATH": empty, "CONVOKE_BACKENDS": "none-of-them"}
        fails(FAILED, "run", MODEL, *SHAPE, "--device", "cpu", says=["cpu"], env=env)
        gone = os.path.join(empty, "no-such-folder")
        fails(FAILED, "run", MODEL, *SHAPE, "--device", "cpu", says=["cpu"], env={**env, "CONVOKE_PLUGIN_PATH": gone})


# ---- models ----

def model_file(folder, data):
    path = os.path.join(folder, "m.onnx")
    with open(path, "wb") as f:
        f.write(data)
    return path


def test_missing_model():
    for name in ("info", "run"):
        fails(FAILED, name, "/no/such/model.onnx", says=["/no/such/model.onnx"])


def test_model_is_a_folder():
    with tempfile.TemporaryDirectory() as d:
        fails(FAILED, "run", d, says=[d])


def test_damaged_models():
    data = open(MODEL, "rb").read()
    with tempfile.TemporaryDirectory() as d:
        for cut in (0, 1, 7, 100, len(data) // 2, len(data) - 1):
            fails(FAILED, "run", model_file(d, data[:cut]), *SHAPE, says=["m.onnx"])
        fails(FAILED, "info", model_file(d, b"\xff" * 64), says=["m.onnx"])
        fails(FAILED, "info", model_file(d, b"this is no model, but text\n"), says=["m.onnx"])
        nested = b""
        for _ in range(3000):  # graphs within graphs
            head = b""
            n = len(nested)
            while True:
                head += bytes([n & 127 | (128 if n > 127 else 0)])
                n >>= 7
                if n == 0:
                    break
            nested = b"\x3a" + head + nested
        r = run("info", model_file(d, nested))
        assert r.returncode == FAILED and len(r.stderr.splitlines()) == 1, r


def test_wrong_shapes():
    fails(USAGE, "run", MODEL, "--shape", "image=1x1x27x28", says=["1x1x27x28"])
    fails(USAGE, "run", MODEL, "--shape", "image=1x1x28", says=["1x1x28"])
    fails(USAGE, "run", MODEL, "--shape", "picture=1x1x28x28", says=["picture"])
    fails(USAGE, "run", MODEL, "--shape", "image=1xax28x28", says=["1xax28x28"])


def npy(path, shape, values):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % "".join(f"{n}," for n in shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(values)}f", *values))


def test_input_files():
    with tempfile.TemporaryDirectory() as d:
        good, short = os.path.join(d, "x.npy"), os.path.join(d, "short.npy")
        npy(good, (2, 1, 28, 28), [0.5] * 1568)
        npy(short, (1, 1, 27, 28), [0.5] * 756)
        text = works("run", MODEL, "--input", f"image={good}", "--device", "cpu")
        assert "output probability shape=2x10 " in text, text
        for bad in (short, os.path.join(d, "none.npy"), MODEL):
            r = run("run", MODEL, "--input", f"image={bad}")
            assert r.returncode in (FAILED, USAGE) and r.stdout == "" and len(r.stderr.splitlines()) == 1, (bad, r)
        with open(good, "r+b") as f:
            f.truncate(1000)
        fails(FAILED, "run", MODEL, "--input", f"image={good}", says=["x.npy"])


def test_outputs_are_written():
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "new")
        works("run", MODEL, *SHAPE, "--device", "cpu", "--output-dir", out)
        data = open(os.path.join(out, "probability.npy"), "rb").read()
        assert data[:6] == b"\x93NUMPY" and b"(1, 10" in data[:128], data[:128]
        probability = struct.unpack("<10f", data[-40:])
        assert abs(sum(probability) - 1) < 1e-5, probability


def test_unwritable_output_folder():
    fails(FAILED, "run", MODEL, *SHAPE, "--output-dir", "/proc/self/nothing", says=["/proc/self/nothing"])
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "file")
        open(file, "w").close()
        fails(FAILED, "run", MODEL, *SHAPE, "--output-dir", file, says=[file])
        fails(FAILED, "run", MODEL, *SHAPE, "--trace", os.path.join(d, "no", "t.json"), says=["t.json"])


# ---- lines that others read ----

def test_run_lines():
    text = works("run", MODEL, *SHAPE, "--device", "cpu", "--repeat", "3")
    assert re.search(r"^latency_ms median=[\d.]+ min=[\d.]+ p90=[\d.]+", text, re.M), text
    assert re.search(r"^ops (\S+=\d+ ?)+$", text, re.M), text
    assert re.search(r"^copies=\d+", text, re.M), text


def test_run_profile_names_kernels_of_the_cap():
    text = works("run", MODEL, *SHAPE, "--device", "cpu", "--profile", "--cpu-isa", "scalar")
    assert re.search(r"^conv\S* +\S+ +cpu +conv_\w+_scalar ", text, re.M), text
    assert "avx" not in text, text


def test_run_json_and_trace():
    with tempfile.TemporaryDirectory() as d:
        trace = os.path.join(d, "t.json")
        got = json.loads(works("run", MODEL, *SHAPE, "--device", "cpu", "--json", "--trace", trace))
        assert got["device"] == "cpu" and got["latency_ms"]["median"] > 0, got
        lanes, spans = trace_lanes(trace)
        assert set(lanes.values()) == {"host", "cpu"}, lanes
        assert [e["name"] for e in spans["host"]] == ["run"] and len(spans["cpu"]) > 4, spans


def trace_lanes(path):
    """The names of a trace's lanes, and each lane's spans, which lie within the run."""
    with open(path) as f:
        events = json.load(f)["traceEvents"]
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    spans = {name: [e for e in events if e["ph"] == "X" and lanes[e["tid"]] == name] for name in lanes.values()}
    run = spans["host"][0]
    for e in (e for lane in spans.values() for e in lane):
        assert e["ts"] >= 0 and e["dur"] >= 0 and e["ts"] + e["dur"] <= run["ts"] + run["dur"], (run, e)
    return lanes, spans


def test_trace_of_a_device_that_works_by_itself():
    """The host's lane has submissions and copies; on the device's lane no op begins before its submission, and they follow each other."""
    if "opencl:0" not in works("devices"):
        return
    with tempfile.TemporaryDirectory() as d:
        trace = os.path.join(d, "t.json")
        works("run", MODEL, *SHAPE, "--device", "opencl", "--repeat", "3", "--trace", trace)
        lanes, spans = trace_lanes(trace)
        assert set(lanes.values()) == {"host", "opencl:0"}, lanes
        submitted, done = [e for e in spans["host"] if e["cat"] == "submit"], spans["opencl:0"]
        assert [e["name"] for e in submitted] == [e["name"] for e in done] and len(done) > 4, spans
        for s, e in zip(submitted, done):
            assert e["ts"] >= s["ts"], (s, e)
        for a, b in zip(done, done[1:]):
            assert b["ts"] >= a["ts"] + a["dur"] - 0.001, (a, b)


def test_info_lines_and_json():
    text = works("info", MODEL)
    for key in ("parameters 61708\n", "multiply_adds 423618\n", "conv=2", "gemm=3"):
        assert key in text, text
    assert json.loads(works("info", MODEL, "--json"))["parameters"] == 61708


def test_info_graph():
    lines = works("info", MODEL, "--graph", "--device", "cpu").splitlines()
    before, after = ([line.split()[1:] for line in lines if line.startswith(word + " ")] for word in ("before", "after"))
    assert [op[:2] for op in before[:4]] == [["0", "sub"], ["1", "div"], ["2", "conv"], ["3", "relu"]] and len(before) == 15, before
    assert ["2", "conv+relu", "conv1", "cpu"] in [op[:4] for op in after] and len(after) < len(before), after
    assert after[-1][1] == "softmax" and after[-1][-1] == "1x10", after
    assert "executed %d:" % len(after) in "\n".join(lines), lines
    got = json.loads(works("info", MODEL, "--graph", "--json"))
    assert len(got["before"]) == 15 and sum(got["executed"].values()) == len(got["after"]) == got["plan"]["ops"], got


def read_png(path):
    """8-bit RGB, not interlaced: (width, height, rows of bytes)."""
    with open(path, "rb") as f:
        data = f.read()
    at, body = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour, _, _, lace = struct.unpack(">IIBBBBB", data[at + 8:at + 8 + size])
            assert (depth, colour, lace) == (8, 2, 0)
        if kind == b"IDAT":
            body += data[at + 8:at + 8 + size]
        at += size + 12
    raw, stride, rows = zlib.decompress(body), 3 * width, []
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        above = rows[-1] if rows else bytearray(stride)
        for i in range(stride):
            a, b, c = (row[i - 3] if i >= 3 else 0), above[i], (above[i - 3] if i >= 3 else 0)
            paeth = min((a, b, c), key=lambda v: abs(a + b - c - v))
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        rows.append(row)
    return width, height, rows


def test_features():
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "maps.png")
        text = works("features", MODEL, os.path.join(os.path.dirname(MODEL), "7.png"), "--layer", "relu1", "--output", path)
        assert "6 maps of 28x28" in text and "260x174 pixels" in text, text
        width, height, rows = read_png(path)
        assert (width, height) == (260, 174)
        assert set(rows[0]) == set(rows[1]) == {0x30}  # the line between tiles
        for tile in range(6):  # three a row, 84 pixels and a line each; each from black to white
            left, top = 2 + tile % 3 * 86, 2 + tile // 3 * 86
            grey = [rows[top + y][3 * (left + x)] for y in range(84) for x in range(84)]
            assert (min(grey), max(grey)) == (0, 255), (tile, min(grey), max(grey))
            assert all(rows[top + y][3 * (left + x)] == rows[top + y // 3 * 3][3 * (left + x // 3 * 3)] for y in range(84) for x in range(84))
        got = json.loads(works("features", MODEL, "--filters", "--output", path, "--json"))
        assert got["op"] == "conv" and got["drawn"].startswith("6 of 6 filters, 1 of 1 channels, of 5x5"), got
        assert read_png(path)[:2] == (got["width"], got["height"])
        fails(FAILED, "features", MODEL, "--layer", "nobody", "--output", path, says=["nobody", "0 to 14"])
        fails(FAILED, "features", MODEL, *SHAPE, "--layer", "14", "--output", path, says=["rank 2"])
        fails(FAILED, "features", MODEL, "--layer", "14", "--filters", "--output", path, says=["softmax", "no convolution"])
        fails(FAILED, "features", MODEL, *SHAPE, "--output", os.path.join(d, "no", "maps.png"), says=["maps.png"])
        fails(USAGE, "features", MODEL, says=["--output"])


def test_compare():
    text = works("compare", MODEL, *SHAPE, "--devices", "cpu,reference")
    assert re.search(r"^worst op \d+ ", text, re.M), text
    r = run("compare", MODEL, *SHAPE, "--devices", "cpu,reference", "--tolerance", "0")
    assert r.returncode == FAILED and re.search(r"^first op \d+ ", r.stdout, re.M), r
    fails(USAGE, "compare", MODEL, "--devices", "cpu", says=["A,B"])


def test_cases_lines():
    text = works("cases", NUMERIC, "--device", "reference")
    lines = text.splitlines()
    assert re.fullmatch(r"\d+ passed, 0 failed, \d+ skipped", lines[-1]), lines[-1]
    assert all(re.match(r"(PASS|SKIP) N\d+ ", line) for line in lines[:-1])
    fails(FAILED, "cases", "/no/such.json", says=["/no/such.json"])
    with tempfile.TemporaryDirectory() as d:
        fails(FAILED, "cases", model_file(d, b"{ not json"), says=["m.onnx"])


def test_onnx_test_of_nothing():
    with tempfile.TemporaryDirectory() as d:
        fails(FAILED, "onnx-test", d, says=[d])
        fails(FAILED, "onnx-test", os.path.join(d, "none"), says=["none"])


def test_eval_errors():
    fails(USAGE, "eval", MODEL, says=["--images"])
    fails(FAILED, "eval", MODEL, "--images", "/no/images", "--labels", "/no/labels", says=["/no/images"])


def test_selftest_lines_and_json():
    text = works("selftest", "--device", "cpu", "--op", "relu")
    assert re.search(r"^relu +\d+ ", text, re.M) and re.fullmatch(r"\d+ passed, 0 failed, \d+ skipped", text.splitlines()[-1]), text
    got = json.loads(works("selftest", "--device", "cpu", "--op", "relu", "--json"))
    assert got["failed"] == 0 and got["devices"][0]["device"] == "cpu" and got["failures"] == []
    fails(USAGE, "selftest", "--op", "no_such_op", says=["no_such_op"])


LAYER_HEAD = "name,op,N,C,H,W,K,kh,kw,sh,sw,ph,pw,groups\n"
LAYERS = """c,conv,1,32,9,7,20,3,3,2,1,1,1,1
d,dense,3,40,1,1,11,1,1,1,1,0,0,1
m,maxpool,1,16,8,8,16,2,2,2,2,0,0,1
a,avgpool,1,16,8,8,16,3,3,1,1,1,1,1
g,globalavgpool,2,16,5,5,16,5,5,1,1,0,0,1
p,pad_reflect,1,3,8,8,3,1,1,1,1,2,2,1
w,conv_grad_weight,2,3,8,8,16,3,3,1,1,1,1,1
"""
BENCH_COLUMNS = ["name", "kernel", "threads", "median_us", "min_us", "gflops", "peak_percent", "gbytes_per_s", "workspace_bytes"]


def bench_rows(text):
    lines = text.splitlines()
    assert re.fullmatch(r"# machine: threads=\d+ fma_gflops=[\d.]+ read_gbytes_per_s=[\d.]+", lines[0]), lines[0]
    rows = list(csv.DictReader(lines[1:]))
    assert rows and list(rows[0]) == BENCH_COLUMNS, lines[1]
    for r in rows:
        assert float(r["median_us"]) >= float(r["min_us"]) > 0 and float(r["peak_percent"]) >= 0, r
    return rows


def test_bench_layers():
    with tempfile.TemporaryDirectory() as d:
        file = model_file(d, (LAYER_HEAD + LAYERS).encode())
        for layout in ("blocked", "nchw"):
            rows = bench_rows(works("bench", "--layers", file, "--layout", layout, "--device", "cpu", "--repeat", "5", "--threads", "1"))
            assert [r["name"] for r in rows] == list("cdmagpw") and {r["threads"] for r in rows} == {"1"}, rows
            assert rows[0]["kernel"].startswith("conv_") and float(rows[0]["gflops"]) > 0, rows[0]
        got = json.loads(works("bench", "--layers", file, "--device", "cpu", "--repeat", "5", "--json"))
        assert got["machine"]["fma_gflops"] > 0 and [r["name"] for r in got["rows"]] == list("cdmagpw"), got
        every = bench_rows(works("bench", "--layers", file, "--device", "cpu", "--repeat", "5", "--kernel", "all"))
        kernels = [r["kernel"] for r in every if r["name"] == "c"]
        assert len(kernels) == len(set(kernels)) > 1, kernels
        one = bench_rows(works("bench", "--layers", file, "--device", "cpu", "--repeat", "5", "--kernel", kernels[1]))
        assert one[0]["kernel"] == kernels[1], one[0]


def test_bench_model():
    rows = bench_rows(works("bench", MODEL, *SHAPE, "--device", "cpu", "--time", "0.01"))
    assert rows[-1]["name"] == "network" and any(r["kernel"].startswith("conv_") for r in rows), rows
    assert float(rows[-1]["gflops"]) > 0, rows[-1]


def test_bench_errors():
    fails(USAGE, "bench", says=["--layers"])
    fails(USAGE, "bench", MODEL, "--layers", MODEL, says=["--layers"])
    fails(USAGE, "bench", MODEL, "--repeat", "-1", says=["--repeat", "-1"])
    fails(USAGE, "bench", MODEL, "--time", "0", says=["--time"])
    fails(FAILED, "bench", "--layers", "/no/such.csv", says=["/no/such.csv"])
    with tempfile.TemporaryDirectory() as d:
        for line, word in (("c,conv,1,2\n", "14 columns"), ("c,conv,1,3,8,8,4,3,3,1,1,1,1,2\n", "2 groups"), ("c,what,1,3,8,8,4,3,3,1,1,1,1,1\n", "'what'"),
                           ("c,conv,1,0,8,8,4,3,3,1,1,1,1,1\n", "column 4 is 0"), ("c,conv,1,3,8,8,4,11,3,1,1,1,1,1\n", "c: ")):
            r = run("bench", "--layers", model_file(d, (LAYER_HEAD + line).encode()), "--device", "cpu")
            assert r.returncode == FAILED and len(r.stderr.splitlines()) == 1 and word in r.stderr, (line, r)


def test_forced_row_is_the_one_that_runs():
    text = works("run", MODEL, *SHAPE, "--device", "cpu", "--profile", "--cpu-isa", "scalar", env={"CONVOKE_KERNEL": "conv_generic_scalar"})
    rows = re.findall(r"conv_\w+_scalar", text)
    assert rows and set(rows) == {"conv_generic_scalar"}, text


# ---- nowhere to write ----

def test_tune():
    """Times are kept in the cache folder and used silently; a row that was measured slow is not taken again; the budget ends it early."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"CONVOKE_CACHE_DIR": folder, "CONVOKE_KERNEL": None}
        out = works("tune", MODEL, "--device", "cpu", *SHAPE, env=env)
        lines = out.splitlines()
        end = re.fullmatch(r"tuned (\d+) ops on cpu in \d+\.\d s: (\d+) take another row than by estimate, 0 wrong rows, 0 ops not finished", lines[-1])
        assert end and int(end[1]) == len(lines) - 1 > 0, out
        files = [f for f in os.listdir(folder) if f.startswith("tuned-")]
        assert len(files) == 1, files
        report = json.loads(works("tune", MODEL, "--device", "cpu", "--json", *SHAPE, env=env))
        best = {op["name"]: op for op in report["ops"]}
        assert report["device"] == "cpu" and report["tuned"] == len(best) == int(end[1]), report
        for op in best.values():
            times = {row["row"]: row["us"] for row in op["rows"]}
            assert op["row"] in times and times[op["row"]] == min(times.values()) > 0 and op["estimated"] in times, op
        path = os.path.join(folder, files[0])
        with open(path) as f:
            text = f.read().splitlines()
        name, op = next((n, o) for n, o in best.items() if o["op"] == "conv" and len(o["rows"]) > 1)
        slow = json.loads(works("run", MODEL, "--device", "cpu", "--profile", "--json", *SHAPE, env=env))["profile"]
        taken = next(o["kernel"] for o in slow if o["name"] == name)
        with open(path, "w") as f: # as if the row taken had been a thousand times slower
            for n, line in enumerate(text):
                part = line.split("\t")
                if n > 1 and part[1] == taken:
                    part[2] = str(1000 * int(part[2]))
                f.write("\t".join(part) + "\n")
        then = json.loads(works("run", MODEL, "--device", "cpu", "--profile", "--json", *SHAPE, env=env))["profile"]
        assert next(o["kernel"] for o in then if o["name"] == name) != taken, then
    with tempfile.TemporaryDirectory() as folder:
        env = {"CONVOKE_CACHE_DIR": folder}
        out = works("tune", MODEL, "--device", "cpu", "--budget", "0.000001", *SHAPE, env=env)
        assert re.search(r"^tuned 0 ops .*, [1-9]\d* ops not finished$", out, re.M), out
        kept = [f for f in os.listdir(folder) if f.startswith("tuned-")]
        assert kept == [], kept
    fails(USAGE, "tune", "--budget", "0", says=["--budget", "0"])
    fails(USAGE, "tune", MODEL, "--device", "reference", *SHAPE, says=["reference"])
    fails(USAGE, "tune", MODEL, "--kernel", "x", *SHAPE, says=["--kernel"])
    fails(FAILED, "tune", "no.onnx", says=["no.onnx"])


def test_full_or_closed_output():
    for args in (["devices"], ["run", MODEL, *SHAPE, "--device", "cpu"], ["--help"], ["cases", NUMERIC, "--device", "reference"]):
        with open("/dev/full", "w") as full:
            r = run(*args, stdout=full)
            assert r.returncode == FAILED and len(r.stderr.splitlines()) == 1, (args, r)
        r = subprocess.run(["/bin/sh", "-c", '"$@" >&- 2>&-', "sh", CONVOKE, *args], timeout=300)
        assert r.returncode in (DONE, FAILED), (args, r)
        r = subprocess.run(["/bin/sh", "-c", '"$@" | true', "sh", CONVOKE, *args], timeout=300, stderr=subprocess.PIPE, text=True)
        assert r.stderr == "" or len(r.stderr.splitlines()) == 1, (args, r)


def test_quiet_library():
    """Nothing but the sentence, with nothing asked for; what CONVOKE_LOG asks for goes to stderr."""
    r = run("run", MODEL, *SHAPE, "--device", "cpu", env={"CONVOKE_LOG": "dispatch"})
    assert r.returncode == DONE and "latency_ms" in r.stdout and "latency_ms" not in r.stderr, r


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception as e:  # the next test says something too
            failed += 1
            print(f"FAIL {name}: {type(e).__name__}: {e}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
