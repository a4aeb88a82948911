"""The `edgepack` command: one file a command, no logic of its own."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from edgepack.errors import EdgepackError


def main() -> NoReturn:
    """Run the command line and exit: 0 to 5 as in docs/errors.md, 70 for a fault of edgepack itself, 130 when stopped."""
    debug = "--debug" in sys.argv[1:]
    sys.argv[1:] = [word for word in sys.argv[1:] if word != "--debug"]
    signal.signal(signal.SIGTERM, _stop)
    try:
        from edgepack.cli.app import app

        app()
    except EdgepackError as error:
        if debug:
            raise
        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say_stopped()
    except SystemExit as end:
        if end.code == 130:
            _say_stopped()
        raise
    except Exception as error:
        if debug:
            raise
        text = " ".join(str(error).split())[:300]
        print(f"error EP-199: edgepack itself failed: {type(error).__name__}: {text}", file=sys.stderr)
        print("  try: the same command with --debug shows where; please report it with that output", file=sys.stderr)
        sys.exit(70)
    sys.exit(0)


def print_error(error: EdgepackError) -> None:
    """One line that names the thing, one line of what to do, on standard error."""
    print(f"error {error.code}: {error}", file=sys.stderr)
    if error.hint:
        print(f"  try: {error.hint}", file=sys.stderr)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say_stopped() -> NoReturn:
    print("stopped; finished stages are kept, the same command goes on from there", file=sys.stderr)
    sys.exit(130)
