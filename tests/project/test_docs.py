"""The reference pages name every key and every error that the code has, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgepack.project import schema
from edgepack.project.units import parse_bytes

ROOT = Path(__file__).resolve().parents[2]


def keys_in(page, heading):
    """The keys in the tables of one section of a page."""
    text = (ROOT / "docs" / "reference" / page).read_text()
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S).group(1)
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(
    ("page", "heading", "tables"),
    [
        ("edgepack-toml.md", "[model]", [schema.ModelTable]),
        ("edgepack-toml.md", "[data]", [schema.DataTable, schema.PreprocessingTable]),
        ("edgepack-toml.md", "[search]", [schema.SearchTable]),
        ("targets.md", "[device]", [schema.DeviceTable]),
        ("targets.md", "[budget]", [schema.BudgetTable]),
    ],
)
def test_the_reference_lists_exactly_the_keys_there_are(page, heading, tables):
    known = {key for table in tables for key in table.model_fields} - {"preprocessing"}
    assert keys_in(page, heading) == known


def test_the_defaults_in_the_reference_are_the_codes():
    text = (ROOT / "docs" / "reference" / "targets.md").read_text()
    for key, field in schema.DeviceTable.model_fields.items():
        row = re.search(rf"^\| `{key}`[^|]*\|[^|]*\|([^|]*)\|", text, re.M)
        if row and isinstance(field.default, int) and not isinstance(field.default, bool):
            assert row.group(1).strip() == str(field.default), key
    text = (ROOT / "docs" / "reference" / "edgepack-toml.md").read_text()
    for key, field in schema.DataTable.model_fields.items():
        if isinstance(field.default, (int, float, str)):
            assert re.search(rf"^\| `{key}` \| `?{re.escape(str(field.default))}`? \|", text, re.M), key


def test_the_units_in_the_reference_are_read():
    text = (ROOT / "docs" / "reference" / "targets.md").read_text()
    for unit in ("B", "kB", "MB", "GB", "KiB", "MiB", "GiB"):
        assert f"`{unit}`" in text and parse_bytes(f"1 {unit}") >= 1
