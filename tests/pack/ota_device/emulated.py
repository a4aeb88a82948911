"""The device on an emulated Cortex-M."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgepack.cores import find_core
from edgepack.mcu.emulate.unicorn import run_on_unicorn
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import build_emulated, ports_of
from tests.pack.ota_device.build import HERE, Release, device_sources


@dataclass(frozen=True)
class Emulated:
    """What came of each pair of cuts; changes of flash in the update; bytes of struct ota_work and of stack."""

    failures: tuple[int, ...]
    changes: int
    work_bytes: int
    stack_bytes: int


def emulate(
    core: str, releases: Sequence[Release], cuts: Sequence[tuple[int, int]], folder: Path, slot: int = 16 << 10
) -> Emulated:
    """Three releases, the last as a patch of the second, whose update is cut as `cuts` says."""
    found, code = find_core(core), folder / "code"
    code.mkdir(parents=True)
    device_sources(code)
    for name in ("otadevice.c", "otadevice.h"):
        shutil.copy(HERE / name, code)
    device = code / "device.h"
    device.write_text(device.read_text().replace("(1u << 18)", f"{slot}u"))
    (code / "releases.h").write_text(_releases(*releases))
    inputs = [np.array(cuts, np.int32)]
    outputs = [np.zeros((1, 3), np.int32)]
    program = build_emulated(
        code, "otadevice", found, ports_of(inputs), ports_of(outputs), find_toolchain("zig"), folder / "build", "size"
    )
    done = run_on_unicorn(program, inputs, timeout_s=900)
    given = np.asarray(done.outputs[0]).reshape(-1, 3)
    return Emulated(tuple(map(int, given[:, 0])), int(given[0, 1]), int(given[0, 2]), int(done.stack_bytes))


def _releases(first: Release, old: Release, wanted: Release) -> str:
    assert wanted.patch is not None
    arrays = {
        "release_first": first.whole,
        "release_old": old.whole,
        "release_patch": wanted.patch,
        "image_old": old.image.whole,
        "image_wanted": wanted.image.whole,
    }
    lines = ["/* Generated: the releases. */"]
    for name, content in arrays.items():
        lines.append(f"static const uint8_t {name}_data[] = {{{','.join(map(str, content))}}};")
        lines.append(f"static const struct bytes_of {name} = {{{name}_data, sizeof {name}_data}};")
    return "\n".join(lines) + "\n"
