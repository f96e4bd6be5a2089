# SPDX-License-Identifier: Apache-2.0
"""convoke train on small folders of made-up pictures: its lines and files, resuming behind kills, models that go on from files, errors.

usage: test_train.py CONVOKE      (CONVOKE_PLUGIN_PATH names the plugins)
Each test is a function named test_* that is given a folder of its own; prints a line for each that fails, then "N passed, N failed".
"""
import csv
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

CONVOKE = sys.argv[1]
DONE, FAILED, USAGE = 0, 1, 2
SIDE, CLASSES, TRAIN, TEST = 12, 3, 200, 60
TIMES = ("seconds", "images_per_second")
LINE = re.compile(r"epoch (\d+) loss ([\d.]+) train_accuracy ([\d.]+) test_accuracy ([\d.]+) seconds [\d.]+ test_loss ([\d.]+) images_per_second \d+")


def picture(rng, label):
    """Noise, and a bright bar whose direction is the class."""
    at = rng.randrange(3, SIDE - 3)
    on = {0: lambda y, x: abs(y - at) < 2, 1: lambda y, x: abs(x - at) < 2, 2: lambda y, x: abs(y - x) < 2}[label]
    return bytes(min(255, rng.randrange(120) + (110 if on(y, x) else 0)) for y in range(SIDE) for x in range(SIDE))


def samples(seed, count, classes=CLASSES):
    rng = random.Random(seed)
    return [(picture(rng, i % 3), i % classes) for i in range(count)]


def write_idx(folder, classes=CLASSES):
    os.makedirs(folder)
    for part, seed, count in (("train", 1, TRAIN), ("t10k", 2, TEST)):
        drawn = samples(seed, count, classes)
        with open(f"{folder}/{part}-images-idx3-ubyte", "wb") as f:
            f.write(struct.pack(">4i", 0x803, count, SIDE, SIDE) + b"".join(p for p, _ in drawn))
        with open(f"{folder}/{part}-labels-idx1-ubyte", "wb") as f:
            f.write(struct.pack(">2i", 0x801, count) + bytes(label for _, label in drawn))
    return folder


def write_pictures(folder):
    for part, seed, count in (("train", 1, TRAIN), ("test", 2, TEST)):
        for i, (pixels, label) in enumerate(samples(seed, count)):
            where = f"{folder}/{part}/{'abc'[label]}"
            os.makedirs(where, exist_ok=True)
            with open(f"{where}/{i:03}.pgm", "wb") as f:
                f.write(b"P5\n%d %d\n255\n" % (SIDE, SIDE) + pixels)
    return folder


def run(*args):
    return subprocess.run([CONVOKE, "train", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=200)


def works(*args):
    r = run(*args)
    assert r.returncode == DONE, f"{' '.join(args)}: exit {r.returncode}: {r.stderr}"
    assert r.stderr == "", f"{' '.join(args)}: text on stderr: {r.stderr[:300]!r}"
    return r.stdout


def fails(status, *args, says=()):
    """The command ends with this status and one sentence on stderr that holds each of `says`."""
    r = run(*args)
    what = " ".join(args)
    assert r.returncode == status, f"{what}: exit {r.returncode}, wanted {status}: {r.stderr}"
    assert r.stdout == "", f"{what}: text on stdout: {r.stdout[:200]!r}"
    lines = r.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("convoke: "), f"{what}: not one sentence: {r.stderr[:400]!r}"
    for word in says:
        assert word in lines[0], f"{what}: no {word!r} in {lines[0]!r}"


def epochs_of(text):
    return [tuple(m.groups()) for m in map(LINE.fullmatch, text.splitlines()) if m]


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def untimed(path):
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows(path)]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def train_args(data, out, *more, epochs=3):
    return ["lenet5", "--data", data, "--output", out, "--epochs", str(epochs), "--batch", "32", "--device", "cpu", *more]


# ---- what it prints and writes ----

def test_lines_and_files(d):
    data, out, log, plot = write_idx(f"{d}/data"), f"{d}/m.onnx", f"{d}/log.csv", f"{d}/plot.svg"
    text = works(*train_args(data, out, "--log", log, "--plot", plot))
    lines = text.splitlines()
    epochs = epochs_of(text)
    assert len(epochs) == 3 and [e[0] for e in epochs] == ["1", "2", "3"], text
    assert re.fullmatch(r"ops( \S+=\d+)+", lines[3]), lines
    assert lines[-1] == f"output {out}" and len(lines) == 5, lines
    table = rows(log)
    assert list(table[0]) == ["epoch", "loss", "train_accuracy", "test_loss", "test_accuracy", *TIMES, "rate"], table[0]
    for row, e in zip(table, epochs):
        assert row["epoch"] == e[0] and abs(float(row["loss"]) - float(e[1])) < 1e-6, (row, e)
        assert abs(float(row["train_accuracy"]) - float(e[2])) < 1e-4 and abs(float(row["test_loss"]) - float(e[4])) < 1e-6, (row, e)
        assert abs(float(row["test_accuracy"]) - float(e[3])) < 1e-4 and float(row["seconds"]) > 0, (row, e)
    assert float(table[2]["loss"]) < float(table[0]["loss"]), table
    svg = ET.parse(plot).getroot()
    assert svg.tag.endswith("svg") and len(svg.findall("{*}polyline")) == 4, svg
    assert all(len(p.get("points").split()) == 3 for p in svg.findall("{*}polyline"))
    assert "nan" not in read(plot).decode() and "lenet5" in read(plot).decode()
    assert sorted(os.listdir(d)) == ["data", "log.csv", "m.onnx", "m.onnx.checkpoint", "plot.svg"], os.listdir(d)


def test_progress_on_a_terminal(d):
    """The epoch in hand on stderr, cleared behind it; stdout is as without a terminal."""
    data, out = write_idx(f"{d}/data"), f"{d}/m.onnx"
    here, there = os.openpty()
    p = subprocess.Popen([CONVOKE, "train", *train_args(data, out, epochs=2)], stdout=subprocess.PIPE, stderr=there, text=True)
    os.close(there)
    shown = b""
    while True:
        try:
            part = os.read(here, 4096)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(here)
    text = p.stdout.read()
    assert p.wait() == DONE and len(epochs_of(text)) == 2, (text, shown)
    bars = re.findall(r"epoch (\d)/2 \[([#.]{24})\] loss [\d.]+ accuracy [\d.]+  \d+ images/s  \d+:\d\d left", shown.decode())
    assert [b[0] for b in bars] == ["1", "1", "2", "2"] and bars[-1][1] == "#" * 24, shown  # every fourth step of seven, and the last
    assert shown.endswith(b"\r\x1b[K"), shown


def test_it_learns_and_the_file_scores_the_same(d):
    data, out = write_idx(f"{d}/data"), f"{d}/m.onnx"
    last = epochs_of(works(*train_args(data, out, epochs=12)))[-1]
    assert float(last[3]) > 0.9, last
    test = ["--images", f"{data}/t10k-images-idx3-ubyte", "--labels", f"{data}/t10k-labels-idx1-ubyte"]
    r = subprocess.run([CONVOKE, "eval", out, *test, "--device", "cpu"],
                       stdout=subprocess.PIPE, text=True, timeout=100)
    assert f"accuracy {last[3]} " in r.stdout, (r, last)


def test_json(d):
    data, out = write_idx(f"{d}/data"), f"{d}/m.onnx"
    got = json.loads(works(*train_args(data, out, "--json", "--profile", epochs=2)))
    assert [e["epoch"] for e in got["epochs"]] == [1, 2] and got["output"] == out, got
    assert set(got["epochs"][0]) == {"epoch", "loss", "train_accuracy", "test_loss", "test_accuracy", "seconds"}, got
    assert sum(n for where, n in got["ops"].items() if where != "views") == len(got["profile"]) > 10, (got["ops"], len(got["profile"]))
    assert {"op", "name", "device", "kernel", "ms"} == set(got["profile"][0]), got["profile"][0]


def test_seeds_threads_and_devices(d):
    data = write_idx(f"{d}/data")
    logs = {}
    for name, more in (("a", ["--threads", "1"]), ("b", ["--threads", "2"]), ("c", ["--seed", "2"]), ("d", ["--device", "reference"])):
        works(*train_args(data, f"{d}/{name}.onnx", "--log", f"{d}/{name}.csv", "--augment", *more, epochs=1))
        logs[name] = untimed(f"{d}/{name}.csv")
    assert logs["a"] == logs["b"] and read(f"{d}/a.onnx") == read(f"{d}/b.onnx")
    assert logs["a"] != logs["c"]
    loss = [float(logs[k][0]["loss"]) for k in "ad"]
    assert abs(loss[0] - loss[1]) < 1e-4 * loss[1], loss


def test_pictures_in_folders_of_classes(d):
    """The same samples as pictures: in another order, but as easy to learn."""
    data = write_pictures(f"{d}/data")
    last = epochs_of(works(*train_args(data, f"{d}/m.onnx", epochs=12)))[-1]
    assert float(last[3]) > 0.9, last


def test_a_model_goes_on(d):
    data, first, second = write_idx(f"{d}/data"), f"{d}/1.onnx", f"{d}/2.onnx"
    before = epochs_of(works(*train_args(data, first, epochs=6)))
    more = ["--data", data, "--output", second, "--epochs", "1", "--batch", "32", "--device", "cpu", "--optimizer", "momentum", "--lr", "0.001"]
    after = epochs_of(works(first, *more))
    assert len(after) == 1 and float(after[0][4]) < float(before[0][4]) / 2, (before, after)
    assert read(first) != read(second)


def test_a_title_of_any_name(d):
    data, out = write_idx(f"{d}/data"), f"{d}/m.onnx"
    works(*train_args(data, out, epochs=1))
    odd = f"{d}/<&\x01ä'.onnx"
    shutil.copy(out, odd)
    works(odd, "--data", data, "--output", out, "--epochs", "1", "--plot", f"{d}/p.svg", "--device", "cpu")
    assert "<&" in "".join(ET.parse(f"{d}/p.svg").getroot().itertext())


# ---- resuming ----

def test_resume(d):
    data = write_idx(f"{d}/data")
    whole, out = f"{d}/whole.onnx", f"{d}/m.onnx"
    works(*train_args(data, whole, "--log", f"{d}/whole.csv", "--augment", epochs=4))
    works(*train_args(data, out, "--resume", "--log", f"{d}/m.csv", "--augment", epochs=4))  # nothing to resume from: from the start
    shutil.move(f"{d}/m.csv", f"{d}/old.csv")
    text = works(*train_args(data, out, "--resume", "--log", f"{d}/m.csv", "--augment", epochs=4))
    assert epochs_of(text) == [], text  # all done
    assert untimed(f"{d}/m.csv") == untimed(f"{d}/whole.csv") == untimed(f"{d}/old.csv")
    assert read(out) == read(whole)
    fails(FAILED, *train_args(data, out, "--resume", "--augment", "--seed", "5", epochs=4), says=["checkpoint", "other options"])
    with open(f"{out}.checkpoint", "r+b") as f:
        f.truncate(1000)
    fails(FAILED, *train_args(data, out, "--resume", "--augment", epochs=4), says=["checkpoint", "damaged"])


def test_ten_kills(d):
    data, epochs = write_idx(f"{d}/data"), 10
    whole, out = f"{d}/whole.onnx", f"{d}/m.onnx"
    start = time.monotonic()
    works(*train_args(data, whole, "--log", f"{d}/whole.csv", epochs=epochs))
    took = time.monotonic() - start
    args = [CONVOKE, "train", *train_args(data, out, "--log", f"{d}/m.csv", "--plot", f"{d}/m.svg", "--resume", epochs=epochs)]
    rng, killed = random.Random(), 0
    for _ in range(10):
        p = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            p.wait(timeout=rng.uniform(0.1, 0.7) * took)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGKILL)
            killed += 1
        code = p.wait()
        assert code in (0, -signal.SIGKILL), code
    works(*args[2:])
    assert killed > 0
    assert not [name for name in os.listdir(d) if name.endswith(".new")], os.listdir(d)
    assert untimed(f"{d}/m.csv") == untimed(f"{d}/whole.csv"), f"behind {killed} kills"
    assert read(out) == read(whole), f"behind {killed} kills"
    ET.parse(f"{d}/m.svg")


# ---- errors ----

def test_wrong_usage(d):
    data, out = f"{d}/data", f"{d}/m.onnx"
    fails(USAGE, "lenet5", says=["--data", "--output"])
    fails(USAGE, "lenet5", "--data", data, says=["--output"])
    r = run()
    assert r.returncode == USAGE and len(r.stderr.splitlines()) == 1, r
    base = ["lenet5", "--data", data, "--output", out]
    wrong = {"--epochs": ["-1", "many"], "--batch": ["-3", "2000000"], "--patience": ["-1"], "--lr": ["-0.1", "0", "nan"], "--weight-decay": ["-1"],
             "--label-smoothing": ["1.5", "-1"], "--momentum": ["1", "-1"], "--clip-norm": ["-1"], "--std": ["0"], "--mean": ["nan"],
             "--optimizer": ["lion"], "--schedule": ["zigzag"], "--no-such": ["1"]}
    for flag, value in ((flag, value) for flag, values in wrong.items() for value in values):
        fails(USAGE, *base, flag, value, says=[flag])


def test_bad_data(d):
    out = f"{d}/m.onnx"
    fails(FAILED, *train_args(f"{d}/none", out), says=["none"])
    os.makedirs(f"{d}/empty")
    fails(FAILED, *train_args(f"{d}/empty", out), says=["empty"])
    cut = write_idx(f"{d}/cut")
    with open(f"{cut}/train-images-idx3-ubyte", "r+b") as f:
        f.truncate(5000)
    fails(FAILED, *train_args(cut, out), says=["train-images"])
    data = write_idx(f"{d}/data")
    fails(FAILED, "lenet6", "--data", data, "--output", out, says=["lenet6", "lenet5|cnn"])
    with open(f"{d}/text.onnx", "w") as f:
        f.write("no model")
    fails(FAILED, f"{d}/text.onnx", "--data", data, "--output", out, says=["text.onnx"])
    fails(FAILED, *train_args(data, out, "--device", "opencI"), says=["opencI"])
    assert not os.path.exists(out) and not os.path.exists(f"{out}.checkpoint")


def test_a_model_of_fewer_classes(d):
    two, three, out = write_idx(f"{d}/two", 2), write_idx(f"{d}/three"), f"{d}/m.onnx"
    works(*train_args(two, out, epochs=1))
    fails(FAILED, out, "--data", three, "--output", f"{d}/n.onnx", says=["target 2", "allowed 0 to 1"])


def test_unwritable_files(d):
    data, out = write_idx(f"{d}/data"), f"{d}/m.onnx"
    fails(FAILED, *train_args(data, "/proc/self/nothing/m.onnx"), says=["/proc/self/nothing/m.onnx"])
    fails(FAILED, *train_args(data, f"{d}/none/m.onnx"), says=["none/m.onnx", "No such file"])
    fails(FAILED, *train_args(data, out, "--log", f"{d}/none/log.csv"), says=["log.csv"])
    fails(FAILED, *train_args(data, out, "--plot", f"{d}/none/p.svg"), says=["p.svg"])
    if os.geteuid() != 0:  # root writes everywhere
        os.makedirs(f"{d}/locked", 0o500)
        fails(FAILED, *train_args(data, f"{d}/locked/m.onnx"), says=["locked", "Permission denied"])
    os.makedirs(f"{d}/folder.onnx")
    r = run(*train_args(data, f"{d}/folder.onnx", epochs=1))
    assert r.returncode == FAILED and len(r.stderr.splitlines()) == 1 and "folder.onnx" in r.stderr, r


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory(prefix="convoke-train-") as d:
            try:
                test(d)
                passed += 1
            except Exception as e:  # the next test says something too
                failed += 1
                print(f"FAIL {name}: {type(e).__name__}: {e}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
