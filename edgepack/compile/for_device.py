"""The C of a model as a target's profile wants it."""

from __future__ import annotations

from edgepack.compile.compiler import CCode, compile_model
from edgepack.flatbuffer import Model
from edgepack.project import DeviceSettings


def compile_for(model: Model, name: str, device: DeviceSettings) -> CCode:
    """Compile a model for the core, the optimization, the codes and the input buffer of a profile's `[device]`.

    Raises:
        CompileError, ModelError, ProjectError: as `compile_model`.
    """
    cpu = device.cpu or "generic"
    return compile_model(model, name, cpu, device.optimize, overlay_input=device.overlay_input, coding=device.coding)
