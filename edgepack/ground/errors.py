"""Errors that a user can act on: a stable code, one line that names the thing, one line of what to do.

The exit codes are those of every edgepack command: 2 usage or a bad project or target file; 3 a model, data set or recipe
that cannot be processed; 4 a device that cannot be reached or failed; 5 a missing tool. Each code has its section in
docs/errors.md.
"""

from __future__ import annotations

from typing import Any


class EdgepackError(Exception):
    """An expected failure. `str()` is the one line that names the thing; `hint` says what to do about it."""

    exit_code = 3

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
        self.hint = " ".join(hint.split())

    def __reduce__(self) -> tuple[Any, ...]:
        """The same error in another process, whatever its class is made from."""
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(kind: type[EdgepackError], args: tuple[Any, ...], facts: dict[str, Any]) -> EdgepackError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class ProjectError(EdgepackError):
    """Wrong usage, or a project or target file that cannot be used."""

    exit_code = 2


class ModelError(EdgepackError):
    """A model file that cannot be read or is malformed."""


class DataError(EdgepackError):
    """A data set that cannot be used."""


class RecipeError(EdgepackError):
    """A compression step that cannot be applied."""


class ConvertError(EdgepackError):
    """A conversion whose result is not what was asked for."""


class CompileError(EdgepackError):
    """A model that cannot be turned into C."""


class DeviceError(EdgepackError):
    """A device that cannot be reached, or a deployment that failed on it."""

    exit_code = 4


class ToolError(EdgepackError):
    """A program or package that is needed and is not installed."""

    exit_code = 5


# Errors that some code answers rather than only reports are classes of their own, so that nobody has to compare codes. Those
# that a single room raises and answers are in that room.


class UnknownLayer(ModelError):
    """EP-224: a layer or function that is not part of Keras."""


class ModelRefused(ModelError):
    """EP-280, EP-281, EP-283: an inference engine on this machine does not accept the model, or dies on it; another may."""


class DeviceTimeout(DeviceError):
    """EP-508: a device, or a program on it, did not answer in time."""


class EngineUnfit(DeviceError):
    """EP-526: an engine does not run on this kind of device or processor."""


class CompilerMissing(ToolError):
    """EP-601: a compiler for programs of devices is not installed, or cannot be started."""
