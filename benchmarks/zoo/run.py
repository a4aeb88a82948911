"""What becomes of a folder of .tflite files: `python benchmarks/zoo/run.py FOLDER … [--target cortex-m7]`.

Each file below the folders is inspected, compiled to C, run on the target's emulated core beside the reference kernels, and
counted, in a process of its own with a limit of time. A table is printed, and written with results.json beside this file
(elsewhere with --results). The exit status is 1 when an output differs from the reference in any bit, or edgepack fails without
an error of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.command import run_command  # noqa: E402
from benchmarks.zoo import table  # noqa: E402
from edgepack.ground.errors import ProjectError  # noqa: E402
from edgepack.ground.progress import choose_progress  # noqa: E402
from edgepack.workers.worker import WorkerFailure, run_worker  # noqa: E402

BAD = ("other bits", "finding")


def main() -> int:
    """Try every file and write what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folders, or single files")
    parser.add_argument("--target", default="cortex-m7", help="a microcontroller target (default: cortex-m7)")
    parser.add_argument("--seconds", type=float, default=300.0, help="limit for one file (default: 300)")
    parser.add_argument("--results", type=Path, default=HERE / "results.json", help="where results go, with the page beside it")
    asked = parser.parse_args()
    files = find(asked.folders)
    rows = []
    with choose_progress(False).stage("Trying", f"{len(files)} files on {asked.target}") as task:
        for number, (name, file) in enumerate(files):
            task.update(number, len(files), name)
            rows.append({"file": name} | trial(file, asked.target, asked.seconds))
    page = table.render(asked.target, rows)
    asked.results.write_text(json.dumps({"target": asked.target, "files": rows}, indent=1, sort_keys=True) + "\n")
    asked.results.with_suffix(".md").write_text(page)
    print(page)
    return 1 if any(row["outcome"] in BAD for row in rows) else 0


def find(folders: list[Path]) -> list[tuple[str, Path]]:
    """Each .tflite with the name it is shown by: its path from the folder's parent; the same content is tried once.

    Raises:
        ProjectError: EP-166 when there is none.
    """
    found: dict[bytes, tuple[str, Path]] = {}
    for folder in folders:
        files = [folder] if folder.is_file() else sorted(folder.rglob("*.tflite"))
        for file in files:
            found.setdefault(file.read_bytes(), (str(file.relative_to(folder.parent)), file))
    if not found:
        raise ProjectError("EP-166", f"there is no .tflite in {', '.join(map(str, folders))}", "check the path")
    return list(found.values())


def trial(file: Path, target: str, seconds: float) -> dict[str, Any]:
    """What became of one file; a worker that dies or does not end is a finding, too."""
    try:
        return run_worker(HERE / "trial.py", {"model": str(file.resolve()), "target": target}, seconds)
    except WorkerFailure as failure:
        return {"outcome": "finding", "why": f"{failure.kind}: {failure}"}


if __name__ == "__main__":
    run_command(main)
