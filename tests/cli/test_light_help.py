"""Help is made without the parts of rich that it does not use, and says the same as with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = ("markdown_it", "pygments", "rich.syntax", "numpy", "tensorflow")


def _run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("words", [["--help"], ["deploy", "--help"], ["device", "-h"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    loaded = f"print(*({{name for name in sys.modules}} & set({_HEAVY!r})), file=sys.stderr)"
    program = f"import sys, atexit; atexit.register(lambda: {loaded}); sys.argv = ['edgepack', *{words!r}]; "
    done = subprocess.run(
        [sys.executable, "-c", f"{program}from edgepack.cli import main; main()"], capture_output=True, text=True, check=True
    )
    assert "Usage" in done.stdout
    assert done.stderr.split() == []


def test_help_is_what_typer_says_without_the_shortcut() -> None:
    show = "sys.argv = ['edgepack', 'deploy', '--help']; from edgepack.cli import main; main()"
    whole = f"import sys, typer.rich_utils; {show}"
    assert _run(f"import sys; {show}") == _run(whole)


def test_what_was_left_out_can_be_imported_afterwards() -> None:
    program = (
        "from edgepack.cli.light import load_help_formatter; load_help_formatter(); "
        "from rich.markdown import Markdown; from rich.traceback import Traceback; "
        "print(Markdown.__module__, Traceback.__module__)"
    )
    assert _run(program).split() == ["rich.markdown", "rich.traceback"]
