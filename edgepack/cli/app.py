"""The table of commands. The modules are light: what a command needs is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack import __version__
from edgepack.cli.bench import bench
from edgepack.cli.cache import cache_app
from edgepack.cli.coding import WithCoding
from edgepack.cli.crossval import crossval
from edgepack.cli.deploy import deploy
from edgepack.cli.device import device_app
from edgepack.cli.doctor import doctor
from edgepack.cli.explain import explain
from edgepack.cli.export import export
from edgepack.cli.fit import fit
from edgepack.cli.init import init
from edgepack.cli.inspect import inspect
from edgepack.cli.keys import keys_app
from edgepack.cli.report import report
from edgepack.cli.rollback import rollback
from edgepack.cli.search import search
from edgepack.cli.targets import targets
from edgepack.cli.uninstall import uninstall

app = typer.Typer(
    name="edgepack",
    help=(
        "Take a Keras model to a measured, judged deployment: compress, convert to int8 TFLite, deploy, measure, judge.\n\n"
        "Start with [bold]edgepack init my_project[/], then [bold]edgepack deploy my_project --target host[/]."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgepack {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails (any position).")] = False,
) -> None:
    pass


for command in (
    deploy,
    fit,
    bench,
    export,
    inspect,
    explain,
    crossval,
    search,
    report,
    rollback,
    uninstall,
    targets,
    init,
    doctor,
):
    app.command(cls=WithCoding if command in (export, inspect) else None)(command)
app.add_typer(device_app, name="device")
app.add_typer(cache_app, name="cache")
app.add_typer(keys_app, name="keys")
