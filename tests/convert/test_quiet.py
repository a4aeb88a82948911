"""Native chatter is caught; Python's error stream, and everything afterwards, still reaches the terminal."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from edgepack.convert.quiet import captured


def test_descriptors_are_caught_and_given_back(capfd: pytest.CaptureFixture[str]) -> None:
    with captured() as chatter:
        os.write(1, b"native out\n")
        os.write(2, b"native error\n")
        warnings.warn("python warning", stacklevel=1)
        print("progress", file=sys.stderr)
    os.write(2, b"later\n")
    print("printed later")
    assert "native out" in chatter.text and "native error" in chatter.text
    out, error = capfd.readouterr()
    assert out == "printed later\n" and error == "progress\nlater\n"


def test_an_error_passes_through_and_the_descriptors_are_given_back(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), captured():
        raise KeyboardInterrupt
    os.write(1, b"still here\n")
    assert capfd.readouterr().out == "still here\n"
