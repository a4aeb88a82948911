"""Every error code that the code raises has its section in docs/errors.md, and no section is about a code nobody raises."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _raised() -> set[str]:
    codes: set[str] = set()
    for file in (ROOT / "edgepack").rglob("*.py"):
        codes |= set(re.findall(r"[\"'](EP-\d{3})[\"']", file.read_text()))
    return codes | set(re.findall(r"error (EP-\d{3}):", (ROOT / "edgepack" / "cli" / "__init__.py").read_text()))


def test_the_codes_raised_are_the_codes_documented() -> None:
    documented = re.findall(r"^## (EP-\d{3}) .+", (ROOT / "docs" / "errors.md").read_text(), flags=re.MULTILINE)
    assert len(documented) == len(set(documented)), "a code has two sections"
    assert set(documented) == _raised()
