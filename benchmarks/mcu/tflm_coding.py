"""What codes make of clustered and pruned weights in TensorFlow Lite Micro: `python benchmarks/mcu/tflm_coding.py FILE.tflite …`.

The int8 weights of each file are clustered (k-means over the values of a tensor), or the smallest of them are made zero, in the
file itself: what that costs in accuracy is another question. File and arena are told uncoded and coded, the arena as the
interpreter's reference kernels take it on this machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.weights import Weights, rewritten  # noqa: E402
from edgepack.compress.weights.kmeans import share_values  # noqa: E402
from edgepack.flatbuffer import read_model  # noqa: E402
from edgepack.flatbuffer.rewrite.fix_shapes import fix_shapes  # noqa: E402
from edgepack.pack.deliveries.tflm.coding import code_for_tflm  # noqa: E402

VARIANTS = {"as it is": (0, 0.0), "16 values": (16, 0.0), "4 values": (4, 0.0), "80 % zeros": (0, 0.8), "both, 16": (16, 0.8)}
"""Values that a tensor keeps (0: all), and the share of its weights that become zero."""


def main() -> int:
    """Print the table; 1 when a clustered or pruned file is not made smaller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    print("| model | weights | file | coded | arena | coded |\n|---|---|---|---|---|---|")
    failed = 0
    for file in parser.parse_args().models:
        for name, (count, zeros) in VARIANTS.items():
            found = figures(changed(file.read_bytes(), count, zeros) if count or zeros else file.read_bytes())
            print(f"| {file.stem} | {name} | {' | '.join(found)} |")
            failed += found[1] == "" and name != "as it is"
    return 1 if failed else 0


def changed(data: bytes, count: int, zeros: float) -> bytes:
    """The file with at most `count` values a tensor of int8 weights, and this share of zeros."""
    rng = np.random.default_rng(0)

    def change(weights: Weights) -> Weights:
        values = weights.astype(np.float32).reshape(1, -1)
        if zeros:
            values[np.abs(values) <= np.quantile(np.abs(values), zeros)] = 0
        if count:
            values = share_values(values, count, "density", zeros > 0, rng)
        return np.asarray(np.round(values), np.int8)

    return rewritten(data, change)


def figures(data: bytes) -> tuple[str, str, str, str]:
    """File and arena in bytes, each uncoded and coded; nothing for a file that stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(fix_shapes(data, read_model(data)))
        coding = code_for_tflm(file, Path(folder))
    if not coding.tensors:
        return f"{len(data):,}", "", "", ""
    (size, arena), (coded, decoding) = coding.before, coding.after
    return f"{size:,}", f"{coded:,}", f"{arena:,}", f"{decoding:,}"


if __name__ == "__main__":
    sys.exit(main())
