"""Measure the bars of coded models: `python benchmarks/coding/run.py [NAME …] [--data cifar10=FILE …] [--model NAME=FILE …]`.

Each bar of bars.toml runs a sample's recipe through the pipeline and compiles the int8 .tflite to C with its weights in codes.
What is judged is that C: its outputs for every test example, its flash as linked for a Cortex-M4, and its instructions on the
emulated core, beside the same model with coding off and beside the float model quantized without any training. `--model`
measures a .tflite in place of what the recipe would give. Writes results.json and results.md beside itself; rows of bars that
were not run stay.

`pip install constriction` adds what an established entropy coder takes for the same values.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.bars import arguments, named_paths, read_bars, run_bars  # noqa: E402
from benchmarks.coding import table  # noqa: E402
from benchmarks.coding.measure import measure  # noqa: E402
from benchmarks.command import run_command  # noqa: E402


def main() -> int:
    """Measure the asked bars and write the results; 1 when one of them was missed."""
    bars = read_bars(HERE)
    parser = arguments(__doc__, bars)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE", help="a .tflite for a bar, for a trial")
    given = named_paths(parser.parse_known_args()[0].model)
    parser.set_defaults(names=list(given))  # not those that nobody gave a file for: they would be trained
    for name, file in given.items():
        if name not in bars or "recipe" not in bars[name] or not file.is_file():
            parser.error(f"--model {name}={file}: " + (f"there is no file {file}" if name in bars else f"no bar {name!r}"))
    return run_bars(HERE, parser, measure, table.line, table.render)


if __name__ == "__main__":
    run_command(main)
