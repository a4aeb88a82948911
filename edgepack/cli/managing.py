"""What the commands that manage releases on devices have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from edgepack.ground.progress import Progress
    from edgepack.pipeline.destination import DeviceRequest
    from edgepack.pipeline.manage import Managed

T = TypeVar("T")


def manage(
    work: Callable[[DeviceRequest, Progress], tuple[Managed[T], ...]],
    text: Callable[[T], str],
    json_output: bool,
    quiet: bool,
    verbose: bool,
    overrides: list[str] | None,
    **asked: Any,
) -> NoReturn:
    """Do `work` on the devices that were asked for (fields of a DeviceRequest), print what came of each, and exit."""
    from edgepack.cli.output import print_managed, setup_verbose
    from edgepack.ground.progress import choose_progress
    from edgepack.pipeline.destination import DeviceRequest

    setup_verbose(verbose)
    found = work(DeviceRequest(overrides=tuple(overrides or ()), **asked), choose_progress(quiet))
    raise typer.Exit(print_managed(found, json_output, text))
