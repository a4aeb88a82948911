"""What every emulator takes and gives: a program and its inputs; outputs, stack use, block counts, or a fault."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DeviceError
from edgepack.mcu.emulate.profile import BlockCounts
from edgepack.mcu.toolchain.program import Port, Program

Arrays = tuple[NDArray[np.generic], ...]


@dataclass(frozen=True)
class Emulation:
    """What an emulated core did.

    `outputs` has one array an output, examples first, flat per example. `statuses` are the values NAME_run returned.
    `stack_bytes` is the deepest stack use of the first inference. `counts` is None when nothing was counted.
    """

    outputs: Arrays
    statuses: tuple[int, ...]
    stack_bytes: int
    counts: BlockCounts | None
    emulator: str


def write_inputs(path: Path, ports: Sequence[Port], arrays: Sequence[NDArray[np.generic]]) -> int:
    """Write the inputs of all examples one after another; returns the number of examples.

    Raises:
        DeviceError: EP-551 when the arrays do not fit the ports.
    """
    counts = {len(array) for array in arrays}
    if len(arrays) != len(ports) or len(counts) != 1:
        raise DeviceError("EP-551", f"{len(arrays)} input arrays for {len(ports)} inputs", "give one array an input")
    count = counts.pop()
    columns = []
    for port, array in zip(ports, arrays, strict=True):
        if array.dtype.name != port.dtype or array.size != count * port.elements:
            raise DeviceError(
                "EP-551",
                f"an input is {array.dtype.name} {array.shape}, the program takes {port.dtype} ({count}, {port.elements})",
                "quantize and shape the inputs as the model takes them",
            )
        columns.append(np.ascontiguousarray(array).reshape(count, -1).view(np.uint8))
    path.write_bytes(np.concatenate(columns, axis=1).tobytes())
    return count


def read_outputs(path: Path, ports: Sequence[Port], count: int) -> tuple[Arrays, tuple[int, ...], int]:
    """Outputs, statuses and the first inference's stack use, from the file firmware/main_emulated.c writes.

    Raises:
        DeviceError: EP-552 when the program ended before all examples had run.
    """
    record = 8 + sum(port.bytes for port in ports)
    data = path.read_bytes() if path.is_file() else b""
    if len(data) != count * record:
        raise DeviceError(
            "EP-552", f"the emulated program finished {len(data) // record} of {count} inferences", "report this model as a bug"
        )
    rows = np.frombuffer(data, dtype=np.uint8).reshape(count, record)
    outputs, offset = [], 8
    for port in ports:
        column = np.ascontiguousarray(rows[:, offset : offset + port.bytes])
        outputs.append(column.view(np.dtype(port.dtype)))
        offset += port.bytes
    statuses = tuple(int(value) for value in np.ascontiguousarray(rows[:, :4]).view(np.int32).ravel())
    return tuple(outputs), statuses, struct.unpack_from("<I", data, 4)[0]


def fault_error(program: Program, what: str, pc: int, lr: int) -> DeviceError:
    """The error for a program that faulted at `pc`, called from `lr`."""
    from edgepack.mcu.image.elf import read_elf

    elf = read_elf(program.elf)
    place = f"{elf.describe(pc)}, called from {elf.describe(lr - 2)}"
    return DeviceError(
        "EP-553",
        f"{program.name} faulted on the emulated {program.core.title}: {what}, in {place}",
        "check the arena's size and alignment and the sizes of inputs and outputs; generated code that faults is a bug to report",
    )
