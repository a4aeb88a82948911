"""Compare compiled C with the reference runtime, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.compile import CCode, compile_model
from edgepack.flatbuffer import Model, read_model
from tests.compile.builder import random_inputs
from tests.compile.host import build
from tests.compile.reference import run_reference


@dataclass(frozen=True)
class Case:
    """A model file to check, and the name under which a failure is reported."""

    label: str
    model: bytes
    engine: str = "tflite-ref"


def inputs_for(model: Model, count: int, seed: int) -> list[tuple[np.ndarray, ...]]:
    """Random inputs for a model, `count` sets."""
    main = model.subgraphs[0]
    shapes = {
        str(position): (tuple(max(extent, 1) for extent in main.tensors[index].shape), main.tensors[index].dtype)
        for position, index in enumerate(main.inputs)
    }
    return random_inputs(shapes, count, np.random.default_rng(seed))


def c_text(code: CCode) -> str:
    """All C of a model without its comments, which name the CPU: what a compiler makes a program of."""
    files = (f"{name}\n{text}" for name, text in sorted(code.files.items()) if name.endswith((".c", ".h")))
    return re.sub(r"/\*.*?\*/", "", "\n".join(files), flags=re.DOTALL)


def mismatches(
    cases: Sequence[Case],
    cpu: str,
    *more_cpus: str,
    optimize: str = "balanced",
    count: int = 3,
    flags: Sequence[str] = ("-O1",),
    seed: int = 1,
    coding: str = "off",
    key: bytes = b"",
) -> list[str]:
    """Compile every case for each CPU, run it on this machine, and describe each whose outputs differ from the reference.

    Most operators become the same C for several CPUs; what was run for one is not run again for the next.
    """
    models = [read_model(case.model) for case in cases]
    sets = [inputs_for(model, count, seed) for model in models]
    expected = [run_reference(case.model, given, case.engine) for case, given in zip(cases, sets, strict=True)]
    seen: list[set[str]] = [set() for _ in cases]
    wrong = []
    for name in (cpu, *more_cpus):
        codes = {
            i: compile_model(model, f"m{i}", name, optimize, coding=coding, key=key or None) for i, model in enumerate(models)
        }
        texts = {i: c_text(code) for i, code in codes.items()}
        new = [i for i, text in texts.items() if text not in seen[i]]
        for i, host in zip(new, build([codes[i] for i in new], flags, key=key), strict=True):
            seen[i].add(texts[i])
            for inputs, outputs in zip(sets[i], expected[i], strict=True):
                difference = compare(host.run(inputs), outputs)
                if difference:
                    wrong.append(f"{cases[i].label} [{name}]: {difference}")
                    break
    return wrong


def compare(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> str:
    """Empty if all bytes agree, else where the first difference is."""
    if len(found) != len(expected):
        return f"{len(found)} outputs instead of {len(expected)}"
    for index, (a, b) in enumerate(zip(found, expected, strict=True)):
        b = b.reshape(a.shape) if a.size == b.size else b
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"output {index} is {a.dtype}{a.shape}, not {b.dtype}{b.shape}"
        if a.tobytes() != b.tobytes():
            where = np.argwhere(a != b)
            first = tuple(int(i) for i in where[0]) if where.size else ()
            return f"output {index} differs at {len(where)} of {a.size}, first {first}: {a[first]} instead of {b[first]}"
    return ""


def assert_exact(cases: Sequence[Case], cpus: Sequence[str] = ("generic", "cortex-m4"), **options: object) -> None:
    """Fail with every mismatch, on every CPU's kernels."""
    wrong = mismatches(cases, *cpus, **options)  # type: ignore[arg-type]
    assert not wrong, "\n".join(wrong)
