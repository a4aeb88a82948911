"""Who gets into the ssh stand-in: its user, by the key that was made for it, and no other user of the machine."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.standins import standin
from tests.standins.other_users import Stranger, stranger
from tests.standins.sshd import make_key, require_openssh

__all__ = ["stranger"]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[standin.StandIn]:
    require_openssh()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(0)
    try:
        yield standin.up("rpi")
    finally:
        os.umask(before)
        standin.down("rpi")


def _ssh(one: standin.StandIn, user: str, *options: str) -> list[str]:
    """A client that takes whatever host key it is shown."""
    rules = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR", *options)
    return ["ssh", "-F", "none", "-p", str(one.port), *(word for rule in rules for word in ("-o", rule)), f"{user}@127.0.0.1"]


def _ways() -> tuple[tuple[str, ...], ...]:
    """Without a key, and by everything that is no key."""
    other = ("password", "keyboard-interactive", "hostbased", "gssapi-with-mic", "none")
    return ((), *((f"PreferredAuthentications={way}",) for way in other))


def test_its_keys_and_files_are_its_users_under_any_umask(started: standin.StandIn) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (started.folder, *started.folder.rglob("*"))}
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes
    assert (modes["host_key"], modes["user_key"]) == (0o600, 0o600)
    said = subprocess.run(
        ["ssh", "-F", str(started.config), started.alias, "echo", "in"], capture_output=True, text=True, timeout=30
    )
    assert said.stdout == "in\n", said.stderr


def test_another_user_gets_in_by_no_way(started: standin.StandIn, stranger: Stranger) -> None:
    key = make_key(stranger.home / "key")
    shutil.chown(key, 65534, 65534)
    own = getpass.getuser()
    ways = [(way, user) for way in (*_ways(), (f"IdentityFile={key}",)) for user in (own, "nobody")]
    ways.append(((f"IdentityFile={started.folder / 'user_key'}",), own))
    for way, user in ways:
        tried = stranger.run(*_ssh(started, user, *way), "touch", "~/got_in")
        assert tried.returncode == 255 and "Permission denied (publickey)" in tried.stderr, (way, user, tried)
    for name in ("user_key", "host_key", "authorized_keys", "sshd.log", "home"):
        assert stranger.run("ls", str(started.folder / name)).returncode != 0
    assert not list((started.folder / "home").iterdir())
    log = (started.folder / "sshd.log").read_text()
    assert f"authenticating user {own} 127.0.0.1" in log and "User nobody" in log and "not allowed" in log, log


def test_another_key_of_the_same_user_gets_in_by_no_way(started: standin.StandIn, tmp_path: Path) -> None:
    for way in (*_ways(), (f"IdentityFile={make_key(tmp_path / 'key')}",)):
        command = [*_ssh(started, getpass.getuser(), "IdentityAgent=none", "IdentitiesOnly=yes", *way), "true"]
        tried = subprocess.run(command, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, capture_output=True, text=True)
        assert tried.returncode == 255 and "Permission denied" in tried.stderr, (way, tried)
