"""Inventories as Ansible reads them: `*.list.json` is what `ansible-inventory --list` of ansible-core 2.17 says of each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgepack.ground.errors import ProjectError
from edgepack.project.inventory.inventory import read_inventory
from edgepack.project.inventory.limit import limit_hosts

FOLDER = Path(__file__).parent / "inventory"


def _expected(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{file}.list.json").read_text())
    return found


def _members(listed: dict[str, Any], group: str) -> set[str]:
    table = listed.get(group, {})
    return set(table.get("hosts", [])).union(*(_members(listed, child) for child in table.get("children", [])))


@pytest.mark.parametrize("file", ["hosts.yml", "hosts.ini"])
def test_addresses_and_groups_are_those_that_ansible_finds(file: str) -> None:
    listed, inventory = _expected(file), read_inventory(FOLDER / file)
    assert {host.name for host in inventory.hosts} == _members(listed, "all")
    for host in inventory.hosts:
        variables = listed["_meta"]["hostvars"].get(host.name, {})
        address, port = str(variables.get("ansible_host", host.name)), variables.get("ansible_port")
        address = f"[{address}]" if port and ":" in address else address
        assert host.address == f"{variables['ansible_user']}@{address}" + (f":{port}" if port else "")
    for group in {*listed, *inventory.groups} - {"_meta"}:
        assert set(inventory.groups.get(group, ())) == _members(listed, group), group


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [  # as `ansible -i hosts.yml PATTERN --list-hosts` answers
        ("pis", "pi-bench pi01.example.org pi02.example.org pi03.example.org"),
        ("site:!pis", "six zero-a zero-b zero-c"),
        ("site:&zeros", "six zero-a zero-b zero-c"),
        ("pis[0]", "pi01.example.org"),
        ("pis[0:1]", "pi01.example.org pi02.example.org"),
        ("pis[1:]", "pi-bench pi02.example.org pi03.example.org"),
        ("pis[-1]", "pi-bench"),
        ("~zero-[ab]", "zero-a zero-b"),
        ("!site", "alone"),
        ("pi0*", "pi01.example.org pi02.example.org pi03.example.org"),
        ("pis,alone", "alone pi-bench pi01.example.org pi02.example.org pi03.example.org"),
    ],
)
def test_patterns_choose_as_ansible_does(pattern: str, expected: str) -> None:
    chosen = limit_hosts(read_inventory(FOLDER / "hosts.yml"), pattern)
    assert sorted(host.name for host in chosen) == expected.split()


@pytest.mark.parametrize("pattern", ["nobody", "pis:!pis", "~[", "site:nobody"])
def test_a_pattern_without_devices_is_an_error(pattern: str) -> None:
    with pytest.raises(ProjectError) as caught:
        limit_hosts(read_inventory(FOLDER / "hosts.yml"), pattern)
    assert caught.value.code == "EP-114"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("h.yml", "all: [a, b]\n", "mapping"),
        ("h.yml", "all:\n  hosts: {a: }\n  host: {}\n", "'host' is none of"),
        ("h.yml", "all:\n\thosts\n", ":2"),
        ("h.yml", "a: {children: {b: {children: {a: }}}}\n", "its own child"),
        ("h.ini", "[x:y]\n", ":1"),
        ("h.ini", "[x]\na b\n", ":2"),
        ("h.ini", "[x]\na ansible_port=65536\n", "not a port"),
        ("h.ini", "[x]\na ansible_host='-oProxyCommand=touch pwned'\n", "not one word"),
        ("h.ini", "[x]\na ansible_host={{other}}\n", "template"),
        ("h.ini", "[x]\na[1:99999999]\n", "too many"),
        ("h.ini", "[x]\n# nobody\n", "names no host"),
        ("h.ini", "[x]\na ansible_host='b\n", "quotes"),
        ("h.ini", "$ANSIBLE_VAULT;1.1;AES256\n61\n", "encrypted"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProjectError) as caught:
        read_inventory(tmp_path / name)
    assert caught.value.code == "EP-113" and said in str(caught.value)


def test_passwords_and_keys_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "h.ini").write_text(
        "[x]\na ansible_password=hunter2 ansible_ssh_private_key_file=/k ansible_become_pass=hunter2\n"
    )
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "x.yml").write_text("$ANSIBLE_VAULT;1.1;AES256\n61\n")
    inventory = read_inventory(tmp_path / "h.ini")
    for line in ("a ansible_user=pi:hunter2", "a ansible_host=pi:hunter2@10.0.0.1"):
        (tmp_path / "secret.ini").write_text(f"[x]\n{line}\n")
        with pytest.raises(ProjectError) as caught:
            read_inventory(tmp_path / "secret.ini")
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert "hunter2" not in repr(inventory) and inventory.hosts[0].address == "a"
    assert len(inventory.notes) == 1 and "encrypted" in inventory.notes[0]
