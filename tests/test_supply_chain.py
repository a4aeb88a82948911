"""What is installed is pinned: packages and CI's actions by digest, and what does not match is refused."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked(name: str) -> dict[tuple[str, str], tuple[Requirement, frozenset[str]]]:
    """The entries of a list, with their digests, by name and version."""
    text = (ROOT / "requirements" / name).read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.lstrip().startswith("#")]
    found = {}
    for line in lines:
        said, *options = re.split(r"\s+--", line)
        one = Requirement(said)
        (pin,) = one.specifier
        assert pin.operator == "==" and options, line
        assert all(re.fullmatch(r"hash=sha256:[0-9a-f]{64}", option.strip()) for option in options), line
        found[canonicalize_name(one.name), pin.version] = (one, frozenset(options))
    return found


def names_of(requirements: list[str], python: str) -> set[str]:
    """The packages that apply to Linux with that Python, without extras."""
    said = [Requirement(one) for one in requirements]
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return {canonicalize_name(one.name) for one in said if one.marker is None or one.marker.evaluate(environment)}


@pytest.mark.parametrize("python", ["3.10", "3.11"])
@pytest.mark.parametrize(("name", "extras"), [("base.txt", []), ("all.txt", list(PROJECT["optional-dependencies"]))])
def test_every_dependency_is_locked_once_in_a_version_that_is_allowed(name: str, extras: list[str], python: str) -> None:
    asked = [*PROJECT["dependencies"], *(one for extra in extras for one in PROJECT["optional-dependencies"][extra])]
    there = [str(one) for one, _ in locked(name).values()]
    found = [Requirement(one) for one in there if names_of([one], python)]
    versions = {canonicalize_name(one.name): next(iter(one.specifier)).version for one in found}
    assert len(found) == len(versions), "one version of each for a Python"
    for one in map(Requirement, asked):
        if names_of([str(one)], python):
            assert one.specifier.contains(versions[canonicalize_name(one.name)], prereleases=True), one


def test_the_shorter_list_is_part_of_the_longer() -> None:
    everything = locked("all.txt")
    for key, (_, digests) in locked("base.txt").items():
        assert everything[key][1] == digests


def test_the_lists_name_no_index() -> None:
    for file in [*(ROOT / "requirements").iterdir(), ROOT / "edgepack" / "engines" / "wheels.sha256"]:
        assert "://" not in file.read_text() and "index" not in re.sub(r"(?m)^\S*==.*$", "", file.read_text()), file


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with one locked package, a forged wheel of it, and no index but that."""
    for script in ("setup.sh", "system-packages.sh"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / script, tmp_path / "scripts")
    (tmp_path / "requirements").mkdir()
    _, digests = locked("all.txt")["iniconfig", "2.3.1"]
    (tmp_path / "requirements" / "all.txt").write_text(f"iniconfig==2.3.1 {' '.join(f'--{one}' for one in sorted(digests))}\n")
    (tmp_path / "index").mkdir()
    with zipfile.ZipFile(tmp_path / "index" / "iniconfig-2.3.1-py3-none-any.whl", "w") as wheel:
        info = "iniconfig-2.3.1.dist-info"
        wheel.writestr("iniconfig.py", "FORGED = True\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: iniconfig\nVersion: 2.3.1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return tmp_path


def set_up(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "index"), "PIP_CONFIG_FILE": os.devnull}
    command = ["sh", str(folder / "scripts" / "setup.sh"), sys.executable, str(folder / "venv")]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


@pytest.mark.slow
def test_setup_refuses_a_package_with_another_digest(copy: Path) -> None:
    done = set_up(copy)
    assert done.returncode == 5
    assert "error: a package is not the file that requirements/all.txt names by its SHA-256" in done.stderr
    assert "iniconfig" in done.stderr and "Traceback" not in done.stderr
    assert not list(copy.glob("venv/lib/*/site-packages/iniconfig.py"))
    digest = hashlib.sha256((copy / "index" / "iniconfig-2.3.1-py3-none-any.whl").read_bytes()).hexdigest()
    (copy / "requirements" / "all.txt").write_text(f"iniconfig==2.3.1 --hash=sha256:{digest}\n")
    done = set_up(copy)  # what it names is installed; then there is no edgepack in this copy
    assert done.returncode == 5 and "SHA-256" not in done.stderr
    assert list(copy.glob("venv/lib/*/site-packages/iniconfig.py"))


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        ("echo 'No known vulnerabilities found' >&2; exit 0", 0, "No known"),
        ("echo 'Found 1 known vulnerability in 1 package' >&2; echo 'numpy 1.26.4 PYSEC-1'; exit 1", 1, "Found 1"),
        (
            "echo 'ERROR:pip_audit._cli:x: Dependency not found on PyPI and could not be audited: x (1)' >&2; exit 1",
            5,
            "error: the adv",
        ),
        ("echo 'requests.exceptions.ConnectionError: no such host' >&2; exit 1", 5, "error: the advisories"),
    ],
)
def test_an_audit_that_did_not_happen_is_no_pass(tmp_path: Path, program: str, status: int, said: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip-audit").write_text(f"#!/bin/sh\n{program}\n")
    (tmp_path / "bin" / "pip-audit").chmod(0o755)
    done = subprocess.run(["sh", str(ROOT / "scripts" / "audit.sh"), str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, said in done.stderr) == (status, True)


@pytest.mark.parametrize("file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda file: file.name)
def test_workflows_use_commits_and_may_only_read(file: Path) -> None:
    text = file.read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} +# v\d+\.\d+\.\d+", action), action
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
