"""Several devices from an inventory file: Ansible's YAML and INI, read as far as addresses go.

What is read: groups, their children and variables, host ranges, `group_vars/` and `host_vars/` beside the file, and of the
variables `ansible_host`, `ansible_port`, `ansible_user` (and their older names `ansible_ssh_…`). Precedence is Ansible's: a
host's own variables before its groups', a child group's before its parents'. Keys, passwords and other options of the
connection belong into the user's ssh configuration; they are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.ground.errors import ProjectError
from edgepack.ground.foreign import read_regular
from edgepack.project.inventory.group import Group, wrong_inventory
from edgepack.project.inventory.ini import parse_ini
from edgepack.project.inventory.yaml import load_yaml, parse_yaml

_LARGEST = 4 << 20  # bytes of an inventory: ten thousand hosts with their variables take a tenth
_LONGEST_NAME = 240  # bytes, of the 255 that a file's name may have
_DEEPEST = 100  # groups inside one another
_MOST_MEMBERS = 1_000_000  # hosts of all groups, a host in several counted as often

_ADDRESS = {"host": "ansible_host", "port": "ansible_port", "user": "ansible_user"}


@dataclass(frozen=True)
class Host:
    """A device by the name that reports use, and its address as `--device` takes it."""

    name: str
    address: str


@dataclass(frozen=True)
class Inventory:
    """Hosts in the file's order, the names of each group's hosts ("all" among them), and what was not read, in words."""

    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()


def read_inventory(file: Path) -> Inventory:
    """The devices that an inventory file names.

    Raises:
        ProjectError: EP-113 when it cannot be read, is no inventory, or names no host.
    """
    try:
        text = read_regular(file, _LARGEST).decode("utf-8")
    except (OSError, ValueError) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None) or error
        raise ProjectError("EP-113", f"cannot read the inventory {file}: {reason}", "check the path") from error
    if text.startswith("$ANSIBLE_VAULT"):
        raise ProjectError("EP-113", f"{file}: the inventory is encrypted", "write the addresses to a file of their own")
    groups = parse_yaml(text, file) if file.suffix in (".yml", ".yaml", ".json") else parse_ini(text, file)
    notes: list[str] = []
    for folder, names in (("group_vars", list(groups)), ("host_vars", _host_names(groups))):
        for name in names:
            found = _beside(file.parent / folder, name, notes, load_yaml)
            for values in found:
                _add(groups, folder, name, values)
    inventory = _resolve(groups, file, notes)
    if not inventory.hosts:
        raise ProjectError("EP-113", f"{file}: the inventory names no host", "see docs/guides/fleets.md for an example")
    return inventory


def _host_names(groups: Mapping[str, Group]) -> list[str]:
    return list(dict.fromkeys(name for group in groups.values() for name in group.hosts))


def _beside(folder: Path, name: str, notes: list[str], load: Any) -> list[dict[str, Any]]:
    """Variables in group_vars/NAME, NAME.yml or the files of a folder NAME."""
    if "/" in name or "\0" in name or name in (".", "..") or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return []  # no file is called so; above all, it must not lead to another folder's
    candidates = [folder / name, folder / f"{name}.yml", folder / f"{name}.yaml", folder / f"{name}.json"]
    files = [file for file in candidates if file.is_file()]
    if (folder / name).is_dir():
        files += sorted(file for file in (folder / name).iterdir() if file.suffix in ("", ".yml", ".yaml", ".json"))
    found = []
    for file in files:
        try:
            text = read_regular(file, _LARGEST).decode("utf-8", "replace")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ProjectError("EP-113", f"cannot read {file}: {reason}", "check the file, or remove it") from error
        if text.startswith("$ANSIBLE_VAULT"):
            notes.append(f"{file} is encrypted and was not read")
            continue
        values = load(text, file)
        if isinstance(values, dict):
            found.append(values)
    return found


def _add(groups: dict[str, Group], folder: str, name: str, values: dict[str, Any]) -> None:
    if folder == "group_vars":
        groups[name].variables.update(values)
        return
    for group in groups.values():
        if name in group.hosts:
            group.hosts[name].update(values)


def _resolve(groups: dict[str, Group], file: Path, notes: list[str]) -> Inventory:
    """Every host with the variables of its groups, parents first, then its own."""
    parents: dict[str, list[str]] = {name: [] for name in groups}
    for name, group in groups.items():
        for child in group.children:
            if child not in groups:
                raise wrong_inventory(file, "", f"group {name} has a child {child}, which does not exist")
            parents[child].append(name)
    depth: dict[str, int] = {}
    for name in groups:
        _find_depth(name, parents, file, depth, ())
    members = _members(groups, depth, file)
    everyone = list(dict.fromkeys([*members.get("all", ()), *_host_names(groups)]))
    variables: dict[str, dict[str, Any]] = {host: {} for host in everyone}
    for name in sorted(groups, key=lambda group: (group != "all", depth[group], group)):
        given = _of_addresses(groups[name].variables)
        if given:
            for host in everyone if name == "all" else members[name]:
                variables[host].update(given)
    for group in groups.values():
        for host, own in group.hosts.items():
            variables[host].update(_of_addresses(own))
    hosts = tuple(Host(host, _address(host, variables[host], file)) for host in everyone)
    place = {host: number for number, host in enumerate(everyone)}
    named = {name: tuple(sorted(found, key=place.__getitem__)) for name, found in members.items() if name != "all"}
    grouped = {host for name, found in named.items() for host in found if name != "ungrouped"}
    ungrouped = tuple(host for host in everyone if host not in grouped)
    return Inventory(hosts, {**named, "all": tuple(everyone), "ungrouped": ungrouped}, tuple(notes))


def _of_addresses(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that an address is made of."""
    names = (*_ADDRESS.values(), *(name.replace("ansible_", "ansible_ssh_") for name in _ADDRESS.values()))
    return {name: variables[name] for name in names if name in variables}


def _find_depth(name: str, parents: dict[str, list[str]], file: Path, known: dict[str, int], below: tuple[str, ...]) -> int:
    """How many groups are above a group, itself included, noted in `known`."""
    if name in below:
        raise wrong_inventory(file, "", f"group {name} is its own child")
    if len(below) >= _DEEPEST:
        raise wrong_inventory(file, "", f"group {name} is more than {_DEEPEST} groups deep")
    if name not in known:
        known[name] = 1 + max((_find_depth(one, parents, file, known, (*below, name)) for one in parents[name]), default=0)
    return known[name]


def _members(groups: Mapping[str, Group], depth: Mapping[str, int], file: Path) -> dict[str, dict[str, None]]:
    """Every group's hosts and its children's, in order. Children, which lie deeper, come before their parents."""
    found: dict[str, dict[str, None]] = {}
    count = 0
    for name in sorted(groups, key=lambda name: -depth[name]):
        own = dict.fromkeys(groups[name].hosts)
        for child in groups[name].children:
            own.update(found[child])
            if count + len(own) > _MOST_MEMBERS:
                raise wrong_inventory(file, "", f"group {name}: the groups have too many hosts")
        found[name] = own
        count += len(own)
    return {name: found[name] for name in groups}


def _address(name: str, variables: Mapping[str, Any], file: Path) -> str:
    """`[user@]host[:port]` of a host's variables.

    Raises:
        ProjectError: EP-113 for a value that is none: a template, a number out of range, white space.
    """
    from edgepack.project.schema import holds_password

    values = {}
    for key, variable in _ADDRESS.items():
        value = variables.get(variable, variables.get(variable.replace("ansible_", "ansible_ssh_")))
        if value is None:
            continue
        text = str(value).strip()
        if "{{" in text:
            raise wrong_inventory(file, "", f"host {name}: {variable} is a template, which is not evaluated")
        if not text or text.startswith("-") or any(character.isspace() or ord(character) < 32 for character in text):
            raise wrong_inventory(file, "", f"host {name}: {variable} is not one word")
        if key == "user" and (":" in text or "@" in text):
            raise wrong_inventory(file, "", f"host {name}: {variable} is not a login's name")
        if key == "host" and holds_password(text):
            raise wrong_inventory(file, "", f"host {name}: {variable} holds a password; use keys")
        values[key] = text
    host = values.get("host", name)
    port = values.get("port")
    if port is not None and not (port.isdigit() and 0 < int(port) < 65536):
        raise wrong_inventory(file, "", f"host {name}: ansible_port is not a port")
    if port is not None and ":" in host:
        host = f"[{host}]"
    user = f"{values['user']}@" if "user" in values else ""
    return f"{user}{host}" + (f":{port}" if port is not None else "")
