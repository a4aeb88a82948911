"""The small models whose files are mutated: every operator's cases, random networks, and what the real models lack."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.compile.networks import random_network
from tests.flatbuffer.build import conv_model
from tests.flatbuffer.control_flow import control_flow

VARIANTS = 3
"""Models of each operator's case: the smallest files of twice as many."""

NETWORKS = 12
"""Networks: the smallest of five times as many."""


@dataclass(frozen=True)
class Original:
    """A model that compiles, or is at least read, and what it is called in messages."""

    name: str
    content: bytes


def cases() -> dict[str, Any]:
    """The maker of every operator's case, by name: each takes a seeded generator and gives a .tflite."""
    found: dict[str, Any] = {}
    for file in sorted((Path(__file__).parents[2] / "tests" / "compile").glob("cases*.py")):
        module = importlib.import_module(f"tests.compile.{file.stem}")
        found |= module.CASES
    return found


def originals() -> list[Original]:
    """The same models in the same order at each call."""
    found = [Original("conv", conv_model()), Original("control flow", control_flow())]
    for name, make in sorted(cases().items()):
        made = [Original(f"{name}, seed {seed}", make(np.random.default_rng(seed))) for seed in range(2 * VARIANTS)]
        found += sorted(made, key=_size)[:VARIANTS]
    networks = [Original(f"network {seed}", random_network(seed)) for seed in range(5 * NETWORKS)]
    return found + sorted(networks, key=_size)[:NETWORKS]


def _size(original: Original) -> tuple[int, str]:
    return len(original.content), original.name
