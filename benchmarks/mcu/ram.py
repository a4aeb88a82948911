"""RAM of published architectures beside STMicroelectronics' figures: `python benchmarks/mcu/ram.py` (needs TensorFlow once).

The weights are random: no buffer depends on them. Figures count the arena, the inputs and the outputs, as buffers of their own
and with inputs that may be overwritten. Nothing is run.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.mcu import architectures, build_models  # noqa: E402
from edgepack.compile import CCode, compile_model  # noqa: E402
from edgepack.flatbuffer import read_model  # noqa: E402


def main() -> int:
    """Print the table; 1 when a figure with an overwritten input is above the published one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", type=Path, default=HERE / ".models", help="folder for the models that are built")
    parser.add_argument("--core", default="cortex-m7")
    parser.add_argument("--optimize", default="balanced", choices=("speed", "balanced", "size"))
    asked = parser.parse_args()
    print("| model | published, KiB | edgepack | input may be overwritten |\n|---|---|---|---|")
    behind = 0
    for name, (builder, arguments, published) in architectures.PUBLISHED.items():
        file = asked.built / f"{name}.tflite"
        if not file.exists():
            build_models.build_as(partial(builder, *arguments), file)
        model = read_model(file)
        apart, over = (compile_model(model, "net", asked.core, asked.optimize, overlay_input=each) for each in (False, True))
        figures = [all_memory(code, overlay) / 1024 for code, overlay in ((apart, False), (over, True))]
        print(f"| {name} | {published} | {figures[0]:.1f} | {figures[1]:.1f} |")
        behind += figures[1] > published
    return 1 if behind else 0


def all_memory(code: CCode, overlay: bool) -> int:
    """Bytes of the arena, the outputs, and the inputs that lie elsewhere."""
    buffers = code.graph.outputs if overlay else (*code.graph.inputs, *code.graph.outputs)
    return code.arena_size + sum(code.graph.values[value].bytes for value in buffers)


if __name__ == "__main__":
    sys.exit(main())
