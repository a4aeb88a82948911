"""The targets a model is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

from edgepack.ground.errors import ProjectError
from edgepack.kinds import KINDS, DeviceKind, kind_of
from edgepack.pipeline.destination import DeviceRequest, find_target
from edgepack.project import Target, list_targets, split_overrides
from edgepack.project.overrides import parse_override

ALL = "all"
"""The word for every target that a name can find."""


def chosen_targets(wanted: Sequence[str | Target], folder: Path | None, overrides: Sequence[str]) -> tuple[Target, ...]:
    """The targets `wanted` (names, files, objects or "all"), each once, with those of the changes that its kind of device has.

    All of them come with the smallest microcontroller first; named ones as they are named.

    Raises:
        ProjectError: EP-107 an unknown target; EP-108 a change that no target takes; EP-165 one of a project's; EP-185 no target.
    """
    for_project, changes = split_overrides(overrides)
    if for_project:
        raise ProjectError(
            "EP-165",
            f"--set {for_project[0]}: only settings of targets change what a .tflite fits",
            "set budget.… or device.…, or deploy the project anew with it",
        )
    names: list[str | Target] = []
    for one in wanted:
        names += [target.name for target in sorted(list_targets(folder), key=rank)] if one == ALL else [one]
    if not names:
        raise ProjectError("EP-185", "no target is named", "write --target all, or names with commas between them")
    found = {target.name: target for target in (_changed(one, folder, changes) for one in names)}
    _insist_taken(changes, [kind_of(target) for target in found.values()])
    return tuple(found.values())


def rank(target: Target) -> tuple[bool, float, float, float, str]:
    """The order of targets: microcontrollers by flash, RAM and clock, then the others by name."""
    budget = target.budget
    limits = (inf if limit is None else float(limit) for limit in (budget.flash, budget.ram))
    flash, ram = limits
    return (kind_of(target).holds != "firmware", flash, ram, target.device.clock_hz or inf, target.name)


def _changed(one: str | Target, folder: Path | None, changes: Sequence[str]) -> Target:
    target = find_target(DeviceRequest(target=one), folder, ())
    taken = tuple(change for change in changes if _takes(kind_of(target), change))
    return find_target(DeviceRequest(target=one), folder, taken) if taken else target


def _takes(kind: DeviceKind, change: str) -> bool:
    """Whether a change is one for this kind of device; a key that no kind has is for all, and the schema complains."""
    table, *keys = parse_override(change).path
    if not keys:
        return True
    if table == "budget":
        return keys[0] not in kind.instead_of_budgets
    owners = [each for each in KINDS.values() if keys[0] in each.keys]
    return table != "device" or not owners or kind in owners


def _insist_taken(changes: Sequence[str], kinds: Sequence[DeviceKind]) -> None:
    for change in changes:
        if not any(_takes(kind, change) for kind in kinds):
            text = f"--set {change}: none of these targets has such a setting"
            raise ProjectError("EP-108", text, "flash and ram are a microcontroller's, model_size and peak_memory the others'")
