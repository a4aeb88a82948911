"""Who gets into the stand-in for a phone: the run that started it, and no other user of the machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.adb import AdbDevice
from edgepack.ground.errors import DeviceError, ToolError
from edgepack.standins import adb_server
from edgepack.standins.adb_standin import open_standin
from edgepack.standins.adbd import HostUserland, PublicKey
from edgepack.standins.adbd.message import AUTH, AUTH_PUBLIC_KEY, AUTH_SIGNATURE, CNXN, OPEN, VERSION, Message
from tests.standins.adb_clients import adb_of, private_adb
from tests.standins.adb_device import AdbStandin
from tests.standins.leaks import gone, processes_with
from tests.standins.other_users import Stranger, stranger

__all__ = ["stranger"]


@pytest.fixture(params=["debian", "google"])
def adb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The user's own client and server, with the user's own key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ADB_USB", "0")  # Google's client looks for USB devices for three seconds
    with private_adb(request.param, tmp_path / "adb", monkeypatch) as program:
        yield program


@pytest.fixture
def standin(adb: str) -> Iterator[AdbDevice]:
    device = open_standin("android")
    yield device
    device.close()


def _folder(standin: AdbDevice) -> Path:
    """Where the run's own adb server has its key and its socket."""
    environment = standin._client.environment
    assert environment is not None
    return Path(environment["HOME"])


def _log(tmp_path: Path) -> str:
    return (tmp_path / "state/edgepack/standins/android/adbd.log").read_text()


def _key(folder: Path, name: str) -> tuple[Path, PublicKey]:
    subprocess.run([adb_of("debian"), "keygen", str(folder / name)], check=True, capture_output=True)
    return folder / name, PublicKey.parse((folder / f"{name}.pub").read_text())


def _sign(key: Path, token: bytes) -> bytes:
    """What openssl makes of a digest."""
    command = ["openssl", "pkeyutl", "-sign", "-inkey", str(key), "-pkeyopt", "digest:sha1", "-pkeyopt", "rsa_padding_mode:pkcs1"]
    return subprocess.run(command, input=token, check=True, capture_output=True).stdout


def test_a_signature_is_checked_as_openssl_makes_it(tmp_path: Path) -> None:
    file, key = _key(tmp_path, "own")
    other_file, other = _key(tmp_path, "other")
    said = subprocess.run(["openssl", "rsa", "-in", str(file), "-noout", "-modulus"], check=True, capture_output=True, text=True)
    assert key == PublicKey(int(said.stdout.partition("=")[2], 16), 65537)
    token = os.urandom(20)
    signature = _sign(file, token)
    assert key.signed(token, signature)
    assert not other.signed(token, signature) and not key.signed(token, _sign(other_file, token))
    assert not key.signed(os.urandom(20), signature)
    assert not key.signed(token, signature[:-1] + bytes([signature[-1] ^ 1]))
    for forged in (b"", signature[:-1], signature + b"\0", bytes(256), b"\xff" * 256, (1).to_bytes(256, "big")):
        assert not key.signed(token, forged)
    assert not key.signed(token, (int.from_bytes(signature, "big") + key.modulus).to_bytes(257, "big")[-256:])


@pytest.mark.parametrize("line", ["", "none", "QUJD me@here", "AAAA" * 175])
def test_what_is_no_key_is_none(line: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        PublicKey.parse(line)


def test_another_key_gets_no_command_and_no_file(adb: str, standin: AdbDevice, tmp_path: Path) -> None:
    """The user's own adb server, whose key a phone may know, and which every user of the machine can give commands to."""
    (tmp_path / "file").write_text("x")
    serial = standin.address
    said = subprocess.run([adb, "connect", serial], capture_output=True, text=True, timeout=30).stdout
    assert re.search("failed to authenticate|unauthorized", said), said
    for words in (["shell", "touch ~/got_in"], ["exec-out", "touch got_in"], ["push", str(tmp_path / "file"), "got_in"]):
        tried = subprocess.run([adb, "-s", serial, *words], capture_output=True, text=True, timeout=30)
        assert tried.returncode != 0 and re.search("unauthorized|not found", tried.stderr + tried.stdout), tried
    assert standin.run(["ls", standin.folder], timeout=30).text == "", "the owner's commands run on, and nothing was left"
    assert f"refused user {_user()}, who came with another key" in _log(tmp_path)


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def test_another_user_gets_in_by_no_way(adb: str, standin: AdbDevice, tmp_path: Path, stranger: Stranger) -> None:
    program, folder = adb_of("debian"), _folder(standin)
    own = {"ADB_SERVER_SOCKET": f"localfilesystem:{stranger.home}/s", "ADB_USB": "0", "ADB_EMU": "0", "ADB_MDNS": "0"}
    try:
        said = stranger.run(program, "connect", standin.address, environment=own).stdout
        assert re.search("failed to authenticate|unauthorized", said), said
        for words in (("shell", "touch ~/got_in"), ("push", "/etc/hostname", "got_in")):
            tried = stranger.run(program, "-s", standin.address, *words, environment=own)
            assert tried.returncode != 0 and re.search("unauthorized|not found", tried.stderr + tried.stdout), tried
        assert "refused user nobody, who came with another key" in _log(tmp_path)
        stolen = {
            **own,
            "ADB_VENDOR_KEYS": str(folder / ".android/adbkey"),
            "ADB_SERVER_SOCKET": f"localfilesystem:{stranger.home}/t",
        }
        said = stranger.run(program, "connect", standin.address, environment=stolen).stdout
        assert re.search("failed to authenticate|unauthorized", said), said
        through = {**own, "ADB_SERVER_SOCKET": f"localfilesystem:{folder}/adb.sock"}
        for words in (("devices",), ("-s", standin.address, "shell", "touch ~/got_in")):
            tried = stranger.run(program, *words, environment=through)
            assert tried.returncode != 0 and standin.address not in tried.stdout, tried
        assert stranger.run("cat", str(folder / ".android/adbkey")).returncode != 0
        assert stranger.run("ls", str(folder)).returncode != 0
        assert standin.run(["ls", standin.folder], timeout=30).text == ""
    finally:
        for socket_name in ("s", "t"):
            server = {**own, "ADB_SERVER_SOCKET": f"localfilesystem:{stranger.home}/{socket_name}"}
            stranger.run(program, "kill-server", environment=server)


class _RawClient:
    """A client that keeps to no rules."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=20)

    def ask(self, message: Message) -> tuple[int, int, bytes] | None:
        """The answer's command, first number and payload; None when the connection was ended instead."""
        try:
            self._socket.sendall(message.pack())
            header = self._take(24)
            command, first, _, length = struct.unpack("<4I", header[:16])
            return command, first, self._take(length)
        except (ConnectionError, EOFError):
            return None

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            block = self._socket.recv(count - len(taken))
            if not block:
                raise EOFError
            taken += block
        return taken

    def silent(self, message: Message) -> bool:
        self._socket.sendall(message.pack())
        self._socket.settimeout(0.5)
        try:
            return not self._socket.recv(1)
        except TimeoutError:
            return True

    def close(self) -> None:
        self._socket.close()


_HELLO = Message(CNXN, VERSION, 4096, b"host::features=shell_v2")


def test_the_protocol_leaves_no_way_around_the_key(adb: str, tmp_path: Path) -> None:
    phone = AdbStandin(HostUserland(tmp_path / "phone"))
    own = Path.home() / ".android/adbkey"
    touch = Message(OPEN, 1, 0, b"shell:touch ~/got_in\0")

    def client() -> _RawClient:
        clients.append(_RawClient(phone.serial))
        return clients[-1]

    clients: list[_RawClient] = []
    try:
        assert client().ask(touch) is None, "before any greeting"
        asked = client()
        first = asked.ask(_HELLO)
        assert first is not None and first[:2] == (AUTH, 1) and len(first[2]) == 20
        assert asked.ask(touch) is None, "in place of a signature"
        offered = client()
        offered.ask(_HELLO)
        assert offered.silent(Message(AUTH, AUTH_PUBLIC_KEY, 0, own.with_suffix(".pub").read_bytes() + b"\0")), "nobody agrees"
        assert client().ask(Message(CNXN, VERSION, 4096, bytes(5000))) is None, "more than a stranger may send"
        early = client()
        assert early.ask(Message(AUTH, AUTH_SIGNATURE, 0, _sign(own, bytes(20)))) is not None, "no token was given yet"
        assert early.ask(touch) is None

        owner = client()
        answer = owner.ask(_HELLO)
        assert answer is not None
        signature = Message(AUTH, AUTH_SIGNATURE, 0, _sign(own, answer[2]))
        again = client()
        fresh = again.ask(_HELLO)
        assert fresh is not None and fresh[2] != answer[2], "each has a token of its own"
        replayed = again.ask(signature)
        assert replayed is not None and replayed[0] == AUTH, "what another connection signed"
        tries = client()
        tries.ask(_HELLO)
        answers = [tries.ask(signature) for _ in range(16)]
        assert answers[-2] is not None and answers[-1] is None, "guessing comes to an end"
        assert not list((tmp_path / "phone/home").iterdir())

        banner = owner.ask(signature)
        assert banner is not None and banner[0] == CNXN and banner[2].startswith(b"device::")
        owner.ask(touch)
        assert gone(lambda: not (tmp_path / "phone/home/got_in").exists()), "the owner's command ran"
    finally:
        for one in clients:
            one.close()
        phone.stop()


def test_nothing_of_it_listens_on_other_addresses(adb: str, standin: AdbDevice) -> None:
    listening = [line.split()[1] for file in ("tcp", "tcp6") for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]]
    port = f":{int(standin.address.partition(':')[2]):04X}"
    assert {one for one in listening if one.endswith(port)} == {f"0100007F{port}"}
    folder = _folder(standin)
    assert (folder.stat().st_mode & 0o777, (folder / ".android").stat().st_mode & 0o777) == (0o700, 0o700)
    assert (folder / ".android/adbkey").stat().st_mode & 0o777 == 0o600


def test_what_adb_heeds_in_the_environment_does_not_reach_the_run_s_server(adb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("ADB_REJECT_KILL_SERVER", "1"), ("ADB_VENDOR_KEYS", "/nonexistent"), ("ANDROID_SERIAL", "0A1B2C3D"),
        ("ANDROID_ADB_SERVER_PORT", "1"), ("ANDROID_ADB_LOG_PATH", "/nonexistent/log"), ("ADB_TRACE", "all"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    device = open_standin("android")
    folder = _folder(device)
    assert device.run(["echo", "here"], timeout=30).text == "here"
    device.close()
    assert not folder.exists() and gone(lambda: processes_with(str(folder))), "server, key and socket are gone"


@pytest.mark.parametrize(
    ("keygen", "why"),
    [("echo 'no room' >&2; exit 1", "no room"), ('echo QUJD >"$2.pub"', "not a public key"), ("exit 0", "adbkey.pub")],
)
def test_an_adb_that_makes_no_key_is_told(keygen: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp")
    (tmp_path / "adb").write_text(f"#!/bin/sh\n{keygen}\n")
    (tmp_path / "adb").chmod(0o755)
    monkeypatch.setenv("EDGEPACK_ADB", str(tmp_path / "adb"))
    before = set(Path("/tmp").glob(f"edgepack-adb-{os.getpid()}-*"))
    with pytest.raises(ToolError) as caught:
        open_standin("android")
    assert caught.value.code == "EP-689" and why in str(caught.value)
    assert set(Path("/tmp").glob(f"edgepack-adb-{os.getpid()}-*")) == before


def test_a_server_that_does_not_start_is_told(tmp_path: Path, adb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'#!/bin/sh\n[ "$1" = keygen ] && exec "{adb}" "$@"\necho "no such socket" >&2; exit 1\n'
    (tmp_path / "broken").write_text(script)
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("EDGEPACK_ADB", str(tmp_path / "broken"))
    monkeypatch.setattr(adb_server, "_START_SECONDS", 1.0)
    with pytest.raises(DeviceError) as caught:
        open_standin("android")
    assert caught.value.code == "EP-546" and "no such socket" in str(caught.value)


def test_a_long_tmpdir_leaves_room_for_the_socket(adb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    device = open_standin("android")
    try:
        assert _folder(device).parent == Path("/tmp") and device.run(["echo", "in"], timeout=30).text == "in"
    finally:
        device.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_leaves_no_server_and_no_key(adb: str, how: signal.Signals) -> None:
    program = (
        "from edgepack.standins.adb_standin import open_standin\n"
        "print(open_standin('android')._client.environment['HOME'], flush=True)\nimport time; time.sleep(60)"
    )
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    folder = Path(run.stdout.readline().strip())
    assert (folder / "adb.sock").is_socket()
    run.send_signal(how)
    run.wait(30)
    run.stdout.close()
    assert gone(lambda: folder.exists() or processes_with(str(folder)))
