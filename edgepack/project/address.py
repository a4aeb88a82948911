"""Which device a target is run on: a flag, the environment, or the profile."""

from __future__ import annotations

from collections.abc import Mapping

from edgepack.ground.errors import ProjectError
from edgepack.project.types import Target

# The variable that answers for every target of a kind without a variable of its own.
_KIND_VARIABLES = {"ssh": "EDGEPACK_RPI", "adb": "EDGEPACK_ANDROID"}


def address_variables(target: Target) -> tuple[str, ...]:
    """The environment variables that may name a target's device: EDGEPACK_<NAME>, then its kind's."""
    kind_variable = _KIND_VARIABLES.get(target.device.kind)
    if kind_variable is None:
        return ()
    own = "EDGEPACK_" + target.name.upper().replace("-", "_")
    return (own,) if own == kind_variable else (own, kind_variable)


def device_address(target: Target, flag: str | None, environ: Mapping[str, str]) -> str | None:
    """The device's address: `--device`, else the environment, else the profile (its first one); None when nobody names one.

    An address is user@host[:port] or a name of the ssh configuration for ssh, a serial number or host:port for adb, and
    emulated, serial:DEVICE or probe:TARGET for mcu (whose profile says it as `board`).

    Raises:
        ProjectError: EP-109 for an address that cannot be one, or one given to a target that has none.
    """
    device = target.device
    if device.kind == "local":
        if flag:
            raise ProjectError("EP-109", f"--device {flag}: target {target.name} is this machine", "leave --device out")
        return None
    if flag is not None:
        return _checked(flag, "--device")
    for variable in address_variables(target):
        if environ.get(variable):
            return _checked(environ[variable], variable)
    if device.kind == "mcu":
        return device.board or "emulated"
    return device.address or next(iter(device.addresses), None)


def _checked(text: str, source: str) -> str:
    from pydantic_core import PydanticCustomError

    from edgepack.project.schema import check_address

    try:
        return check_address(text.strip())
    except PydanticCustomError as error:
        raise ProjectError("EP-109", f"{source}: {error.message()}", str((error.context or {})["hint"])) from error
