"""A project as it is sent to a cluster: what belongs to it, and where it lies there."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.ground.errors import ProjectError
from edgepack.pipeline.request import Request, prepare
from edgepack.search.parcel import pack_project, unpack
from tests.cli.digits_project import write_project


@pytest.fixture()
def project(tmp_path: Path) -> Path:
    folder = write_project(tmp_path / "project", "")
    for name in (".edgepack/cache/x", "build/cortex-m4/report.json", "__pycache__/model.pyc", ".git/HEAD", "recipes/mine.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (tmp_path / "elsewhere.txt").write_text("linked")
    (folder / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    return folder


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_project_is_unpacked_once_without_what_edgepack_wrote(project: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"weights")
    parcel = pack_project(prepare(Request(project=project, weights=weights)))
    home = tmp_path / "machine" / "search"
    request = unpack(parcel, home)
    assert isinstance(request.project, Path) and request.weights is not None and request.out is None
    assert files(request.project) == {"model.py", "data.py", "edgepack.toml", "recipes/mine.toml", "link.txt"}
    assert (request.project / "link.txt").read_text() == "linked" and request.weights.read_bytes() == b"weights"
    assert prepare(request).project.name == "project"

    (request.project / ".edgepack").mkdir()  # what one worker trained there is the next one's, too
    assert unpack(parcel, home) == request and (request.project / ".edgepack").is_dir()
    assert [path.name for path in home.iterdir()] == [request.project.parent.name]


def test_another_content_is_another_folder_and_old_ones_go(project: Path, tmp_path: Path) -> None:
    first = unpack(pack_project(prepare(Request(project=project))), tmp_path / "home")
    (project / "model.py").write_text((project / "model.py").read_text() + "# changed\n")
    second = unpack(pack_project(prepare(Request(project=project))), tmp_path / "home")
    assert isinstance(first.project, Path) and isinstance(second.project, Path)
    assert first.project != second.project and first.project.is_dir()
    three_weeks_ago = time.time() - 21 * 24 * 3600
    os.utime(first.project.parent, (three_weeks_ago, three_weeks_ago))
    (project / "model.py").write_text((project / "model.py").read_text() + "# again\n")
    unpack(pack_project(prepare(Request(project=project))), tmp_path / "home")
    assert not first.project.exists() and second.project.is_dir()


def test_what_a_cluster_cannot_have_is_refused(project: Path, tmp_path: Path) -> None:
    plan = prepare(Request(project=project))
    single = replace(plan, request=Request(project=project / "model.py"))
    there, beside = (
        replace(plan, project=replace(plan.project, model=replace(plan.project.model, source=source)))
        for source in (str(project / "model.py:build"), "../m.h5")
    )
    elsewhere = "model.source names"
    for refused, said in ((there, elsewhere), (beside, elsewhere), (single, "need the project's files")):
        with pytest.raises(ProjectError, match=said) as caught:
            pack_project(refused)
        assert caught.value.code == "EP-186"
