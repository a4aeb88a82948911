"""What the shell offers: names that the commands take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = Path(sys.executable).with_name("edgepack")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("edgepack deploy p --target cortex-m0", {"cortex-m0", "cortex-m0plus"}),
        ("edgepack export m --as z", {"zephyr"}),
        ("edgepack export m --cpu cortex-m8", {"cortex-m85"}),
        ("edgepack export m --board nuc", {"nucleo-l4r5zi"}),
        ("edgepack init p --from d", {"digits"}),
    ],
)
def test_a_name_that_is_begun_is_completed(words: str, offered: set[str]) -> None:
    if not _PROGRAM.exists():
        pytest.skip("edgepack is not installed as a program beside this Python")
    typed = {"_EDGEPACK_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run([_PROGRAM], env={**os.environ, **typed}, capture_output=True, text=True, timeout=60)
    assert offered <= set(done.stdout.split()), (done.stdout, done.stderr)
    assert all(word.startswith(words.split()[-1]) for word in done.stdout.split())
