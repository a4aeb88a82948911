"""Commands that are given a model's file, or a project, where the other would be expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import _assert_error


@pytest.mark.parametrize("command", ["deploy", "bench", "export", "inspect", "explain"])
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.hdf5"])
def test_a_model_that_is_not_there_is_named(edgepack: Run, command: str, name: str) -> None:
    form = ("--as", "c") if command == "export" else ()
    done = edgepack(command, name, *form)
    _assert_error(done, "EP-166", 2)
    assert f"there is no file {name}" in done.stderr


@pytest.mark.parametrize("command", ["bench", "inspect"])
@pytest.mark.parametrize("name", ["project", "m.h5"])
def test_what_was_not_deployed_says_how_to_deploy_it(edgepack: Run, tmp_path: Path, command: str, name: str) -> None:
    edgepack("init", "project")
    (tmp_path / "m.h5").write_bytes(b"")
    done = edgepack(command, name)
    _assert_error(done, "EP-167", 2)
    assert f"try: edgepack deploy {name}" in done.stderr


def test_a_saved_model_folder_is_a_model(edgepack: Run, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    _assert_error(edgepack("inspect", "saved"), "EP-167", 2)


@pytest.mark.slow
def test_a_keras_file_and_data_are_deployed_and_found_again(edgepack: Run, tmp_path: Path) -> None:
    keras = pytest.importorskip("tf_keras", reason="the train extra is not installed")
    model = keras.Sequential(
        [keras.layers.Input((8,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(3, "softmax")]
    )
    (tmp_path / "models").mkdir()
    model.save(tmp_path / "models" / "net.h5")
    random = np.random.default_rng(2)
    x, y = random.normal(size=(60, 8)).astype(np.float32), np.arange(60) % 3
    np.savez(tmp_path / "d.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    done = edgepack("deploy", "models/net.h5", "--data", "d.npz", "--target", "host", "--set", "budget.accuracy_drop=1")
    assert "Traceback" not in done.stderr and (tmp_path / "models" / "build" / "net" / "host" / "report.html").is_file(), (
        done.stderr
    )
    assert "FULLY_CONNECTED" in edgepack("inspect", "models/net.h5").stdout
    assert "Latency, median" in edgepack("bench", "models/net.h5", "--target", "host").stdout
    assert "net on host" in edgepack("report", "models/net.h5").stdout
