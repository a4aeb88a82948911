"""Mutated files by number: the same seed and number give the same file, whichever were made before."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

from benchmarks.fuzz.originals import Original
from benchmarks.fuzz.structure import Structure
from tests.flatbuffer.mutate import Mutator

BYTEWISE = 0.25
"""Of the files; the others are changed in their structure, which reaches further, and some of these in their bytes too."""

BOTH = 0.08
SPLICED = 0.05  # of those changed bytewise


class Mutants:
    """The mutated files of a seed."""

    def __init__(self, originals: Sequence[Original], seed: int) -> None:
        self.originals = originals
        self.seed = seed

    def file(self, number: int) -> tuple[str, bytes]:
        """The name of the model that was mutated, and the mutated file."""
        rng = random.Random(f"{self.seed}/{number}")
        original = rng.choice(self.originals)
        if rng.random() < BYTEWISE:
            return original.name, self._bytewise(original.content, rng)
        content = None
        while content is None:
            content = _structure(original.content).mutated(rng)
        if rng.random() < BOTH:
            content = self._bytewise(content, rng)
        return original.name, content

    def _bytewise(self, content: bytes, rng: random.Random) -> bytes:
        if rng.random() < SPLICED:
            other = rng.choice(self.originals).content
            at = rng.randrange(min(len(content), len(other)))
            return content[:at] + other[at:]
        return Mutator(content, rng.getrandbits(60)).next()


@lru_cache(maxsize=1024)
def _structure(content: bytes) -> Structure:
    return Structure(content)
