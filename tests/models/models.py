# SPDX-License-Identifier: Apache-2.0
"""The models of ../shared on one device against the outputs that ONNX Runtime gave: max|y - ref| <= 1e-4 max|ref| for each output.

usage: models.py CONVOKE DEVICE SHARED [--long MODEL.onnx...]
CONVOKE_SHARED wins over SHARED; skipped, 77, where the folder or the device is absent. --long: large models, op by op against the reference,
which takes a minute and more each.
"""
import ast
import gzip
import os
import re
import struct
import subprocess
import sys
import tempfile

CONVOKE, DEVICE, SHARED = sys.argv[1:4]
LONG = sys.argv[5:] if sys.argv[4:5] == ["--long"] else []
SHARED = os.environ.get("CONVOKE_SHARED", SHARED)
MODELS, REFS, MNIST = (os.path.join(SHARED, *p) for p in (("models",), ("models", "refs"), ("data", "mnist")))
TOLERANCE = 1e-4

# model, shape of its input, the name of its references
NETWORKS = [
    ("mnist_digit_recognizer", "4x1x28x28", "mnist_digit"),
    ("mtcnn_pnet", "1x3x120x160", "mtcnn_pnet"),
    ("mtcnn_rnet", "4x3x24x24", "mtcnn_rnet"),
    ("mtcnn_onet", "4x3x48x48", "mtcnn_onet"),
    ("crepe_tiny", "8x1024", "crepe_tiny"),
    ("ppocr_cls", "1x3x48x192", "ppocr_cls"),
]


def run(*args):
    r = subprocess.run([CONVOKE, *args], capture_output=True, text=True, timeout=900)
    assert r.returncode == 0, f"convoke {' '.join(args)}: exit {r.returncode}: {r.stderr.strip()}"
    return r.stdout


def load_npy(path):
    with open(path, "rb") as f:
        data = f.read()
    wide = data[6] > 1
    start = 12 if wide else 10
    length = struct.unpack("<I" if wide else "<H", data[8:start])[0]
    head = ast.literal_eval(data[start:start + length].decode())
    assert not head["fortran_order"], path
    kind = {"<f4": "f", "<f8": "d", "<i8": "q"}[head["descr"]]
    body = data[start + length:]
    return head["shape"], struct.unpack(f"<{len(body) // struct.calcsize(kind)}{kind}", body)


def save_npy(path, shape, values):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % "".join(f"{n}," for n in shape)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(values)}f", *values))


def compare(name, got_path, ref_path):
    shape, got = load_npy(got_path)
    ref_shape, ref = load_npy(ref_path)
    assert shape == ref_shape, f"{name}: shape {shape}, wanted {ref_shape}"
    largest = max(abs(v) for v in ref)
    worst = max(abs(a - b) for a, b in zip(got, ref))
    print(f"{name}: max|y - ref| = {worst:.3g}, max|ref| = {largest:.3g}, relative {worst / largest:.3g}")
    outside = sum(not abs(a - b) <= TOLERANCE * largest for a, b in zip(got, ref))  # so that a NaN is outside too
    assert outside == 0, f"{name}: {outside} values are further than {TOLERANCE * largest:.3g} from the reference"


def check_places(name, text):
    """All ops on the device itself, none on a fallback."""
    places = dict(re.findall(r"(\S+)=(\d+)", re.search(r"^ops .*$", text, re.M).group()))
    own = int(places["cpu"] if DEVICE == "cpu" else places["reference"] if DEVICE == "reference" else
              next(n for id, n in places.items() if id.startswith(DEVICE)))
    away = sum(int(places[id]) for id in ("cpu", "reference") if not id.startswith(DEVICE))
    assert own > 0 and away == 0, f"{name}: {places}"


def output_names(model):
    return re.findall(r"^output (\S+)", run("info", model), re.M)


def test_networks():
    for model, shape, reference in NETWORKS:
        path = os.path.join(MODELS, model + ".onnx")
        name = re.search(r"^input (\S+)", run("info", path), re.M).group(1)
        with tempfile.TemporaryDirectory() as d:
            text = run("run", path, "--device", DEVICE, "--shape", f"{name}={shape}", "--output-dir", d)
            check_places(model, text)
            for i, output in enumerate(output_names(path)):
                compare(f"{model}.out{i}", os.path.join(d, re.sub(r"[/:\\]", "_", output) + ".npy"), os.path.join(REFS, f"{reference}.out{i}.npy"))


def test_lenet5_accuracy():
    text = run("eval", os.path.join(MODELS, "lenet5_digits.onnx"), "--device", DEVICE, "--images", os.path.join(MNIST, "t10k-images-idx3-ubyte.gz"),
               "--labels", os.path.join(MNIST, "t10k-labels-idx1-ubyte.gz"))
    assert text.startswith("accuracy 0.9925 (1985/2000)\n"), text
    print("lenet5_digits:", text.splitlines()[0])


def test_mnist_logits():
    with gzip.open(os.path.join(MNIST, "t10k-images-idx3-ubyte.gz")) as f:
        data = f.read()
    n, h, w = struct.unpack(">3I", data[4:16])
    values = [(v / 255 - 0.1307) / 0.3081 for v in data[16:]]
    path = os.path.join(MODELS, "mnist_digit_recognizer.onnx")
    name = re.search(r"^input (\S+)", run("info", path), re.M).group(1)
    with tempfile.TemporaryDirectory() as d:
        x = os.path.join(d, "x.npy")
        save_npy(x, (n, 1, h, w), values)
        run("run", path, "--device", DEVICE, "--input", f"{name}={x}", "--output-dir", d)
        compare("mnist_digit.t10k", os.path.join(d, output_names(path)[0] + ".npy"), os.path.join(REFS, "mnist_digit.t10k_logits.npy"))


def test_long():
    for path in LONG:
        name = os.path.basename(path)
        print(name + ":", run("compare", path, "--devices", f"{DEVICE},reference").splitlines()[-1])
        with tempfile.TemporaryDirectory() as d:  # and fused, as it is run
            check_places(name, run("run", path, "--device", DEVICE, "--output-dir", os.path.join(d, "got")))
            run("run", path, "--device", "reference", "--output-dir", os.path.join(d, "want"))
            for file in sorted(os.listdir(os.path.join(d, "want"))):
                compare(f"{name} {file}", os.path.join(d, "got", file), os.path.join(d, "want", file))


def main():
    if not os.path.isdir(REFS):
        print(f"skipped: no {REFS} (CONVOKE_SHARED names the folder)")
        return 77
    if not re.search(rf"^{DEVICE}", run("devices"), re.M):
        print(f"skipped: no {DEVICE} device on this machine")
        return 77
    failed = 0
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    for test in tests:
        try:
            test()
        except Exception as e:  # the next test says something too
            failed += 1
            print(f"FAIL {test.__name__}: {type(e).__name__}: {e}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
