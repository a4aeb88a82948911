"""Where studies are kept: what cannot be opened is one line, and a journal whose writer died is mended."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edgepack.ground.errors import ProjectError, ToolError
from edgepack.search.storage import journal_of, open_storage
from tests.search.fakes import sparse, study_in


def test_a_torn_last_line_is_taken_off(tmp_path: Path) -> None:
    study_in(tmp_path).offer(sparse(0.0, 0.0), 1, "front")
    journal = journal_of(tmp_path)
    whole = journal.read_bytes()
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"x","tri')
    study = study_in(tmp_path)
    assert journal.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in journal.read_text().splitlines())
    study.offer(sparse(0.25, 0.0), 1, "front")
    assert len(study_in(tmp_path).entries()) == 2


def test_the_journal_is_its_owners_alone(tmp_path: Path) -> None:
    study_in(tmp_path)
    assert journal_of(tmp_path).parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["nothing://here", "sqlite:////no/such/folder/file.db", "sqlite://user:secret@host/x"])
def test_a_storage_that_cannot_be_opened_is_one_line(tmp_path: Path, url: str) -> None:
    with pytest.raises(ProjectError) as error:
        open_storage(url, tmp_path)
    assert error.value.code == "EP-183" and "secret" not in str(error.value)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("these are notes\n")
    with pytest.raises(ProjectError) as error:
        open_storage(str(file), tmp_path)
    assert error.value.code == "EP-183"


def test_a_missing_driver_and_a_missing_optuna_are_named_with_their_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, module, package in (
        ("postgresql+psycopg2://me:secret@nowhere/db", "psycopg2", "psycopg2-binary"),
        ("postgresql+psycopg://me:secret@nowhere/db", "psycopg", "'psycopg[binary]'"),
        ("mysql+pymysql://me:secret@nowhere/db", "pymysql", "pymysql"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ToolError) as error:
            open_storage(url, tmp_path)
        assert error.value.code == "EP-693" and error.value.hint == f"pip install {package}" and "secret" not in str(error.value)
    with pytest.raises(ToolError) as error:  # of SQLAlchemy's two drivers the one that it takes itself
        monkeypatch.setitem(sys.modules, "psycopg2", None)
        open_storage("postgresql://me@nowhere/db", tmp_path)
    assert error.value.hint in ("pip install 'psycopg[binary]'", "pip install psycopg2-binary")
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ToolError) as error:
        open_storage(None, tmp_path)
    assert error.value.code == "EP-693" and error.value.hint == 'pip install "edgepack[search]"'


def test_an_address_is_shown_without_its_password() -> None:
    import doctest

    from edgepack.search import storage

    assert doctest.testmod(storage).attempted == 1 and not doctest.testmod(storage).failed
    assert (
        storage.without_password("sqlite:///file.db") == "sqlite:///file.db" and storage.without_password("a/b.log") == "a/b.log"
    )


def test_tables_that_another_process_is_making_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    class OperationalError(Exception):
        pass

    found, calls = optuna.storages.InMemoryStorage(), []

    def get(url: str) -> object:
        calls.append(url)
        if len(calls) < 3:
            raise OperationalError("table trials already exists")
        return found

    monkeypatch.setattr(optuna.storages, "get_storage", get)
    assert open_storage("sqlite:///new.db", tmp_path) is found and len(calls) == 3
