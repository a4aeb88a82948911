"""Where to cut half of the multiply-accumulates: `python benchmarks/compression/cuts.py --data cifar10.npz`.

Removes channels of ResNet-8 in several ways with the settings of recipes/structured50.toml, trains each for a few epochs,
quantizes without training, and writes cuts.md beside itself: the accuracy of each int8 .tflite on the whole test set.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.bars import MODELS, SHARED, build_bar, read_bars  # noqa: E402
from benchmarks.command import run_command  # noqa: E402

_SHARES = "recipe.structured.per_layer"
# What each changes in the recipe, whose own cut is the last.
CUTS = {
    "everywhere, the same share": (f"{_SHARES}=none", 'recipe.structured.layers=["*"]'),
    "inside the blocks, the same share": (f"{_SHARES}=none",),
    "inside the blocks, least effect for a multiply-accumulate": (f"{_SHARES}=none", "recipe.structured.scope=global"),
    "inside the blocks, most of the first": (f"{_SHARES}.conv2d_3=0.3",),
    "inside the blocks, most of the first, then of the second": (),
}
WITHOUT_TRAINING = (
    "recipe.quantize.aware=false",
    *(f"recipe.quantize.{option}=none" for option in ("epochs", "patience", "batch_size", "learning_rate", "augment")),
)
_HEAD = """# Where to cut, measured

Written by `python benchmarks/compression/cuts.py`. Half of the multiply-accumulates of ResNet-8 removed in several ways, then
{epochs} epochs on {examples:,} images with the other settings of
[its recipe](../../sample_models/image_classification/recipes/structured50.toml), and quantization without training;
accuracy is of the int8 .tflite, run by LiteRT on {tests:,} test images.

| cut | channels | MACs | parameters | accuracy |
|---|---|---|---|---|
"""


def main() -> None:
    """Measure every cut and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED / "data", help="CIFAR-10")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder with pretrainedResnet.h5 of MLPerf Tiny")
    parser.add_argument("--epochs", type=int, default=4, help="after the cut (4)")
    asked = parser.parse_args()
    bar = read_bars(HERE)["structured50"]
    epochs = f"recipe.structured.epochs={asked.epochs}"
    lines = []
    for name, changes in CUTS.items():
        built = build_bar(bar, asked.data, asked.models, (epochs, *WITHOUT_TRAINING, *changes))
        assert built.data is not None and built.metric is not None
        examples, tests = len(built.data.train), len(built.data.test)
        note = next(note for note in built.steps[1].notes if note.startswith("channels removed: "))
        channels = note.removeprefix("channels removed: ").partition(" (")[0]
        done = built.steps[-1]
        lines.append(f"| {name} | {channels} | {done.macs:,} | {done.parameters:,} | {built.metric * 100:.2f} % |\n")
        print(lines[-1], end="", file=sys.stderr)
    (HERE / "cuts.md").write_text(_HEAD.format(epochs=asked.epochs, examples=examples, tests=tests) + "".join(lines))


if __name__ == "__main__":
    run_command(main)
