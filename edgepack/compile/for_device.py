"""The C of a model as a target's profile wants it."""

from __future__ import annotations

from typing import Protocol

from edgepack.compile.compiler import CCode, compile_model
from edgepack.flatbuffer import Model


class CodeSettings(Protocol):
    """What decides the code in a profile's `[device]`; named as there (see `edgepack.project.DeviceSettings`)."""

    @property
    def cpu(self) -> str | None:
        """The core; None for any."""

    @property
    def optimize(self) -> str:
        """What the code is made for."""

    @property
    def overlay_input(self) -> bool:
        """Whether the input's buffer is used again."""

    @property
    def coding(self) -> str:
        """How weights are stored."""


def compile_for(model: Model, name: str, device: CodeSettings) -> CCode:
    """Compile a model for the core, the optimization, the codes and the input buffer of a profile's `[device]`.

    Raises:
        CompileError, ModelError, ProjectError: as `compile_model`.
    """
    cpu = device.cpu or "generic"
    return compile_model(model, name, cpu, device.optimize, overlay_input=device.overlay_input, coding=device.coding)
