"""What can be wrong with an engine on a device, as classes: some are answered by trying another engine."""

from __future__ import annotations

from edgepack.ground.errors import DeviceError


class NoPython(DeviceError):
    """EP-513: the device cannot run Python."""


class NoRuntime(DeviceError):
    """EP-516, EP-525: no inference runtime fits the device, or the one that does cannot be had."""


class ReleaseFault(DeviceError):
    """The release or its engine is to blame, not the device or the way to it; sending it again would not make it better."""


class RunnerFailed(ReleaseFault):
    """EP-517: the program that runs the model crashed, or ended without a result."""


class RefusedThere(RunnerFailed):
    """EP-517: the runtime on the device does not accept the model; another way to run it may."""


class WrongOutputs(ReleaseFault):
    """EP-527: the device computes something else than the reference."""
