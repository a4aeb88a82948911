"""`edgepack doctor`: what is installed, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edgepack.cli.options import Json

if TYPE_CHECKING:
    from edgepack.pipeline.doctor import Check


def doctor(json_output: Json = False) -> None:
    """Show what edgepack can use on this machine, what is missing and how to get it (exit 5 when something required is)."""
    from edgepack.cli.output import print_json, say
    from edgepack.pipeline.doctor import check_installation

    checks = check_installation()
    if json_output:
        print_json(checks)
    else:
        from edgepack.report import Column, print_table, standard_output

        columns = (Column(""), Column("what"), Column("version"), Column("needed for"))
        print_table(
            standard_output(), columns, [(_mark(check), check.name, check.found or "", check.needed_for) for check in checks]
        )
        for check in checks:
            if check.found is None:
                say(f"{check.name} is missing: {check.how_to_get}")
    if any(check.required and check.found is None for check in checks):
        raise typer.Exit(5)


def _mark(check: Check) -> tuple[str, str]:
    if check.found is not None:
        return "✓", "green"
    return ("✗", "red") if check.required else ("–", "yellow")
