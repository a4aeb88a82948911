"""Compile generated C for this machine, many models to a shared library, and run it."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgepack.compile import CCode
from edgepack.compile.graph import Value
from tests.compile.decryption import callback

STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
GUARD = 64  # bytes of pattern around every buffer, to see writes outside it
PATTERN = 0xA5


class HostModel:
    """One compiled model in a loaded library; buffers are guarded, the arena filled with a pattern before each run."""

    def __init__(self, code: CCode, library: ctypes.CDLL, decrypt: tuple[object, ...] = ()) -> None:
        self._code, self._decrypt = code, decrypt
        self._run = getattr(library, f"{code.name}_run")
        self._reset = getattr(library, f"{code.name}_reset") if code.state_size else None
        self._arena = _Buffer(code.arena_size)
        if self._reset:
            self.reset()

    def reset(self) -> None:
        """Put the streaming state into its initial value."""
        assert self._reset is not None
        self._reset(self._arena.pointer)

    def run(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """One inference. Raises AssertionError when the code writes outside its buffers or changes an input."""
        graph = self._code.graph
        self._arena.bytes[self._code.state_size :] = PATTERN
        input_buffers = [_Buffer(array.nbytes, array) for array in inputs]
        output_buffers = [_Buffer(graph.values[value].bytes) for value in graph.outputs]
        buffers = [*input_buffers, *output_buffers, self._arena]
        status = self._run(*(buffer.pointer for buffer in buffers), *self._decrypt)
        assert status == 0, f"status {status}"
        for buffer in buffers:
            buffer.check()
        for buffer, array in zip(input_buffers, inputs, strict=True):
            assert buffer.bytes.tobytes() == array.tobytes(), "an input was changed"
        return tuple(_shaped(buffer, graph.values[value]) for buffer, value in zip(output_buffers, graph.outputs, strict=True))

    def run_in_place(self, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        """One inference of a model whose inputs lie in the arena, passed from there; they may be changed."""
        graph, offsets = self._code.graph, self._code.plan.offsets
        self._arena.bytes[self._code.state_size :] = PATTERN
        places = []
        for value, array in zip(graph.inputs, inputs, strict=True):
            self._arena.bytes[offsets[value] : offsets[value] + array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
            assert self._arena.pointer.value is not None
            places.append(ctypes.c_void_p(self._arena.pointer.value + offsets[value]))
        outputs = [_Buffer(graph.values[value].bytes) for value in graph.outputs]
        assert self._run(*places, *(buffer.pointer for buffer in outputs), self._arena.pointer) == 0
        for buffer in (*outputs, self._arena):
            buffer.check()
        return tuple(_shaped(buffer, graph.values[value]) for buffer, value in zip(outputs, graph.outputs, strict=True))


class _Buffer:
    """Aligned bytes between two guards."""

    def __init__(self, size: int, content: np.ndarray | None = None) -> None:
        self._all = np.full(size + 2 * GUARD + 16, PATTERN, np.uint8)
        start = GUARD + (-(self._all.ctypes.data + GUARD)) % 16
        self.bytes = self._all[start : start + size]
        self._start, self._size = start, size
        if content is not None:
            self.bytes[:] = np.frombuffer(content.tobytes(), np.uint8)
        self.pointer = ctypes.c_void_p(self._all.ctypes.data + start)

    def check(self) -> None:
        assert (self._all[: self._start] == PATTERN).all(), "written before the buffer"
        assert (self._all[self._start + self._size :] == PATTERN).all(), "written past the buffer"


def _shaped(buffer: _Buffer, value: Value) -> np.ndarray:
    return np.frombuffer(buffer.bytes.tobytes(), value.dtype).reshape(value.shape)


def build(
    codes: Sequence[CCode], flags: Sequence[str] = ("-O1",), compiler: Sequence[str] = ("gcc",), key: bytes = b""
) -> list[HostModel]:
    """Compile models (with distinct names, for one CPU and one optimize) into one library and load it.

    The models share kernels by being included in one file; the header guards make that work, and it is what keeps thousands
    of models fast to test. With a `key` what is encrypted is decrypted by the package cryptography.
    """
    if not codes:
        return []
    with tempfile.TemporaryDirectory(prefix="edgepack-compile-") as name:
        loaded = _library(Path(name), codes, flags, compiler)  # stays loaded when its file is gone
    return [HostModel(code, loaded, callback(key, code.nonce) if key else ()) for code in codes]


def _library(folder: Path, codes: Sequence[CCode], flags: Sequence[str], compiler: Sequence[str]) -> ctypes.CDLL:
    for code in codes:
        for name, text in code.files.items():
            (folder / name).write_text(text, encoding="utf-8")
    ordered = sorted(codes, key=lambda code: "#define EP_SIZE" not in code.files[f"{code.name}.c"])  # as they share the kernels
    every = "".join(f'#include "{code.name}.c"\n#include "{code.name}_weights.c"\n' for code in ordered)
    (folder / "all.c").write_text(every, encoding="utf-8")
    library = folder / "all.so"
    command = [*compiler, *STRICT, *flags, "-shared", "-fPIC", "-I", str(folder), "-o", str(library), str(folder / "all.c")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[:4000]}"
    return ctypes.CDLL(str(library))
