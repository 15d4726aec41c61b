"""Write docs/schemas: the JSON Schemas of what `rrt check` and `rrt replay` print with --format json.

Run it after a change to `rrt_engine/reports/documents.py`: `python tools/schemas.py`. A test compares the files with it.
"""

from __future__ import annotations

import json
from pathlib import Path

from rrt_engine.reports.documents import schemas

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def written() -> dict[str, str]:
    """Each file's name and text."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: json.dumps({**draft, **schema}, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas().items()}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote docs/schemas/{name}")
