"""`edgepack device`: stand-in devices up and down."""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack.cli.options import Json

device_app = typer.Typer(help="Start, stop and list stand-in devices for targets you have no hardware of.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The target to stand in for, for example rpi.")]


@device_app.command("up")
def up(name: Name, json_output: Json = False) -> None:
    """Start a stand-in: for ssh targets an sshd on the loopback address, with keys of its own."""
    from edgepack.cli.output import print_json
    from edgepack.devices import standin
    from edgepack.project import load_target

    standin.check_target(load_target(name))
    started = standin.up(name)
    if json_output:
        print_json(started)
    else:
        typer.echo(f"{started.name}: {started.address} is up; a stand-in, not the target's hardware")


@device_app.command("down")
def down(name: Name) -> None:
    """Stop a stand-in and remove its keys."""
    from edgepack.devices import standin

    typer.echo(f"{name}: stopped" if standin.down(name) else f"{name}: was not running")


@device_app.command("list")
def list_devices(json_output: Json = False) -> None:
    """List the stand-ins that run."""
    from edgepack.cli.output import print_json
    from edgepack.devices import standin

    running = standin.running()
    if json_output:
        print_json(list(running))
        return
    for one in running:
        typer.echo(f"{one.name}: {one.address} (stand-in)")
    if not running:
        typer.echo("no stand-in is running; `edgepack device up rpi` starts one")
