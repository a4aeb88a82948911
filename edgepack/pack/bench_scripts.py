"""`scripts/` of a pack: push, verify, golden vectors and benchmark in plain shell, for a bench without edgepack."""

from __future__ import annotations

from pathlib import Path

from edgepack.kinds import DeviceKind
from edgepack.runners import RUNNER_FILES

_FOLDER = Path(__file__).parent / "scripts"


def bench_scripts(kind: DeviceKind, program: Path | None = None) -> dict[str, bytes | str]:
    """The files for a device of `kind` by their path in the pack; none for a kind without a script.

    `program` is the model's own program for the machine that the kind's script runs it on, when there is one.
    """
    if kind.script is None:
        return {}
    run: dict[str, bytes | str] = {}
    if kind.script_machine is None:
        run = {f"scripts/runner/{file.name}": file.read_bytes() for file in RUNNER_FILES}
    elif program is not None:
        run = {"scripts/program/run": program.read_bytes()}
    return {f"scripts/{kind.script}": (_FOLDER / kind.script).read_bytes(), **run}
