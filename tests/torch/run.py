"""Runs the Python blocks of docs/pytorch.md by their names, in a folder with image.f32 and number.f32.

run.py FOLDER load              our weights, last.safetensors, in PyTorch
run.py FOLDER losses ADDEND     the same, and both losses for label.u8 and an addend
run.py FOLDER KIND BLOCK        a network of PyTorch's own; BLOCK saves it, .pt is there, too

The outputs lie in digit.f32 and sum.f32 then: logits. Without arguments it only says which versions there are.
"""

import json
import os
import re
import sys
from pathlib import Path

import numpy
import safetensors
import torch

PAGE = Path(__file__).parents[2] / "docs" / "pytorch.md"
NAMES = ["network", "load", "save", "float32", "convert", "published", "loss"]
# What a network is before it is saved.
KINDS = {
    "plain": lambda net: net,
    "parallel": torch.nn.DataParallel,
    "compiled": torch.compile,
    "both": lambda net: torch.compile(torch.nn.DataParallel(net)),
    "float16": lambda net: net.half(),
    "bfloat16": lambda net: net.bfloat16(),
    "float64": lambda net: net.double(),
}


def blocks():
    found = re.findall(r"^```python(.*)\n([^`]*)^```$", PAGE.read_text(), re.MULTILINE)
    names = [name.strip() for name, _ in found]
    assert names == NAMES, f"{PAGE.name} has the blocks {names}"
    return {name.strip(): text for name, text in found}


def main(folder, kind, *more):
    os.chdir(folder)
    code, page = blocks(), {}
    exec(code["network"], page)
    images, numbers = read("image.f32", 1, 28, 28), read("number.f32", 10)
    rounds = numbers.split(len(images))
    if kind == "load":
        outputs = []
        for number in rounds:
            exec(code["load"], page | {"image": images, "number": number}, loaded := {})
            outputs.append((loaded["digit"], loaded["total"]))
        write(outputs)
    elif kind == "losses":
        page |= {"image": images, "number": numbers, "addend": int(more[0])}
        page["label"] = torch.from_numpy(numpy.fromfile("label.u8", "u1")).long()
        exec(code["load"], page)
        losses = []
        for name in ["loss", "published"]:
            exec(code[name], page)
            losses.append(page["loss"].item())
        print(json.dumps(losses))
    else:
        torch.manual_seed(7)
        net = page["DigitAdder"]()
        page["net"] = KINDS[kind](net)
        torch.save(page["net"].state_dict(), "mine.pt")
        exec("from safetensors.torch import save_file", page)
        exec(code[more[0]], page)
        with torch.no_grad():
            write([net.float()(images, number) for number in rounds])


def read(name, *shape):
    return torch.from_numpy(numpy.fromfile(name, "<f4").reshape(-1, *shape))


def write(outputs):
    for name, values in zip(["digit", "sum"], zip(*outputs)):
        torch.cat(values).numpy().astype("<f4").tofile(f"{name}.f32")


if len(sys.argv) > 1:
    main(*sys.argv[1:])
else:
    versions = f"torch {torch.__version__}, safetensors {safetensors.__version__}, numpy {numpy.__version__}"
    print(f"{versions}, Python {sys.version.split()[0]}")
