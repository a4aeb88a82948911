"""Where things are on a Linux or Android device, below one root folder.

<root>/<name>/releases/<pack id>/    complete, verified releases
<root>/<name>/current                symbolic link to the release in use
<root>/<name>/previous               symbolic link to the one before
<root>/<name>/blobs/<sha256>         content of releases, which hold hard links to it
<root>/<name>/incoming/<pack id>/    a release on its way
<root>/<name>/data/<sha256>.bin      test inputs
<root>/<name>/deployments/<id>.json  which engine a release runs with
<root>/<name>/lock/                  held by a running deployment
<root>/.trust/                       the key that releases must be signed with, the newest accepted, a journal
<root>/.runners/<hash>/run.py        the program that runs models
<root>/.runtimes/<hash>/             an inference runtime brought along
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.devices import Device
from edgepack.ground.errors import DeviceError
from edgepack.kinds import KINDS


@dataclass(frozen=True)
class Layout:
    """Paths of one deployed model, absolute on the device."""

    root: str
    name: str

    @property
    def folder(self) -> str:
        """Everything of this model."""
        return f"{self.root}/{self.name}"

    @property
    def current(self) -> str:
        """The link to the release in use."""
        return f"{self.folder}/current"

    @property
    def lock(self) -> str:
        """The lock of this model's folder."""
        return f"{self.folder}/lock"

    def release(self, identity: str) -> str:
        """A complete release."""
        return f"{self.folder}/releases/{identity}"

    def blob(self, sha256: str) -> str:
        """Content of releases."""
        return f"{self.folder}/blobs/{sha256}"

    @property
    def runtimes(self) -> str:
        """Inference runtimes, shared by all models."""
        return f"{self.root}/.runtimes"

    @property
    def bench(self) -> str:
        """What is measured without being deployed."""
        return f"{self.root}/.bench"

    @property
    def measuring(self) -> str:
        """The lock of whoever measures: two benchmarks at once would measure each other."""
        return f"{self.root}/.measuring"

    def data(self, sha256: str) -> str:
        """A file of test inputs."""
        return f"{self.folder}/data/{sha256}.bin"


def layout(device: Device, name: str, root: str | None) -> Layout:
    """The layout for a model on a device.

    `root` may start with ~/ or be relative to the login's home folder; None is the kind's own: ~/edgepack on a remote device,
    /data/local/tmp/edgepack on Android, and $XDG_DATA_HOME/edgepack/deployed on this machine.

    Raises:
        DeviceError: EP-524 for a name that cannot be a folder's.
    """
    if not name or name.startswith(".") or "/" in name or any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise DeviceError("EP-524", f"{name!r} cannot be a folder's name on the device", "set another name in edgepack.toml")
    root = root or KINDS[device.kind].root(device)
    if not root.startswith("/"):
        home = device.facts().home or "/tmp"
        root = f"{home.rstrip('/')}/{root.removeprefix('~').lstrip('/')}"
    return Layout(root.rstrip("/") or "/.", name)
