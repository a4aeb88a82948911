"""Training a Keras model within a step: progress, early stopping, and the best weights at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from edgepack.compress.technique import FineTuning
from edgepack.compress.training.augment import RANKS
from edgepack.compress.training.batch_norm import batch_norms, keeping_up, reestimation
from edgepack.compress.training.distill_fit import Teaching
from edgepack.compress.training.loss import Loss
from edgepack.compress.training.precision import has_bfloat16, multiplying
from edgepack.compress.training.stream import stream
from edgepack.compress.work import Work
from edgepack.ground.errors import RecipeError
from edgepack.ground.progress import Task
from edgepack.sources.keras.frameworks import import_tf_keras


@dataclass(frozen=True)
class Fit:
    """How a training went: epochs run, the epoch (from 1) whose weights were kept, its validation loss and accuracy.

    `diverged`: the loss became infinite or no number later on, and training was stopped.
    """

    epochs: int
    best_epoch: int
    loss: float
    accuracy: float | None
    diverged: bool = False

    @property
    def text(self) -> str:
        """In words, for a note."""
        figure = f"loss {self.loss:.4g}" if self.accuracy is None else f"accuracy {self.accuracy:.4f}"
        ending = "; then the loss diverged: lower learning_rate" if self.diverged else ""
        return f"kept epoch {self.best_epoch} of {self.epochs}, validation {figure}{ending}"


def fit(
    model: Any,
    work: Work,
    tuning: FineTuning,
    loss: Loss,
    *,
    first_candidate: int = 1,
    callbacks: Sequence[Any] = (),
    reestimate: bool = False,
) -> Fit:
    """Train `model` in place on the training split and leave it with the weights of its best epoch on the validation split.

    Best is the highest accuracy where the loss compares classes, and then the lowest loss. Epochs before `first_candidate`
    are never kept (a pruning schedule has to reach its end first). Without validation examples the training loss decides.
    `callbacks` run before the bookkeeping, so that they can still change the weights of an epoch; `reestimate` takes
    BatchNorm's averages anew at the end of each. With a teacher in `work` the loss is that of `distill_fit`; validation
    compares with the labels all the same.

    Raises:
        RecipeError: EP-413 when the loss is no longer a number, or there is nothing to train on; EP-415 when `augment` is to
            vary what has too few axes for it; EP-412 or EP-418 when `match` does not fit model and teacher.
    """
    keras = import_tf_keras()
    data, task = work.data, work.task
    if not len(data.train):
        raise RecipeError("EP-413", "the training split is empty", "give training data, or lower [data] validation and test")
    _check_augment(tuning.augment, data.train.inputs[0].shape[1:])
    steps = math.ceil(len(data.train) / tuning.batch_size)
    count = len(model.outputs)
    model.compile(
        optimizer=_optimizer(tuning, steps * tuning.epochs),
        loss=[loss.build(), *[None] * (count - 1)] if count > 1 else loss.build(),
        metrics=[[loss.accuracy()], *[[] for _ in range(count - 1)]] if loss.classifies else None,
    )
    teaching = None if work.teacher is None else Teaching(model, work, tuning, loss)
    answers = None if teaching is None else teaching.outputs
    train = stream(data.train, loss, count, tuning.batch_size, tuning.seed, tuning.augment, answers)
    validation = stream(data.validation, loss, count, tuning.batch_size) if len(data.validation) else None
    keeper = _keeper(keras, task, tuning, steps, first_candidate)
    precision = tuning.precision if has_bfloat16() else "float32"
    if precision != tuning.precision:
        work.note("multiplied in float32: this processor has no bfloat16")
    before = [] if teaching is None else [teaching.callback]
    after = [reestimation(model, data.train, loss, steps)] if reestimate and batch_norms(model) else []
    with multiplying(precision), keeping_up(model, steps), nullcontext() if teaching is None else teaching.installed():
        model.fit(
            train,
            epochs=tuning.epochs,
            validation_data=validation,
            callbacks=[*before, *callbacks, *after, keeper],
            verbose=0,
        )
    if keeper.best is None:
        raise RecipeError(
            "EP-413",
            f"the loss became {keeper.last_loss} in epoch {keeper.epochs}",
            "lower learning_rate, and check the scale of the inputs",
        )
    model.set_weights(keeper.best_weights)
    best: Fit = keeper.best
    return replace(best, epochs=keeper.epochs, diverged=not math.isfinite(keeper.last_loss))


def _check_augment(kinds: Sequence[str], shape: tuple[int, ...]) -> None:
    for kind in kinds:
        if len(shape) < RANKS[kind]:
            needed = "images (height x width x channels)" if RANKS[kind] == 3 else "recordings (time x features)"
            found = " x ".join(str(size) for size in shape)
            raise RecipeError(
                "EP-415", f'augment = ["{kind}"] varies {needed}, the data has examples of {found}', "remove augment"
            )


def _optimizer(tuning: FineTuning, steps: int) -> Any:
    keras = import_tf_keras()
    rate: Any = tuning.learning_rate
    if tuning.decay == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(tuning.learning_rate, steps, alpha=0.01)
    if tuning.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[tuning.optimizer](rate)


def _keeper(keras: Any, task: Task, tuning: FineTuning, steps: int, first_candidate: int) -> Any:
    """The callback that reports progress, remembers the best epoch and stops when nothing improves any more."""

    class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.best: Fit | None = None
            self.best_weights: Any = None
            self.last_loss = math.nan
            self.epochs = 0
            self._rank: tuple[float, float] = (-math.inf, -math.inf)
            self._validated = ""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epochs = epoch + 1

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.last_loss = float(logs["loss"])
            done = (self.epochs - 1) * steps + batch + 1
            total = steps * tuning.epochs
            text = f"epoch {self.epochs}/{tuning.epochs}, batch {batch + 1}/{steps}, loss {self.last_loss:.4g}"
            task.update(done, total, f"{text}{self._validated}")
            if not math.isfinite(self.last_loss):
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            values = logs or {}
            loss = float(values.get("val_loss", values.get("loss", math.nan)))
            accuracy = next((float(values[key]) for key in sorted(values, reverse=True) if key.endswith("accuracy")), None)
            if not math.isfinite(loss):
                self.last_loss = loss
                self.model.stop_training = True
                return
            self._validated = f", validation {f'loss {loss:.4g}' if accuracy is None else f'accuracy {accuracy:.4f}'}"
            if epoch + 1 < first_candidate:
                return
            rank = (-math.inf if accuracy is None else accuracy, -loss)
            if self.best is None or rank > self._rank:
                self._rank = rank
                self.best = Fit(epoch + 1, epoch + 1, loss, accuracy)
                self.best_weights = self.model.get_weights()
            elif tuning.patience and epoch + 1 - self.best.best_epoch >= tuning.patience:
                self.model.stop_training = True

    return Keeper()
