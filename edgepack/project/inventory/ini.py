"""Ansible's INI inventories: `[group]`, `[group:children]`, `[group:vars]`, and ranges of hosts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from edgepack.project.inventory.group import Group, wrong_inventory
from edgepack.project.inventory.ranges import HostNames


def parse_ini(text: str, file: Path) -> dict[str, Group]:
    """The groups of an INI inventory by name; hosts before the first section are of the group "ungrouped".

    Raises:
        ProjectError: EP-113 with the line that cannot be read.
    """
    groups: dict[str, Group] = {}
    names = HostNames(file)
    group, kind = groups.setdefault("ungrouped", Group()), "hosts"
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        section = re.fullmatch(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?", line)
        if section:
            group, kind = groups.setdefault(section.group(1), Group()), section.group(2) or "hosts"
            if kind not in ("hosts", "children", "vars"):
                raise wrong_inventory(file, f":{number}", f"[{section.group(1)}:{kind}] is no kind of section")
            continue
        _line(line, group, kind, names, file, number)
    for parent in list(groups.values()):
        for child in parent.children:
            groups.setdefault(child, Group())
    if not groups["ungrouped"].hosts and not groups["ungrouped"].variables:
        del groups["ungrouped"]
    return groups


def _line(line: str, group: Group, kind: str, names: HostNames, file: Path, number: int) -> None:
    if kind == "vars":
        key, equals, value = line.partition("=")
        if not equals:
            raise wrong_inventory(file, f":{number}", "not of the form key=value")
        group.variables[key.strip()] = _unquoted(value.strip())
        return
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise wrong_inventory(file, f":{number}", f"quotes do not match ({error})") from error
    if kind == "children":
        group.children.update(dict.fromkeys(words[:1]))
        return
    variables = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise wrong_inventory(file, f":{number}", f"{word!r} is not of the form key=value")
        variables[key] = value
    for host in names.expand(words[0], number):
        name, port = _split_port(host)
        values = {"ansible_port": port} if port else {}
        group.hosts.setdefault(name, {}).update({**values, **variables})


def _split_port(host: str) -> tuple[str, str]:
    """`host:port` and `[ipv6]:port`; an address with more colons is an IPv6 address without a port."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.%]+)\](?::(\d+))?", host)
    if bracketed:
        return bracketed.group(1), bracketed.group(2) or ""
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and port.isdigit() and ":" not in name else (host, "")


def _unquoted(value: str) -> str:
    """A variable's text without a comment behind it and without quotes around it."""
    quoted = re.match(r"""(["'])(.*?)\1\s*(#.*)?$""", value)
    return quoted.group(2) if quoted else re.sub(r"\s+#.*$", "", value)
