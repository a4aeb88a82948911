"""Choosing hosts of an inventory by Ansible's patterns: groups, hosts, wildcards, `!` to leave out, `&` to require."""

from __future__ import annotations

import fnmatch
import re

from edgepack.ground.errors import ProjectError
from edgepack.project.inventory.inventory import Host, Inventory


def limit_hosts(inventory: Inventory, pattern: str | None) -> tuple[Host, ...]:
    """The hosts that `pattern` chooses, in the inventory's order; every host for None.

    Terms are separated by "," or ":". A plain term adds hosts, `!term` leaves out and `&term` keeps those in both; a term is
    a group, a host, a wildcard ("pi*"), `~` and a regular expression, each with an index behind it ("pis[0]", "pis[0:4]").

    Raises:
        ProjectError: EP-114 when a term matches nothing, or nothing is left.
    """
    if pattern is None:
        return inventory.hosts
    terms = [term.strip() for term in _split(pattern) if term.strip()]
    chosen: set[str] = set()
    if terms and all(term[0] in "!&" for term in terms):
        chosen = {host.name for host in inventory.hosts}
    for term in sorted(terms, key=lambda term: "&!".find(term[0]) + 1):
        found = _match(inventory, term.lstrip("!&") if term[0] in "!&" else term)
        if not found and term[0] not in "!&":
            known = ", ".join(sorted(inventory.groups))
            raise ProjectError("EP-114", f"--limit {pattern}: {term!r} is no host or group of the inventory", f"groups: {known}")
        chosen = chosen - found if term[0] == "!" else chosen & found if term[0] == "&" else chosen | found
    if not chosen:
        raise ProjectError("EP-114", f"--limit {pattern}: no device is left", "check what it leaves out")
    return tuple(host for host in inventory.hosts if host.name in chosen)


def _split(pattern: str) -> list[str]:
    if "," in pattern:
        return pattern.split(",")
    return re.split(r":(?![^\[]*\])", pattern)  # not inside an index


def _match(inventory: Inventory, term: str) -> set[str]:
    names = [host.name for host in inventory.hosts]
    if term in names:
        return {term}
    if term.startswith("~"):
        try:
            expression = re.compile(term[1:])
        except re.error as error:
            raise ProjectError("EP-114", f"--limit {term}: not a regular expression: {error}", "correct it") from error
        return {name for name in names if expression.match(name)} | {
            name for group, members in inventory.groups.items() if expression.match(group) for name in members
        }
    index = re.fullmatch(r"(.+)\[(-?\d+)(?:([:-])(\d*))?\]", term)
    if index:
        within = _match(inventory, index.group(1))
        ordered = [name for name in names if name in within]
        first = int(index.group(2))
        if index.group(3) is None:
            return set(ordered[first:][:1])
        last = int(index.group(4)) if index.group(4) else len(ordered)
        return set(ordered[first : last + 1])
    groups = [members for group, members in inventory.groups.items() if fnmatch.fnmatchcase(group, term)]
    return {name for members in groups for name in members} | {name for name in names if fnmatch.fnmatchcase(name, term)}
