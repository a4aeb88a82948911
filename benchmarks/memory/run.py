"""How much memory data takes while a project is trained and converted: `python benchmarks/memory/run.py [--source …]`.

Each source is deployed to this machine twice, with all examples and with a few, in a process of its own with a fresh cache. What
the larger run's peak (ru_maxrss, mapped pages included) has above the smaller one's is the data's. Writes results.md and
results.json beside itself; 1 when a source takes more than the bar.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
BAR = 1.2  # times the data's own bytes
FEW = 200
SHAPE = (96, 96, 3)
CLASSES = 4
PROJECT = """\
[model]
source = "model.py:build"
[data]
source = "{source}"
[[recipe]]
step = "train"
epochs = 1
[[recipe]]
step = "quantize"
aware = false
"""
MODEL = """\
import tf_keras as keras
from tf_keras import layers as L

def build(data):
    return keras.Sequential([
        L.Input(data.input_shape), L.Rescaling(1 / 255), L.Conv2D(8, 3, strides=4, activation="relu"),
        L.GlobalAveragePooling2D(), L.Dense(data.classes, activation="softmax"),
    ])
"""
# What a data.py returns; `examples` makes `count` of them from number `start` on.
LOADERS = {
    "function": 'return {"train": examples(0, COUNT)}',
    "generator": 'return {"train": (examples(at, min(50, COUNT - at)) for at in range(0, COUNT, 50))}',
}
EXAMPLES = """
def examples(start, count):
    rng = np.random.default_rng(start)
    labels = np.arange(start, start + count) % 4
    x = np.empty((count, 96, 96, 3), np.uint8)
    for row, label in zip(x, labels):
        row[:] = rng.integers(0, 64 * (label + 1), row.shape, np.uint8)
    return x, labels
"""


def main() -> int:
    """Measure every source asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--source", action="append", choices=("npz", "images", *LOADERS), help="only this one (repeatable)")
    parser.add_argument("--print", action="store_true", help="print instead of writing the files")
    asked = parser.parse_args()
    results = [measure(source, asked.examples) for source in asked.source or ("npz", "images", *LOADERS)]
    text = table(results)
    print(text)
    if not asked.print:
        (HERE / "results.md").write_text(text)
        (HERE / "results.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    return 1 if any(result["ratio"] > BAR for result in results) else 0


def measure(source: str, examples: int) -> dict[str, Any]:
    """The peaks of a run with `examples` examples and of one with a few; bytes."""
    peaks, seconds = {}, 0.0
    for count in (FEW, examples):
        with tempfile.TemporaryDirectory(prefix="edgepack-memory-") as name:
            folder = Path(name)
            write_project(folder, source, count)
            start = time.monotonic()
            peaks[count] = peak_of(folder)
            seconds = time.monotonic() - start
    size = examples * int(np.prod(SHAPE))
    ratio = (peaks[examples] - peaks[FEW]) / (size - FEW * int(np.prod(SHAPE)))
    row = {"source": source, "examples": examples, "data": size, "peak": peaks[examples], "few": peaks[FEW]}
    return {**row, "ratio": round(ratio, 3), "seconds": round(seconds)}


def write_project(folder: Path, source: str, count: int) -> None:
    """A project whose data are `count` noisy images of four brightnesses."""
    setting = {"npz": "data.npz", "images": "images"}.get(source, "data.py:load")
    (folder / "edgepack.toml").write_text(PROJECT.format(source=setting))
    (folder / "model.py").write_text(MODEL)
    scope: dict[str, Any] = {"np": np}
    exec(EXAMPLES, scope)
    if source == "npz":
        x, y = scope["examples"](0, count)
        np.savez(folder / "data.npz", x=x, y=y)
    elif source == "images":
        from PIL import Image

        x, y = scope["examples"](0, count)
        for number, (image, label) in enumerate(zip(x, y, strict=True)):
            (folder / f"images/{label}").mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"images/{label}/{number}.png", compress_level=1)
    else:
        body = LOADERS[source].replace("COUNT", str(count))
        (folder / "data.py").write_text(f"import numpy as np\n{EXAMPLES}\n\ndef load(path):\n    {body}\n")


def peak_of(folder: Path) -> int:
    """The most memory that `edgepack deploy` of the project had, bytes."""
    command = [sys.executable, "-m", "edgepack", "deploy", str(folder), "--target", "host"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if not list((folder / "build").glob("*/report.json")):
        raise SystemExit((folder / "log").read_text()[-3000:])
    return usage.ru_maxrss * 1024


def table(results: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    mib = 1 / (1 << 20)
    size = "x".join(map(str, SHAPE))
    rows = [
        f"| {row['source']} | {row['examples']:,} | {row['data'] * mib:.0f} | {row['few'] * mib:.0f} | {row['peak'] * mib:.0f} "
        f"| {row['ratio']:.2f} | {row['seconds']} |"
        for row in results
    ]
    return "\n".join(
        [
            "# Memory that data takes",
            "",
            f"`python benchmarks/memory/run.py`: images of {size} bytes, trained for one epoch, converted and judged on this",
            "machine, in a process of its own. The ratio is what its peak has above that of a run with",
            f"{FEW} examples, divided by the bytes of the data (bar: {BAR}). Mapped pages count.",
            "",
            f"| source | examples | data, MiB | peak with {FEW}, MiB | peak, MiB | ratio | s |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
