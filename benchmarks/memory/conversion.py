"""How much memory a conversion takes: `python benchmarks/memory/conversion.py [--model MobileNetV2] [--examples 16]`.

Each of these runs in a process of its own, which tells its peak (VmHWM) at the end: a script that does nothing but call
TFLiteConverter, with as many examples to calibrate with, which also tells it when the model is opened and TensorFlow imported;
edgepack's stage, which converts several times and writes the float file too; and `edgepack deploy --target host` whose recipe
only quantizes. Writes conversion.md and conversion.json beside itself; 1 when the stage or deployment takes more than the bar.
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

HERE = Path(__file__).resolve().parent
BAR = 1.2  # times what the bare converter takes: in all, and beyond the opened model
SIDES = ("bare", "stage", "deploy")
_PROJECT = """\
[model]
source = "model.h5"
[data]
source = "data.npz"
[[recipe]]
step = "quantize"
aware = false
"""
# Models that take more than TensorFlow's own memory and are converted within seconds: 12 million weights in equal dense layers,
# 26 million in one of two, 13 million in a table, 13 million in recurrent kernels.
_MAKE = """\
import sys
import numpy as np
import tf_keras
from tf_keras import layers as L
name, folder, examples = sys.argv[1], sys.argv[2], int(sys.argv[3])
tf_keras.utils.set_random_seed(0)
made = {
    "dense": lambda: [L.Input((64,)), *(L.Dense(2000, activation="relu") for _ in range(4))],
    "wide": lambda: [L.Input((64,)), *(L.Dense(5100, activation="relu") for _ in range(2))],
    "embedding": lambda: [L.Input((32,), dtype="int32"), L.Embedding(100_000, 128), L.Flatten(), L.Dense(64, activation="relu")],
    "lstm": lambda: [L.Input((8, 64)), L.LSTM(1024, return_sequences=True, unroll=True), L.LSTM(1024, unroll=True)],
}
if name in made:
    model = tf_keras.Sequential([*made[name](), L.Dense(10, activation="softmax")])
else:
    model = getattr(tf_keras.applications, name)(weights=None)
model.save(f"{folder}/model.h5", include_optimizer=False)
x = np.random.default_rng(0).integers(0, 256, (examples, *model.input_shape[1:]), np.uint8)
y = np.arange(examples) % 10
np.savez(f"{folder}/data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
"""
# The last argument is when the process was started.
_PEAK = """
import time
from pathlib import Path
print("peak", Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0], time.monotonic() - float(sys.argv[-1]))
"""
_OPENED = """\
import sys
import numpy as np
import tensorflow as tf
import tf_keras
model = tf_keras.models.load_model(f"{sys.argv[1]}/model.h5", compile=False)
"""
_BARE = (
    _OPENED
    + _PEAK
    + """
images = np.load(f"{sys.argv[1]}/data.npz")["x_train"]
converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
kind = model.inputs[0].dtype.as_numpy_dtype
converter.representative_dataset = lambda: ([images[row : row + 1].astype(kind)] for row in range(len(images)))
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
content = converter.convert()
"""
)
# Run twice: what stands before the conversion is computed by the first, and comes from the cache in the second.
_STAGE = """\
import sys
from edgepack.api.inputs import as_request
from edgepack.compress import compress
from edgepack.convert import convert
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.build import load_inputs
from edgepack.pipeline.request import prepare
plan, progress = prepare(as_request(sys.argv[1], target="host")), SilentProgress()
source, data = load_inputs(plan, progress)
done = compress(source, data, plan.recipe, plan.metric, plan.cache, progress)
if sys.argv[2] == "convert":
    convert(done, data, plan.cache, progress)
"""
_DEPLOY = """\
import sys
import edgepack
edgepack.deploy(sys.argv[1], target="host", cache=False, quiet=True)
"""


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", default="ResNet50", help="a name in keras.applications, or dense, wide, embedding, lstm (ResNet50)"
    )
    parser.add_argument("--examples", type=int, default=16, help="to calibrate and to test with (16)")
    parser.add_argument("--print", action="store_true", help="print instead of writing the files")
    asked = parser.parse_args()
    measured = {"model": asked.model, "examples": asked.examples, **measure(asked.model, asked.examples)}
    text = table(measured)
    print(text)
    if not asked.print:
        (HERE / "conversion.md").write_text(text)
        (HERE / "conversion.json").write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    return 1 if max(value for ratios in shares(measured).values() for value in ratios) > BAR else 0


def measure(model: str, examples: int, sides: tuple[str, ...] = SIDES) -> dict[str, Any]:
    """The peak of each side in bytes, and its seconds; with "bare" also of the model opened, on the way."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="edgepack-memory-") as folder:
        (Path(folder) / "edgepack.toml").write_text(_PROJECT)
        run(_MAKE, model, folder, str(examples))
        programs = {"bare": _BARE, "stage": _STAGE, "deploy": _DEPLOY}
        for side in sides:
            if side == "stage":
                run(_STAGE, folder, "compress")
            said = run(programs[side] + _PEAK, folder, "convert")
            found |= zip(("opened", "bare") if side == "bare" else (side,), said, strict=True)
    return found


def run(program: str, *arguments: str) -> list[dict[str, int]]:
    """Run a Python program; the peaks in bytes that it says, and its seconds until then."""
    quiet = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    environment = {**os.environ, **quiet, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, str(time.monotonic())],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    said = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("peak ")]
    return [{"peak": int(peak) * 1024, "seconds": round(float(seconds))} for peak, seconds in said]


def shares(measured: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """For edgepack's sides, their peak as a share of the bare converter's: in all, and beyond the opened model."""
    opened, bare = measured["opened"]["peak"], measured["bare"]["peak"]
    return {
        side: (measured[side]["peak"] / bare, (measured[side]["peak"] - opened) / (bare - opened))
        for side in ("stage", "deploy")
        if side in measured
    }


_NAMES = {
    "opened": "TensorFlow imported, the model opened",
    "bare": "TFLiteConverter, once",
    "stage": "edgepack's conversion",
    "deploy": "`edgepack deploy --target host`",
}


def table(measured: dict[str, Any]) -> str:
    """The results as Markdown."""
    ratios = shares(measured)
    rows = [
        f"| {_NAMES[side]} | {measured[side]['peak'] / (1 << 20):.0f} | "
        + (f"{ratios[side][0]:.2f} | {ratios[side][1]:.2f}" if side in ratios else " | ")
        + f" | {measured[side]['seconds']} |"
        for side in _NAMES
    ]
    return "\n".join(
        [
            "# Memory that a conversion takes",
            "",
            f"`python benchmarks/memory/conversion.py --model {measured['model']} --examples {measured['examples']}`: one int8",
            "conversion by TFLiteConverter alone, beside edgepack, which converts several times and writes the float file too.",
            f"Peaks are VmHWM; the ratios are to the bare converter's peak (bar: {BAR}).",
            "",
            "| what | peak, MiB | ratio | beyond the opened model | s |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
