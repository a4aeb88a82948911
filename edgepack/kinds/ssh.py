"""Linux machines reached over ssh; without an address a stand-in, which is this machine behind a loopback sshd."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from edgepack.kinds.find import find_program
from edgepack.kinds.kind import NETWORK_KEYS, PROCESS_BUDGETS, RELEASE_KEYS, DeviceKind, DeviceTarget
from edgepack.kinds.recognise import recognised

if TYPE_CHECKING:
    from edgepack.devices import Device
    from edgepack.devices.ssh import SshDevice


def _open(target: DeviceTarget, address: str | None) -> AbstractContextManager[Device]:
    from edgepack.devices.ssh import SshDevice
    from edgepack.devices.ssh_address import parse_ssh_address

    if address is not None and address.partition(":")[0] != "standin":
        return recognised(SshDevice(parse_ssh_address(address)), target)
    return recognised(_standin((address or "").partition(":")[2] or target.name), target)


def _standin(name: str) -> SshDevice:
    """A stand-in of that name, which ends with the device unless somebody else has started it."""
    from edgepack.devices.ssh import SshDevice
    from edgepack.devices.ssh_address import SshAddress
    from edgepack.standins.standin import Lease, reason_of

    lease = Lease(name)
    try:
        device = SshDevice(
            SshAddress(lease.standin.alias),
            config=lease.standin.config,
            name=f"{name} (stand-in)",
            stand_in=True,
            stand_in_reason=reason_of(lease.standin),
            on_close=lease.release,
        )
    except BaseException:
        lease.release()
        raise
    device.umask = "077"
    return device


def _lacks(target: DeviceTarget, environ: Mapping[str, str]) -> tuple[str, ...]:
    missing = [] if find_program("ssh") else ["ssh"]
    variables = SSH.variables(target.name)
    named = target.device.address or target.device.addresses or target.device.inventory
    if not named and not any(environ.get(variable) for variable in variables) and find_program("sshd") is None:
        missing.append(f"an address ({variables[0]}), or sshd for a stand-in")
    return tuple(missing)


SSH = DeviceKind(
    name="ssh",
    title="a machine reached over ssh",
    holds="release",
    open=_open,
    keys=RELEASE_KEYS | NETWORK_KEYS | {"python"},
    instead_of_budgets=PROCESS_BUDGETS,
    variable="EDGEPACK_RPI",
    python="python3",
    lacks=_lacks,
    script="ssh.sh",
)
