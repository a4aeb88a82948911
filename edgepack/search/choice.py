"""What a trial trains: a design, and how its steps train; the same as plain data, and as the tables of a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepack.compress import Step, check_recipe
from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import hash_of
from edgepack.ground.plain import plain
from edgepack.project import StepTable, Where
from edgepack.search.design import Design, Effort, RecipeTables, Treatment, recipe_of


@dataclass(frozen=True)
class Choice:
    """A design and how it is trained, but for how long; `options` are training options of every step."""

    design: Design
    learning_rate: float = 0.001
    options: Mapping[str, Any] = field(default_factory=dict)

    def tables(self, epochs: int, before: RecipeTables) -> RecipeTables:
        """The recipe's tables, those of the steps `before` it first."""
        return [*before, *recipe_of(self.design, Effort(epochs, self.learning_rate, options=self.options))]

    def key(self, epochs: int) -> str:
        """The same for the same training, and for no other."""
        return hash_of({**self.to_json(), "epochs": epochs})[:16]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        values: dict[str, Any] = plain(self)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Choice:
        """The choice that `to_json` wrote."""
        design = values["design"]
        treatments = {name: Treatment(**treatment) for name, treatment in design["treatments"].items()}
        return cls(Design(treatments, design["clusters"], design["weights"]), values["learning_rate"], values["options"])


def steps_of(tables: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The checked steps of a recipe's tables.

    Raises:
        ProjectError: EP-401 to EP-405 for steps that cannot be.
    """
    where = Where(Path(), flag="the search's recipe")
    given = [StepTable(table["step"], {key: value for key, value in table.items() if key != "step"}, where) for table in tables]
    return check_recipe(given)


def is_valid(choice: Choice, before: RecipeTables) -> bool:
    """Whether a recipe may have these steps with these options, in this order."""
    try:
        return bool(steps_of(choice.tables(1, before)))
    except EdgepackError:
        return False


def words(choice: Choice) -> str:
    """The choice in a line: "prune 50 to 80 % of 3 layers, cluster 16, ternary weights, lr 0.001"."""
    treatments = [choice.design.treatments[name] for name in sorted(choice.design.treatments)]
    parts = []
    removed = [each.removed for each in treatments if each.removed]
    if removed:
        parts.append(f"remove {_range(removed)} of the channels of {len(removed)} {_layers(removed)}")
    zeros = [each.sparsity for each in treatments if each.sparsity]
    if zeros:
        parts.append(f"prune {_range(zeros)} of {len(zeros)} {_layers(zeros)}")
    shared = [each for each in treatments if each.clustered]
    if shared and choice.design.clusters:
        parts.append(f"cluster {choice.design.clusters} in {len(shared)} {_layers(shared)}")
    few = [each for each in treatments if each.few_bits]
    if choice.design.weights != "int8":
        parts.append(f"{choice.design.weights} weights in {len(few)} {_layers(few)}")
    parts.append("int8")
    parts.append(f"lr {choice.learning_rate:g}")
    parts.extend(f"{name} {_value(value)}" for name, value in sorted(choice.options.items()) if value not in ("", (), []))
    return ", ".join(parts)


def _value(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _range(shares: Sequence[float]) -> str:
    low, high = (f"{100 * value:g}" for value in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _layers(found: Sequence[object]) -> str:
    return "layer" if len(found) == 1 else "layers"
