"""Files from the internet whose content is pinned: fetched once, checked by their SHA-256 and kept under it.

An address is written as pip writes one, `https://host/file#sha256=<64 hexadecimal digits>`. What it names can change; the
digits say which content is meant, and nothing else is ever used.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from edgepack.ground.errors import ProjectError, ToolError
from edgepack.ground.files import sha256_file
from edgepack.ground.private import private_umask
from edgepack.ground.progress import Progress, Task

_SILENCE = 30.0  # seconds without a byte
_LONGEST = 1800.0  # seconds for the whole file
_LARGEST = 1 << 29  # bytes: a server that never ends must not fill the disk
_BLOCK = 1 << 16
_HINT = "check the address and the network; or download the file yourself and give its path"


@dataclass(frozen=True)
class Pinned:
    """An address without its fragment, and the SHA-256 of the content that is meant, in lower case."""

    url: str
    sha256: str


def parse_pinned(text: str) -> Pinned:
    """The parts of an address with its checksum.

    Raises:
        ValueError: it is not one; the arguments are what is wrong and what to do. A password is not repeated.

    >>> parse_pinned("https://example.org/tool#sha256=" + "AB" * 32).sha256[:4]
    'abab'
    """
    address, _, fragment = text.partition("#")
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    if "@" in host or "?" in address:
        what = "a password" if "@" in host else "a query (?…), which may be a secret"
        raise ValueError(f"an address may not hold {what}", "download the file yourself and give its path")
    if scheme not in ("http", "https") or not host or not slash or not path or re.search(r"[\s\x00-\x1f\x7f]", address):
        raise ValueError(f"{address!r} is not the address of a file", "write https://host/file#sha256=…, or a file's path")
    digest = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if digest is None:
        what = f"has no checksum: #{fragment} is none" if fragment else "has no checksum"
        file = path.rpartition("/")[2] or "FILE"
        raise ValueError(
            f"{address} {what}",
            f"download it once, run `sha256sum {file}`, and add #sha256= and the 64 digits to the address",
        )
    return Pinned(address, digest.group(1).lower())


def fetch_pinned(
    wanted: Pinned, name: str, folder: Path, progress: Progress, silence: float = _SILENCE, longest: float = _LONGEST
) -> Path:
    """The file, executable, at `folder`/<sha256>/`name`; downloaded when it is not there, or not what it was.

    Args:
        wanted, name, folder, progress: As said.
        silence: Seconds without a byte after which the server counts as gone.
        longest: Seconds that the whole download may take.

    Raises:
        ToolError: EP-684 it cannot be downloaded, EP-685 it is another file than the one that was pinned.
        ProjectError: EP-151 `folder` cannot be written, or the disk is full.
    """
    file = folder / wanted.sha256 / name
    with _writing(file):
        if file.is_file() and sha256_file(file) == wanted.sha256:
            return file
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=file.parent)
    try:
        # Closing writes, too.
        with progress.stage("Downloading", wanted.url) as task, _writing(file), os.fdopen(descriptor, "wb") as into:
            got = _download(wanted, file, into, task, silence, longest)
            if got != wanted.sha256:
                raise ToolError(
                    "EP-685",
                    f"{wanted.url} is another file than the one that was pinned: its SHA-256 is {got}",
                    f"expected {wanted.sha256}; if the new file is what you want and you trust it, write its SHA-256",
                )
            into.flush()
            os.fsync(into.fileno())
            os.chmod(temporary, 0o777 & ~private_umask())
            os.replace(temporary, file)
            task.finish(f"{file.stat().st_size / 1e6:.1f} MB, SHA-256 as pinned")
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        with suppress(OSError):
            file.parent.rmdir()
        raise
    return file


def _download(wanted: Pinned, file: Path, into: IO[bytes], task: Task, silence: float, longest: float) -> str:
    """Write what the server sends; the SHA-256 of it."""
    import urllib.request

    digest, done, end = hashlib.sha256(), 0, time.monotonic() + longest
    request = urllib.request.Request(wanted.url, headers={"User-Agent": "edgepack"})
    with _reading(wanted.url, silence), urllib.request.urlopen(request, timeout=silence) as answer:
        announced = answer.headers.get("Content-Length", "")
        total = int(announced) if announced.isdigit() else 0
        while block := answer.read1(_BLOCK):
            done += len(block)
            if done > _LARGEST:
                raise _failed(wanted.url, f"it is larger than {_LARGEST >> 20} MiB")
            if time.monotonic() > end:
                raise _failed(wanted.url, f"it took longer than {longest:g} s")
            with _writing(file):
                into.write(block)
            digest.update(block)
            task.update(done, total, f"{done / 1e6:.1f} MB")
        if done < total:
            raise _failed(wanted.url, f"the connection ended after {done} of {total} bytes")
    return digest.hexdigest()


@contextmanager
def _reading(url: str, silence: float) -> Iterator[None]:
    """Turn what goes wrong with a server into EP-684."""
    import http.client
    import urllib.error

    try:
        yield
    except urllib.error.HTTPError as error:
        with error:
            raise _failed(url, f"the server says {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise _failed(url, f"no answer for {silence:g} s") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _failed(url, f"no answer for {silence:g} s") from error
        raise _failed(url, _words(error.reason)) from error
    except http.client.IncompleteRead as error:
        raise _failed(url, "the connection ended before the file did") from error
    except http.client.HTTPException as error:
        raise _failed(url, "what answers there is no HTTP server") from error
    except (OSError, ValueError) as error:
        raise _failed(url, _words(error)) from error


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Turn what goes wrong with this machine's disk into EP-151."""
    try:
        yield
    except OSError as error:
        raise ProjectError(
            "EP-151",
            f"cannot write {file}: {error.strerror or error}",
            "free some space or make the folder writable; EDGEPACK_CACHE names another one",
        ) from error


def _words(reason: Any) -> str:
    """What the system, or the library, says of a failure."""
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)[:200]


def _failed(url: str, why: str) -> ToolError:
    return ToolError("EP-684", f"{url} cannot be downloaded: {why}", _HINT)
