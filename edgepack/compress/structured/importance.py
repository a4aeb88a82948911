"""How much a dependency group of channels matters: the score that structured pruning ranks by."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.kernels import weight_name
from edgepack.compress.keras.models import batches, model_inputs
from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.training.loss import Loss
from edgepack.ground.progress import Task
from edgepack.sources import Split

Criterion = Literal["l1", "l2", "batchnorm", "taylor"]
Scores = NDArray[np.float64]

# Enough for a ranking that the next thousand would not change; more only costs time.
TAYLOR_EXAMPLES = 1024
TAYLOR_BATCH = 32


def importance(
    model: Any, channels: ChannelMap, criterion: Criterion, split: Split, loss: Loss, task: Task
) -> tuple[Scores, list[str]]:
    """The score of every group of a float `model`, and the layers that the criterion could not judge and l2 did.

    l1, l2: the norm of a filter's weights (Li et al. 2017, arXiv:1608.08710), divided by the mean of its layer, since layers
    differ in scale; batchnorm: the scale that training gave the channel (Liu et al. 2017, arXiv:1708.06519); taylor: the square
    of the change of loss, to first order, when the channel is switched off (Molchanov et al. 2019, arXiv:1906.10771), from
    `split`. Of a group made by several layers, the mean of their scores for norms and scales, the sum for taylor.
    """
    if criterion == "taylor":
        return _taylor(model, channels, split, loss, task), []
    if criterion == "batchnorm":
        return _scales(model, channels)
    return _norms(model, channels, 1 if criterion == "l1" else 2), []


def filters(layer: Any) -> Any:
    """The kernel that makes a layer's output channels, as a variable; None for a layer without one."""
    found = {weight_name(variable): variable for variable in layer.weights}
    return found.get("pointwise_kernel", found.get("kernel"))


def filter_axis(kind: str, rank: int) -> int:
    """The axis of such a kernel that counts the output channels."""
    return rank - 2 if kind.endswith("Transpose") else rank - 1


def _norms(model: Any, channels: ChannelMap, order: int) -> Scores:
    total, count = np.zeros(channels.count), np.zeros(channels.count)
    for layer in channels.layers.values():
        kernel = filters(model.get_layer(layer.name)) if layer.makes else None
        axis = -1 if kernel is None else filter_axis(layer.kind, len(kernel.shape))
        if kernel is None or kernel.shape[axis] != len(layer.outputs):
            continue
        values = np.moveaxis(kernel.numpy(), axis, -1).reshape(-1, len(layer.outputs))
        norms = np.linalg.norm(values.astype(np.float64), ord=order, axis=0)
        np.add.at(total, layer.outputs, norms / max(norms.mean(), 1e-12))
        np.add.at(count, layer.outputs, 1)
    scores: Scores = total / np.maximum(count, 1)
    return scores


def _scales(model: Any, channels: ChannelMap) -> tuple[Scores, list[str]]:
    """Mean |gamma| of a group's BatchNorm layers; where there is none, the l2 score times the mean of all scales."""
    total, count = np.zeros(channels.count), np.zeros(channels.count)
    for layer in channels.layers.values():
        gamma = getattr(model.get_layer(layer.name), "gamma", None)
        if layer.kind == "BatchNormalization" and gamma is not None:
            np.add.at(total, layer.outputs, np.abs(gamma.numpy()))
            np.add.at(count, layer.outputs, 1)
    scores: Scores = total / np.maximum(count, 1)
    without = count == 0
    norms = _norms(model, channels, 2)
    scores[without] = norms[without] * (scores[~without].mean() if (~without).any() else 1.0)
    unjudged = [
        layer.name for layer in channels.layers.values() if layer.makes and (without & ~channels.pinned)[layer.outputs].any()
    ]
    return scores, unjudged


def _taylor(model: Any, channels: ChannelMap, split: Split, loss: Loss, task: Task) -> Scores:
    """Sum over batches of (sum of gradient times weight)^2 of the weights that scale a channel.

    Scaling a channel by 1 - e moves the loss by -e times that sum. After a BatchNorm the weights are its scale and offset:
    they switch off the whole channel, while the filter before it would leave the offset.
    """
    import tensorflow as tf

    gates = _gates(model, channels)
    variables = [variable for _, found in gates for variable, _ in found]
    objective = loss.build()

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def gradients(inputs: Any, target: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            outputs = model(inputs, training=False)
            value = objective(target, outputs[0] if isinstance(outputs, list | tuple) else outputs)
        return tape.gradient(value, variables, unconnected_gradients="zero")

    every = max(1, len(split) // TAYLOR_EXAMPLES)
    part = Split(tuple(array[::every] for array in split.inputs), None if split.labels is None else split.labels[::every])
    target = loss.target(part)
    scores = np.zeros(channels.count)
    for rows in batches(len(part), TAYLOR_BATCH):
        found = iter(gradients(model_inputs(model, part, rows), tf.constant(np.asarray(target[rows]))))
        for groups, weights in gates:
            change = np.zeros(len(groups))
            for variable, axis in weights:
                product = np.asarray(next(found)) * variable.numpy()
                change += np.moveaxis(product, axis, -1).reshape(-1, len(groups)).sum(axis=0)
            np.add.at(scores, groups, change**2)
        task.update(rows.stop, len(part), "judging channels")
    return scores


def _gates(model: Any, channels: ChannelMap) -> list[tuple[NDArray[np.int64], list[tuple[Any, int]]]]:
    """For each place where a group can be switched off: its groups, and the weights that do so with their channel axes."""
    normalized: set[int] = set()
    found: list[tuple[NDArray[np.int64], list[tuple[Any, int]]]] = []
    for layer in channels.layers.values():
        real = model.get_layer(layer.name)
        if layer.kind == "BatchNormalization" and (real.gamma is not None or real.beta is not None):
            found.append((layer.outputs, [(weight, 0) for weight in (real.gamma, real.beta) if weight is not None]))
            normalized.update(layer.outputs.tolist())
    for layer in channels.layers.values():
        real = model.get_layer(layer.name)
        kernel = filters(real) if layer.makes else None
        if kernel is None or normalized.issuperset(layer.outputs.tolist()):
            continue
        axis = filter_axis(layer.kind, len(kernel.shape))
        if kernel.shape[axis] != len(layer.outputs):
            continue
        bias = getattr(real, "bias", None)
        found.append((layer.outputs, [(kernel, axis), *([(bias, 0)] if bias is not None else [])]))
    return found
