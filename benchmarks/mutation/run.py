"""Change the code in small ways and see whether the tests notice: `python benchmarks/mutation/run.py --room compile --count 50`.

A seeded sample of a room's mutants (mutants.py), each alone in a temporary copy of the package, with the tests that tests.toml
names for its file, stopped at the first failure. Writes results.json and results.md beside itself after each mutant; rooms that
were not run stay. `--again` runs those that survived or took too long once more, after tests have been added.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.mutation import table  # noqa: E402
from benchmarks.mutation.mutants import Mutant, mutants_of  # noqa: E402
from benchmarks.mutation.selection import Selection  # noqa: E402
from benchmarks.mutation.trial import QUICK, TENSORFLOW, Outcome, copy_tree, load, run_tests  # noqa: E402

ROOMS = ("compile", "flatbuffer", "judge", "compress")
RESULTS = HERE / "results.json"
SLOWER = 4  # a mutant may take this many times as long as the same tests without it, and
GRACE = 20  # seconds more


def main() -> int:
    """Run the asked mutants and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--room", choices=ROOMS, required=True)
    parser.add_argument("--count", type=int, default=50, help="mutants in the sample (default 50)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="", help="only files whose path begins so, below the room")
    parser.add_argument("--again", action="store_true", help="only the last sample's mutants that were not killed")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    asked = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if asked.again:
        sample = [_stored(row) for row in results[asked.room]["mutants"] if row["outcome"] != "killed"]
    else:
        every = room_mutants(asked.room, asked.file)
        sample = draw(every, asked.count, random.Random(asked.seed))
        results[asked.room] = {"seed": asked.seed, "possible": len(every), "mutants": []}
    sample.sort(key=lambda mutant: (mutant.file, mutant.start))
    if asked.list:
        print("\n".join(f"{mutant.file}:{mutant.line}: {mutant.change}" for mutant in sample))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the running tests end and the copy goes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("EDGEPACK_SHARED", str(ROOT.parent / "shared"))
    load((*QUICK, *TENSORFLOW) if asked.room == "compress" else QUICK)
    with tempfile.TemporaryDirectory(prefix="edgepack-mutation-") as name:
        copy = Path(name)
        copy_tree(ROOT, copy)
        _run(asked.room, sample, copy, results)
    return 0


def room_mutants(room: str, below: str = "") -> list[Mutant]:
    """Every mutant of a room's files."""
    folder = ROOT / "edgepack" / room
    files = [file for file in sorted(folder.rglob("*.py")) if str(file.relative_to(folder)).startswith(below)]
    return [mutant for file in files for mutant in mutants_of(file.read_text(), str(file.relative_to(ROOT)))]


def draw(mutants: Sequence[Mutant], count: int, chosen: random.Random) -> list[Mutant]:
    """One mutant each of `count` places, or of all: a place that can change in two ways is no likelier than others."""
    places: dict[tuple[str, int, int], list[Mutant]] = {}
    for mutant in mutants:
        places.setdefault((mutant.file, mutant.start, mutant.end), []).append(mutant)
    drawn = chosen.sample(sorted(places), min(count, len(places)))
    return [chosen.choice(places[place]) for place in drawn]


def _run(room: str, sample: Sequence[Mutant], copy: Path, results: dict[str, Any]) -> None:
    """Try each, and write the results as they come."""
    selection = Selection(HERE / "tests.toml", room)
    rows = {_key(row): row for row in results[room]["mutants"]}
    usual: dict[tuple[str, ...], float] = {}
    for number, mutant in enumerate(sample, 1):
        tests = selection.tests(mutant.file)
        if tests not in usual:
            usual[tests] = _without_mutant(copy, tests)
        outcome = _try(mutant, copy, tests, SLOWER * usual[tests] + GRACE)
        row = _row(mutant, outcome)
        rows[_key(row)] = row
        results[room]["mutants"] = sorted(rows.values(), key=lambda row: (row["file"], row["start"], row["after"]))
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        (HERE / "results.md").write_text(table.render(results))
        place = f"{mutant.file}:{mutant.line}"
        print(f"{number}/{len(sample)} {outcome.word:8} {outcome.seconds:5.1f} s  {place}: {mutant.change}", flush=True)


def _without_mutant(copy: Path, tests: tuple[str, ...]) -> float:
    """Seconds that the tests take on the code as it is, where they must pass."""
    outcome = run_tests(copy, tests, 1800)
    if outcome.status != 0:
        sys.exit(f"{' '.join(tests)} do not pass on the code as it is:\n{outcome.output[-3000:]}")
    return outcome.seconds


def _try(mutant: Mutant, copy: Path, tests: tuple[str, ...], limit: float) -> Outcome:
    file = copy / mutant.file
    source = file.read_text()
    try:
        file.write_text(mutant.apply(source))
        return run_tests(copy, tests, limit)
    finally:
        file.write_text(source)


def _row(mutant: Mutant, outcome: Outcome) -> dict[str, Any]:
    return {**vars(mutant), "outcome": outcome.word, "seconds": round(outcome.seconds, 1), "by": outcome.failed}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["file"], row["start"], row["end"], row["after"]


def _stored(row: dict[str, Any]) -> Mutant:
    """The mutant of a row. Raises ValueError if its file is no longer what it was."""
    mutant = Mutant(**{name: row[name] for name in Mutant.__dataclass_fields__})
    mutant.apply((ROOT / mutant.file).read_text())
    return mutant


if __name__ == "__main__":
    sys.exit(main())
