"""The real adb clients, each with a server and keys of its own, so that no device of this machine's user is touched."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def adb_of(kind: str) -> str:
    """ "debian": the adb on PATH; "google": the one in the adbutils package."""
    if kind == "debian":
        found = shutil.which("adb")
        if found is None:
            pytest.skip("adb is not installed (apt-get install --no-install-recommends adb)")
        return found
    spec = importlib.util.find_spec("adbutils")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("adbutils is not installed (pip install adbutils)")
    return str(Path(next(iter(spec.submodule_search_locations))) / "binaries" / "adb")


@contextmanager
def private_adb(kind: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The adb program, set up for edgepack and for subprocesses; its server ends with the block."""
    program = adb_of(kind)
    if not (home / ".android/adbkey.pub").exists():
        (home / ".android").mkdir(parents=True)
        subprocess.run([program, "keygen", str(home / ".android/adbkey")], check=True, capture_output=True, timeout=30)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Compiled programs and the userland stay in the cache of the machine's user.
    cache = os.environ.get("EDGEPACK_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "edgepack"
    )
    monkeypatch.setenv("EDGEPACK_CACHE", cache)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ADB_SERVER_SOCKET", f"tcp:{port}")
    monkeypatch.setenv("EDGEPACK_ADB", program)
    monkeypatch.delenv("EDGEPACK_ANDROID", raising=False)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    try:
        yield program
    finally:
        subprocess.run([program, "kill-server"], capture_output=True, timeout=30)
