"""Ansible's INI inventories: `[group]`, `[group:children]`, `[group:vars]`, and ranges of hosts."""

from __future__ import annotations

import re
import shlex
import string
from pathlib import Path

from edgepack.project.inventory.group import Group, wrong_inventory

_RANGE = re.compile(r"\[([0-9]+|[A-Za-z]):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")
_MOST = 10_000  # hosts a range may stand for


def parse_ini(text: str, file: Path) -> dict[str, Group]:
    """The groups of an INI inventory by name; hosts before the first section are of the group "ungrouped".

    Raises:
        ProjectError: EP-113 with the line that cannot be read.
    """
    groups: dict[str, Group] = {}
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
        _line(line, group, kind, file, number)
    for parent in list(groups.values()):
        for child in parent.children:
            groups.setdefault(child, Group())
    if not groups["ungrouped"].hosts and not groups["ungrouped"].variables:
        del groups["ungrouped"]
    return groups


def _line(line: str, group: Group, kind: str, file: Path, number: int) -> None:
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
        group.children += [name for name in words[:1] if name not in group.children]
        return
    variables = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if not equals:
            raise wrong_inventory(file, f":{number}", f"{word!r} is not of the form key=value")
        variables[key] = value
    for host in expand_range(words[0], file, number):
        name, port = _split_port(host)
        values = {"ansible_port": port} if port else {}
        group.hosts.setdefault(name, {}).update({**values, **variables})


def expand_range(pattern: str, file: Path, line: int | None = None) -> list[str]:
    """Such as "pi[01:03].example" -> pi01.example, pi02.example, pi03.example; text without a range is itself.

    Raises:
        ProjectError: EP-113 for a range that runs backwards or is too long.
    """
    match = _RANGE.search(pattern)
    if match is None:
        return [pattern]
    first, last, step = match.group(1), match.group(2), int(match.group(3) or 1)
    where = "" if line is None else f":{line}"
    if first.isdigit() != last.isdigit() or step == 0:
        raise wrong_inventory(file, where, f"{match.group()} is not a range")
    if first.isdigit():
        if int(last) - int(first) > _MOST:
            raise wrong_inventory(file, where, f"{match.group()} stands for too many hosts")
        width = len(first) if first.startswith("0") else 0
        items = [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
    else:
        letters = string.ascii_letters
        items = list(letters[letters.index(first) : letters.index(last) + 1 : step])
    if not items:
        raise wrong_inventory(file, where, f"{match.group()} is an empty range")
    before, after = pattern[: match.start()], pattern[match.end() :]
    return [host for item in items for host in expand_range(f"{before}{item}{after}", file, line)]


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
