"""`edgepack doctor`: what is installed, what is missing."""

from __future__ import annotations

import typer

from edgepack.cli.options import Json


def doctor(json_output: Json = False) -> None:
    """Show what edgepack can use on this machine, what is missing and how to get it (exit 5 when something required is)."""
    from edgepack.cli.output import print_json, say
    from edgepack.ground.escape import terminal_markup
    from edgepack.pipeline.doctor import check_installation

    checks = check_installation()
    if json_output:
        print_json(checks)
    else:
        from rich.console import Console
        from rich.table import Table

        console = Console()
        table = Table("", "what", "version", "needed for", box=None, pad_edge=False)
        for check in checks:
            mark = "[green]✓[/]" if check.found is not None else ("[red]✗[/]" if check.required else "[yellow]–[/]")
            table.add_row(mark, check.name, terminal_markup(check.found or ""), check.needed_for)
        console.print(table)
        for check in checks:
            if check.found is None:
                say(f"\n{check.name} is missing: {check.how_to_get}", lines=True)
    if any(check.required and check.found is None for check in checks):
        raise typer.Exit(5)
