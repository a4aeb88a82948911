"""Data that comes in pieces is stored like the arrays that the pieces make up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.project import DataSettings
from edgepack.sources import Dataset, load_data
from edgepack.sources.data import batches
from edgepack.sources.given import load_given_data
from tests.sources.conftest import MakeProject

X = np.random.default_rng(0).integers(0, 255, (60, 4, 3)).astype(np.uint8)
Y = np.arange(60) % 3
QUIET = SilentProgress()


def given(data: Any, cache: Cache, **settings: Any) -> Dataset:
    return load_given_data(data, DataSettings(**settings), cache, QUIET)


def dataset(x: Any = X, y: Any = Y) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y))


def generator(x: Any = X, y: Any = Y, size: int = 16) -> Iterator[Any]:
    return ((x[at : at + size], y[at : at + size]) for at in range(0, len(x), size))


def sequence(keras: Any, x: Any = X, y: Any = Y) -> Any:
    base = keras.utils.PyDataset if hasattr(keras.utils, "PyDataset") else keras.utils.Sequence

    class Batches(base):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            return x[index * 16 : index * 16 + 16], y[index * 16 : index * 16 + 16]

    return Batches()


def keras2() -> Any:
    import tf_keras

    return tf_keras


def keras3() -> Any:
    import keras

    return keras


FORMS: dict[str, Callable[[], Any]] = {
    "tf.data, single": dataset,
    "tf.data, batched": lambda: dataset().batch(16),
    "tf.data, batched to full": lambda: dataset().batch(12, drop_remainder=True).prefetch(1),
    "tf.data, batched and mapped": lambda: dataset().batch(20, drop_remainder=True).map(lambda x, y: (x, y)),
    "tf.data, unbatched again": lambda: dataset().batch(20).unbatch(),
    "tf.data, one-hot": lambda: dataset(X, np.eye(3, dtype=np.float32)[Y]),
    "generator of batches": generator,
    "generator of examples": lambda: zip(X, Y, strict=True),
    "generator of Python numbers": lambda: ((x.tolist(), int(y)) for x, y in zip(X.astype(np.int16), Y, strict=True)),
    "generator function": lambda: lambda: generator(),
    "Sequence of Keras 2": lambda: sequence(keras2()),
    "PyDataset of Keras 3": lambda: sequence(keras3()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_data(form: str, cache: Cache) -> None:
    found = given({"train": FORMS[form](), "test": (X[:9], Y[:9])}, cache)
    wanted = given({"train": (X, Y), "test": (X[:9], Y[:9])}, cache)
    for name in ("train", "validation", "representative"):
        ours, theirs = getattr(found, name), getattr(wanted, name)
        np.testing.assert_array_equal(np.asarray(ours.inputs[0]), np.asarray(theirs.inputs[0]))
        assert ours.labels is None or np.array_equal(ours.labels, theirs.labels)
    if form != "generator of Python numbers":
        assert found.sha256 == wanted.sha256


def test_two_or_three_datasets_are_train_validation_and_test(cache: Cache) -> None:
    two = given((dataset(X[:48], Y[:48]).batch(8), dataset(X[48:], Y[48:]).batch(8)), cache)
    np.testing.assert_array_equal(np.asarray(two.test.inputs[0]), X[48:])
    three = given([generator(X[:42], Y[:42]), generator(X[42:51], Y[42:51]), generator(X[51:], Y[51:])], cache)
    np.testing.assert_array_equal(np.asarray(three.validation.inputs[0]), X[42:51])
    np.testing.assert_array_equal(np.asarray(three.test.inputs[0]), X[51:])
    assert len(given(dataset().batch(7), cache, test=0.2).test) == 12


@pytest.mark.parametrize("names", [("Train", "Val", "Test"), ("training", "valid", "testing"), ("train_ds", "val_ds", "test_ds")])
def test_splits_of_a_dict_have_their_usual_names(names: tuple[str, ...], cache: Cache) -> None:
    found = given(dict(zip(names, [(X[:42], Y[:42]), (X[42:51], Y[42:51]), (X[51:], Y[51:])], strict=True)), cache)
    assert (len(found.train), len(found.validation), len(found.test)) == (42, 9, 9)


def test_named_inputs_come_as_dicts(cache: Cache) -> None:
    small = np.arange(60, dtype=np.float32)[:, None]
    found = given(dataset({"image": X, "number": small}, Y).batch(16), cache)
    assert found.input_names == ("image", "number")
    assert [array.shape[1:] for array in found.train.inputs] == [(4, 3), (1,)]
    pairs = given(iter([([X, small], Y)]), cache)
    assert [array.shape[1:] for array in pairs.train.inputs] == [(4, 3), (1,)]


def test_inputs_alone_are_batches(cache: Cache) -> None:
    found = given({"train": (X[at : at + 20] for at in (0, 20, 40)), "test": (X, None)}, cache, metric="mse")
    assert (len(found.train) + len(found.validation), found.train.labels) == (60, None)
    calibrating = given({"train": (X, Y), "representative": ([x[None]] for x in X[:5])}, cache)
    np.testing.assert_array_equal(np.asarray(calibrating.representative.inputs[0]), X[:5])


def test_a_function_of_a_project_may_give_pieces(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "data.py").write_text(
        "import numpy as np\n"
        "def pieces(count):\n"
        "    for number in range(count):\n"
        "        yield np.full((8, 5), number, np.uint8), np.arange(8) % 2\n"
        "def load(path):\n"
        "    return {'train': pieces(10), 'test': pieces(2)}\n"
        "def fails(path):\n"
        "    return {'train': (1 / 0 for _ in range(3))}\n"
    )
    data = load_data(project("data.py:load"), cache, QUIET)
    assert len(data.train) + len(data.validation) == 80 and len(data.test) == 16
    assert load_data(project("data.py:load"), cache, QUIET).sha256 == data.sha256
    with pytest.raises(DataError, match=r"data\.py:8: ZeroDivisionError") as error:
        load_data(project("data.py:fails"), cache, QUIET)
    assert error.value.code == "EP-305"


def endless() -> Iterator[Any]:
    return ((X, Y) for _ in itertools.count())


REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "repeated dataset": (lambda: dataset().repeat(), "EP-324", "repeated for ever"),
    "endless generator": (endless, "EP-324", "does not end"),
    "sample weights": (lambda: iter([(X, Y, Y)]), "EP-306", "3 parts"),
    "nothing": (lambda: iter([]), "EP-312", "no examples"),
    "several labels": (lambda: iter([(X, {"a": Y})]), "EP-306", "several label arrays"),
    "other shapes": (lambda: iter([(X, Y), (X[:, :2], Y)]), "EP-306", "shape 4x3 and 2x3"),
    "other types": (lambda: iter([(X, Y), (X * 0.5, Y)]), "EP-308", "uint8 and float64"),
    "labels in some": (lambda: iter([(X, Y), (X,)]), "EP-306", "not all of one form"),
    "too few labels": (lambda: iter([(X, Y), (X, Y[:3])]), "EP-306", "different length"),
    "strings": (lambda: iter([(X.astype(str), Y)]), "EP-308", "not numbers"),
    "failing": (lambda: (1 / 0 for _ in range(2)), "EP-305", "ZeroDivisionError"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_data_is_refused(fault: str, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_BYTES", 1 << 20)
    make, code, text = REFUSED[fault]
    with pytest.raises(DataError, match=text) as error:
        given(make(), cache)
    assert (error.value.code, bool(error.value.hint)) == (code, True)


def test_the_limit_is_that_of_the_settings(cache: Cache) -> None:
    with pytest.raises(DataError, match="does not end: 60 examples"):
        given(generator(size=60), cache, max_unpacked=500)


def test_pieces_leave_no_file_behind(cache: Cache) -> None:
    given(generator(), cache)
    assert [entry.name.partition("-")[0] for entry in cache.folder.iterdir()] == ["data"]
