"""The stage cache: a stage's result folder, found again by the hash of everything that went into it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import atomic_folder, canonical_json, give_modes, hash_of, make_folder
from edgepack.ground.seal import damage, seal


@dataclass(frozen=True)
class CacheHit:
    """Where a stage's files are, and whether they were there already."""

    folder: Path
    hit: bool


@dataclass(frozen=True)
class CacheEntry:
    """One stored stage: its name, folder, size in bytes and the time it was last used (seconds since 1970)."""

    stage: str
    folder: Path
    size: int
    used: float


def _say_nothing(text: str) -> None:
    pass


@dataclass(frozen=True)
class Cache:
    """Stage results under `folder`, one folder a stage and input hash.

    With `enabled` false every stage is computed once a run, and its result replaces what was stored. A stage carries a seal
    (`ground.seal`) and is compared with it before it is used: by sizes and times, once a run by content when `thorough`. `tell`
    is given a line for each that is damaged.
    """

    folder: Path
    enabled: bool = True
    thorough: bool = False
    tell: Callable[[str], None] = field(default=_say_nothing, compare=False, repr=False)
    _fresh: set[Path] = field(default_factory=set, compare=False, repr=False)

    def stage(self, name: str, inputs: Mapping[str, Any], compute: Callable[[Path], None]) -> CacheHit:
        """The folder of stage `name` for `inputs` (JSON-able); `compute(folder)` fills it when it is not there, or damaged.

        The folder appears under its final name only when `compute` returned, so an interrupted stage leaves nothing.

        Raises:
            EdgepackError: EP-150 when the cache folder cannot be written.
        """
        final = self.folder / f"{name}-{hash_of(inputs)[:24]}"
        if final.is_dir() and (self.enabled or final in self._fresh):
            why = damage(final, final.name, self.thorough and final not in self._fresh)
            if not why:
                self._fresh.add(final)
                with suppress(OSError):  # what is stored can be used from a folder that cannot be written
                    os.utime(final)
                return CacheHit(final, True)
            self.tell(f"the stored stage {final.name} is damaged ({why}); it is computed again")
        try:
            make_folder(self.folder, private=True)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            with atomic_folder(final, private=True) as folder:
                compute(folder)
                (folder / "inputs.json").write_bytes(canonical_json({"stage": name, "inputs": inputs}))
                give_modes(folder, private=True)  # before the seal, which takes note of when a file was changed
                seal(folder, final.name)
        except OSError as error:
            if error.filename is not None and not str(error.filename).startswith(str(self.folder)):
                raise
            raise self._unwritable(error) from error
        self._fresh.add(final)
        return CacheHit(final, False)

    def _unwritable(self, error: OSError) -> EdgepackError:
        return EdgepackError(
            "EP-150",
            f"cannot write the cache {self.folder}: {error.strerror}",
            "free some space or make the folder writable (for a .tflite: or give another with --out); "
            "`edgepack cache clear` removes old results",
        )

    def entries(self) -> tuple[CacheEntry, ...]:
        """Everything stored, the most recently used first."""
        found = []
        for folder in self.folder.glob("*-*"):
            if folder.is_dir() and not folder.name.startswith("."):
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                found.append(CacheEntry(folder.name.rsplit("-", 1)[0], folder, size, folder.stat().st_mtime))
        return tuple(sorted(found, key=lambda entry: -entry.used))

    def remove_damaged(self) -> tuple[tuple[CacheEntry, str], ...]:
        """Read every stored stage whole, and remove those that are not what they were; which, and why."""
        looked = [(entry, damage(entry.folder, entry.folder.name, thorough=True)) for entry in self.entries()]
        damaged = tuple((entry, why) for entry, why in looked if why)
        for entry, _ in damaged:
            shutil.rmtree(entry.folder, ignore_errors=True)
        return damaged

    def clear(self, older_than_days: float = 0) -> int:
        """Remove results not used for `older_than_days` days, and leftovers of killed runs; returns the bytes freed."""
        limit = time.time() - older_than_days * 86400
        freed = 0
        for entry in self.entries():
            if entry.used <= limit:
                shutil.rmtree(entry.folder, ignore_errors=True)
                freed += entry.size
        for leftover in self.folder.glob(".*"):
            if leftover.is_dir() and leftover.stat().st_mtime <= limit:
                shutil.rmtree(leftover, ignore_errors=True)
        return freed


def project_cache(
    folder: Path, enabled: bool = True, thorough: bool = False, tell: Callable[[str], None] = _say_nothing
) -> Cache:
    """The cache of the project in `folder`: `.edgepack/cache` in it."""
    return Cache(folder / ".edgepack" / "cache", enabled, thorough, tell)
