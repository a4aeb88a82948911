"""Addresses as users write them."""

from __future__ import annotations

import pytest

from edgepack.devices.ssh_address import SshAddress, parse_ssh_address
from edgepack.ground.errors import DeviceError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pi@raspberrypi.local", SshAddress("raspberrypi.local", "pi")),
        ("pi@10.0.0.7:2222", SshAddress("10.0.0.7", "pi", 2222)),
        ("kitchen", SshAddress("kitchen")),
        ("kitchen:22", SshAddress("kitchen", None, 22)),
        ("pi@[fe80::1%eth0]:2222", SshAddress("fe80::1%eth0", "pi", 2222)),
        ("[::1]", SshAddress("::1")),
        ("pi@fe80::1", SshAddress("fe80::1", "pi")),
        ("ssh://pi@host:22/", SshAddress("host", "pi", 22)),
        ("user@domain@host", SshAddress("host", "user@domain")),
    ],
)
def test_addresses_are_taken_apart(text: str, expected: SshAddress) -> None:
    assert parse_ssh_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "pi@", "-oProxyCommand=id", "pi@-oProxyCommand=id", "-l@host", "host:0", "host:99999", "host:x", "a b"),
        *("a;b", "$(id)", "h`id`", "[::1", "host/path", "x\ny", "pi'@host"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DeviceError) as caught:
        parse_ssh_address(text)
    assert caught.value.code == "EP-500"


def test_an_address_prints_as_it_is_written() -> None:
    for text in ("pi@host:2222", "pi@[::1]:2222", "host"):
        assert str(parse_ssh_address(text)) == text


def test_a_password_is_refused_and_never_repeated() -> None:
    from edgepack.ground.errors import ProjectError
    from edgepack.project import device_address, load_target

    with pytest.raises(DeviceError) as caught:
        parse_ssh_address("pi:hunter2@raspberrypi")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}" and "pi:***@raspberrypi" in str(caught.value)
    for flag, environ in (("pi:hunter2@raspberrypi", {}), (None, {"EDGEPACK_RPI": "ssh://pi:hunter2@raspberrypi:22"})):
        with pytest.raises(ProjectError) as refused:
            device_address(load_target("rpi"), flag, environ)
        assert refused.value.code == "EP-109" and "hunter2" not in f"{refused.value} {refused.value.hint}"
    with pytest.raises(ProjectError) as refused:
        load_target("rpi", None, ["device.address=pi:hunter2@raspberrypi"])
    assert refused.value.code == "EP-105" and "hunter2" not in f"{refused.value} {refused.value.hint}"
