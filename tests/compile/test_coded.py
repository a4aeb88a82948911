"""Constants stored coded: the bits stay, memory stays within its bound, and models without structure stay as they were."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.coding import CODES, find_code
from edgepack.compile import CCode, compile_model
from edgepack.compile.coded import choice, fitting, memory, sizes
from edgepack.flatbuffer import read_model
from tests.compile.harness import c_text, compare, inputs_for
from tests.compile.host import build
from tests.compile.networks import random_network
from tests.compile.reference import run_reference
from tests.compile.sanitized import run_sanitized
from tests.compile.structured import KINDS, structured

CPUS = ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55")


def differing(models: dict[str, bytes], codes: dict[str, CCode]) -> list[str]:
    """The compiled models whose outputs are not the reference's."""
    wrong = []
    for (name, model), host in zip(models.items(), build(list(codes.values()), ("-O1",)), strict=True):
        for given, expected in zip(
            sets := inputs_for(read_model(model), 2, 5), run_reference(model, sets, "tflite-ref"), strict=True
        ):
            if difference := compare(host.run(given), expected):
                wrong.append(f"{name}: {difference}")
    return wrong


def small_too(monkeypatch: pytest.MonkeyPatch, block: int = 0) -> None:
    """Code small arrays as well, with as much memory as it takes; `block` leaves out so many of the ways of less memory."""
    for name in ("EACH", "EACH_TABLE", "CALL"):
        monkeypatch.setattr(sizes, name, -1)
    monkeypatch.setattr(fitting, "growing", lambda lowered: {})
    monkeypatch.setattr(sizes, "CODE", {})
    monkeypatch.setattr(choice, "SMALLEST", 1)
    monkeypatch.setattr(memory, "MORE_MEMORY", 1 << 24)
    every = memory.variants

    def later(*given: Any) -> Iterator[Any]:
        found = list(every(*given))
        return iter(found[min(block, len(found) - 1) :])

    monkeypatch.setattr(memory, "variants", later)


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("block", [0, 1, 99])
def test_coded_networks_equal_the_reference(monkeypatch: pytest.MonkeyPatch, cpu: str, block: int) -> None:
    """As a whole, in two blocks, and in as many as there can be."""
    small_too(monkeypatch, block)
    models = {f"seed {seed}": structured(random_network(seed), seed) for seed in range(500, 512)}
    codes = {
        name: compile_model(read_model(model), f"m{i}", cpu, coding="smallest") for i, (name, model) in enumerate(models.items())
    }
    assert sum(bool(call.rounds) for code in codes.values() for call in code.calls) > 20
    assert differing(models, codes) == []


@pytest.mark.parametrize("code", [code.name for code in CODES])
def test_every_code_alone(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    small_too(monkeypatch)
    kinds = {"palette": "clustered", "ternary": "ternary", "runs": "sparse", "blocks": "blocks", "pairs": "ternary"}
    kind = kinds.get(code, "pruned and clustered" if code == "gaps" else "pruned")
    models = {f"{cpu} {seed}": structured(random_network(seed), seed, kind) for seed in (520, 521) for cpu in CPUS}
    codes = {
        name: compile_model(read_model(model), f"m{i}", name.split()[0], coding=code)
        for i, (name, model) in enumerate(models.items())
    }
    kernel = find_code(code).kernel
    assert all(any(kernel in part.kernel for call in each.calls for part in call.parts()) for each in codes.values())
    assert differing(models, codes) == []


@pytest.mark.slow
@pytest.mark.parametrize("block", [0, 1])
def test_no_sanitizer_complains(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: int) -> None:
    small_too(monkeypatch, block)
    models = [structured(random_network(530 + place), place, kind) for place, kind in enumerate(KINDS)]
    named = {f"m{place}_{cpu[-2:]}": (model, cpu) for place, model in enumerate(models) for cpu in CPUS}
    codes = [compile_model(read_model(model), name, cpu, coding="smallest") for name, (model, cpu) in named.items()]
    inputs = [inputs_for(read_model(model), 1, 5) for model in models]
    outputs = [run_reference(model, given, "tflite-ref")[0] for model, given in zip(models, inputs, strict=True)]
    expected = b"".join(array.tobytes() for each in outputs for _ in CPUS for array in each)
    assert run_sanitized(codes, [given[0] for given in inputs for _ in CPUS], tmp_path) == expected


@pytest.mark.parametrize(("cpu", "optimize"), itertools.product(CPUS, ("balanced", "size", "speed")))
def test_without_structure_nothing_changes(cpu: str, optimize: str) -> None:
    for seed in (540, 541):
        model = read_model(structured(random_network(seed), seed, "trained"))
        plain, coded = (compile_model(model, "m", cpu, optimize, coding=coding) for coding in ("off", "auto"))
        assert c_text(plain) == c_text(coded)


def _weights(tensor: Any) -> bool:
    return tensor.data is not None and tensor.dtype == "int8" and tensor.data.size > 256


@pytest.mark.parametrize("cpu", CPUS)
def test_the_arena_grows_little_or_for_three_times_as_much_flash(cpu: str) -> None:
    grown = 0
    for seed in range(550, 556):
        model = read_model(structured(random_network(seed), seed, "pruned and clustered"))
        plain, coded = (compile_model(model, "m", cpu, coding=coding) for coding in ("off", "smallest"))
        filters = max(
            (tensor.data.size // tensor.shape[0] for tensor in model.subgraphs[0].tensors if _weights(tensor)), default=0
        )
        beyond = coded.arena_size - plain.arena_size - max(2048, 4 * filters) - 1280
        assert 3 * beyond <= _bytes(plain) - _bytes(coded)
        grown += coded.arena_size > plain.arena_size
    assert grown


def _bytes(code: CCode) -> int:
    """Of all constant arrays."""
    lengths = re.findall(r"const (\w+?)(?:_t)? \w+\[(\d+)\];", code.files[f"{code.name}_weights.h"])
    return sum(np.dtype(kind.replace("float", "float32")).itemsize * int(count) for kind, count in lengths)
