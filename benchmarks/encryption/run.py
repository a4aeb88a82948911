"""What encrypted weights cost: `python benchmarks/encryption/run.py MODEL.tflite … [--core cortex-m4]`.

Each model is compiled to C as it is and with its constants encrypted, without codes and with those that are worth it. The
emulated core runs two examples of random inputs, and counts the first. The callback is AES in portable C: its instructions stand
apart, because a chip has hardware for it, and its bytes are in no figure. Writes results.md beside itself; 1 when outputs differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.command import run_command  # noqa: E402
from edgepack.compile import CCode, compile_model  # noqa: E402
from edgepack.flatbuffer import Model, read_model  # noqa: E402
from edgepack.ground.scratch import scratch_folder  # noqa: E402
from edgepack.mcu.host import build_host, run_host  # noqa: E402
from edgepack.mcu.toolchain.decrypting import OWN, decrypting  # noqa: E402
from edgepack.mcu.toolchain.program import ports_of  # noqa: E402
from edgepack.measure.mcu.emulated import bench_mcu  # noqa: E402

Arrays = tuple[npt.NDArray[np.generic], ...]
KEY = bytes(range(16))
EXAMPLES = 2
HEAD = """| model | coding | flash | encrypted | arena | instructions | the callback's own | outputs |
|---|---|---|---|---|---|---|---|
"""


def main() -> int:
    """Measure the models and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--core", default="cortex-m4")
    asked = parser.parse_args()
    rows, differing = [], 0
    for file in asked.models:
        model = read_model(file)
        for coding in ("off", "auto"):
            line, wrong = _row(file.stem, model, asked.core, coding)
            rows.append(line)
            differing += wrong
    method = f"Bytes and instructions on the emulated {asked.core}, optimised for balanced; before the arrow without encryption."
    command = f"`python benchmarks/encryption/run.py {' '.join(file.name for file in asked.models)}`"
    (HERE / "results.md").write_text(f"# What encrypted weights cost\n\n{method}\n{command}\n\n{HEAD}{''.join(rows)}")
    print("".join(rows), end="")
    return 1 if differing else 0


def _row(name: str, model: Model, core: str, coding: str) -> tuple[str, int]:
    """A line of the table, and how many outputs differ."""
    plain = compile_model(model, "net", core, coding=coding)
    hidden = compile_model(model, "net", core, coding=coding, key=KEY)
    inputs = _inputs(plain)
    expected = _outputs(plain, inputs)
    before = bench_mcu(plain.files, "net", core, inputs, expected)
    after = bench_mcu({**hidden.files, **decrypting("net", KEY)}, "net", core, inputs, expected)
    wrong = before.parity.differing + after.parity.differing
    own = sum(count for function, count in after.per_function.items() if function.startswith(OWN))
    figures = [
        f"{before.flash_bytes:,} → {after.flash_bytes:,}",
        f"{hidden.encrypted:,}",
        f"{before.arena_bytes:,} → {after.arena_bytes:,}",
        f"{before.instructions:,} → {after.instructions - own:,} ({(after.instructions - own) / before.instructions - 1:+.1%})",
        f"{own:,}",
        "differ" if wrong else "the same",
    ]
    return f"| {name} | {coding} | {' | '.join(figures)} |\n", wrong


def _inputs(code: CCode) -> Arrays:
    rng = np.random.default_rng(0)
    values = [code.graph.values[value] for value in code.graph.inputs]
    return tuple(rng.integers(-128, 128, (EXAMPLES, *value.shape[1:])).astype(value.dtype) for value in values)


def _outputs(code: CCode, inputs: Arrays) -> Arrays:
    """What the C without encryption gives on this machine."""
    values = [code.graph.values[value] for value in code.graph.outputs]
    shapes = [(len(inputs[0]), *value.shape[1:]) for value in values]
    ports = ports_of([np.zeros(shape, value.dtype) for shape, value in zip(shapes, values, strict=True)])
    with scratch_folder("edgepack-encryption-") as work:
        found = run_host(build_host(code.files, "net", ports_of(inputs), ports, Path(work)), inputs)
    return tuple(array.reshape(shape) for array, shape in zip(found, shapes, strict=True))


if __name__ == "__main__":
    run_command(main)
