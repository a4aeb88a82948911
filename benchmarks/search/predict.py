"""How well a design's figures are known before it is trained: `python benchmarks/search/predict.py [PROJECT] [--count 50]`.

Random designs of a sample (digits unless another is named) are compiled untrained and after their training, one epoch for each
step. Wanted: flash within 3 %, RAM equal, instructions within 10 %. Writes predicted.md beside itself, anew after every design.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from edgepack.compress import Quantize, check_recipe, compress  # noqa: E402
from edgepack.compress.fisher import fisher  # noqa: E402
from edgepack.convert import convert  # noqa: E402
from edgepack.ground.errors import EdgepackError  # noqa: E402
from edgepack.ground.progress import SilentProgress  # noqa: E402
from edgepack.pipeline.build import load_inputs  # noqa: E402
from edgepack.pipeline.request import Request, prepare  # noqa: E402
from edgepack.project import StepTable, Where  # noqa: E402
from edgepack.search.choices import Choices, Space, choices_of  # noqa: E402
from edgepack.search.design import Design, Effort, Treatment, recipe_of  # noqa: E402
from edgepack.search.figures import Figures, compiled_figures  # noqa: E402
from edgepack.search.weigh import Workshop  # noqa: E402

FLASH, INSTRUCTIONS = 0.03, 0.10


@dataclass(frozen=True)
class Row:
    """A design, its figures untrained and trained; `why` when it could not be trained."""

    design: Design
    before: Figures | None
    after: Figures | None
    why: str = ""


def main() -> int:
    """Compare, and write the table; 1 when a figure is further off than wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", nargs="?", type=Path, default=HERE.parents[1] / "sample_models" / "digits")
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "predicted.md")
    options = parser.parse_args()
    progress = SilentProgress()
    plan = prepare(Request(project=options.project, target=options.target), progress)
    source, data = load_inputs(plan, progress)
    assert data is not None
    first = tuple(step for step in plan.recipe if step.place == "first")
    compressed = compress(source, data, (*first, Quantize(aware=False)), plan.metric, plan.cache, progress)
    seen = fisher(compressed, data, 64, plan.cache, progress)
    choices = choices_of(seen.layers, seen.families, Space())
    shop = Workshop(compressed, data, plan.target, choices, plan.cache, progress)
    draw, rows = random.Random(options.seed), list[Row]()
    for number in range(options.count):
        design = drawn(choices, draw)
        try:
            before = shop.figures(shop.untrained(design))
            where = Where(Path(), flag="drawn")
            tables = [
                StepTable(table["step"], {key: value for key, value in table.items() if key != "step"}, where)
                for table in recipe_of(design, Effort(options.epochs))
            ]
            trained = compress(source, data, (*first, *check_recipe(tables)), plan.metric, plan.cache, progress)
            after = compiled_figures(convert(trained, data, plan.cache, progress).file, plan.target)
            rows.append(Row(design, before, after))
        except EdgepackError as error:
            rows.append(Row(design, None, None, str(error)))
        options.out.write_text(page(rows, plan.project.name, plan.target.name), encoding="utf-8")
        print(f"{number + 1} of {options.count}: {line(rows[-1])}", flush=True)
    return 0 if all(ok(row) for row in rows) else 1


def drawn(choices: Choices, draw: random.Random) -> Design:
    """A design with every choice equally likely, layer by layer."""
    level = draw.choice(choices.levels())
    removed: dict[str, float] = {}
    for number, family in enumerate(choices.families):
        if family is not None:
            removed |= dict.fromkeys(family.layers, draw.choice(choices.removed(number)))
    treatments = {}
    for layer in choices.layers:
        stored = draw.choice(choices.stored(layer, level))
        clustered, few = stored.special and bool(level.clusters), stored.special and level.weights != "int8"
        treatments[layer.layer] = Treatment(removed.get(layer.layer, 0.0), stored.sparsity, clustered, few)
    if any(each.clustered or each.few_bits for each in treatments.values()):
        return Design(treatments, level.clusters, level.weights)
    return Design(treatments)


def errors(row: Row) -> tuple[float, int, float]:
    """Flash relative, RAM in bytes, instructions relative: what was said before, less what is so after training."""
    before, after = row.before, row.after
    assert before is not None and after is not None
    assert before.flash and after.flash and before.ram and after.ram and before.instructions and after.instructions
    return before.flash / after.flash - 1, before.ram - after.ram, before.instructions / after.instructions - 1


def ok(row: Row) -> bool:
    """Whether it is as near as wanted."""
    if row.before is None:
        return False
    flash, ram, instructions = errors(row)
    return abs(flash) <= FLASH and ram == 0 and abs(instructions) <= INSTRUCTIONS


def line(row: Row) -> str:
    """A row of the table."""
    treated = "; ".join(
        f"{name} -{each.removed * 100:g} % {each.sparsity * 100:g} %{' shared' if each.clustered else ''}"
        f"{' few' if each.few_bits else ''}"
        for name, each in row.design.treatments.items()
    )
    level = f"{row.design.clusters} values" if row.design.clusters else row.design.weights
    if row.before is None or row.after is None:
        return f"| {level} | {treated} | {row.why} | | | | |"
    flash, ram, instructions = errors(row)
    return f"| {level} | {treated} | {row.after.flash:,} | {flash:+.1%} | {row.after.ram:,} | {ram:+,} | {instructions:+.1%} |"


def page(rows: list[Row], project: str, target: str) -> str:
    """predicted.md."""
    done = [errors(row) for row in rows if row.before is not None]
    within = [sum(abs(flash) <= FLASH for flash, _, _ in done), sum(not ram for _, ram, _ in done)]
    within.append(sum(abs(instructions) <= INSTRUCTIONS for _, _, instructions in done))
    header = (
        "weights",
        "layers: channels removed, zeros",
        "flash, bytes",
        "said before",
        "RAM, bytes",
        "said before",
        "instructions",
    )
    return "\n".join(
        [
            f"# Figures before and after training: {len(rows)} random designs of {project} on {target}",
            "",
            f"Written by `{Path(__file__).name}`. Of {len(done)} that were trained: flash within {FLASH:.0%} of {within[0]}, "
            f"RAM equal\nof {within[1]}, instructions within {INSTRUCTIONS:.0%} of {within[2]}. "
            "Differences are what was said before, less what was\ncompiled after training.",
            "",
            f"| {' | '.join(header)} |",
            "|---" * len(header) + "|",
            *(line(row) for row in rows),
            "",
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
