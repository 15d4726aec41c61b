"""Write docs/schemas: the JSON Schemas of what `rrt` prints with --format json.

Run it after a change to the shapes in `rrt_engine/reports`: `python tools/schemas.py`. A test compares the files with it.
"""

from __future__ import annotations

import json
from pathlib import Path

from rrt_engine.reports.compare_document import CompareDocument, WhatIfDocument
from rrt_engine.reports.documents import schemas
from rrt_engine.reports.measures_document import MeasuresDocument
from rrt_engine.reports.quality_files import QualityDocument
from rrt_engine.reports.run_document import ReportDocument
from rrt_engine.reports.sample_files import SampleDocument
from rrt_engine.reports.trend_document import TrendDocument
from rrt_engine.reports.worklist_document import WorklistDocument

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def written() -> dict[str, str]:
    """Each file's name and text."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    every = {
        **schemas(),
        "compare.schema.json": CompareDocument.model_json_schema(by_alias=True),
        "measures.schema.json": MeasuresDocument.model_json_schema(by_alias=True),
        "quality.schema.json": QualityDocument.model_json_schema(by_alias=True),
        "report.schema.json": ReportDocument.model_json_schema(by_alias=True),
        "sample.schema.json": SampleDocument.model_json_schema(by_alias=True),
        "trend.schema.json": TrendDocument.model_json_schema(by_alias=True),
        "what-if.schema.json": WhatIfDocument.model_json_schema(by_alias=True),
        "worklist.schema.json": WorklistDocument.model_json_schema(by_alias=True),
    }
    return {name: json.dumps({**draft, **schema}, indent=2, ensure_ascii=False) + "\n" for name, schema in every.items()}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in written().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote docs/schemas/{name}")
