"""Where studies are kept: a journal in the project's folder, or any database that Optuna knows."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.ground.errors import ProjectError, ToolError
from edgepack.ground.files import make_private
from edgepack.search.interrupts import whole

if TYPE_CHECKING:
    import optuna

_ATTEMPTS, _PAUSE = 4, 0.5  # seconds
_WHILE_MADE = ("OperationalError", "ProgrammingError", "IntegrityError")
"""What SQLAlchemy raises of tables, types or rows that are there already, whichever the database."""

_PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "mysqldb": "mysqlclient"}
"""The packages of drivers that are named otherwise."""


def import_optuna() -> Any:
    """The module optuna, quiet.

    Raises:
        ToolError: EP-693 when it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ToolError("EP-693", "optuna is not installed, which chooses trials", 'pip install "edgepack[search]"') from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def journal_of(folder: Path) -> Path:
    """The journal of the project in `folder`."""
    return folder / ".edgepack" / "search" / "journal.log"


@whole()
def open_storage(url: str | None, folder: Path) -> optuna.storages.BaseStorage:
    """The storage at `url` ("sqlite:///file", "postgresql://…", or a file of a journal), or the journal of a project's folder.

    Raises:
        ProjectError: EP-183 when it cannot be opened; ToolError: EP-693 when optuna or a database's driver is missing.
    """
    library = import_optuna()
    if url is None or "://" not in url:
        file = journal_of(folder) if url is None else Path(url)
        try:
            if url is None:
                make_private(file.parent)
            _check(file)
            mend(file)
            journal: optuna.storages.BaseStorage = library.storages.JournalStorage(
                library.storages.journal.JournalFileBackend(str(file))
            )
            return journal
        except (OSError, ValueError, KeyError) as error:
            raise ProjectError("EP-183", f"the journal {file} cannot be used: {error}", "give another with --storage") from error
    shown = without_password(url)
    try:
        return _database(url, library)
    except ImportError as error:
        driver = _driver(url)
        what = f"--storage {shown} needs the driver {driver}, which is not installed"
        raise ToolError("EP-693", what, f"pip install {_PACKAGES.get(driver, driver)}") from error
    except Exception as error:  # whatever SQLAlchemy and the database's driver raise
        hint = "check the address; for example sqlite:///search.db, or postgresql://user@host/database"
        why = f"{type(error).__name__}: {error}".replace(url, shown)  # the database's own words may hold the whole address
        raise ProjectError("EP-183", f"--storage {shown} cannot be opened: {why}", hint) from error


def _driver(url: str) -> str:
    """The driver that SQLAlchemy takes for a database: versions differ in theirs for PostgreSQL."""
    from sqlalchemy.engine import make_url

    return make_url(url).get_driver_name()


def _database(url: str, library: Any) -> optuna.storages.BaseStorage:
    """The database, tried again where another process may just be making its tables: one of the two finds them there already."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            database: optuna.storages.BaseStorage = library.storages.get_storage(url)
            return database
        except Exception as error:
            if not left or type(error).__name__ not in _WHILE_MADE:
                raise
            time.sleep(_PAUSE)
    raise AssertionError("the last attempt returns or raises")


def _check(journal: Path) -> None:
    """Raises ValueError for a file that holds something else: Optuna would write behind it."""
    if journal.exists():
        with journal.open("rb") as file:
            first = file.readline(1 << 20)
        if first.endswith(b"\n") and not (first.startswith(b"{") and b'"op_code"' in first):
            raise ValueError("it is no journal of Optuna's")


def mend(journal: Path) -> None:
    """Take an unfinished last line off a journal: its writer died, and whatever came after it could not be read."""
    if not journal.exists() or _whole(journal) == journal.stat().st_size:
        return
    lock = import_optuna().storages.journal.JournalFileSymlinkLock(str(journal))
    lock.acquire()  # what another process is writing just now is no unfinished line
    try:
        with journal.open("r+b") as file:
            file.truncate(_whole(journal))
            file.flush()
            os.fsync(file.fileno())
    finally:
        lock.release()


def _whole(journal: Path) -> int:
    """The bytes up to the end of the last whole line."""
    return journal.read_bytes().rfind(b"\n") + 1


@whole()
def open_study(
    storage: optuna.storages.BaseStorage, name: str, objectives: Sequence[str], facts: Mapping[str, Any], seed: int
) -> optuna.Study:
    """The study of this name, new or as others left it; `facts` say what was asked, for whoever looks at it."""
    library = import_optuna()
    study: optuna.Study = library.create_study(
        storage=storage,
        study_name=name,
        directions=["minimize"] * len(objectives),
        load_if_exists=True,
    )
    trials = len(study.get_trials(deepcopy=False))
    # Processes that join later must not draw what those before them have drawn.
    study.sampler = library.samplers.TPESampler(seed=seed + trials, n_startup_trials=_STARTUP)
    if not trials:
        study.set_metric_names(list(objectives))
        for key, value in facts.items():
            study.set_user_attr(key, value)
    return study


_STARTUP = 10
"""Trials that end before Optuna draws by what it has learnt; until then it draws evenly."""


def without_password(url: str) -> str:
    """An address as it may be shown: without its password, if it has one.

    >>> without_password("postgresql://me:secret@host/studies")
    'postgresql://me@host/studies'
    """
    if "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}://{login.partition(':')[0]}{at}{place}"
