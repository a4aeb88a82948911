"""`engine = "auto"` and `threads = "auto"`: what the device can run is measured there, and the fastest that is right is taken.

The candidates are the runtimes that the device's own Python can run. Where it can run none, one is brought along: for Python
when a wheel fits, else the runner in C with a TensorFlow Lite library. Each candidate runs the golden vectors, which it must
pass as any deployment must, and is then timed for a moment, all of them on the device and with the very model. The choice is
kept on the host for the same model on a device with the same facts, so that it is made once. With one candidate nothing is
measured. The generated C is no candidate: compiling it takes longer than everything else here; `edgepack bench` compares it. It
is taken when every runtime refuses the model.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from edgepack.devices import Device
from edgepack.engines.call import call_runner
from edgepack.engines.errors import NoPython, NoRuntime, RefusedThere, ReleaseFault
from edgepack.engines.golden import check_of, refuse_wrong
from edgepack.engines.program import provide_program, runs_program
from edgepack.engines.runtime import Probed, probe_python, provide_runner, usable_engines
from edgepack.engines.tflite_c import provide_tflite_c
from edgepack.engines.types import Candidate, Runner
from edgepack.engines.wheels import cache_folder
from edgepack.ground.errors import CompileError, CompilerMissing, DeviceError, DeviceTimeout, EngineUnfit
from edgepack.ground.files import hash_of, write_atomic
from edgepack.ground.progress import Progress
from edgepack.project import Target
from edgepack.remote.layout import Layout

if TYPE_CHECKING:
    from edgepack.pack import Pack

_SECONDS = 0.5  # of timed inferences a candidate
_GOLDEN_SECONDS = 120.0
_MARGIN = 0.95  # a later candidate must be this much faster: the earlier ones are the ones that need less


def choose_runner(device: Device, place: Layout, target: Target, folder: str, pack: Pack, progress: Progress) -> Runner:
    """A runner for the target's engine and threads, measured where either is left open.

    Args:
        device, place, target, progress: As elsewhere.
        folder: Where the pack's model.tflite and golden/ are on the device.
        pack: The same on the host.

    Raises:
        DeviceError: EP-513, EP-516, EP-525 as `provide_runner`; when no candidate is right, the first one's error.
    """
    if runs_program(device, target):
        return provide_program(device, place, pack.model, target, progress)
    settings = target.device
    if settings.engine != "auto" and (settings.threads or settings.engine == "c"):
        return _provide(device, place, target, pack, progress, None)
    found = _python_of(device, place, target)
    wanted = _candidates(device, found, target)
    runners = _provide_all(device, place, [_with(target, *one) for one in wanted], pack, progress, found)
    if len(runners) == 1:
        return runners[0]
    key = _key(device, pack.id, runners)
    kept = _read(key, runners)
    if kept is not None:
        return kept
    with progress.stage("Choosing the engine", f"{len(runners)} ways to run it on {device.name}") as task:
        tried: list[Candidate] = []
        errors: list[DeviceError] = []
        for index, runner in enumerate(runners):
            task.update(index, len(runners), f"{runner.engine}, threads {runner.threads}")
            try:
                tried.append(_try(device, runner, folder, pack))
            except (ReleaseFault, DeviceTimeout) as error:
                errors.append(error)
                tried.append(Candidate(runner.engine, runner.engine_version, runner.threads, None, str(error)))
        best = _fastest(tried)
        if best is None:
            runners.append(_compiled(device, place, target, pack, progress, errors))
            tried.append(_try(device, runners[-1], folder, pack))
            best = len(tried) - 1
        chosen = replace(runners[best], candidates=tuple(tried))
        task.finish(f"{chosen.engine}, {chosen.threads} thread{'s' if chosen.threads > 1 else ''}: {_said(tried[best])}")
    _keep(key, chosen)
    return chosen


def thread_counts(cores: int | None) -> tuple[int, ...]:
    """1, 2, 4, … up to all cores.

    >>> thread_counts(4), thread_counts(6), thread_counts(None)
    ((1, 2, 4), (1, 2, 4, 6), (1,))
    """
    most = max(1, cores or 1)
    powers = [1 << shift for shift in range(most.bit_length()) if 1 << shift <= most]
    return tuple(sorted({*powers, most}))


def _python_of(device: Device, place: Layout, target: Target) -> Probed | None:
    """The device's Python, None when it has none and the engine may be another."""
    if target.device.engine.startswith("tflite-c"):
        return None
    try:
        return probe_python(device, place, target)
    except NoPython:
        if target.device.engine == "auto":
            return None
        raise


def _candidates(device: Device, found: Probed | None, target: Target) -> list[tuple[str, int]]:
    """Engines with numbers of threads, the ones that need least first of their kind."""
    settings = target.device
    counts = thread_counts(device.facts().cores) if settings.threads == 0 else (settings.threads,)
    if settings.engine != "auto":
        return [(settings.engine, count) for count in counts]
    usable = [] if found is None else usable_engines(found)
    engines = usable or (["auto"] if found is not None else ["tflite-c"])
    return [(engine, count) for engine in engines for count in counts]


def _provide_all(
    device: Device, place: Layout, targets: list[Target], pack: Pack, progress: Progress, found: Probed | None
) -> list[Runner]:
    """A runner for each; where no runtime fits the device's Python, the runner in C."""
    runners = []
    for target in targets:
        try:
            runners.append(_provide(device, place, target, pack, progress, found))
        except NoRuntime as error:
            if target.device.engine != "auto":
                raise
            try:
                runners.append(provide_tflite_c(device, place, target, progress))
            except (NoRuntime, EngineUnfit, CompilerMissing) as other:
                raise NoRuntime(error.code, f"{error}; without Python: {other}", error.hint) from other
    return runners


def _provide(device: Device, place: Layout, target: Target, pack: Pack, progress: Progress, found: Probed | None) -> Runner:
    engine = target.device.engine
    if engine == "c":
        return provide_program(device, place, pack.model, target, progress)
    if engine.startswith("tflite-c"):
        return provide_tflite_c(device, place, target, progress)
    return provide_runner(device, place, target, progress, found)


def _compiled(device: Device, place: Layout, target: Target, pack: Pack, progress: Progress, errors: list[DeviceError]) -> Runner:
    """The model as a program of its own, if it was the model that every runtime refused; else the first of their errors."""
    if not all(isinstance(error, RefusedThere) for error in errors):
        raise errors[0]
    try:
        return provide_program(device, place, pack.model, target, progress)
    except (CompileError, CompilerMissing, EngineUnfit) as error:
        raise errors[0] from error


def _with(target: Target, engine: str, threads: int) -> Target:
    return replace(target, device=replace(target.device, engine=engine, threads=threads))


def _try(device: Device, runner: Runner, folder: str, pack: Pack) -> Candidate:
    arguments = ["--folder", f"{folder}/golden", "--seconds", str(_SECONDS)]
    result = call_runner(device, runner, "golden", f"{folder}/model.tflite", arguments, runner.timeout + _GOLDEN_SECONDS)
    refuse_wrong(device.name, runner, check_of(result, runner, pack.folder / "golden"))
    return Candidate(runner.engine, runner.engine_version, runner.threads, float(result["p50"]), "")


def _fastest(tried: list[Candidate]) -> int | None:
    best: int | None = None
    for index, candidate in enumerate(tried):
        if candidate.median is None:
            continue
        fastest = None if best is None else tried[best].median
        if fastest is None or candidate.median < _MARGIN * fastest:
            best = index
    return best


def _said(candidate: Candidate) -> str:
    return f"median {candidate.median * 1e3:.3f} ms" if candidate.median is not None else candidate.reason


def _key(device: Device, identity: str, runners: list[Runner]) -> str:
    facts = device.facts()
    machine = [facts.hostname, facts.machine, facts.model, facts.cpu, facts.cores, facts.governor, facts.kernel, facts.libc]
    return hash_of([machine, identity, [[one.engine, one.engine_version, one.threads] for one in runners]])


def _read(key: str, runners: list[Runner]) -> Runner | None:
    """The runner chosen earlier, with what was measured then."""
    try:
        kept = json.loads((cache_folder().parent / "engines" / f"{key}.json").read_text())
        tried = tuple(Candidate(**row) for row in kept["candidates"])
        chosen = next(one for one in runners if (one.engine, one.threads) == (kept["engine"], kept["threads"]))
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None
    return replace(chosen, candidates=tried)


def _keep(key: str, runner: Runner) -> None:
    row = {"engine": runner.engine, "threads": runner.threads, "candidates": [asdict(one) for one in runner.candidates]}
    try:
        write_atomic(cache_folder().parent / "engines" / f"{key}.json", json.dumps(row), private=True)
    except OSError:
        return  # the choice is then made again the next time
