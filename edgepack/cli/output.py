"""How commands print: JSON on standard output, and the programs that are run when asked for."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

_LONGEST = 400  # characters shown of a command: its beginning, and its end, where an ssh command says what is run


def print_json(value: Any) -> None:
    """Dataclasses, or anything JSON-able, as indented JSON on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def setup_verbose(verbose: bool) -> None:
    """With `verbose`, show on standard error every program that edgepack runs, whichever room starts it."""
    if verbose:
        sys.addaudithook(_show_program)


def _show_program(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen":
        _, words, *_ = arguments
        command = words if isinstance(words, str) else shlex.join(os.fsdecode(word) for word in words)
        command = " ".join(command.split())
        if len(command) > _LONGEST:
            command = f"{command[: _LONGEST // 4]} ... {command[-3 * _LONGEST // 4 :]}"
        print(f"  $ {command}", file=sys.stderr, flush=True)
