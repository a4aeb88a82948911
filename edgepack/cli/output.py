"""How commands print: JSON on standard output, and the programs that are run when asked for."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from edgepack.ground.escape import json_text, terminal, terminal_line
from edgepack.ground.plain import plain

if TYPE_CHECKING:
    from edgepack.pipeline.manage import Managed

T = TypeVar("T")

_MANY = 8  # files; more are not listed one by one
_LONGEST = 400  # characters shown of a command: its beginning, and its end, where an ssh command says what is run


def say(text: str, error: bool = False, lines: bool = False) -> None:
    """A line on standard output or standard error, or several when `lines`; a terminal obeys nothing in it."""
    print(terminal(text) if lines else terminal_line(text), file=sys.stderr if error else sys.stdout, flush=error)


def print_json(value: Any) -> None:
    """Anything as indented JSON on standard output."""
    print(json_text(plain(value), indent=2))


def say_written(files: Sequence[Path]) -> None:
    """Which files were written: a line each, or for many the folder and what stands directly in it."""
    if len(files) <= _MANY:
        for file in files:
            say(f"wrote {file}")
        return
    folder = Path(os.path.commonpath([file.parent for file in files]))
    parts = [file.relative_to(folder).parts for file in files]
    names = sorted({part[0] if len(part) == 1 else f"{part[0]}/" for part in parts})
    say(f"wrote {len(files)} files to {folder}: {', '.join(names)}")


def print_managed(found: Sequence[Managed[T]], json_output: bool, text: Callable[[T], str]) -> int:
    """What was done on each device, as lines or JSON, and the worst exit code. One device is no list."""
    if json_output:
        rows = [
            {
                "device": one.name,
                "result": one.result,
                "error": None
                if one.error is None
                else {"code": one.error.code, "message": str(one.error), "hint": one.error.hint},
            }
            for one in found
        ]
        print_json(found[0].result if len(found) == 1 and found[0].error is None else rows)
    else:
        for one in found:
            before = "" if len(found) == 1 else f"{one.name}: "
            if one.result is not None:
                say(f"{before}{text(one.result)}", lines=True)
            if one.error is not None:
                say(f"{before}error {one.error.code}: {one.error}")
    return max(one.exit_code for one in found)


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
        print(f"  $ {terminal_line(command)}", file=sys.stderr, flush=True)
