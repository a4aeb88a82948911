"""What the ssh client's last words mean.

ssh exits 255 for every failure, so the text decides. The phrases are those of OpenSSH 7.9 to 10; it does not translate them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from edgepack.devices.ssh_address import SshAddress
from edgepack.ground.errors import DeviceError, DeviceTimeout, ToolError

_Explain = Callable[[str, SshAddress, str], tuple[str, str]]


def ssh_failure(name: str, address: SshAddress, said: str, status: int | None, config: str | None = None) -> DeviceError:
    """The error for an ssh client that ended without the command's end marker.

    Args:
        name: The device, for the message.
        address: Where ssh was sent.
        said: What ssh and the remote shell wrote to standard error.
        status: The client's exit status.
        config: The configuration file that ssh was told to use, None for the user's own.
    """
    command = ssh_command(address, config)
    for code, pattern, explain in _CASES:
        if re.search(pattern, said):
            message, hint = explain(name, address, command)
            kind = DeviceTimeout if explain is _silent else DeviceError
            return kind(code, message, hint)
    words = [line.strip() for line in said.splitlines() if line.strip()]
    if status == 255 or status is None or status < 0:
        detail = f": {words[-1][:200]}" if words else ""
        return DeviceError(
            "EP-509", f"{name}: the connection broke{detail}", "run the same command again; it goes on where it was"
        )
    detail = f": {words[-1][:200]}" if words else ""
    return DeviceError(
        "EP-518",
        f"{name}: the login did not run a command{detail}",
        f"check that `{command} true` works; the account needs a POSIX shell",
    )


def ssh_command(address: SshAddress, config: str | None = None) -> str:
    """The ssh command a user would type to get there."""
    words = ["ssh"]
    if config is not None:
        words += ["-F", config]
    if address.port is not None:
        words += ["-p", str(address.port)]
    words.append(f"{address.user}@{address.host}" if address.user else address.host)
    return " ".join(words)


def missing_ssh() -> ToolError:
    """There is no ssh client on this machine."""
    return ToolError("EP-682", "the ssh client is not installed", "apt-get install --no-install-recommends openssh-client")


def _known_name(address: SshAddress) -> str:
    return address.host if address.port in (None, 22) else f"[{address.host}]:{address.port}"


def _scan(address: SshAddress) -> str:
    port = "" if address.port is None else f"-p {address.port} "
    return f"ssh-keyscan {port}{address.host} >> ~/.ssh/known_hosts"


def _changed(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return (
        f"{name}: its host key is not the one known from earlier; another machine may be answering",
        f"if it was reinstalled: `ssh-keygen -R '{_known_name(address)}'`, then connect once with `{command}`",
    )


def _unknown_key(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return (
        f"{name}: its host key is not known yet",
        f"run `{command}` once and compare the fingerprint, or on a trusted network `{_scan(address)}`",
    )


def _denied(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    target = command.removeprefix("ssh ")
    return (
        f"{name}: the device refuses this user or key",
        f"install your key with `ssh-copy-id {target}`, or load it with ssh-add; passwords are never asked for",
    )


def _unresolved(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: no machine is known by the name {address.host}", "check the spelling, or use its IP address"


def _refused(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: the machine answers but has no ssh server there", "switch ssh on (on a Pi: raspi-config), check the port"


def _unreachable(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: the network does not lead there", "check that the device is on and in the same network"


def _no_answer(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: no answer to the connection", "check that the device is on, its address, and firewalls"


def _silent(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: the device stopped answering", "check that it is on and the network holds, then run the same command again"


def _broke(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: the connection broke", "run the same command again; it goes on where it was"


def _bad_config(name: str, address: SshAddress, command: str) -> tuple[str, str]:
    return f"{name}: the ssh configuration has an error", f"run `{command} true` to see it"


_CASES: tuple[tuple[str, str, _Explain], ...] = (
    ("EP-506", r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed", _changed),
    ("EP-505", r"Host key verification failed|No \S+ host key is known for", _unknown_key),
    ("EP-507", r"Permission denied \(|Too many authentication failures|Permission denied, please try again", _denied),
    ("EP-501", r"Could not resolve hostname|Name or service not known|Temporary failure in name resolution", _unresolved),
    ("EP-502", r"Connection refused", _refused),
    ("EP-503", r"No route to host|Network is unreachable|Host is down", _unreachable),
    ("EP-504", r"connect to .*(Connection|Operation) timed out|Connection timed out during banner exchange", _no_answer),
    ("EP-504", r"Connection to \S+ port \d+ timed out", _no_answer),
    ("EP-508", r"Timeout, server .* not responding", _silent),
    (
        "EP-519",
        r"Bad configuration option|terminating, \d+ bad configuration|Bad owner or permissions|Can't open user config",
        _bad_config,
    ),
    (
        "EP-509",
        r"Connection (closed|reset)|closed by remote host|Broken pipe|kex_exchange_identification|mux_client|Control socket",
        _broke,
    ),
)
