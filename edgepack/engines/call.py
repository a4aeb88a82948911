"""Calling the runner program on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgepack.devices import Device
from edgepack.engines.errors import NoPython, RefusedThere, RunnerFailed
from edgepack.engines.results import Shape, fault, shape_of
from edgepack.engines.types import Runner
from edgepack.ground.errors import DeviceError, DeviceTimeout
from edgepack.runners import RunnerFailure, parse_result

_SIGNALS = {132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 137: "SIGKILL", 139: "SIGSEGV"}


def call_runner(
    device: Device, runner: Runner, command: str, model: str, arguments: Sequence[str] = (), timeout: float | None = None
) -> dict[str, Any]:
    """Run one of the runner's commands on the model at path `model`; its result.

    Raises:
        DeviceError: EP-517 when the runner fails, crashes or ends without a result that can be used; EP-508 when it takes
            too long.
    """
    words = [*runner.argv, command, "--model", model, "--engine", runner.engine, "--threads", str(runner.threads), *arguments]
    return run_runner(device, words, timeout or runner.timeout, shape_of(command, timed="--seconds" in arguments))


def run_runner(device: Device, words: Sequence[str], timeout: float, shape: Shape) -> dict[str, Any]:
    """Run a runner's full command line, whose result is to have this shape; see `call_runner`."""
    completed = device.run(words, timeout=timeout)
    try:
        result = parse_result(completed.stdout)
    except RunnerFailure as failure:
        if failure.kind == "model":
            raise RefusedThere(
                "EP-517",
                f"{device.name}: {_engine(words)}{failure}",
                'the model compiled to C needs no runtime: --set device.engine="c"',
            ) from failure
        raise _explain(device, words, completed.status, completed.last_error_line, failure) from failure
    refuse_misshapen(device.name, result, shape)
    return result


def _engine(words: Sequence[str]) -> str:
    """Whose word a failure is: "litert: ", or nothing of a runner that has one engine."""
    return f"{words[list(words).index('--engine') + 1]}: " if "--engine" in words[:-1] else ""


def refuse_misshapen(name: str, result: Mapping[str, Any], shape: Shape) -> None:
    """Raise EP-517 for a result that the runner, had it been edgepack's, would not have given."""
    wrong = fault(result, shape)
    if wrong is not None:
        raise RunnerFailed(
            "EP-517",
            f"{name}: the runner's result cannot be used: {wrong}",
            "deploy again, which brings the runner anew; then look at what is changed on the device",
        )


def _explain(device: Device, words: Sequence[str], status: int, said: str, failure: RunnerFailure) -> DeviceError:
    if status in (126, 127):
        return NoPython(
            "EP-513",
            f"{device.name} cannot run Python: {said or words[0]}",
            "install python3 on the device (apt-get install python3), or set [device] python to its path",
        )
    if status == 124:
        return DeviceTimeout("EP-508", f"{device.name}: the runner took too long", "[device] timeout sets the limit")
    if failure.kind == "cut" and status in _SIGNALS:
        more = " (the device may be out of memory)" if status == 137 else ""
        return RunnerFailed(
            "EP-517",
            f"{device.name}: the inference runtime crashed with {_SIGNALS[status]}{more}{f': {said}' if said else ''}",
            'try another engine, for example --set device.engine="tflite"',
        )
    detail = str(failure) if failure.kind != "cut" else f"exit status {status}{f': {said}' if said else ''}"
    return RunnerFailed(
        "EP-517", f"{device.name}: the runner failed: {detail}", "run the command again with -v to see its output"
    )
