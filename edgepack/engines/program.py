"""Engine `c` on a device: the model's own static program, which needs neither Python nor a library there."""

from __future__ import annotations

from pathlib import Path

from edgepack.devices import Device, DeviceFacts
from edgepack.devices.upload import MODE_FUNCTION, SHA256_FUNCTION
from edgepack.engines.types import Runner
from edgepack.ground.errors import EngineUnfit
from edgepack.ground.files import sha256_file
from edgepack.ground.progress import Progress
from edgepack.kinds import KINDS
from edgepack.project import Target
from edgepack.remote.layout import Layout
from edgepack.remote.script import check_script, run_script
from edgepack.runners.native import ENGINE, build_program, native_version
from edgepack.runners.tflite_c import ENGINES as NO_PYTHON

_THERE = SHA256_FUNCTION + '[ -x "$1" ] && [ "$(sha256 "$1")" = "$2" ]'


def runs_program(device: Device, target: Target) -> bool:
    """Whether the target's engine is the generated C: when it says so, and by itself on a kind of device without Python.

    Raises:
        DeviceError: EP-526 an engine that needs Python on a device without.
    """
    engine = target.device.engine
    if engine in NO_PYTHON:
        return False
    kind = KINDS[device.kind]
    if kind.python is None and engine not in ("auto", ENGINE):
        raise EngineUnfit("EP-526", f"engine {engine!r} needs Python, which {kind.title} has not", "use auto, c or tflite-c")
    return engine == ENGINE or kind.python is None


def provide_program(
    device: Device, layout: Layout, model: Path, target: Target, progress: Progress, layers: bool = False
) -> Runner:
    """Compile the model for the device's processor, and bring the program there when this very one is not.

    It runs on one thread, whatever the target says. `layers` asks for the profiling build.

    Raises:
        DeviceError: EP-526 no program for this processor, or a failing transfer.
        CompileError: what the C compiler says of the model; ToolError: EP-601 no zig.
    """
    program = build_program(model, machine_of(device.facts()), progress, layers, target.device.coding)
    return Runner(
        argv=(provide_file(device, layout, program),),
        engine=ENGINE,
        engine_version=native_version(),
        threads=1,
        runtime="the model compiled to C, a static program",
        timeout=target.device.timeout_s,
    )


def provide_file(device: Device, layout: Layout, program: Path) -> str:
    """The path on the device of a program of this machine, sent when that very file is not there."""
    digest = sha256_file(program)
    path = f"{layout.root}/.runners/{digest[:16]}/{program.name}"
    if run_script(device, _THERE, [path, digest]).status != 0:
        device.put(program, path)
        check_script(device, MODE_FUNCTION + 'chmod "$(mode 755)" "$1"', [path], path)
    return path


def machine_of(facts: DeviceFacts) -> str:
    """What programs the device runs: Android's preferred ABI, else the kernel's machine, 32-bit where the system is.

    >>> machine_of(DeviceFacts(machine="aarch64", abis=("armeabi-v7a", "armeabi")))
    'armeabi-v7a'
    >>> machine_of(DeviceFacts(machine="aarch64", bits=32)), machine_of(DeviceFacts(machine="x86_64", bits=64))
    ('armv7l', 'x86_64')
    """
    if facts.abis:
        return facts.abis[0]
    if facts.bits == 32:
        return {"aarch64": "armv7l", "x86_64": "i686"}.get(facts.machine, facts.machine)
    return facts.machine
