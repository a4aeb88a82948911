"""Updates over the air of images in two slots, measured: `python benchmarks/ota/run.py [sizes|cost|cuts|emulated …]`

sizes: bytes of updates beside those of detools. cost: what the updater takes of Cortex-M4 and M0+. cuts: the power fails in
every change of flash. emulated: a sample of these on emulated cores. Writes results.json and results.md; a part that is not named
stays.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.command import run_command
from benchmarks.ota import cost, cuts, sizes
from benchmarks.ota.table import render

HERE = Path(__file__).resolve().parent
PARTS = ("sizes", "cost", "cuts", "emulated")


def save(results: dict[str, Any]) -> None:
    """Write the results and the page."""
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "results.md").write_text(render(results))


def main() -> int:
    """Measure the parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all")
    parser.add_argument(
        "--pair", nargs=3, action="append", metavar=("NAME", "OLD", "NEW"), help="two files for sizes; repeatable"
    )
    parser.add_argument("--step", type=int, default=1, help="cuts: every so many changes only")
    parser.add_argument("--flash", type=int, action="append", help="cuts: only this kind of flash, by its number; repeatable")
    parser.add_argument("--count", type=int, default=30, help="emulated: tries a core")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    file = HERE / "results.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    for part in options.parts or PARTS:
        if part == "sizes":
            results[part] = sizes.sizes(options.pair or [])
        elif part == "cost":
            results[part] = cost.costs(cuts.small())
        elif part == "cuts":
            for row in cuts.cuts(options.step, options.flash or ()):
                kept = [
                    other
                    for other in results.get(part, [])
                    if any(other[key] != row[key] for key in ("flash", "update", "twice"))
                ]
                results[part] = [*kept, row]
                print(row, flush=True)
                save(results)
        else:
            results[part] = [cuts.emulated(core, options.count) for core in cost.CORES]
        save(results)
    return 1 if any(row["wrong"] for part in ("cuts", "emulated") for row in results.get(part, [])) else 0


if __name__ == "__main__":
    run_command(main)
