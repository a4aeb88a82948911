"""Pinned downloads from a real HTTP server that also answers wrongly, late, half or never."""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.ground.download import Pinned, fetch_pinned, parse_pinned
from edgepack.ground.errors import EdgepackError, ProjectError, ToolError
from edgepack.ground.progress import PlainProgress, SilentProgress

CONTENT = bytes(range(256)) * 1024
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class _Answers(http.server.BaseHTTPRequestHandler):
    """/whole, /chunked and /moved are right; the others fail in the way of their name."""

    def log_message(self, format: str, *values: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        name = self.path.strip("/").partition("/")[0]
        if name == "missing":
            self.send_error(404)
        elif name == "broken":
            self.send_error(503)
        elif name == "moved":
            self.send_response(302)
            self.send_header("Location", "/whole/tool")
            self.end_headers()
        elif name == "round":
            self.send_response(302)
            self.send_header("Location", "/round/tool")
            self.end_headers()
        elif name == "garbled":
            self.wfile.write(b"\x00\x01 what is this\r\n\r\n")
        elif name == "silent":
            self.server.until.wait(20)  # type: ignore[attr-defined]
        else:
            self._send(name)

    def _send(self, name: str) -> None:
        chunked = name in ("chunked", "cut")
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding" if chunked else "Content-Length", "chunked" if chunked else str(len(CONTENT)))
        self.send_header("Connection", "close")
        self.end_headers()
        for at in range(0, len(CONTENT), 1 << 14):
            block = CONTENT[at : at + (1 << 14)]
            if at > len(CONTENT) // 2:
                if name in ("half", "cut"):
                    self.close_connection = True
                    return
                if name == "stalled":
                    self.server.until.wait(20)  # type: ignore[attr-defined]
                    return
            if name == "slow":
                time.sleep(0.1)
            if name == "changed" and at == 0:
                block = b"\xff" + block[1:]
            try:
                self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n" if chunked else block)
            except OSError:  # the client has had enough
                return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


class Server:
    """A server on the loopback address; `asked` are the paths of all requests."""

    def __init__(self) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        self._server.daemon_threads = True
        self._server.asked = self.asked = []  # type: ignore[attr-defined]
        self._server.until = threading.Event()  # type: ignore[attr-defined]
        self.scheme = "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def secure(self, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "https"

    def url(self, name: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self._server.server_port}/{name}/tool"

    def stop(self) -> None:
        self._server.until.set()  # type: ignore[attr-defined]
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    yield running
    running.stop()


def _fetch(server: Server, name: str, folder: Path, sha256: str = DIGEST, **limits: float) -> Path:
    return fetch_pinned(Pinned(server.url(name), sha256), "tool", folder, SilentProgress(), **limits)


def _refused(server: Server, name: str, folder: Path, sha256: str = DIGEST, **limits: float) -> EdgepackError:
    with pytest.raises(EdgepackError) as caught:
        _fetch(server, name, folder, sha256, **limits)
    assert not any(path.is_file() for path in folder.rglob("*")), "a failed download leaves something"
    assert "\n" not in str(caught.value) and caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", ["whole", "chunked", "moved"])
def test_a_file_is_fetched_once_and_can_be_executed(
    server: Server, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGEPACK_CACHE", raising=False)
    file = _fetch(server, name, tmp_path)
    assert file.read_bytes() == CONTENT and file.parent.name == DIGEST
    assert stat.S_IMODE(file.stat().st_mode) == 0o700
    asked = len(server.asked)
    assert _fetch(server, "missing", tmp_path) == file, "found by its hash, wherever it is said to come from"
    assert len(server.asked) == asked
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_a_kept_file_that_was_damaged_is_fetched_again(server: Server, tmp_path: Path) -> None:
    file = _fetch(server, "whole", tmp_path)
    file.write_bytes(CONTENT[:-1])
    assert _fetch(server, "whole", tmp_path).read_bytes() == CONTENT
    file.write_bytes(b"")
    assert _fetch_fails_but_keeps(server, tmp_path) == b""


def _fetch_fails_but_keeps(server: Server, folder: Path) -> bytes:
    with pytest.raises(ToolError):
        _fetch(server, "half", folder)
    return (folder / DIGEST / "tool").read_bytes()


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("changed", "EP-685", "another file"),
        ("missing", "EP-684", "404"),
        ("broken", "EP-684", "503"),
        ("half", "EP-684", f"of {len(CONTENT)} bytes"),
        ("cut", "EP-684", "ended before the file did"),
        ("round", "EP-684", "302"),
        ("garbled", "EP-684", "no HTTP server"),
    ],
)
def test_what_goes_wrong_is_told(server: Server, tmp_path: Path, name: str, code: str, words: str) -> None:
    error = _refused(server, name, tmp_path)
    assert error.code == code and words in str(error) and error.exit_code == 5
    assert server.url(name) in str(error)


def test_the_hash_that_came_is_named_and_the_one_expected(server: Server, tmp_path: Path) -> None:
    error = _refused(server, "whole", tmp_path, "0" * 64)
    assert error.code == "EP-685" and DIGEST in str(error) and "0" * 64 in error.hint


@pytest.mark.parametrize("name", ["silent", "stalled"])
def test_a_server_that_falls_silent_is_given_up(server: Server, tmp_path: Path, name: str) -> None:
    start = time.monotonic()
    error = _refused(server, name, tmp_path, silence=0.5)
    assert error.code == "EP-684" and "no answer for 0.5 s" in str(error) and time.monotonic() - start < 10


def test_a_server_that_trickles_is_given_up(server: Server, tmp_path: Path) -> None:
    assert "longer than 0.3 s" in str(_refused(server, "slow", tmp_path, longest=0.3))


def test_nobody_listens(server: Server, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        wanted = Pinned(f"http://127.0.0.1:{taken.getsockname()[1]}/tool", DIGEST)
        with pytest.raises(ToolError) as caught:
            fetch_pinned(wanted, "tool", tmp_path, SilentProgress())
    assert caught.value.code == "EP-684" and "Connection refused" in str(caught.value)
    with pytest.raises(ToolError) as caught:
        fetch_pinned(Pinned("http://no-such-host.invalid/tool", DIGEST), "tool", tmp_path, SilentProgress())
    assert caught.value.code == "EP-684" and "no-such-host.invalid" in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(server: Server, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    command = [
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
    ]  # fmt: skip
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    server.secure(tmp_path / "cert", tmp_path / "key")
    error = _refused(server, "whole", tmp_path / "cache")
    assert error.code == "EP-684" and "certificate" in str(error).lower() and server.asked == []


def test_progress_is_told_in_bytes(server: Server, tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        fetch_pinned(Pinned(server.url("slow"), DIGEST), "tool", tmp_path / "c", PlainProgress(said, interval=0.2))
    lines = (tmp_path / "said").read_text().splitlines()
    assert lines[0] == f"Downloading ({server.url('slow')})" and "SHA-256 as pinned" in lines[-1]
    assert any("%" in line and "MB" in line for line in lines[1:-1])


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\nfrom edgepack.ground.download import *\nfrom edgepack.ground.errors import EdgepackError\n"
        "from edgepack.ground.progress import SilentProgress\nfolder = pathlib.Path(sys.argv[3])\n"
        "try: fetch_pinned(Pinned(sys.argv[1], sys.argv[2]), 'tool', folder, SilentProgress())\n"
        "except EdgepackError as error: print(error.code, error.exit_code, error)\n"
        "print(*(path.name for path in folder.rglob('*')))"
    )
    folder = tmp_path / "small"
    folder.mkdir()
    inside = 'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside, "sh", str(folder)]
    if subprocess.run([*words, "true"], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    command = [*words, sys.executable, "-c", script, server.url("whole"), DIGEST, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0].startswith("EP-151 2 cannot write ") and "No space left" in done.stdout, done.stderr
    assert done.stdout.splitlines()[1] == "", "nothing half-written stays"


def test_a_folder_that_is_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(ProjectError) as caught:
        _fetch(server, "whole", tmp_path / "cache")
    assert caught.value.code == "EP-151" and server.asked == []


def test_two_at_once_get_the_same_file(server: Server, tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(_fetch(server, "slow", tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3 and len(set(found)) == 1 and found[0].read_bytes() == CONTENT
    assert os.listdir(tmp_path / DIGEST) == ["tool"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://host/a/tool", "sha256sum tool"),
        (f"https://host/a/tool#md5={DIGEST}", "sha256sum tool"),
        (f"https://host/a/tool#sha256={DIGEST[:-1]}", "sha256sum tool"),
        (f"https://host/a/tool#sha256={DIGEST}0", "sha256sum tool"),
        (f"https://host/#sha256={DIGEST}", "https://host/file#sha256="),
        (f"ftp://host/tool#sha256={DIGEST}", "https://host/file#sha256="),
        (f"file:///etc/passwd#sha256={DIGEST}", "https://host/file#sha256="),
        (f"https://host/a tool#sha256={DIGEST}", "https://host/file#sha256="),
        (f"https://host/tool?token=s3cret#sha256={DIGEST}", "download the file yourself"),
        (f"https://me:s3cret@host/tool#sha256={DIGEST}", "download the file yourself"),
    ],
)
def test_addresses_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_pinned(text)
    problem, hint = caught.value.args
    assert words in hint and "s3cret" not in problem + hint
