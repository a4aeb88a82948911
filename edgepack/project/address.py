"""Which device a target is run on: a flag, the environment, or the profile."""

from __future__ import annotations

from collections.abc import Mapping

from edgepack.ground.errors import ProjectError
from edgepack.kinds import kind_of
from edgepack.project.types import Target


def device_address(target: Target, flag: str | None, environ: Mapping[str, str]) -> str | None:
    """The device's address: `--device`, else the environment, else the profile (its first one); None when nobody names one.

    An address is user@host[:port] or a name of the ssh configuration for ssh, a serial number or host:port for adb, and
    emulated, serial:DEVICE or probe:TARGET for mcu (whose profile says it as `board`).

    Raises:
        ProjectError: EP-109 for an address that cannot be one, or one given to a target that has none.
    """
    kind = kind_of(target)
    if not kind.addressed:
        if flag:
            raise ProjectError("EP-109", f"--device {flag}: target {target.name} is {kind.title}", "leave --device out")
        return None
    if flag is not None:
        return _checked(flag, "--device")
    for variable in kind.variables(target.name):
        if environ.get(variable):
            return _checked(environ[variable], variable)
    return kind.own_address(target.device)


def _checked(text: str, source: str) -> str:
    from pydantic_core import PydanticCustomError

    from edgepack.project.schema import check_address

    try:
        return check_address(text.strip())
    except PydanticCustomError as error:
        raise ProjectError("EP-109", f"{source}: {error.message()}", str((error.context or {})["hint"])) from error
