"""Random networks, compiled and compared with the reference byte for byte.

python -m tests.compile.differential --count 2000              # seeds 0..1999, on every CPU's kernels
python -m tests.compile.differential --seed 1234 --keep DIR    # one failure again, its model and C files kept
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from edgepack.compile import compile_model, write_code
from edgepack.flatbuffer import read_model
from tests.compile.harness import Case, mismatches
from tests.compile.networks import random_network

BATCH = 50
CPUS = ("generic", "cortex-m0plus", "cortex-m4")


def check(seeds: range, cpus: tuple[str, ...] = CPUS, flags: tuple[str, ...] = ("-O1",)) -> list[str]:
    """Every mismatch among the networks of these seeds."""
    cases = [Case(f"seed {seed}", random_network(seed)) for seed in seeds]
    return mismatches(cases, *cpus, flags=flags, seed=seeds.start)


def check_all(first: int, count: int, workers: int, cpus: tuple[str, ...] = CPUS) -> list[str]:
    """The same in several processes, printing progress to stderr."""
    batches = [range(start, min(start + BATCH, first + count)) for start in range(first, first + count, BATCH)]
    wrong: list[str] = []
    with ProcessPoolExecutor(workers) as pool:
        for done, lines in enumerate(pool.map(check, batches, [cpus] * len(batches)), 1):
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
    parser.add_argument("--keep", type=Path, help="with --seed: write model.tflite and a folder of C for each CPU here")
    options = parser.parse_args()
    cpus = tuple(options.cpu or CPUS)
    if options.seed is None:
        wrong = check_all(options.first, options.count, options.workers, cpus)
    else:
        wrong = check(range(options.seed, options.seed + 1), cpus)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / "model.tflite").write_bytes(random_network(options.seed))
            for cpu in cpus:
                write_code(compile_model(read_model(options.keep / "model.tflite"), "net", cpu), options.keep / cpu)
    print("\n".join(wrong) or "every network equals the reference")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
