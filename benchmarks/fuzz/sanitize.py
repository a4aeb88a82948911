"""The C of mutated files that compile, run on this machine under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.mutants import Mutants
from benchmarks.fuzz.trial import bounded, outcome
from edgepack.compile import CCode, compile_model
from edgepack.compile.graph import BYTES, Value
from edgepack.flatbuffer import inspect_model, read_model
from tests.compile.sanitized import FLAGS, program

CPUS = ("generic", "cortex-m4")
"""In turn: what else the cores run is assembly or intrinsics that no host has."""

BATCH = 40
"""Models of one program."""

LARGEST = 1 << 20
"""Bytes of a model's inputs, outputs and arena, and multiply-accumulates: more would take long and reach nothing else."""

SECONDS = 120
"""A program may take this long."""


@dataclass(frozen=True)
class Compiled:
    """A mutated file's C, by the file's number."""

    number: int
    code: CCode


def sanitize(mutants: Mutants, count: int, folder: Path) -> dict[str, Any]:
    """Run the first `count` files that compile and are small enough. A report names the file; its C lies in `folder`."""
    row: dict[str, Any] = {"programs": 0, "skipped": 0, "files": 0, "cpu": " and ".join(CPUS), "reports": []}
    batch: list[Compiled] = []
    for one in _compiling(mutants, row):
        batch.append(one)
        if len(batch) == BATCH or row["programs"] + len(batch) == count:
            row["reports"] += _run(batch, folder)
            row["programs"] += len(batch)
            batch = []
            print(f"{row['programs']} programs, {len(row['reports'])} reports", flush=True)
        if row["programs"] == count:
            break
    return row


def _compiling(mutants: Mutants, row: dict[str, Any]) -> Iterator[Compiled]:
    number = 0
    while True:
        content = mutants.file(number)[1]
        with bounded():
            word = outcome(content, number).word
        row["files"] = number + 1
        if word == "compiled":
            model = read_model(content)
            code = compile_model(model, f"m{number}", CPUS[number % len(CPUS)])
            size = code.arena_size + sum(code.graph.values[value].bytes for value in (*code.graph.inputs, *code.graph.outputs))
            if max(size, inspect_model(model).totals.macs) <= LARGEST:
                yield Compiled(number, code)
            else:
                row["skipped"] += 1
        number += 1


def _run(batch: list[Compiled], folder: Path) -> list[dict[str, Any]]:
    """The reports of a batch: all at once, and one by one if anything was wrong."""
    if not _report(batch):
        return []
    reports = []
    for one in batch:
        text = _report([one])
        if text:
            kept = folder / f"seed-file-{one.number}"
            kept.mkdir(parents=True, exist_ok=True)
            for name, content in one.code.files.items():
                (kept / name).write_text(content)
            (kept / "report.txt").write_text(text)
            told = [line for line in text.splitlines() if "error" in line.lower()]
            reports.append({"number": one.number, "first line": (told or text.splitlines())[0]})
    return reports


def _report(batch: list[Compiled]) -> str:
    """What the compiler or the program says; empty if both end well."""
    codes = [one.code for one in batch]
    with tempfile.TemporaryDirectory(prefix="edgepack-fuzz-") as name:
        place = Path(name)
        for code in codes:
            for file, text in code.files.items():
                (place / file).write_text(text)
        (place / "main.c").write_text("#define _POSIX_C_SOURCE 200112L\n" + program(codes))
        built = subprocess.run(["gcc", *FLAGS, "main.c", "-o", "main"], cwd=place, capture_output=True, text=True)
        if built.returncode:
            return built.stderr
        data = b"".join(_random(one.code.graph.values[value], one.number) for one in batch for value in one.code.graph.inputs)
        try:
            done = subprocess.run([place / "main"], input=data, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"error: the program took more than {SECONDS} s"
        return "" if done.returncode == 0 else done.stderr.decode(errors="replace") or f"error: exit status {done.returncode}"


def _random(value: Value, seed: int) -> bytes:
    """Any bytes; of a bool 0 or 1, and of a float finite, as no kernel, and no reference, promises anything for others."""
    rng = np.random.default_rng([seed, value.id])
    if value.dtype == "bool":
        return rng.integers(0, 2, value.elements, np.uint8).tobytes()
    content = rng.bytes(value.elements * BYTES[value.dtype])
    if value.dtype != "float32":
        return content
    numbers = np.frombuffer(content, np.float32)
    return np.where(np.isfinite(numbers), numbers, np.float32(0)).tobytes()
