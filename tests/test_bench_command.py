"""`rrt bench`: engines side by side, what is not installed named, and what is missing said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rrt_engine import paths
from rrt_engine.cli import app

ROOT = Path(__file__).resolve().parents[1]


def test_an_installed_copy_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "BENCHMARKS", tmp_path / "benchmarks")
    done = CliRunner().invoke(app, ["bench"])
    assert done.exit_code == 2
    assert "not part of an installed rrt" in done.stderr and "--benchmarks" in done.stderr


def test_a_folder_that_is_not_the_benchmarks_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["bench", "--benchmarks", str(tmp_path)])
    assert done.exit_code == 2
    assert "no `run.py`" in done.stderr


def test_what_is_installed_is_compared_and_the_rest_is_named(tmp_path: Path) -> None:
    hide = "import importlib.util as u; find = u.find_spec\n"
    hide += "u.find_spec = lambda name, *a: None if name in ('polars', 'duckdb', 'pandas', 'durable') else find(name, *a)\n"
    (tmp_path / "sitecustomize.py").write_text(hide, encoding="utf-8")
    command = [sys.executable, "-m", "rrt_engine", "bench", "--children", "1000", "--turns", "1", "--data", str(tmp_path / "data")]
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, env=env, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["not_installed"]) == 4 and found["good"]
    rows = found["sizes"][0]["engines"]
    assert {row["engine"] for row in rows} == {"rrt, through its rule files", "NumPy kernel written by hand"}
    assert all(row["equal"] and row["seconds"] > 0 for row in rows)
    assert (tmp_path / "data" / "events_1000.parquet").is_file()
