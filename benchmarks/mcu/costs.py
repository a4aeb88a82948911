"""Is the cost model right? Expected instructions against counted ones, and whether the kernel it chose is the cheaper one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgepack.compile import CCode

Result = dict[str, Any]
LARGE = 0.005  # of a model's instructions: smaller layers are not worth a model
CLOSE = 0.02  # two kernels that differ by less are equally good


def layers_of(code: CCode, per_layer: dict[str, int]) -> list[Result]:
    """Each call: its operator, kernel, expected and counted instructions, and whether there was a choice."""
    counted = {int(title.split()[0]): count for title, count in per_layer.items() if title.split()[0].isdigit()}
    return [
        {
            "operator": layer.operator,
            "op": layer.op,
            "layer": layer.layer,
            "kernel": layer.kernel,
            "expected": round(layer.predicted),
            "counted": counted[layer.index],
            "alternatives": list(layer.alternatives),
        }
        for layer in code.layers
        if layer.index in counted
    ]


def _by_operator(layers: Sequence[Result]) -> dict[int, Result]:
    """One entry an operator; its calls' instructions added up."""
    found: dict[int, Result] = {}
    for layer in layers:
        if layer["operator"] in found:
            for key in ("expected", "counted"):
                found[layer["operator"]][key] += layer[key]
        else:
            found[layer["operator"]] = dict(layer)
    return found


def choices_of(chosen: Sequence[Result], second: Sequence[Result]) -> list[Result]:
    """Operators with a choice: what the chosen kernel took, and what the second cheapest."""
    others = _by_operator(second)
    return [
        {"op": layer["op"], "layer": layer["layer"], "chosen": layer["kernel"], "counted": layer["counted"]}
        | {"other": others[operator]["kernel"], "other_counted": others[operator]["counted"]}
        for operator, layer in _by_operator(chosen).items()
        if layer["alternatives"]
        and operator in others
        and others[operator]["kernel"] != layer["kernel"]
        and "+" not in layer["op"]
    ]


def render(results: Sequence[Result]) -> str:
    """The section on the cost model."""
    lines = [
        "## The cost model",
        "",
        "The compiler takes each operator's kernel of the fewest expected instructions. Expected against counted, over layers of "
        f"at least {100 * LARGE:.1f} % of a model's instructions; and, compiled once more with every second cheapest kernel, how "
        f"often the chosen one is in fact the cheaper ({100 * CLOSE:.0f} % count as equal).",
        "",
        "| core | layers | expected in all / counted | error of a layer: median | nine in ten below | choices right |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    wrong = []
    for core in dict.fromkeys(result["cpu"] for result in results):
        mine = [result for result in results if result["cpu"] == core]
        layers = [
            layer for result in mine for layer in result["layers"] if layer["counted"] >= LARGE * max(result["instructions"], 1)
        ]
        errors = [abs(layer["expected"] / layer["counted"] - 1) for layer in layers]
        made = [choice | {"model": result["model"]} for result in mine for choice in result.get("choices", [])]
        bad = [choice for choice in made if choice["counted"] > (1 + CLOSE) * choice["other_counted"]]
        wrong += [choice | {"core": core} for choice in bad]
        total = sum(layer["expected"] for layer in layers) / max(sum(layer["counted"] for layer in layers), 1)
        right = f"{len(made) - len(bad)} of {len(made)}" if made else "not compared"
        median, most = 100 * np.median(errors), 100 * np.quantile(errors, 0.9)
        lines.append(f"| {core} | {len(layers)} | {total:.2f} | {median:.0f} % | {most:.0f} % | {right} |")
    lines.append("")
    if wrong:
        lines += ["Where it chose wrongly:", "", "| core | model | layer | chosen | counted | other | counted |"]
        lines.append("|---|---|---|---|---:|---|---:|")
        for each in wrong:
            lines.append(
                f"| {each['core']} | {each['model']} | {each['op']} {each['layer']} | {each['chosen']} | {each['counted']:,} "
                f"| {each['other']} | {each['other_counted']:,} |"
            )
        lines.append("")
    return "\n".join(lines)
