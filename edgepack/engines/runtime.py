"""Which engine runs the model on a device, and where it comes from.

An engine that the device's Python can import is used as it is. Otherwise wheels that fit its Python and processor are
uploaded and unpacked into `<root>/.runtimes/<hash>`, which needs neither pip nor the internet on the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgepack.devices import Device
from edgepack.devices.upload import file_failure
from edgepack.engines.call import run_runner
from edgepack.engines.errors import NoRuntime
from edgepack.engines.results import PROBE_PYTHON
from edgepack.engines.types import Runner
from edgepack.engines.wheels import Wheels, fetch_wheels, platform_of, requirements
from edgepack.ground.errors import EngineUnfit
from edgepack.ground.files import hash_of, sha256_file
from edgepack.ground.progress import Progress
from edgepack.kinds import KINDS
from edgepack.project import Target
from edgepack.remote.layout import Layout
from edgepack.remote.lock import DeviceLock
from edgepack.remote.script import check_script, run_script
from edgepack.remote.space import check_space
from edgepack.runners import RUNNER_FILES

_PACKAGES = {"litert": "ai_edge_litert", "tflite": "tflite_runtime"}
_AUTOMATIC = ("litert", "tflite")

# Files no inference needs stay packed: they are a third of numpy's size.
_UNPACK = """\
import sys, zipfile
for wheel in sys.argv[2:]:
    archive = zipfile.ZipFile(wheel)
    archive.extractall(sys.argv[1], [name for name in archive.namelist() if "/tests/" not in name])
"""


_CLEAN = """\
mkdir -p -- "$1" && cd "$1" && rm -rf site || exit 70
for f in *; do
  case " $2 " in *" ${f%%.part-*} "*) ;; *) rm -rf -- "$f" ;; esac
done
"""


@dataclass(frozen=True)
class Python:
    """A Python on a device with the runner, and the folder of packages it is given, if any."""

    device: Device
    command: str
    runner: str
    timeout: float

    def argv(self, packages: str | None = None) -> tuple[str, ...]:
        """The command before a runner's own arguments."""
        path = () if packages is None else (f"PYTHONPATH={packages}",)
        return ("env", "PYTHONDONTWRITEBYTECODE=1", *path, self.command, self.runner)

    def probe(self, packages: str | None = None) -> dict[str, Any]:
        """What it is and can import."""
        return run_runner(self.device, [*self.argv(packages), "probe"], self.timeout, PROBE_PYTHON)


Probed = tuple[Python, dict[str, Any]]


def provide_runner(device: Device, layout: Layout, target: Target, progress: Progress, found: Probed | None = None) -> Runner:
    """A runner for the target's engine on the device, bringing program and runtime along where they are missing.

    `found` is what `probe_python` said, when it was asked already.

    Raises:
        DeviceError: EP-513 no Python, EP-516 no runtime fits, EP-525 it cannot be downloaded, or a failing transfer.
    """
    settings = target.device
    python, probe = found or probe_python(device, layout, target)
    engines = _AUTOMATIC if settings.engine == "auto" else (settings.engine,)
    for engine in engines:
        found = probe["packages"][_package(engine)]
        if "version" in found and "version" in probe["packages"]["numpy"]:
            return _runner(python, target, engine, probe, None, "the device's own packages")
    reasons: list[NoRuntime] = []
    for engine in engines:
        try:
            return _bring(python, layout, target, engine, probe, progress)
        except NoRuntime as error:
            reasons.append(error)
    raise NoRuntime(reasons[0].code, "; ".join(str(reason) for reason in reasons), reasons[-1].hint) from reasons[-1]


def probe_python(device: Device, layout: Layout, target: Target) -> Probed:
    """The device's Python with the runner program, and what that said of itself.

    Raises:
        DeviceError: EP-513 no Python, or a failing transfer.
    """
    command = target.device.python or KINDS[device.kind].python or "python3"
    python = Python(device, command, _provide_program(device, layout), target.device.timeout_s)
    return python, python.probe()


def usable_engines(found: Probed) -> list[str]:
    """The automatic engines that the device's own Python can run as it is, in the order of preference."""
    packages = found[1]["packages"]
    usable = [engine for engine in _AUTOMATIC if "version" in packages[_package(engine)]]
    return usable if "version" in packages["numpy"] else []


def _package(engine: str) -> str:
    kind = engine.partition("-")[0]
    if kind not in _PACKAGES:
        raise EngineUnfit(
            "EP-526", f"engine {engine!r} does not run on this kind of device", f"use auto, {', '.join(sorted(_PACKAGES))}"
        )
    return _PACKAGES[kind]


def _runner(python: Python, target: Target, engine: str, probe: dict[str, Any], packages: str | None, runtime: str) -> Runner:
    return Runner(
        argv=python.argv(packages),
        engine=engine,
        engine_version=probe["packages"][_package(engine)]["version"],
        threads=target.device.threads,
        runtime=runtime,
        timeout=target.device.timeout_s,
    )


def _provide_program(device: Device, layout: Layout) -> str:
    """The path of run.py on the device, uploaded with its other files when this version of it is not there."""
    folder = f"{layout.root}/.runners/{hash_of([sha256_file(file) for file in RUNNER_FILES])[:16]}"
    path = f"{folder}/{RUNNER_FILES[-1].name}"
    if run_script(device, '[ -f "$1" ]', [path]).status != 0:
        for file in RUNNER_FILES:
            device.put(file, f"{folder}/{file.name}")
    return path


def _bring(python: Python, layout: Layout, target: Target, engine: str, probe: dict[str, Any], progress: Progress) -> Runner:
    platform = platform_of(probe)
    wanted = requirements(engine, platform, probe["packages"]["numpy"].get("version"))
    with progress.stage("Runtime", f"{' and '.join(wanted)} for {platform}") as task:
        wheels = fetch_wheels(wanted, platform)
        folder = f"{layout.runtimes}/{wheels.sha256[:24]}"
        if run_script(python.device, '[ -d "$1" ]', [folder]).status == 0:
            task.finish("there already")
        else:
            with DeviceLock(python.device, f"{layout.runtimes}/lock", progress, wait=600.0):
                _install(python, layout, wheels, folder, task)
            task.finish(f"{wheels.unpacked / 1e6:.0f} MB unpacked on the device")
    now = python.probe(folder)
    found = now["packages"][_package(engine)]
    if "version" not in found or "version" not in now["packages"]["numpy"]:
        reason = found.get("error") or now["packages"]["numpy"].get("error")
        raise NoRuntime("EP-516", f"{wheels.title} cannot be imported on {platform}: {reason}", "install the runtime yourself")
    return _runner(python, target, engine, now, folder, f"brought along: {wheels.title}")


def _install(python: Python, layout: Layout, wheels: Wheels, folder: str, task: Any) -> None:
    """Upload the wheels and unpack them beside `folder`, then rename; what an earlier attempt uploaded is used."""
    device = python.device
    # The lock is held: whatever else is on its way here was left by a run that was stopped.
    incoming = f"{layout.runtimes}/incoming"
    check_script(device, _CLEAN, [incoming, " ".join(file.name for file in wheels.files)], incoming)
    check_space(device, incoming, wheels.unpacked + sum(file.stat().st_size for file in wheels.files))
    for file in wheels.files:
        device.put(file, f"{incoming}/{file.name}", task)
    paths = [f"{incoming}/{file.name}" for file in wheels.files]
    completed = device.run([python.command, "-c", _UNPACK, f"{incoming}/site", *paths], timeout=600.0)
    if completed.status != 0:
        raise file_failure(device.name, incoming, completed)
    done = '[ -d "$2" ] || mv -- "$1/site" "$2" && rm -rf -- "$1"'
    check_script(device, done, [incoming, folder], folder, timeout=120.0)
