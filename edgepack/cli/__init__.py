"""The `edgepack` command: one file per command, no logic of its own."""

from __future__ import annotations

import errno
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from edgepack.cli.streams import flush, quiet_pipes
from edgepack.ground.errors import EdgepackError, ProjectError
from edgepack.ground.escape import terminal_line

_UNWRITABLE = (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM)


def main() -> NoReturn:
    """Run the command line and exit: 0 to 5 as in docs/errors.md, 70 for a fault of edgepack itself, 130 when
    stopped, 141 when nobody reads what it prints any more."""
    debug = "--debug" in sys.argv[1:]
    sys.argv[1:] = [word for word in sys.argv[1:] if word != "--debug"]
    signal.signal(signal.SIGTERM, _stop)
    with quiet_pipes():
        _run(debug)
    sys.exit(0)


def _run(debug: bool) -> None:
    """The command, with its errors told; its exit code is a SystemExit."""
    try:
        if not sys.argv[1:] or {"--help", "-h"} & set(sys.argv[1:]):
            from edgepack.cli.light import load_help_formatter

            load_help_formatter()
        from edgepack.cli.app import app
        from edgepack.ground.private import private_files

        with private_files():
            status = app(standalone_mode=False)
            flush()
        sys.exit(status if isinstance(status, int) else 0)
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
        if hasattr(error, "format_message"):
            _say_wrong_usage(error)
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in _UNWRITABLE:
            _say_unwritable(error)
        text = " ".join(str(error).split())[:300]
        print(terminal_line(f"error EP-199: edgepack itself failed: {type(error).__name__}: {text}"), file=sys.stderr)
        print("  try: the same command with --debug shows where; please report it with that output", file=sys.stderr)
        sys.exit(70)


def print_error(error: EdgepackError) -> None:
    """One line that names the thing, one line of what to do, on standard error."""
    print(terminal_line(f"error {error.code}: {error}"), file=sys.stderr)
    if error.hint:
        print(terminal_line(f"  try: {error.hint}"), file=sys.stderr)


def _say_wrong_usage(error: Any) -> NoReturn:
    """The argument parser's complaint in the form of every other error; a command that needs a subcommand shows its help."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
    else:
        command = context.command_path if context is not None else "edgepack"
        print_error(ProjectError("EP-100", error.format_message(), f"{command} --help"))
    sys.exit(ProjectError.exit_code)


def _say_unwritable(error: OSError) -> NoReturn:
    what = error.filename if isinstance(error.filename, str) else "a file on this machine"
    hint = "free some space (for temporary files: or set TMPDIR), make it writable, or choose another folder with --out"
    print_error(ProjectError("EP-151", f"cannot write {what}: {error.strerror}", hint))
    sys.exit(ProjectError.exit_code)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say_stopped() -> NoReturn:
    print("stopped; finished stages are kept, the same command goes on from there", file=sys.stderr)
    sys.exit(130)
