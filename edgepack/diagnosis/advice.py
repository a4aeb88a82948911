"""What to try next, from what was measured. Every line names the figure it follows from."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from edgepack.compress import Quantization, StepResult
from edgepack.compress.sensitivity import LayerSensitivity, Sensitivity
from edgepack.convert.mixed import INT16_OPERATORS
from edgepack.diagnosis.layer_errors import LayerErrors
from edgepack.flatbuffer.traits import traits_of

# A twentieth of the signal's energy as noise is 13 dB: there argmax answers begin to change. Below a thousandth (30 dB) int8
# is as good as it gets for most networks.
_MUCH_NOISE = 0.05
_LITTLE_NOISE = 0.001
_CLIPPED = 0.005
_RANGE_USED = 0.5
_FRAGILE, _ROBUST = 0.05, 0.005


def advise(
    steps: Sequence[StepResult],
    errors: LayerErrors,
    sensitivity: Sensitivity | None,
    quantization: Quantization | None,
    higher_is_better: bool,
) -> tuple[str, ...]:
    """Lines of advice, most promising first; at least one.

    Args:
        quantization: How the file was quantized, where edgepack did it.
    """
    lines = [*_costliest_step(steps, higher_is_better), *_quantization(errors, quantization), *_pruning(steps, sensitivity)]
    if lines:
        return tuple(lines)
    return "Every layer follows the float model closely, and no step lost more than the test set can tell.", *_room(
        steps, sensitivity
    )


def _costliest_step(steps: Sequence[StepResult], higher_is_better: bool) -> list[str]:
    """The step that lost most, if it lost more than the test set's own uncertainty."""
    sign = 1 if higher_is_better else -1
    losses = [(sign * (before.metric - after.metric), after) for before, after in itertools.pairwise(steps)]
    if not losses:
        return []
    loss, step = max(losses, key=lambda item: item[0])
    half = 0.0 if step.interval is None else (step.interval[1] - step.interval[0]) / 2
    if loss <= 0:
        return []
    if loss < half:
        return [
            f"No step lost more than the test set can tell: the largest loss is {loss:.4f} {step.metric_name} at "
            f"'{step.label}', its 95 % interval is ± {half:.4f}."
        ]
    remedy = {
        "convert": "the layers below tell where; quantize with aware = true if it was not",
        "quantize": "more epochs, or a higher learning_rate; the layers below tell where",
    }.get(step.step, "a milder setting, more epochs, or a higher learning_rate in this step")
    return [f"The costliest step is '{step.label}': {loss:.4f} {step.metric_name} lost. Try {remedy}."]


def _quantization(errors: LayerErrors, quantization: Quantization | None) -> list[str]:
    lines = []
    worst = [layer for layer in errors.layers if layer.added > _LITTLE_NOISE][:3]
    for layer in worst:
        if traits_of(layer.operator).fixed_range:  # no calibration changes it (softmax ends at 255/256)
            continue
        if layer.clipped > _CLIPPED:
            lines.append(
                f"{layer.layer}: {layer.clipped:.1%} of its values do not fit into its codes. Calibrate with more, and more "
                "varied examples (a representative split)."
            )
        elif layer.range_used is not None and layer.range_used < _RANGE_USED:
            lines.append(
                f"{layer.layer}: its values fill {layer.range_used:.0%} of the codes' range only; a few outliers in the "
                "calibration examples set that range. Look for them in the data, or bound the layer with ReLU6."
            )
    if worst and worst[0].added > _MUCH_NOISE:
        names = ", ".join(dict.fromkeys(layer.layer for layer in worst if layer.added > _MUCH_NOISE))
        if quantization is not None and quantization.scheme == "int8" and not quantization.aware:
            lines.append(f"{names} add most of the noise: train with simulated quantization (quantize, aware = true).")
        else:
            wide = {layer.layer: None for layer in worst if layer.added > _MUCH_NOISE and layer.operator in INT16_OPERATORS}
            option = f"int16 = [{', '.join(map(_quoted, wide))}]" if wide else 'scheme = "int16x8"'
            lines.append(f"{names} add most of the noise: give them 16 bit activations (quantize, {option}).")
    return lines


def _quoted(name: str) -> str:
    return f'"{name}"'


def _pruning(steps: Sequence[StepResult], sensitivity: Sensitivity | None) -> list[str]:
    if sensitivity is None or len(sensitivity.layers) < 2:
        return []
    total = sum(layer.weights for layer in sensitivity.layers)
    at_half = {layer.layer: layer.noise[len(layer.bits)] for layer in sensitivity.layers}
    fragile = [layer for layer in sensitivity.layers if at_half[layer.layer] > _FRAGILE]
    robust = [layer for layer in sensitivity.layers if layer.noise[-1] < _ROBUST and layer.weights * 20 > total]
    lines = []
    if fragile and any(step.step == "prune" for step in steps):
        lines.append(f"Half of the weights is much for {_named(fragile, at_half)}: prune less there (per_layer).")
    if robust:
        noise = {layer.layer: layer.noise[-1] for layer in robust}
        lines.append(f"90 % sparsity hardly moves the output through {_named(robust, noise)}: prune more there (per_layer).")
    return lines


def _room(steps: Sequence[StepResult], sensitivity: Sensitivity | None) -> list[str]:
    """Where nothing hurts: which layers bear the middle sparsity untrained, and what finds how far a recipe may go."""
    interval = steps[-1].interval if steps else None
    if sensitivity is None or interval is None or not any(step.step == "prune" for step in steps):
        return []
    half = (interval[1] - interval[0]) / 2
    share = sensitivity.layers[0].sparsities[1][0] if sensitivity.layers else 0.0
    drops = {layer.layer: layer.sparsities[1][1] for layer in sensitivity.layers if layer.sparsities[1][1] <= half}
    if not drops:
        return []
    layers = ", ".join(f"{name} ({drop:+.4f})" for name, drop in sorted(drops.items(), key=lambda item: item[1])[:4])
    return [
        f"There is room: {share:.0%} zeros, untrained, lose less than the test set can tell in {layers}. How far the recipe "
        f"may go: edgepack crossval PROJECT --vary prune.sparsity=0.5,{share:g},0.9"
    ]


def _named(layers: Sequence[LayerSensitivity], noise: dict[str, float]) -> str:
    ranked = sorted(layers, key=lambda layer: -noise[layer.layer])[:4]
    return ", ".join(f"{layer.layer} (noise {noise[layer.layer]:.2g} of the output)" for layer in ranked)
