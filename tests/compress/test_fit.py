"""Training keeps the best epoch, stops early, says when it diverges, and leaves the model as it should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.technique import FineTuning
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.work import Work
from edgepack.ground.errors import RecipeError
from edgepack.sources import Dataset, Split

from .small import dataset, digits, digits_net, fresh, noise


class Recorder:
    """A task that remembers what it was told."""

    def __init__(self) -> None:
        self.updates: list[tuple[float, float, str]] = []

    def update(self, done: float, total: float, text: str = "") -> None:
        self.updates.append((done, total, text))

    def finish(self, text: str) -> None:
        pass


def line(count: int = 80) -> Dataset:
    """y = 2 x, which one weight learns."""
    x = np.linspace(-1, 1, count, dtype=np.float32)[:, None]
    return dataset(("line",), (x,), 2 * x, count // 2, count // 4)


def one_weight() -> Any:
    keras = fresh(0)
    start = keras.Input((1,))
    return keras.Model(start, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(start))


def run(model: Any, data: Dataset, task: Recorder | None = None, **options: Any) -> Any:
    tuning = FineTuning(**{"decay": "none", **options})
    return fit(model, Work(data, task or Recorder()), tuning, choose_loss(model, data, "auto"))


def test_a_line_is_learnt() -> None:
    model = one_weight()
    run(model, line(), epochs=30, batch_size=8, learning_rate=0.1, patience=0)
    assert float(model.layers[-1].kernel.numpy()[0, 0]) == pytest.approx(2, abs=0.02)


def test_progress_counts_batches_and_tells_epoch_loss_and_validation() -> None:
    task = Recorder()
    run(one_weight(), line(), task, epochs=2, batch_size=10, learning_rate=0.1)
    assert [(done, total) for done, total, _ in task.updates] == [(place, 8) for place in range(1, 9)]
    assert "epoch 2/2, batch 4/4, loss" in task.updates[-1][2] and "validation loss" in task.updates[-1][2]


def test_the_best_epoch_is_restored_and_patience_ends_the_run() -> None:
    # A learning rate so high that every later epoch is worse than an early one.
    model = one_weight()
    result = run(model, line(), epochs=50, batch_size=40, learning_rate=2.1, optimizer="sgd", patience=3)
    assert result.epochs == result.best_epoch + 3 < 50
    validation = line().validation
    left = float(np.mean((model.predict(validation.inputs[0], verbose=0) - validation.labels) ** 2))
    assert left == pytest.approx(result.loss, rel=1e-4)


def test_epochs_before_the_first_candidate_are_never_kept() -> None:
    model = one_weight()
    data = line()
    tuning = FineTuning(epochs=4, batch_size=40, learning_rate=2.1, optimizer="sgd", decay="none", patience=0)
    result = fit(model, Work(data, Recorder()), tuning, choose_loss(model, data, "auto"), first_candidate=4)
    assert result.best_epoch == 4


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(RecipeError, match="loss became") as caught:
        run(one_weight(), line(), epochs=3, batch_size=8, learning_rate=1e30, optimizer="sgd")
    assert caught.value.code == "EP-413" and "learning_rate" in caught.value.hint


def test_an_empty_training_split_is_an_error() -> None:
    data = line()
    empty = Dataset(Split((data.train.inputs[0][:0],), data.train.labels[:0]), *_others(data))
    with pytest.raises(RecipeError, match="training split is empty"):
        fit(one_weight(), Work(empty, Recorder()), FineTuning(), choose_loss(one_weight(), data, "auto"))


def _others(data: Dataset) -> tuple[Any, ...]:
    return data.validation, data.test, data.representative, data.sha256, (), {}


def test_without_validation_examples_the_training_loss_decides() -> None:
    data = line()
    nothing = Split((data.train.inputs[0][:0],), data.train.labels[:0])
    bare = Dataset(data.train, nothing, data.test, data.representative, "bare", (), {})
    result = run(one_weight(), bare, epochs=3, batch_size=8, learning_rate=0.1)
    assert result.best_epoch == 3


def test_batch_norm_keeps_up_with_few_batches_and_gets_its_momentum_back() -> None:
    model = digits_net()
    result = run(model, digits(), epochs=4, learning_rate=0.01)
    assert result.accuracy is not None and result.accuracy > 0.6
    assert model.get_layer("stem_norm").momentum == 0.99


def test_averages_taken_anew_are_those_of_the_weights_that_are_kept() -> None:
    keras, data = fresh(0), digits()
    model = digits_net()
    tuning = FineTuning(epochs=1, learning_rate=0.01, decay="none")
    fit(model, Work(data, Recorder()), tuning, choose_loss(model, data, "auto"), reestimate=True)
    norm = model.get_layer("stem_norm")
    before = keras.Model(model.inputs, norm.input)
    batches = [before(data.train.inputs[0][at : at + 256]).numpy() for at in range(0, len(data.train), 256)]
    means = np.mean([batch.mean((0, 1, 2)) for batch in batches], axis=0)
    variances = np.mean([batch.var((0, 1, 2)) for batch in batches], axis=0)
    np.testing.assert_allclose(norm.moving_mean.numpy(), means, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(norm.moving_variance.numpy(), variances, rtol=2e-3)
    assert norm.momentum == 0.99


def test_of_several_outputs_the_first_is_trained() -> None:
    keras = fresh(0)
    a, b = keras.Input((4,)), keras.Input((3,))
    both = keras.layers.Concatenate()([a, b])
    model = keras.Model([a, b], [keras.layers.Dense(3, name="main")(both), keras.layers.Dense(2, name="other")(both)])
    other = model.get_layer("other").kernel.numpy()
    main = model.get_layer("main").kernel.numpy()
    run(model, noise(((4,), (3,)), 3), epochs=1)
    np.testing.assert_array_equal(model.get_layer("other").kernel.numpy(), other)
    assert not np.array_equal(model.get_layer("main").kernel.numpy(), main)


@pytest.mark.parametrize(("kind", "needs"), [("flip", "images"), ("shift", "images"), ("time", "recordings")])
def test_augment_is_refused_for_what_it_cannot_vary(kind: str, needs: str) -> None:
    with pytest.raises(RecipeError, match=f"varies {needs}.*examples of 1") as caught:
        run(one_weight(), line(), augment=(kind,))
    assert caught.value.code == "EP-415"
