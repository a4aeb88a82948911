"""`edgepack device`: stand-in devices up and down, and what is deployed on devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgepack.cli.options import DeviceAddress, Inventory, Json, Limit, Overrides, Quiet, TargetName, Verbose, Workers

if TYPE_CHECKING:
    from edgepack.releases.types import InstalledRelease

device_app = typer.Typer(
    help="Stand-in devices for targets you have no hardware of, and the releases that devices hold.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The target to stand in for, for example rpi.")]


@device_app.command("up")
def up(
    name: Name,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="An emulated arm64 Raspberry Pi (needs root, mmdebstrap and qemu-user-static).")
    ] = False,
    quiet: Quiet = False,
    json_output: Json = False,
) -> None:
    """Start a stand-in: for ssh targets an sshd on the loopback address, with keys of its own.

    With --virtual it is an arm64 system of its own, whose programs QEMU runs: real wheels and libraries, no real times.
    """
    from edgepack.cli.output import print_json, say
    from edgepack.ground.progress import choose_progress
    from edgepack.kinds import check_standin
    from edgepack.project import load_target
    from edgepack.standins import standin

    check_standin(load_target(name))
    started = standin.up(name, virtual, choose_progress(quiet))
    if json_output:
        print_json(started)
    else:
        say(f"{started.name}: {started.address} is up; a stand-in: {standin.reason_of(started)}")


@device_app.command("down")
def down(name: Name) -> None:
    """Stop a stand-in and remove its keys."""
    from edgepack.cli.output import say
    from edgepack.standins import standin

    say(f"{name}: stopped" if standin.down(name) else f"{name}: was not running")


@device_app.command("list")
def list_devices(json_output: Json = False) -> None:
    """List the stand-ins that run."""
    from edgepack.cli.output import print_json, say
    from edgepack.standins import standin

    running = standin.running()
    if json_output:
        print_json(list(running))
        return
    for one in running:
        say(f"{one.name}: {one.address} ({'virtual Pi' if standin.is_virtual(one.folder) else 'stand-in'})")
    if not running:
        say("no stand-in is running; `edgepack device up rpi` starts one")


@device_app.command("releases")
def releases(
    project: Annotated[Path | None, typer.Argument(help="A project folder or a deployed name (default: all).")] = None,
    target: TargetName = "rpi",
    device: DeviceAddress = None,
    inventory: Inventory = None,
    limit: Limit = None,
    workers: Workers = 8,
    overrides: Overrides = None,
    json_output: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List the releases that devices hold: which is current, which one a rollback goes to, and whether their files are intact."""
    from edgepack.cli.managing import manage
    from edgepack.pipeline.manage import list_installed
    from edgepack.project.units import format_bytes

    def text(rows: tuple[InstalledRelease, ...]) -> str:
        lines = [
            f"{row.name}  {row.release}  {format_bytes(row.size)}  {row.state}{'  damaged' if row.damaged else ''}".rstrip()
            for row in rows
        ]
        return "\n".join(lines) or "nothing is deployed"

    manage(
        lambda request, progress: list_installed(request, progress, project),
        text,
        json_output, quiet, verbose, overrides,
        target=target, device=device, inventory=inventory, limit=limit, workers=workers,
    )  # fmt: skip
