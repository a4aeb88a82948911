"""Managing devices needs no project: a name, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgepack.ground.errors import DeviceError, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.destination import DeviceRequest
from edgepack.pipeline.manage import list_installed, run_rollback, run_uninstall


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _installed(folder: Path, name: str, release: str) -> None:
    (folder / "data/edgepack/deployed" / name / "releases" / release).mkdir(parents=True)


def test_what_is_on_a_device_is_listed_whatever_the_folder_holds(here: Path) -> None:
    (here / "any").mkdir()
    _installed(here, "mine", "a1")
    _installed(here, "other", "b2")
    (found,) = list_installed(DeviceRequest(target="host"), SilentProgress())
    assert found.result is not None and {row.release for row in found.result} == {"a1", "b2"}


def test_a_name_is_enough(here: Path) -> None:
    _installed(here, "mine", "a1")
    _installed(here, "other", "b2")
    (found,) = list_installed(DeviceRequest(target="host"), SilentProgress(), Path("mine"))
    assert found.result is not None and [row.release for row in found.result] == ["a1"]
    (gone,) = run_uninstall(DeviceRequest(target="host"), Path("mine"), SilentProgress())
    assert gone.result is not None and gone.result.releases == 1 and not gone.result.root_removed


def test_a_project_that_cannot_be_built_any_more_can_still_be_taken_off(here: Path) -> None:
    project = here / "broken"
    project.mkdir()
    recipe = '[[recipe]]\nstep = "no_such_step"\n'
    (project / "edgepack.toml").write_text(f'name = "mine"\n[model]\nsource = "model.py:build"\n{recipe}')
    _installed(here, "mine", "a1")
    (gone,) = run_uninstall(DeviceRequest(target="host"), project, SilentProgress())
    assert gone.result is not None and gone.result.name == "mine"


def test_a_projects_own_target_is_found(here: Path) -> None:
    (here / "project" / "targets").mkdir(parents=True)
    (here / "project" / "edgepack.toml").write_text('name = "mine"\n[model]\nsource = "m.tflite"\n')
    (here / "project" / "targets" / "desk.toml").write_text('[device]\nkind = "local"\n')
    with pytest.raises(DeviceError, match="nothing named mine is deployed there"):
        run_rollback(DeviceRequest(target="desk"), here / "project", SilentProgress())


def test_a_microcontroller_has_no_releases() -> None:
    with pytest.raises(ProjectError, match="a microcontroller holds one firmware, and no releases") as caught:
        list_installed(DeviceRequest(target="cortex-m4"), SilentProgress())
    assert caught.value.hint.startswith("use a target of kind local, ssh or adb;")
