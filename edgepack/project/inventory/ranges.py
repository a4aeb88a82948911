"""Ranges of hosts ("pi[01:40]"), expanded up to a number of hosts that an inventory may name."""

from __future__ import annotations

import itertools
import math
import re
import string
from pathlib import Path

from edgepack.project.inventory.group import wrong_inventory

MOST_HOSTS = 10_000
"""Hosts that a pattern may stand for."""
_MOST_NAMED = 100_000  # that a file may name, each as often as it does
_LONGEST = 1000  # characters of a pattern
_DIGITS = 9

_RANGE = re.compile(r"\[([0-9]+|[A-Za-z]):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")


class HostNames:
    """Expands the patterns of one inventory, and counts the hosts: ranges in a pattern multiply, and patterns add up."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._named = 0

    def expand(self, pattern: str, line: int | None = None) -> list[str]:
        """Such as "pi[01:03].example" -> pi01.example, pi02.example, pi03.example; text without a range is itself.

        Raises:
            ProjectError: EP-113 for a range that runs backwards, or patterns that stand for too many hosts.
        """
        where = "" if line is None else f":{line}"
        if len(pattern) > _LONGEST:
            raise wrong_inventory(self._file, where, f"a host's name of {len(pattern)} characters")
        matches = list(_RANGE.finditer(pattern))
        ranges = [_Range(self._file, where, match) for match in matches]
        count = math.prod(found.count for found in ranges)
        self._named += count
        if count > MOST_HOSTS or self._named > _MOST_NAMED:
            what = " and ".join(found.text for found in ranges[:3]) or "the file"
            raise wrong_inventory(self._file, where, f"{what} stands for too many hosts")
        starts = [0, *(match.end() for match in matches)]
        ends = [*(match.start() for match in matches), len(pattern)]
        between = [pattern[start:end] for start, end in zip(starts, ends, strict=True)]
        return [
            "".join(itertools.chain.from_iterable(zip(between, (*chosen, ""), strict=True)))
            for chosen in itertools.product(*(found.items() for found in ranges))
        ]


class _Range:
    """One range of a pattern: how many hosts it stands for is known before any is made."""

    def __init__(self, file: Path, where: str, match: re.Match[str]) -> None:
        self.text = match.group()
        first, last, step = match.groups(default="1")
        if max(map(len, match.groups(""))) > _DIGITS:
            raise wrong_inventory(file, where, f"{self.text[:60]} stands for too many hosts")
        if first.isdigit() != last.isdigit() or int(step) == 0:
            raise wrong_inventory(file, where, f"{self.text} is not a range")
        self._width = len(first) if first.startswith("0") else 0
        self._letters = not first.isdigit()
        ends = (string.ascii_letters.index(end) if self._letters else int(end) for end in (first, last))
        self._numbers = range(next(ends), next(ends) + 1, int(step))
        self.count = len(self._numbers)
        if not self.count:
            raise wrong_inventory(file, where, f"{self.text} is an empty range")

    def items(self) -> list[str]:
        if self._letters:
            return [string.ascii_letters[number] for number in self._numbers]
        return [str(number).zfill(self._width) for number in self._numbers]
