"""Lossless forms of a .tflite for the way: `python benchmarks/coding/sent.py MODEL.tflite …`

Compares what edgepack sends (.xz, and .gz for devices that unpack nothing else) with xz's own setting, Zstandard's highest level
(the program `zstd`) and edgepack's codes, each weight tensor in its smallest one and the rest of the file in .xz. Writes sent.md.
"""

from __future__ import annotations

import argparse
import lzma
import subprocess
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from benchmarks.command import run_command
from edgepack.coding import CODES
from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.weights import is_parameter
from edgepack.ground.small import small

HERE = Path(__file__).resolve().parent
COLUMNS = ("model", ".tflite", ".xz", ".gz", "xz -9e", "zstd --ultra -22", "edgepack's codes and .xz")


def main() -> int:
    """Measure every model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    rows = [(file.stem, *map("{:,}".format, forms(file))) for file in parser.parse_args().models]
    lines = ["| " + " | ".join(row) + " |" for row in (COLUMNS, ["---", *["--:"] * (len(COLUMNS) - 1)], *rows)]
    text = (
        "# Lossless forms of a .tflite, in bytes\n\nWritten by `python benchmarks/coding/sent.py MODEL.tflite …`. edgepack sends "
        "`.xz`, and `.gz` to a device that unpacks nothing else.\n\n" + "\n".join(lines) + "\n"
    )
    (HERE / "sent.md").write_text(text)
    print(text)
    return 0


def forms(file: Path) -> tuple[int, ...]:
    """Bytes of a file in every form, in the order of the columns."""
    content = file.read_bytes()
    own = lzma.compress(content, check=lzma.CHECK_CRC32, preset=9 | lzma.PRESET_EXTREME)
    zstd = subprocess.run(["zstd", "--ultra", "-22", "-c"], input=content, capture_output=True, check=True).stdout
    return (len(content), len(small(content, "xz")), len(small(content, "gz")), len(own), len(zstd), coded(file, content))


def coded(file: Path, content: bytes) -> int:
    """Bytes with each int8 weight tensor in its smallest code, and the file without them in .xz."""
    total, rest = 0, bytearray(content)
    for tensor in (tensor for graph in read_model(file).subgraphs for tensor in graph.tensors):
        if tensor.data is None or tensor.data.dtype != np.int8 or tensor.data.ndim < 2 or not is_parameter(tensor):
            continue
        values = np.ascontiguousarray(tensor.data).reshape(-1)
        at = rest.find(values.tobytes())
        if at >= 0:
            rest[at : at + values.size] = bytes(values.size)
            total += min(size for code in CODES if (size := code.size(values)) is not None)
    return total + len(small(bytes(rest), "xz"))


if __name__ == "__main__":
    run_command(main)
