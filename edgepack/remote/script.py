"""Small shell scripts on a device; what varies is always an argument, never part of the text."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.devices import Completed, Device
from edgepack.devices.upload import file_failure


def run_script(
    device: Device, script: str, arguments: Sequence[str], *, timeout: float = 60.0, stdin: bytes | None = None
) -> Completed:
    """Run `script` with $1, $2, … = `arguments`, whatever its status."""
    return device.run(["sh", "-c", script, "sh", *arguments], timeout=timeout, stdin=stdin)


def check_script(
    device: Device, script: str, arguments: Sequence[str], path: str, *, timeout: float = 60.0, stdin: bytes | None = None
) -> str:
    """Run `script`, whose work is on `path`; its output.

    Raises:
        DeviceError: EP-510 disk full, EP-511 not writable, EP-512 any other failure.
    """
    completed = run_script(device, script, arguments, timeout=timeout, stdin=stdin)
    if completed.status != 0:
        raise file_failure(device.name, path, completed)
    return completed.stdout.decode("utf-8", "replace")
