"""What a stage's files contain, as a hash that is not computed again while they stay the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgepack.ground.cache import Cache
from edgepack.ground.files import hash_of, sha256_file, write_atomic
from edgepack.ground.seal import checked, with_check

# A file changed less than this ago (seconds) may change again without a new modification time.
_SETTLED = 2.0


class Fingerprints:
    """Hashes of files and folders, remembered in the cache folder by path, size, inode and times of change."""

    def __init__(self, cache: Cache) -> None:
        self._file = cache.folder / "fingerprints.json"
        self._known: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            known = checked(json.loads(self._file.read_text(encoding="utf-8")))
            self._known = known if isinstance(known, dict) else {}

    def of(self, path: Path) -> str:
        """The hash of a file's content, or of all names and contents below a folder."""
        files = sorted(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else [path]
        return self.of_files(files, path, str(path.resolve()))

    def of_files(self, files: Iterable[Path], base: Path, key: str) -> str:
        """The hash of several files' names, relative to `base`, and contents; remembered under `key`."""
        chosen = list(files)
        stats = [file.stat() for file in chosen]
        names = [file.relative_to(base).as_posix() if file.is_relative_to(base) else str(file) for file in chosen]
        times = [[stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino] for stat in stats]
        stamp = hash_of([[name, *seen] for name, seen in zip(names, times, strict=True)])
        known = self._known.get(key)
        if isinstance(known, list) and known[0] == stamp:
            return str(known[1])
        digest = hashlib.sha256()
        for name, file in zip(names, chosen, strict=True):
            digest.update(f"{name}\0{sha256_file(file)}\n".encode())
        if all(max(stat.st_mtime, stat.st_ctime) < time.time() - _SETTLED for stat in stats):
            self.remember(key, [stamp, digest.hexdigest()])
        return digest.hexdigest()

    def recall(self, key: str) -> Any:
        """What was remembered under `key`, or None."""
        return self._known.get(key)

    def remember(self, key: str, value: Any) -> None:
        """Remember a JSON-able `value`. A cache folder that cannot be written is no error here: the next run asks again."""
        self._known[key] = value
        with contextlib.suppress(OSError):
            write_atomic(self._file, json.dumps(with_check(self._known), indent=1), private=True)
