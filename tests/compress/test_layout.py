"""The room's modules import in one direction, in the order that its docstring states; steps/ holds techniques alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import edgepack.compress
from edgepack.compress import STEPS

ROOM = Path(edgepack.compress.__file__).parent
MODULES = sorted(file for file in ROOM.rglob("*.py") if file.name != "__init__.py")


def order() -> dict[str, int]:
    """Place of each module or folder in the order of the docstring; those of one line are told apart too."""
    lines = re.findall(r"^    ([a-z_/, ]+?)  +\S", edgepack.compress.__doc__ or "", flags=re.MULTILINE)
    names = [name.strip(" /") for line in lines for name in line.split(",")]
    assert len(names) == len(set(names))
    return {name: place for place, name in enumerate(names)}


def part(file: Path) -> str:
    return file.relative_to(ROOM).parts[0].removesuffix(".py")


def imported(file: Path) -> list[str]:
    """Modules of the room that a file imports, also within functions and for types alone."""
    nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    found = [f"{node.module}.{name.name}" for node in nodes for name in node.names]
    return [name.removeprefix("edgepack.compress.") for name in found if name.startswith("edgepack.compress.")]


def test_the_order_names_every_module_and_folder() -> None:
    assert set(order()) == {part(file) for file in MODULES}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOM)))
def test_a_module_imports_only_from_those_before_it(file: Path) -> None:
    places = order()
    later = [name for name in imported(file) if places[name.split(".")[0]] > places[part(file)]]
    assert not later


def test_no_two_modules_of_a_folder_import_each_other() -> None:
    """A depth-first walk over imports, modules taken one by one."""
    names = {".".join(file.relative_to(ROOM).with_suffix("").parts): file for file in MODULES}
    used = {name: [f"{each}." for each in imported(file)] for name, file in names.items()}
    needs = {name: {other for other in names for each in used[name] if each.startswith(f"{other}.")} for name in names}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in needs[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in names:
        visit(name, ())


def test_each_file_of_steps_is_a_technique() -> None:
    files = {file.stem for file in (ROOM / "steps").glob("*.py")} - {"__init__"}
    assert files == set(STEPS)
    assert all(step.__module__ == f"edgepack.compress.steps.{name}" for name, step in STEPS.items())


def test_every_technique_can_be_imported_from_the_room() -> None:
    classes = {step.__name__: step for step in STEPS.values()}
    assert set(classes) <= set(edgepack.compress.__all__)
    assert {name: edgepack.compress.__dict__[name] for name in classes} == classes
