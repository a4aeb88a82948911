"""One file a kind of device: what it says is what the documentation says, and asking it costs no start-up."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.ground.errors import DeviceError
from edgepack.kinds import KINDS, check_standin, kind_of, open_device
from edgepack.kinds.find import find_program
from edgepack.pipeline.doctor import needs
from edgepack.project import Target, load_target

ROOT = Path(__file__).resolve().parents[2]


def _table(heading: str) -> dict[str, str]:
    """The kinds of each key in a table of the reference."""
    section = re.split(r"^## ", (ROOT / "docs/reference/targets.md").read_text(), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(heading))
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", text, flags=re.MULTILINE)
    return {key: kinds.strip() for keys, kinds in rows for key in re.findall(r"`(\w+)`", keys)}


def test_the_keys_of_each_kind_are_those_of_the_reference() -> None:
    for key, kinds in _table("[device]").items():
        takes = [kind.name for kind in KINDS.values() if key in kind.keys]
        assert kinds == (", ".join(takes) or "all"), key


def test_the_budgets_of_each_kind_are_those_of_the_reference() -> None:
    for key, kinds in _table("[budget]").items():
        measured = [kind.name for kind in KINDS.values() if key not in kind.instead_of_budgets]
        assert kinds == ("all" if len(measured) == len(KINDS) else ", ".join(measured)), key


@pytest.mark.parametrize("target", ["host", "rpi", "android", "cortex-m4"])
def test_every_kind_takes_what_its_needs_and_budgets_are_about(target: str) -> None:
    kind = kind_of(load_target(target))
    assert set(kind.needed) <= kind.keys
    assert (kind.holds == "release") == ("engine" in kind.keys) == ("keep" in kind.keys)
    assert not set(kind.instead_of_budgets.values()) & set(kind.instead_of_budgets)


def test_profiles_are_checked_without_importing_a_transport() -> None:
    program = (
        "import sys; from edgepack.project import schema; "
        "print([name for name in sys.modules if name.startswith(('edgepack.devices', 'edgepack.standins', 'edgepack.mcu'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("room", "below"),
    [
        ("devices", {"ground", "workers", "devices"}),
        ("standins", {"ground", "workers", "devices", "standins"}),
        ("kinds", {"ground", "cores", "devices", "mcu", "standins", "kinds"}),
    ],
)
def test_nothing_is_imported_from_above(room: str, below: set[str]) -> None:
    for file in (ROOT / "edgepack" / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            rooms = {name.split(".")[1] for name in names if name.startswith("edgepack.")}
            assert rooms <= below, f"{file.relative_to(ROOT)} imports {rooms - below}"


@pytest.mark.parametrize(
    ("target", "instead"), [("host", "needs none"), ("android", "starts its own"), ("cortex-m4", "needs none")]
)
def test_stand_ins_are_started_by_hand_for_ssh_only(target: str, instead: str) -> None:
    check_standin(load_target("rpi"))
    with pytest.raises(DeviceError, match=f"stand-ins are for ssh targets, and {target} is of kind") as caught:
        check_standin(load_target(target))
    assert caught.value.code == "EP-523" and caught.value.hint.startswith(f"{target} {instead}")


def test_a_microcontroller_holds_no_files() -> None:
    with pytest.raises(DeviceError) as caught, open_device(load_target("cortex-m4")):
        pass
    assert caught.value.code == "EP-523"


def test_a_boards_address_is_checked_without_waiting_for_it() -> None:
    check = KINDS["mcu"].check_address
    check("emulated")
    with pytest.raises(DeviceError) as caught:
        check("serial:/dev/no-such-port")
    assert caught.value.code == "EP-563"


def _with(target: Target, **device: str) -> Target:
    return replace(target, device=replace(target.device, **device))


def test_an_ssh_target_needs_an_address_or_sshd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgepack.kinds.ssh.find_program", lambda name: None if name == "sshd" else f"/usr/bin/{name}")
    for variable in ("EDGEPACK_RPI", "EDGEPACK_RPI_ZERO2"):
        monkeypatch.delenv(variable, raising=False)
    target = load_target("rpi-zero2")
    assert needs(target) == ("an address (EDGEPACK_RPI_ZERO2), or sshd for a stand-in",)
    assert needs(_with(target, address="pi@there")) == ()
    monkeypatch.setenv("EDGEPACK_RPI", "pi@four")
    assert needs(target) == ()


def test_a_cortex_m55_needs_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgepack.kinds.mcu.find_program", lambda name: None)
    monkeypatch.setattr("edgepack.kinds.mcu.package_version", lambda name: "1.0")
    assert needs(load_target("cortex-m4")) == () and needs(load_target("cortex-m55")) == ("qemu-system-arm",)
    assert find_program("no-such-program") is None
