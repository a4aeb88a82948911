"""Facts of devices, from what their shells print."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from edgepack.devices.facts import FACTS_SCRIPT, parse_facts

_PI = """\
hostname=raspberrypi
system=Linux
kernel=6.6.31+rpt-rpi-v8
machine=aarch64
bits=64
os=Debian GNU/Linux 12 (bookworm)
model=Raspberry Pi 4 Model B Rev 1.4
cores=4
memory_kib=3884000
governor=ondemand
frequency_khz=1800000
temperature_mc=48199
throttled=0x50000
load=0.08 0.03 0.01 1/170 1234
libc=glibc 2.36
home=/home/pi
boot=5c8d
clock=1795312503
"""


def test_a_pis_facts() -> None:
    facts = parse_facts(_PI)
    assert (facts.model, facts.os, facts.bits, facts.cores) == (
        "Raspberry Pi 4 Model B Rev 1.4",
        "Debian GNU/Linux 12 (bookworm)",
        64,
        4,
    )
    assert (facts.memory, facts.frequency, facts.temperature) == (3884000 * 1024, 1.8e9, 48.199)
    assert (facts.throttled, facts.load, facts.home, facts.clock, facts.cpu) == ("0x50000", 0.08, "/home/pi", 1795312503, "")


def test_a_device_that_says_little_or_nonsense() -> None:
    facts = parse_facts("noise\nmachine=armv7l\ncores=many\nmemory_kib=\n")
    assert (facts.machine, facts.cores, facts.memory, facts.home) == ("armv7l", None, None, "")
    assert parse_facts("").hostname == ""


def test_the_script_is_plain_posix_shell(tmp_path: Path) -> None:
    """Run by dash, and where it is installed, by busybox and checked by shellcheck: a device's sh may be any."""
    import shutil

    import pytest

    said = subprocess.run(["sh", "-c", FACTS_SCRIPT], capture_output=True, text=True, check=True).stdout
    assert parse_facts(said).machine == subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    import importlib

    from edgepack.devices import shell, upload
    from edgepack.engines import runtime
    from edgepack.releases import release, switch
    from edgepack.remote import lock

    uninstall = importlib.import_module("edgepack.releases.uninstall")  # the package has a function of that name
    scripts = {
        "facts": FACTS_SCRIPT, "wrapper": shell._WRAPPER, "receive": upload._RECEIVE, "look": upload._LOOK,
        "acquire": lock._ACQUIRE, "renew": lock._RENEW, "release": lock._RELEASE, "break": lock._BREAK,
        "prepare": release._PREPARE, "place": release._PLACE, "verify": release._VERIFY, "seal": release._SEAL,
        "clean": runtime._CLEAN,
        "switch": switch.SWITCH, "links": switch._LINKS, "prune": switch._PRUNE,
        "there": uninstall._THERE, "remove": uninstall._REMOVE, "remove shared": uninstall._REMOVE_SHARED,
        "remove root": uninstall._REMOVE_ROOT, "discard": uninstall._DISCARD, "list": uninstall._LIST,
    }  # fmt: skip
    for name, script in scripts.items():
        file = tmp_path / f"{name}.sh"
        file.write_text("#!/bin/sh\n" + script)
        # SC2015: A && B || C is meant; SC1091: os-release is the device's; SC2012: names of our own making;
        # SC2002: a file that is not there is no error; SC2046: splitting into words is meant.
        checked = subprocess.run(
            ["shellcheck", "-s", "sh", "-e", "SC2015,SC1091,SC2012,SC2317,SC2329,SC2002,SC2046", str(file)],
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, f"{name}: {checked.stdout}"


def test_a_firmware_tool_that_hangs_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "vcgencmd"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said = subprocess.run(["sh", "-c", FACTS_SCRIPT], capture_output=True, text=True, check=True, timeout=30).stdout
    assert "throttled=" not in said and parse_facts(said).cores
