"""Checks model.onnx in a folder with ONNX's checker, and writes what ONNX Runtime computes from its inputs.

The folder holds image.f32 and number.f32, the latter for one or several rounds of all images; NAME.f32 is
written for each output. Without a folder it only says which versions there are.
"""

import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime

# The last batch of a round is smaller: the batch dimension is open.
BATCH = 384


def main(folder):
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    image, number = session.get_inputs()
    assert (image.name, number.name) == ("image", "number")
    images = read(folder / "image.f32", image.shape[1:])
    numbers = read(folder / "number.f32", number.shape[1:])
    names = [output.name for output in session.get_outputs()]
    computed = []
    for first in range(0, len(numbers), len(images)):
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH]
            row = first + start
            computed.append(session.run(names, {"image": batch, "number": numbers[row : row + len(batch)]}))
    for name, values in zip(names, zip(*computed)):
        numpy.concatenate(values).astype("<f4").tofile(folder / f"{name}.f32")


def read(path, shape):
    return numpy.fromfile(path, "<f4").reshape(-1, *shape)


if len(sys.argv) > 1:
    main(Path(sys.argv[1]))
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, Python {sys.version.split()[0]}")
