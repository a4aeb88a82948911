"""Engine `tflite-c` on a device: the runner in C and a TensorFlow Lite library, with no Python.

The library is taken from a wheel that is fetched on the host, or is a file of the user's ([device] library): one of an Android
package (AAR), or of a build of one's own.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from edgepack.devices import Device
from edgepack.devices.upload import MODE_FUNCTION, SHA256_FUNCTION
from edgepack.engines.call import run_runner
from edgepack.engines.errors import NoRuntime
from edgepack.engines.program import machine_of
from edgepack.engines.results import PROBE_LIBRARY
from edgepack.engines.types import Runner
from edgepack.engines.wheels import Platform, fetch_wheels, library_for, machine_name, minor_glibc
from edgepack.ground.files import sha256_file, write_atomic
from edgepack.ground.progress import Progress
from edgepack.project import Target
from edgepack.remote.layout import Layout
from edgepack.remote.script import check_script, run_script
from edgepack.runners.tflite_c import build_runner

_THERE = SHA256_FUNCTION + '[ -f "$1" ] && [ "$(sha256 "$1")" = "$2" ]'


def provide_tflite_c(device: Device, layout: Layout, target: Target, progress: Progress) -> Runner:
    """The C runner and its library on the device, brought there when these very files are not.

    Raises:
        DeviceError: EP-516 no library fits, EP-525 it cannot be downloaded, EP-526 no runner for this processor, EP-517 the
            library cannot be loaded there, or a failing transfer.
        ToolError: EP-601 no compiler.
    """
    machine = machine_name(machine_of(device.facts()))
    android = bool(device.facts().abis)
    library, title = _library(device, target, machine, android, progress)
    program = build_runner(machine, progress, android)
    argv = (
        _bring(device, program, f"{layout.root}/.runners", "755"),
        "--library",
        _bring(device, library, layout.runtimes, "644"),
    )
    version = str(run_runner(device, [*argv, "probe"], target.device.timeout_s, PROBE_LIBRARY)["engine_version"])
    engine = target.device.engine if target.device.engine.startswith("tflite-c") else "tflite-c"
    return Runner(argv, engine, version, target.device.threads or 1, f"brought along: {title}", target.device.timeout_s)


def _library(device: Device, target: Target, machine: str, android: bool, progress: Progress) -> tuple[Path, str]:
    """The library on the host, and where it comes from."""
    if target.device.library is not None:
        given = Path(target.device.library).expanduser()
        if not given.is_file():
            raise NoRuntime("EP-516", f"[device] library: there is no file {given}", "give the path of a TensorFlow Lite library")
        return given, given.name
    if android:
        raise NoRuntime(
            "EP-516",
            "no TensorFlow Lite library for Android can be fetched",
            "set [device] library to libtensorflowlite_jni.so from an AAR, or use engine c",
        )
    platform = Platform((3, 11), machine, minor_glibc(device.facts().libc))
    wanted = library_for(platform)
    with progress.stage("Runtime", f"{wanted.requirement} for {machine}") as task:
        (wheel,) = fetch_wheels((wanted.requirement,), platform).files
        library = wheel.with_name(wanted.file.rpartition("/")[2])
        if not library.is_file():
            with zipfile.ZipFile(wheel) as archive:
                write_atomic(library, archive.read(wanted.file), private=True)
        task.finish(library.name)
    return library, f"{library.name} of {wanted.requirement.replace('==', ' ')}"


def _bring(device: Device, local: Path, folder: str, mode: str) -> str:
    digest = sha256_file(local)
    path = f"{folder}/{digest[:16]}/{local.name}"
    if run_script(device, _THERE, [path, digest]).status != 0:
        device.put(local, path)
    check_script(device, MODE_FUNCTION + 'chmod "$(mode "$2")" "$1"', [path, mode], path)
    return path
