"""Addresses of ssh devices: user@host, host:port, [ipv6]:port, ssh://…, or a name of the user's ssh configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgepack.ground.errors import DeviceError


@dataclass(frozen=True)
class SshAddress:
    """Where ssh goes; None leaves the choice to the ssh configuration."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        if self.port is None:
            return user + self.host
        return f"{user}[{self.host}]:{self.port}" if ":" in self.host else f"{user}{self.host}:{self.port}"

    @property
    def arguments(self) -> list[str]:
        """The end of an ssh command line up to and including the host, which can never be taken for an option."""
        port = [] if self.port is None else ["-p", str(self.port)]
        user = [] if self.user is None else ["-l", self.user]
        return [*port, *user, "--", self.host]


def parse_ssh_address(text: str) -> SshAddress:
    """The parts of an address.

    Raises:
        DeviceError: EP-500 when it cannot be one.
    """
    user, at, rest = text.removeprefix("ssh://").removesuffix("/").rpartition("@")
    bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(\d+))?", rest)
    if bracketed:
        host, port = bracketed.group(1), bracketed.group(2)
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    else:  # no port, or an IPv6 address without brackets, which cannot carry one
        host, port = rest, None
    valid = re.fullmatch(r"[^\s\x00-\x1f\x7f/\"'`$;&|<>()\[\]\\]+", host) and not host.startswith("-")
    user_valid = not at or re.fullmatch(r"[^\s\x00-\x1f\x7f\"'`$;&|<>()\\:-][^\s\x00-\x1f\x7f\"'`$;&|<>()\\:]*", user)
    if not valid or not user_valid or (port is not None and not (port.isdigit() and 0 < int(port) < 65536)):
        secret, at, place = text.rpartition("@")
        shown = f"{secret.partition(':')[0]}:***@{place}" if at and ":" in secret else text
        raise DeviceError(
            "EP-500",
            f"{shown!r} is not an ssh address",
            "write user@host, user@host:port, user@[ipv6]:port, or a Host of your ssh configuration",
        )
    return SshAddress(host, user or None, None if port is None else int(port))
