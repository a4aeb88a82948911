"""What a deployment leaves behind, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A way to run the model that was tried: `median` seconds an inference took, None when it was not right and why."""

    engine: str
    engine_version: str
    threads: int
    median: float | None
    reason: str


@dataclass(frozen=True)
class Runner:
    """How a model is run on a device: the command before a runner's own arguments, and what answers to it.

    `runtime` says where the engine comes from: the device's own packages, or wheels brought along. `timeout` is in seconds.
    `candidates` are the ways that were measured before this one was chosen, none when there was no choice.
    """

    argv: tuple[str, ...]
    engine: str
    engine_version: str
    threads: int
    runtime: str
    timeout: float
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class GoldenCheck:
    """Golden vectors run on the device, compared with the reference kernels' outputs.

    Differences are in `unit`: "steps" of an integer output, or "" for the values of float outputs. `max_difference` is over
    everything, `typical_difference` the median over the inputs of each one's largest. `answers_moved` counts inputs whose largest
    output is another one than the reference's. `tolerance` is what `typical_difference` may be; None where the engine
    is the reference itself and nothing may differ.
    """

    inputs: int
    inputs_differing: int
    max_difference: float
    typical_difference: float
    answers_moved: int
    tolerance: float | None
    engine: str
    unit: str = "steps"


@dataclass(frozen=True)
class Deployment:
    """A release that is current on a device.

    `path` is its `current` link, `replaced` the release that was current before (None: none, or the same one), `before` the same
    and None only when there was none, `uploaded` and `reused` bytes of the release's files sent and found there.
    """

    name: str
    release: str
    path: str
    root: str
    runner: Runner
    golden: GoldenCheck
    replaced: str | None
    uploaded: int
    reused: int
    seconds: float
    before: str | None = None

    @property
    def model(self) -> str:
        """The path of this release's model, whatever becomes current later."""
        return f"{self.root}/{self.name}/releases/{self.release}/model.tflite"

    @property
    def engine(self) -> str:
        """The engine that runs the model on the device."""
        return self.runner.engine


@dataclass(frozen=True)
class Rollback:
    """A release made current again; `replaced` is the one it took over from."""

    name: str
    release: str
    path: str
    replaced: str


@dataclass(frozen=True)
class InstalledRelease:
    """A release on a device. `size` in bytes (content that releases share counts in each), `used` when it last became current in
    the device's seconds since 1970, `state` "current", "previous" or ""."""

    name: str
    release: str
    size: int
    used: int | None
    state: str


@dataclass(frozen=True)
class Uninstalled:
    """A model removed from a device: how many releases, how many bytes, and whether the then empty root folder went, too."""

    name: str
    root: str
    releases: int
    freed: int
    root_removed: bool
