"""The user's load() runs once, and again only when its code or what it reads has changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, load_data
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()
HEAD = "import numpy as np\nX = np.arange(80.0).reshape(40, 2)\nY = np.arange(40) % 2\n"


def write(folder: Path, body: str, head: str = HEAD) -> None:
    (folder / "data.py").write_text(f"{head}\ndef load(path):\n    {body}\n")


def counted(folder: Path) -> int:
    file = folder / "runs"
    return len(file.read_text()) if file.exists() else 0


# The name is not in the code as it stands: a file that the code names would count as its data.
COUNT = "open(__file__[:-7] + 'snur'[::-1], 'a').write('x')"


def test_a_second_run_does_not_run_the_function(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder, f"{COUNT}; return {{'train': (X, Y), 'test': (X, Y), 'preprocessing': {{'mean': np.float32(0.5)}}}}")
    first = load_data(project("data.py:load"), cache, QUIET)
    second = load_data(project("data.py:load"), cache, QUIET)
    assert counted(folder) == 1
    assert first.sha256 == second.sha256
    assert second.preprocessing == {"mean": 0.5}


def test_it_runs_again_when_a_file_it_read_a_module_or_the_given_data_changed(
    folder: Path, cache: Cache, project: MakeProject
) -> None:
    (folder / "tools.py").write_text("FACTOR = 2.0\n")
    np.savetxt(folder / "table.csv", np.ones((40, 2)))
    given = folder / "given.npy"
    np.save(given, np.zeros(2))
    write(
        folder,
        "import tools; x = np.loadtxt(__file__[:-7] + 'table.csv') * tools.FACTOR + np.load(path); "
        f"{COUNT}; return dict(train=(x, Y), test=(x, Y))",
    )

    def load() -> Dataset:
        return load_data(project("data.py:load"), cache, QUIET, given)

    assert load().train.inputs[0].max() == 2.0
    assert (load().train.inputs[0].max(), counted(folder)) == (2.0, 1)
    np.savetxt(folder / "table.csv", np.full((40, 2), 3.0))
    assert load().train.inputs[0].max() == 6.0
    (folder / "tools.py").write_text("FACTOR = 10.0\n")
    assert load().train.inputs[0].max() == 30.0
    np.save(given, np.ones(2))
    assert load().train.inputs[0].max() == 31.0
    assert counted(folder) == 4


def test_the_cache_needs_neither_the_users_code_nor_tensorflow(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder, "import sklearn.datasets; return {'train': (X, Y), 'test': (X, Y)}")
    load_data(project("data.py:load"), cache, QUIET)
    program = f"""
import sys
from pathlib import Path
from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.project import DataSettings, ModelSettings, Project
from edgepack.sources import load_data
folder = Path({str(folder)!r})
project = Project(folder, folder / "edgepack.toml", "p", ModelSettings("model.py:build"), DataSettings("data.py:load"))
print(len(load_data(project, Cache(Path({str(cache.folder)!r})), SilentProgress()).test))
print([name for name in ("tensorflow", "sklearn", "tf_keras", "keras", "PIL", "h5py") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:2] == ["40", "[]"]


def test_a_download_cache_that_is_gone_does_not_run_the_function_again(
    folder: Path, tmp_path: Path, cache: Cache, project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    download = tmp_path / ".keras" / "datasets" / "x.npy"
    download.parent.mkdir(parents=True)
    np.save(download, np.ones((40, 2)))
    write(folder, f"{COUNT}; x = np.load({str(download)!r}); return {{'train': (x, Y), 'test': (x, Y)}}")
    load_data(project("data.py:load"), cache, QUIET)
    download.unlink()
    load_data(project("data.py:load"), cache, QUIET)
    assert counted(folder) == 1


def test_a_file_that_the_code_names_is_watched(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "table.h5").write_text("1")
    write(folder, f"{COUNT}; name = 'table.h5'; return {{'train': (X, Y), 'test': (X, Y)}}")
    load_data(project("data.py:load"), cache, QUIET)
    (folder / "table.h5").write_text("2")
    load_data(project("data.py:load"), cache, QUIET)
    assert counted(folder) == 2


def test_several_named_inputs_are_kept_in_order(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder, "return {'train': ({'b': X, 'a': X[:, :1] + 100}, Y), 'test': ({'b': X, 'a': X[:, :1] + 100}, Y)}")
    data = load_data(project("data.py:load"), cache, QUIET)
    assert data.input_names == ("b", "a")
    assert [array.shape[1:] for array in data.test.inputs] == [(2,), (1,)]
    np.testing.assert_array_equal(data.train.inputs[1][:, 0], data.train.inputs[0][:, 0] + 100)


def test_a_given_representative_split_is_used_as_it_is(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder, "return {'train': (X, Y), 'test': (X, Y), 'representative': (X[5:8],)}")
    np.testing.assert_array_equal(load_data(project("data.py:load"), cache, QUIET).representative.inputs[0][:, 0], [10, 12, 14])


def test_two_projects_with_files_of_the_same_name_do_not_mix(tmp_path: Path, cache: Cache, project: MakeProject) -> None:
    from dataclasses import replace

    found = []
    for value in (1.0, 2.0):
        other = tmp_path / f"p{value}"
        other.mkdir()
        (other / "helper.py").write_text(f"VALUE = {value}\n")
        write(other, "import helper; return {'train': (X * 0 + helper.VALUE, Y), 'test': (X, Y)}")
        found.append(load_data(replace(project("data.py:load"), folder=other), cache, QUIET).train.inputs[0].max())
    assert found == [1.0, 2.0]


FAULTS = {
    "raises": ("raise ValueError('no column  named\\nlabel')", "EP-305", r"data\.py:6: ValueError: no column named label"),
    "exits": ("import sys; sys.exit('bye')", "EP-305", r"data\.py:6: SystemExit: bye"),
    "returns nothing": ("pass", "EP-306", "returned NoneType, not a dict"),
    "misspelt": ("return {'trian': (X, Y), 'test': (X, Y)}", "EP-306", "unknown key 'trian'"),
    "no train": ("return {'test': (X, Y)}", "EP-303", "there are no training examples, only test"),
    "nothing": ("return {}", "EP-306", "returned no train data"),
    "three parts": ("return {'train': (X, Y, Y), 'test': (X, Y)}", "EP-306", "train has 3 parts"),
    "ragged": ("return {'train': ([[1], [1, 2]], [0, 1])}", "EP-308", "train inputs cannot become an array"),
    "other inputs": ("return {'train': ((X, X), Y), 'test': (X, Y)}", "EP-306", "test has 1 input arrays, train has 2"),
    "other counts": (
        "return {'train': ((X, X[1:]), Y), 'test': ((X, X), Y)}",
        "EP-306",
        "input 1 has 39 examples, input 0 has 40",
    ),
    "empty representative": ("return {'train': (X, Y), 'representative': (X[:0],)}", "EP-316", "representative is empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_load_does_wrong_is_said_in_one_line(fault: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    body, code, text = FAULTS[fault]
    write(folder, body)
    with pytest.raises(DataError, match=text) as error:
        load_data(project("data.py:load"), cache, QUIET)
    assert error.value.code == code
    assert "\n" not in str(error.value)


def test_the_nearest_function_is_suggested(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder, "return {}")
    with pytest.raises(DataError, match="has no function laod") as error:
        load_data(project("data.py:laod"), cache, QUIET)
    assert (error.value.code, error.value.hint) == ("EP-304", "did you mean load?")


def test_a_syntax_error_names_its_line(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "data.py").write_text("import numpy\ndef load(path:\n    return 1\n")
    with pytest.raises(DataError, match=r"data\.py:2: SyntaxError"):
        load_data(project("data.py:load"), cache, QUIET)


def test_ctrl_c_leaves_nothing_behind(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder, "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_data(project("data.py:load"), cache, QUIET)
    assert not [entry for entry in cache.folder.glob("*") if entry.is_dir()]


def test_what_load_prints_stays_off_standard_output(
    folder: Path, cache: Cache, project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "print('downloading'); return {'train': (X, Y), 'test': (X, Y)}")
    load_data(project("data.py:load"), cache, QUIET)
    printed = capsys.readouterr()
    assert (printed.out, "downloading" in printed.err) == ("", True)


@pytest.mark.parametrize("arguments", ["", "path, more", "*, path"])
def test_a_load_that_does_not_take_the_path_is_told_how_to(
    arguments: str, folder: Path, cache: Cache, project: MakeProject
) -> None:
    (folder / "data.py").write_text(f"def load({arguments}):\n    return {{}}\n")
    with pytest.raises(DataError, match=r"load\(\) of data\.py does not take one argument") as error:
        load_data(project("data.py:load"), cache, QUIET)
    assert error.value.code == "EP-305"
    assert error.value.hint == "write def load(path): it is given --data, or None"
