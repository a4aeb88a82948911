"""This machine."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.kinds.kind import PROCESS_BUDGETS, RELEASE_KEYS, DeviceKind, DeviceTarget
from edgepack.kinds.recognise import recognised

if TYPE_CHECKING:
    from edgepack.devices import Device


def _open(target: DeviceTarget, address: str | None) -> AbstractContextManager[Device]:
    from edgepack.devices.local import LocalDevice

    return recognised(LocalDevice(), target)


def _root(device: Device) -> str:
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return str(Path(base).absolute() / "edgepack" / "deployed")


LOCAL = DeviceKind(
    name="local",
    title="this machine",
    holds="release",
    open=_open,
    keys=RELEASE_KEYS | {"python"},
    instead_of_budgets=PROCESS_BUDGETS,
    addressed=False,
    root=_root,
    python=sys.executable,
    instead_of_standin="needs none: deploy to it as it is",
)
