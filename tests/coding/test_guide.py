"""docs/guides/coding.md shows the bytes that the codes give."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from edgepack.coding import CODES, SETTINGS
from edgepack.coding.frame import Table, encode_tables

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "coding.md").read_text()


def test_every_code_has_its_example_with_its_bytes() -> None:
    values = np.array([0, 0, 5, 0, -3, 0, 0, 5], np.int8)
    parts = dict(re.findall(r"^\*\*(\w+)\*\*: .*?\n\n    ([0-9A-F ]+)\n", GUIDE, flags=re.MULTILINE | re.DOTALL))
    pairs = Table(np.array([96, 7, 32, 7], np.int32), 1, 0)
    assert bytes.fromhex(parts.pop("frame")) == encode_tables([pairs])
    assert set(parts) == {code.name for code in CODES}
    for code in CODES:
        coded = bytes.fromhex(parts[code.name])
        assert code.encode(values) == coded
        assert np.array_equal(code.decode(coded, values.size), values)


def test_every_setting_is_in_the_table() -> None:
    table = GUIDE.split("## Switching it")[1].split("\n\nIt goes with")[0]
    assert {*SETTINGS, *(code.name for code in CODES)} <= set(re.findall(r"`(\w+)`", table))
