"""The table of operators: every file of a family is in it, and what it says fits the traits of the schema's operators."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import edgepack.compile.operators as package
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.table import _ALL, OPERATORS
from edgepack.flatbuffer.schema import enumeration
from edgepack.flatbuffer.traits import TRAITS

FOLDER = Path(package.__file__).parent
MACHINERY = {"site", "place", "kernel", "choice", "table"}
HELPERS = {"activations.float_functions", "movement.copying", "reductions.axes"}
"""What the other files of their family share: no operator and no kernel of their own."""
OWN = {"COPY", "FLOAT_TABLE"}
"""Operators that passes make; no file has them."""


def modules() -> list[str]:
    """The files that should hold operators or kernels, as dotted names below the package."""
    files = (file.relative_to(FOLDER) for file in FOLDER.rglob("*.py") if file.name != "__init__.py")
    names = {".".join(file.with_suffix("").parts) for file in files}
    return sorted(name for name in names - MACHINERY - HELPERS if not name.startswith("shared."))


def values(module: ModuleType) -> Iterator[Operator | Kernel]:  # type: ignore[type-arg]
    """The operators and kernels that a file exposes, alone or in tuples."""
    for name, value in vars(module).items():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, (Operator, Kernel)) and not name.startswith("_"):
                yield each


@pytest.mark.parametrize("name", modules())
def test_what_a_file_exposes_is_in_the_table(name: str) -> None:
    forms = [form for operator in _ALL for form in (operator, *operator.forms.values())]
    kernels = {id(kernel) for form in forms for kernel in form.kernels}
    listed = {(form.name, form.describe) for form in forms}
    found = list(values(importlib.import_module(f"{package.__name__}.{name}")))
    assert found, f"{name} exposes no operator and no kernel"
    for each in found:
        if isinstance(each, Operator):
            assert (each.name, each.describe) in listed
        else:
            assert id(each) in kernels


def test_no_operator_is_listed_twice() -> None:
    assert len(OPERATORS) == len(_ALL)


def test_operators_import_neither_the_table_nor_passes() -> None:
    """Passes and the choice of kernels stand on operators, not the other way round."""
    above = ("compile.operators.table", "compile.operators.choice", "compile.passes", "compile.bands", "compile.lowering")
    for file in FOLDER.rglob("*.py"):
        if file.parent != FOLDER or file.stem not in ("choice", "table"):
            assert not [module for module in above if f"edgepack.{module}" in file.read_text()], file


def test_every_operator_that_is_compiled_has_traits() -> None:
    assert set(OPERATORS) - OWN - set(TRAITS) == set()


def test_forms_are_of_the_same_operator() -> None:
    assert all(form.name == operator.name for operator in _ALL for form in operator.forms.values())


def test_operators_that_keep_their_channels_apart_have_a_rule_for_ranges() -> None:
    """Without one no channel behind them is known to be constant, so the trait would be of no use."""
    assert [operator.name for operator in _ALL if operator.channels_apart and operator.ranges is None] == []


def test_the_compilers_own_operators_are_not_the_schemas() -> None:
    names = set(enumeration("BuiltinOperator").values())
    assert OWN.isdisjoint(names) and set(OPERATORS) - OWN <= names
