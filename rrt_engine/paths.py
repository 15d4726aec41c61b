"""Where the packaged rule set and the example cases are: inside an installed wheel, or beside the package in its repository."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


RULES = _folder("rules")
"""The rule set that is used unless another is named."""
CASES = _folder("cases")
"""Training and sample cases."""
BENCHMARKS = _folder("benchmarks")
"""The benchmarks: there beside the package in its repository, and not in an installed wheel."""
