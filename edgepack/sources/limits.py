"""What opening somebody's model file may cost: memory, and for one that runs its own code time."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgepack.ground.errors import ModelError
from edgepack.project.types import ModelSettings
from edgepack.project.units import format_bytes
from edgepack.workers.confinement.memory import bounded_memory, half_the_memory

_SECONDS = 600.0
_LEAST_MEMORY = 64 << 20  # with less, a process cannot even say what is wrong
_MOST_MEMORY, _MOST_SECONDS = 1 << 60, 1e9  # what the kernel's limits can hold


@dataclass(frozen=True)
class LoadLimits:
    """`memory` in bytes beyond what TensorFlow takes, and as many bytes of files; `seconds` for a process that opens one file."""

    memory: int
    seconds: float


def limits_of(settings: ModelSettings) -> LoadLimits:
    """The limits that a project sets, or edgepack's own: half of this machine's memory, and ten minutes."""
    memory = half_the_memory() if settings.max_load_memory is None else settings.max_load_memory
    seconds = _SECONDS if settings.max_load_time is None else settings.max_load_time
    return LoadLimits(max(_LEAST_MEMORY, min(memory, _MOST_MEMORY)), min(seconds, _MOST_SECONDS))


@contextmanager
def within_memory(where: str, limits: LoadLimits) -> Iterator[None]:
    """Open a model file in this process, with its memory bounded; `where` is the file's name.

    Raises:
        ModelError: EP-238 when it takes more.
    """
    try:
        with bounded_memory(limits.memory):
            yield
    except Exception as error:
        if out_of_memory(error):
            raise too_large(where, limits) from error
        raise


def too_large(where: str, limits: LoadLimits) -> ModelError:
    """The error for a file that takes too much memory."""
    return ModelError(
        "EP-238",
        f"{where} takes more than {format_bytes(limits.memory)} of memory to open",
        "if the model is meant to be so large, raise max_load_memory under [model]",
    )


def too_long(where: str, limits: LoadLimits) -> ModelError:
    """The error for a file whose opening does not end."""
    return ModelError(
        "EP-239",
        f"{where} was not opened within {limits.seconds:.0f} s",
        "if its code is meant to take so long, raise max_load_time under [model]",
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception, or one that it came from, says that there is no memory left."""
    return any(isinstance(one, MemoryError) or type(one).__name__ == "ResourceExhaustedError" for one in _chain(error))


def kept_off(error: BaseException) -> BaseException | None:
    """The first exception of an error's history that says that something is not permitted, or that there is no network."""
    denied = [one for one in _chain(error) if (isinstance(one, OSError) and _is_denial(one)) or _is_tensorflows_denial(one)]
    return denied[-1] if denied else None  # Keras raises it again, with less of its text


def _is_denial(error: OSError) -> bool:
    unreachable = (errno.EXDEV, errno.ENETUNREACH)  # a link to a file elsewhere, a network with nothing in it
    return isinstance(error, PermissionError | socket.gaierror) or error.errno in unreachable


def _is_tensorflows_denial(error: BaseException) -> bool:
    return type(error).__name__ == "PermissionDeniedError"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
