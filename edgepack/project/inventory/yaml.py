"""Ansible's YAML inventories: groups with hosts, children and vars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepack.project.inventory.group import Group, wrong_inventory
from edgepack.project.inventory.ranges import HostNames

_DEEPEST = 64  # lists and mappings inside one another
_MOST_VALUES = 1_000_000  # with what aliases stand for counted as often as they stand there
_LONGEST_NUMBER = 64  # characters


def load_yaml(text: str, file: Path) -> Any:
    """A YAML document as plain data; values with a tag of Ansible's own (`!vault`, `!unsafe`) become None.

    Raises:
        ProjectError: EP-113 with the line of the fault.
    """
    import yaml

    class Plain(yaml.SafeLoader):  # type: ignore[misc]
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Each value of the text, before anything is made of it."""
            self.depth += 1
            if self.depth > _DEEPEST:
                mark = self.peek_event().start_mark
                raise yaml.composer.ComposerError(None, None, "values are nested too deeply", mark)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    Plain.add_multi_constructor("!", lambda *_: None)
    try:
        loader = Plain(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _size(node, file, {})
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        raise wrong_inventory(file, where, f"not YAML: {getattr(error, 'problem', None) or 'it cannot be parsed'}") from error
    except RecursionError as error:
        raise wrong_inventory(file, "", "values are nested too deeply") from error
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        # SafeLoader's own, for scalars that are not what their tag or form says, such as the date 2020-99-99.
        raise wrong_inventory(file, "", f"a value cannot be read ({str(error)[:100]})") from error


def _size(node: Any, file: Path, known: dict[int, int]) -> int:
    """How many values a node stands for, its aliases followed: a few lines of them may stand for billions.

    Raises:
        ProjectError: EP-113 when they are too many, when a value holds itself, or for a number of absurd length.
    """
    if id(node) in known:
        if known[id(node)] == 0:
            raise wrong_inventory(file, f":{node.start_mark.line + 1}", "a value holds itself")
        return known[id(node)]
    where = f":{node.start_mark.line + 1}"
    known[id(node)] = 0
    size = 1
    if isinstance(node.value, str):
        if node.tag.endswith((":int", ":float")) and len(node.value) > _LONGEST_NUMBER:
            raise wrong_inventory(file, where, f"a number of {len(node.value)} characters")
    else:
        for inner in node.value:
            size += sum(_size(one, file, known) for one in (inner if isinstance(inner, tuple) else (inner,)))
    if size > _MOST_VALUES:
        raise wrong_inventory(file, where, "its aliases stand for too many values")
    known[id(node)] = size
    return size


def parse_yaml(text: str, file: Path) -> dict[str, Group]:
    """The groups of a YAML inventory by name.

    Raises:
        ProjectError: EP-113 when it is not made of groups.
    """
    groups: dict[str, Group] = {}
    names = HostNames(file)
    values = load_yaml(text, file)
    for name, content in _table(values, file, "the file").items():
        _read(str(name), content, groups, names, file)
    return groups


def _read(name: str, content: Any, groups: dict[str, Group], names: HostNames, file: Path) -> None:
    table = _table(content, file, f"group {name}")
    unknown = [str(key) for key in table if key not in ("hosts", "children", "vars")]
    if unknown:
        raise wrong_inventory(file, "", f"group {name}: {unknown[0]!r} is none of hosts, children and vars")
    group = groups.setdefault(name, Group())
    hosts = table.get("hosts")
    entries = dict.fromkeys([hosts]) if isinstance(hosts, str) else _table(hosts, file, f"hosts of {name}")
    for pattern, variables in entries.items():
        for host in names.expand(str(pattern)):
            group.hosts.setdefault(host, {}).update(_table(variables, file, f"host {host}"))
    group.variables.update(_table(table.get("vars"), file, f"vars of {name}"))
    for child, inner in _table(table.get("children"), file, f"children of {name}").items():
        group.children[str(child)] = None
        _read(str(child), inner, groups, names, file)


def _table(value: Any, file: Path, what: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_inventory(file, "", f"{what}: a mapping is expected")
    return value
