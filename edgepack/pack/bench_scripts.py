"""`scripts/` of a pack: push, verify, golden vectors and benchmark in plain shell, for a bench without edgepack."""

from __future__ import annotations

from pathlib import Path

from edgepack.runners import RUNNER_FILES

_FOLDER = Path(__file__).parent / "scripts"


def bench_scripts(kind: str, program: Path | None = None) -> dict[str, bytes | str]:
    """The files for a device of `kind` by their path in the pack; none for a kind that is reached by neither ssh nor adb.

    `program` is the model's own program for Android, when there is one.
    """
    if kind == "ssh":
        runner = {f"scripts/runner/{file.name}": file.read_bytes() for file in RUNNER_FILES}
        return {"scripts/ssh.sh": (_FOLDER / "ssh.sh").read_bytes(), **runner}
    if kind == "adb":
        held = {} if program is None else {"scripts/program/run": program.read_bytes()}
        return {"scripts/adb.sh": (_FOLDER / "adb.sh").read_bytes(), **held}
    return {}
