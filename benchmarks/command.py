"""How a benchmark ends that cannot be run: in the error that edgepack's own command would print, not in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from edgepack.cli import print_error
from edgepack.ground.errors import EdgepackError


def run_command(main: Callable[[], int | None]) -> NoReturn:
    """Run a benchmark's `main` and exit with its status, or with an error's exit code; 130 when stopped."""
    try:
        sys.exit(main() or 0)
    except EdgepackError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
