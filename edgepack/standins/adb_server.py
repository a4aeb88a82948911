"""An adb server for one run: behind a socket that only its user can reach, with a key of its own, blind to real devices.

The user's own server listens on a TCP port, where every user of the machine can have it run commands; a stand-in that trusted
its key would serve them all.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from edgepack.devices.adb_client import Adb, run_adb, server_failure
from edgepack.devices.socket_folder import socket_folder
from edgepack.ground.errors import ToolError
from edgepack.standins.adbd import PublicKey

_SOCKET = "adb.sock"

_START_SECONDS = 20.0

# The first line says that the key is there. The input ends with edgepack, however that ends. adb's own kill-server may hang.
_KEEPER = """\
read -r _ && { "$1" server nodaemon >"$2/adb.log" 2>&1 & server=$!; read -r _; kill -9 "$server"; wait "$server"; }
rm -rf -- "$2"
"""


class PrivateServer:
    """A server that was started, `adb` the client that reaches it, and `key` what it signs with.

    Raises:
        ToolError: EP-689 when adb cannot make a key.
        DeviceError: EP-520 when there is no place for its socket, EP-546 when it does not start.
    """

    def __init__(self, program: str) -> None:
        self._folder = socket_folder(f"edgepack-adb-{os.getpid()}-", len(_SOCKET))
        self.adb = Adb(program, _environment(self._folder))
        self._keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, "sh", os.path.abspath(program), str(self._folder)],
            env=self.adb.environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, cwd="/", umask=0o077,
        )  # fmt: skip
        try:
            self.key = _make_key(self.adb, self._folder / ".android")
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(b"\n")
        self._keeper.stdin.flush()
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self._folder / _SOCKET))
                return
            time.sleep(0.01)
        log = self._folder / "adb.log"
        raise server_failure(log.read_text(errors="replace") if log.exists() else "")

    def stop(self) -> None:
        """End the server; its key and socket go with it."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()


def _environment(folder: Path) -> dict[str, str]:
    """This process's environment, but for everything that adb heeds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ADB_", "ANDROID_"))}
    nothing_else = dict.fromkeys(("ADB_USB", "ADB_EMU", "ADB_MDNS"), "0")
    own = {"HOME": str(folder), "TMPDIR": str(folder), "ADB_SERVER_SOCKET": f"localfilesystem:{folder / _SOCKET}"}
    return {**kept, **nothing_else, **own}


def _make_key(adb: Adb, folder: Path) -> PublicKey:
    folder.mkdir(mode=0o700)
    made = run_adb(adb, "keygen", str(folder / "adbkey"))
    try:
        return PublicKey.parse((folder / "adbkey.pub").read_text())
    except (OSError, ValueError) as error:
        said = (made.errors.strip().splitlines() or [str(error)])[-1][:200]
        raise ToolError(
            "EP-689", f"adb makes no key for the stand-in: {said}", "install a newer adb, or attach a phone"
        ) from error
