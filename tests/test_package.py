"""The wheel: the rules and the cases travel inside it, and what is installed runs anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from rrt_engine import __version__
from rrt_engine.paths import CASES, RULES

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("hatchling", reason="hatchling builds the wheel; it is in the dev requirements")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel holds."""
    folder = tmp_path_factory.mktemp("wheel")
    made = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == f"rrt_engine-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def rrt(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "rrt_engine", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", check=False)


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def test_the_rules_and_the_cases_are_in_the_wheel(installed: Path) -> None:
    assert files(installed / "rrt_engine" / "rules") == files(RULES)
    assert files(installed / "rrt_engine" / "cases") == files(CASES)


def test_the_wheel_holds_the_package_its_licence_and_nothing_else(installed: Path) -> None:
    own = {name for name in files(ROOT / "rrt_engine") if name.endswith(".py")}
    assert {name for name in files(installed / "rrt_engine") if name.endswith(".py")} == own
    assert {p.name for p in installed.iterdir()} == {"rrt_engine", f"rrt_engine-{__version__}.dist-info"}
    assert any(name.endswith("LICENSE") for name in files(installed))
    assert not [name for name in files(installed) if name.endswith((".pyc", ".ipynb")) or "test" in name]


def test_the_installed_engine_finds_its_own_rules_and_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    found = rrt(installed, "version", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"rrt {__version__}\nrule set england-and-birmingham ")
    code = "import rrt_engine.paths as p; print(p.RULES); print(p.CASES)"
    env = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    where = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert where.stdout.splitlines() == [str(installed / "rrt_engine" / name) for name in ("rules", "cases")]


def test_the_installed_engine_checks_a_case(installed: Path, tmp_path: Path) -> None:
    case = installed / "rrt_engine" / "cases" / "training" / "missing_and_exploited.yaml"
    found = rrt(installed, "check", str(case), "--as-of", "2026-04-15", cwd=tmp_path)
    assert found.returncode == 1 and found.stderr == "" and found.stdout.startswith("T-MISSING: ")
    listed = rrt(installed, "rules", "list", cwd=tmp_path)
    assert listed.returncode == 0 and "cp_icpc_15wd" in listed.stdout, listed.stderr


def test_the_dev_requirements_can_build_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert any(name.startswith("hatchling") for name in project["project"]["optional-dependencies"]["dev"])
    assert "hatchling==" in (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
