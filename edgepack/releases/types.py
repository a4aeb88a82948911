"""What a deployment leaves behind, as data."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.engines.types import GoldenCheck, Runner


@dataclass(frozen=True)
class Deployment:
    """A release that is current on a device.

    `path` is its `current` link, `replaced` the release that was current before (None: none, or the same one), `before` the same
    and None only when there was none, `uploaded` and `reused` the bytes that travelled for the release's files, in
    a small form where that is smaller, and of those found there; `model_sent` of the model alone, None where nobody counted.
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
    model_sent: int | None = None

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
    the device's seconds since 1970, `state` "current", "previous" or "", `damaged` a file in it that is not what was
    deployed, "" when all are."""

    name: str
    release: str
    size: int
    used: int | None
    state: str
    damaged: str = ""


@dataclass(frozen=True)
class Uninstalled:
    """A model removed from a device: how many releases, how many bytes, and whether the then empty root folder went, too."""

    name: str
    root: str
    releases: int
    freed: int
    root_removed: bool
