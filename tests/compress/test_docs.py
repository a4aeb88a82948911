"""The reference of recipe steps names every option with its default, and no others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from edgepack.compress.options import FineTuning, StepOptions
from edgepack.compress.registry import STEPS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "recipe-steps.md").read_text()


def rows(heading: str) -> dict[str, Any]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section, flags=re.MULTILINE)
    return {option: json.loads(default) for option, default in found}


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("Training options", FineTuning), *((name, get_type_hints(step)["options"]) for name, step in STEPS.items())],
)
def test_the_page_lists_the_options_and_their_defaults(heading: str, schema: type[StepOptions]) -> None:
    common = {} if schema is FineTuning else FineTuning.model_fields
    own = {
        name: plain(field.default)
        for name, field in schema.model_fields.items()
        if name not in common or field.default != common[name].default
    }
    assert rows(heading) == own


def test_the_page_has_every_step() -> None:
    assert set(re.findall(r"^## (\w+)$", PAGE, flags=re.MULTILINE)) == set(STEPS)
