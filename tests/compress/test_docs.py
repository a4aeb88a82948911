"""The reference of recipe steps names every option with its default, and no others."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from edgepack.compress.registry import STEPS
from edgepack.compress.technique import FineTuning, Technique
from edgepack.ground.errors import ProjectError
from edgepack.project.toml import read_toml

from .small import recipe

PAGE_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGE = (PAGE_FOLDER / "recipe-steps.md").read_text()


def rows(heading: str) -> dict[str, Any]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section, flags=re.MULTILINE)
    return {option: json.loads(default) for option, default in found}


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("Training options", FineTuning), *STEPS.items()],
)
def test_the_page_lists_the_options_and_their_defaults(heading: str, schema: type[Technique]) -> None:
    common = {} if schema is FineTuning else FineTuning.model_fields
    own = {
        name: plain(field.default)
        for name, field in schema.model_fields.items()
        if name not in common or field.default != common[name].default
    }
    assert rows(heading) == own


def test_the_page_has_every_step() -> None:
    assert set(re.findall(r"^## (\w+)$", PAGE, flags=re.MULTILINE)) == set(STEPS)


def test_the_guides_table_of_combinations_is_what_recipes_allow() -> None:
    """Every pair of steps, checked as a recipe."""
    guide = (PAGE_FOLDER.parent / "guides" / "compress.md").read_text()
    head, _, *lines = re.findall(r"^\|.*\|$", guide.split("\n## Combinations\n")[1].split("\n## ")[0], flags=re.MULTILINE)
    columns = re.findall(r"`(\w+)`", head)
    assert set(columns) == set(STEPS) - {"train"}
    assert [line.split("`")[1] for line in lines] == [name for name in columns if name != "quantize"]
    for line in lines:
        first, *cells = (cell.strip(" `") for cell in line.strip("|").split("|"))
        for then, cell in zip(columns, cells, strict=True):
            tables = [{"step": first}, *([] if then == "quantize" else [{"step": then}]), {"step": "quantize"}]
            assert cell == ("yes" if allowed(tables) else "no"), (first, then)


@pytest.mark.parametrize("page", sorted((PAGE_FOLDER.parent / "guides" / "compress").glob("*.md")), ids=lambda page: page.stem)
def test_every_recipe_in_a_guide_can_be_run(page: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", page.read_text(), flags=re.MULTILINE)
    recipes = [textwrap.dedent(block) for block in blocks if "[[recipe]]" in block]
    assert recipes
    for text in recipes:
        (tmp_path / "recipe.toml").write_text(text)
        tables = read_toml(tmp_path / "recipe.toml", "recipe file").values["recipe"]
        last = [] if tables[-1]["step"] == "quantize" else [{"step": "quantize"}]
        recipe(*tables, *last)


def allowed(tables: list[dict[str, Any]]) -> bool:
    try:
        recipe(*tables)
    except ProjectError as error:
        assert error.code == "EP-404" and error.hint
        return False
    return True
