"""Training with a teacher: its outputs beside the labels, within one training step of Keras."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from edgepack.compress.keras.kernels import wrapped_layer
from edgepack.compress.technique import FineTuning
from edgepack.compress.training.distill_loss import feature_loss, soft_loss
from edgepack.compress.training.loss import Loss
from edgepack.compress.work import Work
from edgepack.ground.errors import RecipeError
from edgepack.project.check import suggest
from edgepack.sources.keras.frameworks import import_tf_keras


class Teaching:
    """A model's training with the teacher of `work`.

    The loss of a batch is (1 - alpha) hard + alpha soft + match_weight * the mean of the matched layers' losses: `hard` compares
    with the labels, `soft` with the teacher (see `distill_loss`). The teacher's outputs come with the data where they were
    computed before (`outputs`: memory-mapped, an example a row), else the teacher runs within the same graph.

    Raises:
        RecipeError: EP-412 when `match` names a layer that is not there; EP-418 when matched outputs have different shapes.
    """

    def __init__(self, model: Any, work: Work, tuning: FineTuning, loss: Loss) -> None:
        assert work.teacher is not None
        self.outputs: NDArray[Any] | None = work.teacher.outputs
        self._tuning, self._hard = tuning, loss.build()
        teacher = work.teacher.open()
        teacher.trainable = False
        self._soft = soft_loss(loss, teacher, tuning.temperature)
        pairs = [_pair(entry) for entry in tuning.match]
        ours, theirs = (
            [_output(model, name, "model") for name, _ in pairs],
            [_output(teacher, name, "teacher") for _, name in pairs],
        )
        keras = import_tf_keras()
        self._model, self._inner = model, _with_outputs(keras, model, ours)
        self._teacher = _with_outputs(keras, teacher, theirs)
        self._projections = [
            _projection(keras, student, other, *pair) for student, other, pair in zip(ours, theirs, pairs, strict=True)
        ]
        self._total = keras.metrics.Mean()
        # Opening the teacher drew random numbers; whether it was opened before must not matter to what follows.
        keras.utils.set_random_seed(tuning.seed)

    @property
    def callback(self) -> Any:
        """A Keras callback that begins the mean of the loss anew in each epoch."""
        keras, total = import_tf_keras(), self._total

        class Restart(keras.callbacks.Callback):  # type: ignore[misc,name-defined]
            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                total.reset_state()

        return Restart()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """A block in which the compiled model's training step is the one with a teacher."""
        self._model.train_step = self._step
        try:
            yield
        finally:
            del self._model.train_step

    def _step(self, data: tuple[Any, ...]) -> dict[str, Any]:
        """One gradient step on a batch (inputs, targets, and the teacher's outputs where they come with the data)."""
        import tensorflow as tf

        inputs, targets = data[:2]
        model, count = self._model, len(self._model.outputs)
        theirs: list[Any] = []
        if self.outputs is not None:
            taught = data[2]
        else:
            own = len(self._teacher.outputs) - len(self._projections)
            (taught, *_), theirs = _split(self._teacher(inputs, training=False), own)
        with tf.GradientTape() as tape:
            made, ours = _split(self._inner(inputs, training=True), count)
            total = self._mixed(targets[0] if count > 1 else targets, taught, made[0])
            if ours:
                pairs = zip(theirs, ours, self._projections, strict=True)
                apart = [feature_loss(teacher, project(student)) for teacher, student, project in pairs]
                total += self._tuning.match_weight * tf.add_n(apart) / len(apart)
            if self._inner.losses:
                total += tf.add_n(self._inner.losses)
        learnt = [weight for project in self._projections for weight in getattr(project, "trainable_weights", [])]
        model.optimizer.minimize(total, [*model.trainable_variables, *learnt], tape=tape)
        self._total.update_state(total)
        results = model.compute_metrics(inputs, targets, made if count > 1 else made[0], None)
        return {**results, "loss": self._total.result()}

    def _mixed(self, target: Any, taught: Any, made: Any) -> Any:
        alpha = self._tuning.alpha
        soft = alpha * self._soft.value(taught, made) if alpha else 0.0
        return soft + (1 - alpha) * self._hard(target, made) if alpha < 1 else soft


def _pair(entry: str) -> tuple[str, str]:
    """The layer names of model and teacher in an entry of `match`.

    >>> _pair("conv"), _pair("conv=block/conv")
    (('conv', 'conv'), ('conv', 'block/conv'))
    """
    ours, separator, theirs = entry.partition("=")
    return ours.strip(), (theirs if separator else ours).strip()


def _output(model: Any, name: str, owner: str) -> Any:
    """The output tensor of the layer that the user knows by `name`, beneath TF-MOT's wrappers."""
    for depth in sorted(model._nodes_by_depth):
        for node in model._nodes_by_depth[depth]:
            if wrapped_layer(node.layer).name == name and not isinstance(node.outputs, list):
                return node.outputs
    names = [wrapped_layer(layer).name for layer in model.layers]
    raise RecipeError("EP-412", f"match names {name!r}, and the {owner} has no such layer", suggest(name, names, "layers:"))


def _with_outputs(keras: Any, model: Any, more: Sequence[Any]) -> Any:
    return keras.Model(model.inputs, [*model.outputs, *more]) if more else model


def _projection(keras: Any, ours: Any, theirs: Any, name: str, other: str) -> Any:
    """What brings a student's layer to the width of the teacher's: nothing, or a learnt 1 x 1 convolution (Romero et al. 2014,
    arXiv:1412.6550) that is forgotten after training.
    """
    student, teacher = tuple(ours.shape[1:]), tuple(theirs.shape[1:])
    if student[:-1] != teacher[:-1]:
        raise RecipeError(
            "EP-418",
            f"match: the layer {name} gives {student}, the teacher's {other} gives {teacher}",
            "match layers of the same height and width; only the number of channels may differ",
        )
    if student == teacher:
        return lambda tensor: tensor
    layer = keras.layers.Dense(teacher[-1], use_bias=False, name="match_projection")
    layer.build(ours.shape)
    return layer


def _split(results: Any, count: int) -> tuple[list[Any], list[Any]]:
    """A model's results as its own outputs (the first `count`) and those added to it."""
    found = list(results) if isinstance(results, list | tuple) else [results]
    return found[:count], found[count:]
