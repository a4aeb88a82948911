"""Random networks, compiled and compared with the reference byte for byte.

python -m tests.compile.differential --count 2000              # seeds 0..1999, every fifth also as uint8, on every CPU's kernels
python -m tests.compile.differential --seed 1234 --keep DIR    # one failure again, its model and C files kept
python -m tests.compile.differential --coding smallest         # with structured weights, stored coded
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from edgepack.compile import compile_model, write_code
from edgepack.flatbuffer import read_model
from tests.compile.harness import Case, mismatches
from tests.compile.networks import random_network, random_uint8_network
from tests.compile.structured import structured

BATCH = 50
UINT8_EVERY = 5
"""Of so many networks one is also built as TensorFlow 1 would have it."""
CPUS = ("generic", "cortex-m0plus", "cortex-m4")


def networks(seed: int, coding: str) -> list[Case]:
    """What is checked of a seed; where weights are coded, they have structure."""
    if coding != "off":
        return [Case(f"seed {seed}", structured(random_network(seed), seed))]
    cases = [Case(f"seed {seed}", random_network(seed))]
    if seed % UINT8_EVERY == 0:
        cases.append(Case(f"seed {seed} (uint8)", random_uint8_network(seed)))
    return cases


def check(seeds: range, cpus: tuple[str, ...] = CPUS, flags: tuple[str, ...] = ("-O1",), coding: str = "off") -> list[str]:
    """Every mismatch among the networks of these seeds."""
    cases = [case for seed in seeds for case in networks(seed, coding)]
    return mismatches(cases, *cpus, flags=flags, seed=seeds.start, coding=coding)


def check_all(first: int, count: int, workers: int, cpus: tuple[str, ...] = CPUS, coding: str = "off") -> list[str]:
    """The same in several processes, printing progress to stderr."""
    batches = [range(start, min(start + BATCH, first + count)) for start in range(first, first + count, BATCH)]
    wrong: list[str] = []
    with ProcessPoolExecutor(workers) as pool:
        for done, lines in enumerate(pool.map(partial(check, cpus=cpus, coding=coding), batches), 1):
            wrong += lines
            print(f"\r{done * BATCH} networks, {len(wrong)} mismatches", end="", file=sys.stderr)
    print(file=sys.stderr)
    return wrong


def main() -> int:
    """Run from the command line; the exit status is 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="check one network")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cpu", action="append", help="only this CPU's kernels; may be repeated")
    parser.add_argument("--keep", type=Path, help="with --seed: write each model.tflite and a folder of C for each CPU here")
    parser.add_argument("--coding", default="off", help="store weights coded, as compile_model's `coding` says")
    options = parser.parse_args()
    cpus = tuple(options.cpu or CPUS)
    if options.seed is None:
        wrong = check_all(options.first, options.count, options.workers, cpus, options.coding)
    else:
        wrong = check(range(options.seed, options.seed + 1), cpus, coding=options.coding)
        if options.keep:
            for case in networks(options.seed, options.coding):
                folder = options.keep / ("uint8" if "uint8" in case.label else "int8")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "model.tflite").write_bytes(case.model)
                for cpu in cpus:
                    write_code(
                        compile_model(read_model(folder / "model.tflite"), "net", cpu, coding=options.coding), folder / cpu
                    )
    print("\n".join(wrong) or "every network equals the reference")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
