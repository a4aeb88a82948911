"""Mutate small models and see that each file is read, inspected and compiled, or refused: nothing else may come out.

python benchmarks/fuzz/run.py --count 20000 --seed 1      # on more cores: --workers 4
python benchmarks/fuzz/run.py --sanitize 2000 --seed 1    # of those that compile, run the C under the sanitizers
python benchmarks/fuzz/run.py --show 1234 --seed 1        # one file again: what becomes of it; --write FILE keeps it

Files are numbered, and a number gives the same file each time. A run continues where the last of the same seed ended; --again
starts from the first. Findings lie in build/fuzz with their tracebacks, and results.json and results.md beside this file say what
was run. The exit status is 1 if there is a finding.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.fuzz import table  # noqa: E402
from benchmarks.fuzz.chunks import Chunk, run_chunks  # noqa: E402
from benchmarks.fuzz.mutants import Mutants  # noqa: E402
from benchmarks.fuzz.originals import originals  # noqa: E402
from benchmarks.fuzz.sanitize import sanitize  # noqa: E402
from benchmarks.fuzz.trial import bounded, outcome  # noqa: E402

RESULTS = HERE / "results.json"
KEPT = 5  # files of a kind of finding


def main() -> int:
    """Run what is asked and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=0, help="files of the seed, with those that were run before")
    parser.add_argument("--sanitize", type=int, default=0, metavar="COUNT", help="compiling files to run under the sanitizers")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="one file again")
    parser.add_argument("--write", type=Path, help="with --show: where to keep the file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="from the first file, not from where the last run ended")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results go, with the page beside it")
    parser.add_argument("--findings", type=Path, default=ROOT / "build" / "fuzz", help="where files and tracebacks go")
    asked = parser.parse_args()
    mutants = Mutants(originals(), asked.seed)
    if asked.show is not None:
        return _show(mutants, asked.show, asked.write)
    results = json.loads(asked.results.read_text()) if asked.results.exists() else {}
    wrong = False
    if asked.count:
        wrong |= _run(mutants, asked, results)
    if asked.sanitize:
        wrong |= _sanitize(mutants, asked, results)
    return 1 if wrong else 0


def _show(mutants: Mutants, number: int, where: Path | None) -> int:
    name, content = mutants.file(number)
    if where is not None:
        where.write_bytes(content)
    with bounded():
        found = outcome(content, number)
    print(f"{name}, {len(content)} bytes: {found.word} {found.kind}\n{found.text}")
    return 1 if found.kind else 0


def _run(mutants: Mutants, asked: argparse.Namespace, results: dict[str, Any]) -> bool:
    """Run the files up to the count; whether any was a finding."""
    runs = results.setdefault("runs", {})
    fresh: dict[str, Any] = {"files": 0, "seconds": 0.0, "outcomes": {}, "findings": {}}
    row = runs[str(asked.seed)] = fresh if asked.again else runs.get(str(asked.seed), fresh)
    start = time.monotonic()
    before = row["seconds"]
    for chunk in run_chunks(mutants, row["files"], asked.count, asked.workers):
        _add(row, chunk)
        row["seconds"] = round(before + time.monotonic() - start, 1)
        _keep(mutants, chunk, row, asked.findings)
        _write(results, asked.results)
        print(
            f"{row['files']} files, {row['files'] / row['seconds']:.0f} a second, {len(row['findings'])} kinds of findings",
            flush=True,
        )
    for kind, found in row["findings"].items():
        print(f"{found['count']} {kind}: files {found['numbers']}")
    return bool(row["findings"])


def _add(row: dict[str, Any], chunk: Chunk) -> None:
    row["files"] = chunk.stop
    for word, count in chunk.outcomes.items():
        row["outcomes"][word] = row["outcomes"].get(word, 0) + count


def _keep(mutants: Mutants, chunk: Chunk, row: dict[str, Any], folder: Path) -> None:
    """Note the findings, and keep the first files of each kind with their tracebacks."""
    for number, found in chunk.findings:
        entry = row["findings"].setdefault(found.kind, {"count": 0, "numbers": []})
        entry["count"] += 1
        if len(entry["numbers"]) >= KEPT:
            continue
        entry["numbers"].append(number)
        folder.mkdir(parents=True, exist_ok=True)
        name, content = mutants.file(number)
        (folder / f"seed{mutants.seed}-{number}.tflite").write_bytes(content)
        text = f"{found.kind}\nmutated from {name}: seed {mutants.seed}, file {number}\n\n{found.text}"
        (folder / f"seed{mutants.seed}-{number}.txt").write_text(text)


def _sanitize(mutants: Mutants, asked: argparse.Namespace, results: dict[str, Any]) -> bool:
    """Run the C of the first compiling files; whether the sanitizers reported anything."""
    start = time.monotonic()
    row = sanitize(mutants, asked.sanitize, asked.findings)
    row["seconds"] = round(time.monotonic() - start, 1)
    results.setdefault("sanitized", {})[str(asked.seed)] = row
    _write(results, asked.results)
    print(json.dumps(row, indent=1))
    return bool(row["reports"])


def _write(results: dict[str, Any], where: Path) -> None:
    where.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    where.with_suffix(".md").write_text(table.render(results))


if __name__ == "__main__":
    sys.exit(main())
