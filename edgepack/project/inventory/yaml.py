"""Ansible's YAML inventories: groups with hosts, children and vars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepack.project.inventory.group import Group, wrong_inventory
from edgepack.project.inventory.ini import expand_range


def load_yaml(text: str, file: Path) -> Any:
    """A YAML document as plain data; values with a tag of Ansible's own (`!vault`, `!unsafe`) become None.

    Raises:
        ProjectError: EP-113 with the line of the fault.
    """
    import yaml

    loader: Any = type("PlainLoader", (yaml.SafeLoader,), {})
    loader.add_multi_constructor("!", lambda *_: None)
    try:
        return yaml.load(text, loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        raise wrong_inventory(file, where, f"not YAML: {getattr(error, 'problem', None) or 'it cannot be parsed'}") from error


def parse_yaml(text: str, file: Path) -> dict[str, Group]:
    """The groups of a YAML inventory by name.

    Raises:
        ProjectError: EP-113 when it is not made of groups.
    """
    groups: dict[str, Group] = {}
    values = load_yaml(text, file)
    for name, content in _table(values, file, "the file").items():
        _read(str(name), content, groups, file)
    return groups


def _read(name: str, content: Any, groups: dict[str, Group], file: Path) -> None:
    table = _table(content, file, f"group {name}")
    unknown = [str(key) for key in table if key not in ("hosts", "children", "vars")]
    if unknown:
        raise wrong_inventory(file, "", f"group {name}: {unknown[0]!r} is none of hosts, children and vars")
    group = groups.setdefault(name, Group())
    hosts = table.get("hosts")
    entries = dict.fromkeys([hosts]) if isinstance(hosts, str) else _table(hosts, file, f"hosts of {name}")
    for pattern, variables in entries.items():
        for host in expand_range(str(pattern), file):
            group.hosts.setdefault(host, {}).update(_table(variables, file, f"host {host}"))
    group.variables.update(_table(table.get("vars"), file, f"vars of {name}"))
    for child, inner in _table(table.get("children"), file, f"children of {name}").items():
        if str(child) not in group.children:
            group.children.append(str(child))
        _read(str(child), inner, groups, file)


def _table(value: Any, file: Path, what: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_inventory(file, "", f"{what}: a mapping is expected")
    return value
