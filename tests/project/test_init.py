from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from edgepack.ground.errors import ProjectError
from edgepack.project import load_project, write_around, write_sample, write_template


def imported(file):
    spec = importlib.util.spec_from_file_location(f"template_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_new_project_loads_and_has_its_folders_name(tmp_path):
    folder = tmp_path / 'My "first" project'
    files = write_template(folder)
    assert sorted(file.name for file in files) == ["README.md", "data.py", "edgepack.toml", "model.py"]
    project = load_project(folder)
    assert project.name == "my-first-project"
    assert [step.step for step in project.recipe] == ["train", "prune", "quantize"]
    assert (folder / "README.md").read_text().startswith("# my-first-project\n")


def test_its_data_are_what_the_file_says_and_always_the_same(tmp_path):
    write_template(tmp_path)
    module = imported(tmp_path / "data.py")
    data = module.load(None)
    (x_train, y_train), (x_test, y_test) = data["train"], data["test"]
    assert x_train.shape == (2000, 16, 16, 1) and x_test.shape == (400, 16, 16, 1)
    assert x_train.dtype == np.float32 and x_train.min() >= 0 and x_train.max() <= 1
    assert set(y_train) == set(y_test) == set(range(len(data["class_names"])))
    np.testing.assert_array_equal(x_test, module.load(None)["test"][0])
    assert not np.array_equal(x_train[:400], x_test)


def test_its_data_can_be_learned(tmp_path):
    from sklearn.svm import SVC

    write_template(tmp_path)
    data = imported(tmp_path / "data.py").load(None)
    (x_train, y_train), (x_test, y_test) = data["train"], data["test"]
    score = SVC(C=5).fit(x_train.reshape(len(x_train), -1), y_train).score(x_test.reshape(len(x_test), -1), y_test)
    assert score > 0.6, "an ordinary classifier must do far better than the chance of 0.25"


def test_data_given_for_a_run_are_used(tmp_path):
    write_template(tmp_path)
    arrays = {
        "x_train": np.zeros((3, 16, 16, 1)),
        "y_train": np.arange(3),
        "x_test": np.ones((2, 16, 16, 1)),
        "y_test": np.arange(2),
    }
    np.savez(tmp_path / "mine.npz", **arrays)
    assert imported(tmp_path / "data.py").load(tmp_path / "mine.npz")["test"][0].sum() == 512


@pytest.mark.parametrize("name", ["edgepack.toml", "model.py", "data.py", "README.md"])
def test_nothing_is_overwritten_and_nothing_else_written(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ProjectError) as caught:
        write_template(tmp_path)
    assert caught.value.code == "EP-110" and name in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_with_other_files_is_fine(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_template(tmp_path, "kws")
    assert load_project(tmp_path).name == "kws"
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_name_that_cannot_be_one_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ProjectError) as caught:
        write_template(tmp_path / "new", 'x"; [evil]')
    assert caught.value.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_folders_place_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError) as caught:
        write_template(tmp_path / "file" / "project")
    assert caught.value.code == "EP-110"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place_is_an_error(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(ProjectError):
        write_template(tmp_path / "new")
    tmp_path.chmod(0o755)


@pytest.mark.slow
def test_the_model_learns_the_data(tmp_path):
    pytest.importorskip("tf_keras", reason="the train extra is not installed")
    write_template(tmp_path)
    code = """
import os
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3")
import data, model, tf_keras
tf_keras.utils.set_random_seed(1)
net, sets = model.build(), data.load(None)
net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
net.fit(*sets["train"], epochs=8, verbose=0)
print(net.evaluate(*sets["test"], verbose=0)[1])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.splitlines()[-1]) > 0.9


def around(folder, model="model.keras", data=None, name=None):
    (folder / model).write_bytes(b"a model that init does not open")
    return write_around(folder / "project", folder / model, data, name)


def test_a_project_around_a_model_names_its_files_and_quantizes_it(tmp_path):
    (tmp_path / 'da"ta.npz').write_bytes(b"")
    (file,) = around(tmp_path, data=tmp_path / 'da"ta.npz')
    project = load_project(file.parent)
    assert (project.folder / project.model.source).samefile(tmp_path / "model.keras")
    assert (project.folder / project.data.source).samefile(tmp_path / 'da"ta.npz')
    assert [(step.step, step.options["aware"]) for step in project.recipe] == [("quantize", False)]


def test_files_inside_the_project_are_named_from_it(tmp_path):
    (tmp_path / "p" / "models").mkdir(parents=True)
    (tmp_path / "p" / "models" / "m.h5").write_bytes(b"")
    write_around(tmp_path / "p", tmp_path / "p" / "models" / "m.h5", None)
    assert load_project(tmp_path / "p").model.source == "models/m.h5"


def test_around_a_tflite_there_is_no_recipe(tmp_path):
    (file,) = around(tmp_path, "m.tflite")
    assert load_project(file.parent).recipe == ()


def test_the_steps_that_are_commented_out_are_steps(tmp_path):
    from edgepack.compress import check_recipe
    from edgepack.project.load import read_recipe

    (file,) = around(tmp_path)
    lines = file.read_text().splitlines()
    steps = [line.removeprefix("# ") for line in lines[lines.index("# [[recipe]]") :]]
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("\n".join(steps))
    assert [step.name for step in check_recipe(read_recipe(recipe))] == ["prune", "quantize"]


@pytest.mark.parametrize(("model", "code"), [("absent.h5", "EP-166"), ("data.npz", "EP-117"), ("folder", "EP-117")])
def test_what_is_no_model_is_told_before_anything_is_written(tmp_path, model, code):
    (tmp_path / "data.npz").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ProjectError) as caught:
        write_around(tmp_path / "project", tmp_path / model, None)
    assert caught.value.code == code and not (tmp_path / "project").exists()


def test_samples_are_copied_whole(tmp_path):
    from edgepack.project.init import samples_known

    for sample in samples_known():
        files = write_sample(tmp_path / sample, sample)
        assert {file.name for file in files} >= {"edgepack.toml", "model.py", "data.py", "README.md"}
        assert load_project(tmp_path / sample).recipe


def test_the_samples_that_help_names_are_the_samples():
    from edgepack.cli.init import SAMPLES
    from edgepack.project.init import samples_known

    assert samples_known() == SAMPLES


def test_an_unknown_sample_gets_the_nearest_name(tmp_path):
    with pytest.raises(ProjectError) as caught:
        write_sample(tmp_path / "p", "digit")
    assert caught.value.code == "EP-118" and "'digits'" in caught.value.hint


def test_a_sample_overwrites_nothing(tmp_path):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "structured50.toml").write_text("mine")
    with pytest.raises(ProjectError):
        write_sample(tmp_path, "digits")
    assert [file.name for file in tmp_path.iterdir()] == ["recipes"]
