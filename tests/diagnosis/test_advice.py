"""Advice follows from the figures, and names what it follows from."""

from __future__ import annotations

from edgepack.compress import Quantization, StepResult
from edgepack.compress.sensitivity import LayerSensitivity, Sensitivity
from edgepack.diagnosis import LayerError, LayerErrors, advise


def step(name: str, metric: float, half: float = 0.01) -> StepResult:
    figures = {"parameters": 10, "zeros": 0, "sparsity": 0.0, "distinct": 9, "float_bytes": 40, "int8_bytes": 10}
    more = {"deflated_bytes": 8, "macs": 5, "notes": (), "seconds": 0.0, "interval": (metric - half, metric + half)}
    return StepResult(step=name, label=f"{name} it", metric=metric, metric_name="accuracy", **figures, **more)  # type: ignore[arg-type]


def error(layer: str, operator: str = "CONV_2D", added: float = 0.0, clipped: float = 0.0, used: float = 0.9) -> LayerError:
    return LayerError(0, layer, operator, 20.0, 0.01, added, 0.99, 1.0, 2.0, clipped, used)


def errors(*layers: LayerError) -> LayerErrors:
    return LayerErrors(layers, 8, ())


def test_the_step_that_lost_most_is_named_with_its_loss() -> None:
    lines = advise((step("train", 0.95), step("prune", 0.80), step("quantize", 0.79)), errors(), None, None, True)
    assert "'prune it': 0.1500 accuracy lost" in lines[0]
    falling = advise((step("train", 0.2), step("prune", 0.1)), errors(), None, None, False)  # an error that fell
    assert "costliest" not in falling[0]


def test_a_loss_below_the_test_sets_own_uncertainty_is_called_that() -> None:
    (line,) = advise((step("train", 0.950), step("prune", 0.945)), errors(), None, None, True)
    assert "No step lost more than the test set can tell" in line and "0.0050" in line and "± 0.0100" in line


def test_clipping_and_unused_range_are_told_for_layers_that_add_noise() -> None:
    found = errors(
        error("probabilities", "SOFTMAX", added=0.02, clipped=0.2),
        error("stem", added=0.01, clipped=0.04),
        error("spread", added=0.005, used=0.2),
        error("quiet", added=0.0, clipped=0.5, used=0.1),
    )
    text = "\n".join(advise((), found, None, None, True))
    assert "stem: 4.0% of its values" in text and "spread: its values fill 20%" in text
    assert "quiet" not in text and "probabilities" not in text


def test_noise_asks_for_training_and_after_that_for_more_bits() -> None:
    noisy = errors(error("stem", added=0.3))
    assert "aware = true" in advise((), noisy, None, Quantization("int8", False), True)[-1]
    assert 'int16 = ["stem"]' in advise((), noisy, None, Quantization("int8", True), True)[-1]
    without_kernel = errors(error("swish", "HARD_SWISH", added=0.3))
    assert 'scheme = "int16x8"' in advise((), without_kernel, None, Quantization("int8", True), True)[-1]


def test_fragile_and_robust_layers_are_told_apart() -> None:
    def layer(name: str, half: float, most: float) -> LayerSensitivity:
        drops = ((0.5, 0.0), (0.7, 0.0), (0.9, 0.0))
        return LayerSensitivity(name, "Conv2D", 100, ((8, 0.0), (4, 0.0), (2, 0.0)), drops, (0.0, 0.0, 0.0, half, half, most))

    scan = Sensitivity((layer("stem", 0.4, 0.9), layer("late", 0.0, 0.001)), "accuracy", 0.9, 100)
    lines = advise((step("train", 0.9), step("prune", 0.91)), errors(), scan, None, True)
    assert any("much for stem" in line for line in lines)
    assert any("through late" in line and "prune more" in line for line in lines)


def test_nothing_to_mend_is_said() -> None:
    assert advise((), errors(error("stem")), None, None, True) == (
        "Every layer follows the float model closely, and no step lost more than the test set can tell.",
    )


def test_where_nothing_hurts_the_layers_that_bear_more_are_named() -> None:
    def layer(name: str, drop: float) -> LayerSensitivity:
        sparsities = ((0.5, 0.0), (0.7, drop), (0.9, 0.5))
        return LayerSensitivity(name, "Conv2D", 100, ((8, 0.0), (4, 0.0), (2, 0.0)), sparsities, (0.0, 0.0, 0.0, 0.0, 0.01, 0.2))

    scan = Sensitivity((layer("stem", 0.3), layer("middle", 0.006), layer("late", -0.001)), "accuracy", 0.9, 100)
    pruned = (step("train", 0.9), step("prune", 0.91))
    _, line = advise(pruned, errors(), scan, None, True)
    assert "70% zeros" in line and "late (-0.0010), middle (+0.0060)" in line and "stem" not in line and "crossval" in line
    assert len(advise(pruned[:1], errors(), scan, None, True)) == 1
