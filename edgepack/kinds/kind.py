"""What edgepack asks about a kind of device. Nothing here imports a transport: every command reads this to check profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from edgepack.devices import Device

RELEASE_KEYS = frozenset(
    {"engine", "threads", "root", "power", "library", "keep", "benchmark_model", "delegate", "cpus", "coding"}
)
"""Keys of [device] for whatever holds releases."""

NETWORK_KEYS = frozenset({"address", "addresses", "inventory"})
"""Keys of [device] for what is named by an address, and of which there can be many."""

PROCESS_BUDGETS = {"flash": "model_size", "ram": "peak_memory"}
"""Where a model is a file and runs in a process, these are limited instead of a microcontroller's flash and RAM."""


class DeviceSettings(Protocol):
    """What is read of a target's [device] table; None where it is not set."""

    @property
    def kind(self) -> str:
        """The kind's name."""

    @property
    def cpu(self) -> str | None:
        """A microcontroller's core."""

    @property
    def board(self) -> str | None:
        """A microcontroller's board."""

    @property
    def hardware(self) -> str | None:
        """Text in the model name of the target's hardware."""

    @property
    def address(self) -> str | None:
        """The device."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Several devices."""

    @property
    def inventory(self) -> str | None:
        """A file that names several devices."""


class DeviceTarget(Protocol):
    """What is read of a target."""

    @property
    def name(self) -> str:
        """The target's name."""

    @property
    def device(self) -> DeviceSettings:
        """Its [device] table."""


def first_address(settings: DeviceSettings) -> str | None:
    """The device that a profile names, of several the first."""
    return settings.address or next(iter(settings.addresses), None)


def _below_home(device: Device) -> str:
    return "edgepack"


def _lacks_nothing(target: DeviceTarget, environ: Mapping[str, str]) -> tuple[str, ...]:
    return ()


def _nothing_wrong(table: Any) -> None:
    return None


def _any_address(address: str) -> None:
    return None


@dataclass(frozen=True)
class DeviceKind:
    """A kind of device.

    What a profile may say:
    `name` is [device] kind. `title` is what messages call such a device. `keys` are the keys of [device] that it takes beyond
    those of every kind, `needed` those that must be there, with the hint where they are not. `wrong` finds what else is wrong
    in a checked table: text, hint and key, or None. `instead_of_budgets` are the budgets that cannot be measured on it, and what
    to limit instead.

    How it is named:
    `addressed` is false when there is only one, which needs no address. `variable` is the environment variable that names the
    device of every target without a variable of its own. `own_address` is what the profile says. `check_address` finds out
    without waiting what of an address cannot be used.

    What runs there:
    `holds` is "release" when it keeps files and runs programs, "firmware" when it is flashed. `open` gives the device of a
    target at an address, or where that is None finds or starts one; it is closed when the block ends. `root` is the folder for
    releases, absolute or relative to the home folder there. `python` is the command of its Python; None where there is none, so
    that the generated C is its engine. `coding` says which weights of the generated C are in codes where nobody says it.

    Around it:
    `lacks` is what this machine needs for a target and has not. `instead_of_standin` is why `edgepack device up` starts no
    stand-in, "" where it does. `script` is the file of pack/scripts for a bench without edgepack; it runs the program for the
    machine `script_machine`, or where that is None the runner in Python.
    """

    name: str
    title: str
    holds: Literal["release", "firmware"]
    open: Callable[[DeviceTarget, str | None], AbstractContextManager[Device]]
    keys: frozenset[str]
    instead_of_budgets: Mapping[str, str]
    needed: Mapping[str, str] = field(default_factory=dict)
    wrong: Callable[[Any], tuple[str, str, str] | None] = _nothing_wrong
    addressed: bool = True
    variable: str | None = None
    own_address: Callable[[DeviceSettings], str | None] = first_address
    check_address: Callable[[str], None] = _any_address
    root: Callable[[Device], str] = _below_home
    python: str | None = None
    coding: str = "off"
    lacks: Callable[[DeviceTarget, Mapping[str, str]], tuple[str, ...]] = _lacks_nothing
    instead_of_standin: str = ""
    script: str | None = None
    script_machine: str | None = None

    @property
    def many(self) -> bool:
        """Whether one run can be for several of them."""
        return "inventory" in self.keys

    def variables(self, target: str) -> tuple[str, ...]:
        """The environment variables that may name the device of a target: EDGEPACK_<NAME>, then the kind's."""
        if self.variable is None:
            return ()
        own = "EDGEPACK_" + target.upper().replace("-", "_")
        return (own,) if own == self.variable else (own, self.variable)
